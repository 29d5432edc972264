"""Rows of a resource to choose from, for the pickers of forms."""

from __future__ import annotations

from flask import jsonify, request

from app.core import lookups
from app.core.resource import Resource

MOST = 30


def options(resource: Resource) -> object:
    """JSON list of {"value": id, "text": name} of rows whose name contains `q`."""
    pairs = lookups.options(resource.key, request.args.get("q", "")[:100], limit=MOST)
    return jsonify([{"value": key, "text": label} for key, label in pairs])
