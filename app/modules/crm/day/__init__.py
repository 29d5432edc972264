"""A rep's day: what is due, what is late, what is stuck."""
