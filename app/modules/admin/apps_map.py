"""The map of which application needs which, worked out from the manifests: coordinates for an SVG."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any

from app.core.registry import Module

LEAST_WIDTH = 290  # what a phone shows without scrolling
BOX, HIGH, GAP = 112, 32, 12
ROW = 66  # from the top of one row of boxes to the next
MARGIN = 2


def draw(modules: Mapping[str, Module], on: Iterable[str], selected: str | None) -> dict[str, Any]:
    """`{width, height, nodes: [{name, x, y, w, h, label, state}], edges: [{d, hot, soft}]}`.

    A module stands below all it needs. `state` is "on" or "off", and "selected" besides; `soft` edges are to what a module merely
    profits from; `hot` edges touch the selected one.
    """
    enabled, rows = set(on), _rows(modules)
    width = max(LEAST_WIDTH, max(len(names) for names in rows) * (BOX + GAP))
    at: dict[str, tuple[float, float]] = {}
    for level, names in enumerate(rows):
        gap = (width - 2 * MARGIN) / len(names)
        for place, name in enumerate(names):
            at[name] = (MARGIN + gap * (place + 0.5), MARGIN + level * ROW)
    return {
        "width": width,
        "height": 2 * MARGIN + (len(rows) - 1) * ROW + HIGH,
        "nodes": [_node(modules[n], *at[n], n in enabled, n == selected) for n in at],
        "edges": [edge for name in at for edge in _edges(modules[name], at, selected)],
    }


def _rows(modules: Mapping[str, Module]) -> list[list[str]]:
    """Names by depth: what needs nothing first. `modules` are in order, dependencies first."""
    depth: dict[str, int] = {}
    for name, module in modules.items():
        depth[name] = 1 + max((depth[d] for d in module.manifest.depends), default=-1)
    return [
        sorted((n for n in depth if depth[n] == level), key=lambda n: modules[n].manifest.order)
        for level in range(max(depth.values()) + 1)
    ]


def _node(module: Module, x: float, y: float, on: bool, selected: bool) -> dict[str, Any]:
    return {
        "name": module.name,
        "x": round(x - BOX / 2, 1),
        "y": y,
        "w": BOX,
        "h": HIGH,
        "label": module.manifest.label,
        "state": ("on" if on else "off") + (" selected" if selected else ""),
    }


def _edges(
    module: Module, at: Mapping[str, tuple[float, float]], selected: str | None
) -> list[dict[str, Any]]:
    needs = [(name, False) for name in module.manifest.depends]
    profits = [(name, True) for name in module.manifest.uses if name in at]
    return [
        {"d": _curve(at[name], at[module.name]), "hot": selected in (name, module.name), "soft": soft}
        for name, soft in (*needs, *profits)
    ]


def _curve(upper: tuple[float, float], lower: tuple[float, float]) -> str:
    """From the foot of one box to the head of another; side by side when both stand in one row."""
    (x1, y1), (x2, y2) = upper, lower
    y1 += HIGH
    if y2 < y1:
        return f"M{x1:.1f} {y1 - HIGH / 2:.1f}H{x2:.1f}"
    if x1 == x2:
        return f"M{x1:.1f} {y1:.1f}V{y2:.1f}"
    bend = (y2 - y1) * 0.7
    return f"M{x1:.1f} {y1:.1f}C{x1:.1f} {y1 + bend:.1f} {x2:.1f} {y2 - bend:.1f} {x2:.1f} {y2:.1f}"
