"""Finds the modules, orders them, loads them, and answers what they contribute."""

from __future__ import annotations

import pkgutil
from collections.abc import Callable, Iterable
from dataclasses import dataclass, field
from graphlib import CycleError, TopologicalSorter
from importlib import import_module
from importlib.metadata import entry_points
from importlib.util import find_spec
from pathlib import Path
from typing import TYPE_CHECKING, Any

from flask import current_app
from werkzeug.local import LocalProxy

from app.core.hooks import MODULE_API, Hooks
from app.core.manifest import Manifest

if TYPE_CHECKING:
    from app.core.resource import Resource

CORE_SLOTS = frozenset({"nav", "nav.end", "create"})
ENTRY_POINTS = "vendimia.modules"


class ModuleError(RuntimeError):
    """A module that cannot be loaded; the message names it and says why."""


@dataclass
class Module:
    """An installed module: its package, what it says and what it plugs in."""

    package: str
    manifest: Manifest
    hooks: Hooks = field(default_factory=Hooks)

    @property
    def name(self) -> str:
        return self.manifest.name

    @property
    def path(self) -> Path:
        return Path(import_module(self.package).__path__[0])

    @property
    def permissions(self) -> dict[str, Any]:
        """All permissions of the module, those of its resources included: name -> label."""
        found = dict(self.hooks.permissions)
        for resource in self.hooks.resources:
            found.update(resource.permissions())
        return found


class Registry:
    """The installed modules, dependencies first."""

    def __init__(self, modules: Iterable[Module]) -> None:
        self.modules: dict[str, Module] = {m.name: m for m in _in_order(list(modules))}
        self.switchable: dict[str, Callable[[], bool]] = {}  # keys of resources that a company may do without

    @classmethod
    def discover(cls, namespace: str, extra: Iterable[str] = ()) -> Registry:
        """Every package below `namespace`, every installed entry point, and the packages named in `extra`."""
        path = import_module(namespace).__path__
        packages = [f"{namespace}.{m.name}" for m in pkgutil.iter_modules(path) if m.ispkg]
        packages += [point.value for point in entry_points(group=ENTRY_POINTS)]
        packages += extra
        return cls(Module(p, import_module(f"{p}.manifest").manifest) for p in packages)

    def load(self) -> None:
        """Import each module's tables and hooks, dependencies first, and check every name they use."""
        for module in self.modules.values():
            if module.manifest.core != MODULE_API:
                raise ModuleError(f"{module.name}: written for module API {module.manifest.core}, this is {MODULE_API}")
            for part in ("models", "hooks"):
                if find_spec(f"{module.package}.{part}"):
                    loaded = import_module(f"{module.package}.{part}")
                    if part == "hooks":
                        module.hooks = loaded.hooks
            for resource in module.hooks.resources:
                resource.belongs_to(module.name)
                if resource.available:
                    self.switchable[resource.key] = resource.available
        _check(self.modules)

    def resource(self, key: str) -> Resource:
        """The resource of a key such as "crm.deal" or an address such as "crm.deals". Raises `KeyError`."""
        module, _, name = key.partition(".")
        for resource in self.modules[module].hooks.resources:
            if name in (resource.name, resource.plural):
                return resource
        raise KeyError(key)

    def resources(self) -> list[Resource]:
        return [r for m in self.modules.values() for r in m.hooks.resources]

    def switched_on(self, names: Iterable[str]) -> list[Module]:
        """The modules that are on when a company has `names` on; `always_on` included, dependencies first."""
        chosen = set(names)
        return [m for m in self.modules.values() if m.manifest.always_on or m.name in chosen]

    def dependents(self, name: str) -> list[str]:
        """Names of the installed modules that cannot do without `name`."""
        return [m.name for m in self.modules.values() if name in m.manifest.depends]


def _in_order(modules: list[Module]) -> list[Module]:
    by_name: dict[str, Module] = {}
    for module in modules:
        if module.name in by_name:
            raise ModuleError(f"{module.package}: the name {module.name!r} is taken by {by_name[module.name].package}")
        by_name[module.name] = module
    for module in modules:
        for name in module.manifest.depends:
            if name not in by_name:
                raise ModuleError(f"{module.name}: depends on {name!r}, which is not installed")
    graph = {m.name: sorted(m.manifest.depends) for m in sorted(modules, key=lambda m: m.name)}
    try:
        return [by_name[n] for n in TopologicalSorter(graph).static_order()]
    except CycleError as error:
        raise ModuleError(f"modules depend on each other in a circle: {' → '.join(error.args[1])}") from None


def _check(modules: dict[str, Module]) -> None:
    """Every slot, event, job and permission that is used is declared; an unknown owner is a soft dependency."""
    slots = CORE_SLOTS | {s for m in modules.values() for s in m.hooks.slots}
    slots |= {s for m in modules.values() for r in m.hooks.resources for s in r.slots()}
    events = {e for m in modules.values() for e in m.hooks.events}
    permissions = {p for m in modules.values() for p in m.permissions}
    resources = {r.key for m in modules.values() for r in m.hooks.resources}
    for module in modules.values():
        hooks = module.hooks
        contributed: list[Any] = [*hooks.columns, *hooks.timeline]
        uses: list[tuple[str, set[str], Iterable[str]]] = [
            ("slot", {i.slot for i in hooks.items}, slots),
            ("event", set(hooks.handlers), events),
            ("permission", {x.permission for x in (*hooks.items, *contributed)}, permissions),
            ("permission", {p for names in hooks.grants.values() for p in names}, permissions),
            ("resource", {x.resource for x in (*contributed, *hooks.merges, *hooks.personal)}, resources),
            ("job", {s.job for s in hooks.schedules}, hooks.jobs),
        ]
        for kind, used, known in uses:
            for name in used - set(known):
                if name.split(".")[0] in modules:
                    raise ModuleError(f"{module.name}: unknown {kind} {name!r}")
        for model, fields in hooks.settings.items():
            for name in {f.name for f in fields} - set(model.__table__.columns.keys()):
                raise ModuleError(f"{module.name}: {model.__tablename__} has no column {name!r}")


registry: Registry = LocalProxy(lambda: current_app.extensions["registry"])  # type: ignore[assignment]  # proxy
