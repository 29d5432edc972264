"""What will be sold when, and how sure that is."""
