"""Where goals stand: actual, pace, forecast, check-ins and actions."""
