"""The command line: `flask --app wsgi …`, one file per noun."""

from __future__ import annotations

from flask import Flask


def init_app(app: Flask) -> None:
    """Add the commands to an application."""
