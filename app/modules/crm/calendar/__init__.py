"""Activities by day, week and month, and as a feed for other calendars."""
