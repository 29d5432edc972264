"""Pages of figures that people put together themselves."""
