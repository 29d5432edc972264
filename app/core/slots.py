"""What the enabled modules put into a place, as far as the reader may use it."""

from __future__ import annotations

from typing import Any

from flask import url_for

from app.core.access import can
from app.core.hooks import Item
from app.core.lifecycle import enabled_modules


def items(name: str) -> list[Item]:
    """The items of a slot that the reader may use, in order."""
    found = [i for m in enabled_modules() for i in m.hooks.items if i.slot == name and can(i.permission)]
    return sorted(found, key=lambda i: (i.order, str(i.label)))


def slot(name: str, **args: Any) -> list[dict[str, Any]]:
    """The items of a slot as {key, label, url, icon}; `args` are the address arguments the slot promises."""
    return [
        {"key": i.endpoint.replace(".", "-"), "label": i.label, "url": url_for(i.endpoint, **args), "icon": i.icon}
        for i in items(name)
    ]
