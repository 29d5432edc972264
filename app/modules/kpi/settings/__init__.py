"""What a company decides about its goals."""
