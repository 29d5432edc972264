"""Metrics that a company makes itself: told by people, imported, or worked out from other metrics."""
