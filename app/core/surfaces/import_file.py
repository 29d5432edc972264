"""Bringing in a file in the browser."""

from __future__ import annotations

from typing import Any

from app.core.resource import Resource


def import_page(resource: Resource) -> Any:
    """Ask for a file, check its rows, bring them in."""
    raise NotImplementedError
