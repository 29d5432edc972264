"""A module that has nothing but jobs."""
