"""Modules tell each other what happened, inside the same transaction."""

from __future__ import annotations

from typing import Any

from app.core.lifecycle import enabled_modules
from app.core.registry import registry


def publish(name: str, **facts: Any) -> None:
    """Call the handlers of the enabled modules, dependencies first; an error undoes the whole request.

    Facts are ids and plain values, not rows: a handler must not reach into another module's tables.
    """
    if not any(name in m.hooks.events for m in registry.modules.values()):
        raise LookupError(f"undeclared event {name}")
    for module in enabled_modules():
        if handler := module.hooks.handlers.get(name):
            handler(**facts)
