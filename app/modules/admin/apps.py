"""The Apps page: which applications there are, what each needs and adds, and switching them."""

from __future__ import annotations

from typing import Any

from flask import url_for

from app.core import lifecycle
from app.core.errors import NotFound
from app.core.i18n import _, _n
from app.core.registry import Module, registry
from app.modules.admin import apps_map

SHOWN = 6  # names in one line of what a module adds


def known(name: str | None) -> str | None:
    """The name if such a module is installed."""
    return name if name in registry.modules else None


def label(name: str) -> str:
    return str(registry.modules[name].manifest.label)


def switch_on(name: str) -> list[str]:
    """Switch a module on with all it depends on; returns the labels of those that were off."""
    if name not in registry.modules:
        raise NotFound(_("There is no such application."))
    before = {m.name for m in lifecycle.enabled_modules()}
    lifecycle.enable(name)
    return [str(m.manifest.label) for m in lifecycle.enabled_modules() if m.name not in before]


def cards(selected: str | None) -> list[dict[str, Any]]:
    """Every installed module as the page lists it, in the order of the menu."""
    on = {m.name for m in lifecycle.enabled_modules()}
    modules = sorted(registry.modules.values(), key=lambda m: (m.manifest.order, m.name))
    return [_card(module, on, selected) for module in modules]


def _card(module: Module, on: set[str], selected: str | None) -> dict[str, Any]:
    name, manifest = module.name, module.manifest
    dependents = registry.dependents(name)
    return {
        "name": name,
        "label": manifest.label,
        "summary": manifest.summary,
        "icon": manifest.icon,
        "enabled": name in on,
        "always_on": manifest.always_on,
        "depends": [label(n) for n in manifest.depends],
        "used_by": [label(n) for n in dependents],
        "blocked_by": [label(n) for n in dependents if n in on],
        "toggle_url": url_for("admin.apps_switch", name=name),
        "url": url_for("admin.apps_page", app=name),
        "ask_url": url_for("admin.apps_page", ask=name),
        "selected": name == selected,
    }


def drawing(selected: str | None) -> dict[str, Any]:
    """The map of dependencies; see `apps_map.draw`."""
    return apps_map.draw(registry.modules, {m.name for m in lifecycle.enabled_modules()}, selected)


def adds(name: str) -> dict[str, Any]:
    """What a module adds to the company: `{label, adds: [{icon, text}]}`."""
    module = registry.modules[name]
    hooks = module.hooks
    menu = [str(i.label) for i in hooks.items if i.slot in ("nav", "nav.end")]
    tabs = [str(i.label) for i in hooks.items if i.slot.endswith((".tabs", ".panels"))]
    lists = [str(r.label_plural) for r in hooks.resources]
    metrics = [str(m.label) for m in hooks.metrics]
    permissions = len(module.permissions)
    found = [
        ("layout-sidebar", _("Menu: %(names)s", names=_names(menu)) if menu else ""),
        ("browser", _("Tabs and panels: %(names)s", names=_names(tabs)) if tabs else ""),
        ("list-details", _("Lists: %(names)s", names=_names(lists)) if lists else ""),
        ("chart-bar", _("Figures: %(names)s", names=_names(metrics)) if metrics else ""),
        ("lock", _n("%(num)d permission", "%(num)d permissions", permissions) if permissions else ""),
    ]
    return {"label": module.manifest.label, "adds": [{"icon": i, "text": text} for i, text in found if text]}


def _names(names: list[str]) -> str:
    shown = ", ".join(dict.fromkeys(names[:SHOWN]))
    left = len(names) - SHOWN
    if left <= 0:
        return shown
    return _("%(names)s and %(num)d more", names=shown, num=left)
