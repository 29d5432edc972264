"""The modules that ship with Vendimia; each is found by its `manifest.py`."""
