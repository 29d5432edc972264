"""Free tables over deals and activities."""
