"""Leads, where they come from, and what becomes of them."""
