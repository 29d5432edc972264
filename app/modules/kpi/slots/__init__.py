"""What goals show on pages of other modules."""
