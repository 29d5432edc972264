"""The framework: everything modules share, no pages of its own business, no business tables."""
