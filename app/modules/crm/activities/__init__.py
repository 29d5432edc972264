"""Calls, e-mails, visits, meetings and tasks: planned, done, and what came of them."""
