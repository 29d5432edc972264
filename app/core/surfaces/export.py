"""The rows of a list as a file."""

from __future__ import annotations

from typing import Any

from app.core.resource import Resource


def export_file(resource: Resource) -> Any:
    """Every row that the list of this address shows, as CSV."""
    raise NotImplementedError
