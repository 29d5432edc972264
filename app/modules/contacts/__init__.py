"""Accounts and their people: whom everything else refers to. Always on; knows nothing of the modules that use it."""
