"""Switching a module on and off for the current company."""

from __future__ import annotations

from flask import g
from sqlalchemy import select

from app.core.db import db
from app.core.errors import BusinessError
from app.core.i18n import _
from app.core.models import CompanyModule, Role
from app.core.registry import Module, registry


def enabled_modules() -> list[Module]:
    """The modules the current company has on, dependencies first; asked once per app context."""
    if "enabled_modules" not in g:
        names = db.session.scalars(select(CompanyModule.module).where(CompanyModule.enabled))
        g.enabled_modules = registry.switched_on(names)
    return g.enabled_modules


def is_enabled(name: str) -> bool:
    return any(m.name == name for m in enabled_modules())


def enable(name: str) -> None:
    """Switch a module on, and before it all it depends on; first-time data is made by its `on_enable`."""
    module = _installed(name)
    for dependency in module.manifest.depends:
        enable(dependency)
    row = _row(name)
    first_time = row is None
    if row is None:
        row = CompanyModule(module=name, enabled=False)
        db.session.add(row)
    if row.enabled:
        return
    row.enabled = True
    db.session.flush()
    g.pop("enabled_modules", None)
    if first_time:
        _grant(module)
        module.hooks.on_enable()


def disable(name: str) -> None:
    """Switch a module off; its rows stay. Refused while a module that needs it is on."""
    module = _installed(name)
    if module.manifest.always_on:
        raise BusinessError(_("%(name)s is always on.", name=module.manifest.label))
    users = [str(registry.modules[d].manifest.label) for d in registry.dependents(name) if is_enabled(d)]
    if users:
        raise BusinessError(
            _("%(name)s is needed by %(users)s.", name=module.manifest.label, users=", ".join(users))
        )
    module.hooks.on_disable()
    if row := _row(name):
        row.enabled = False
    db.session.flush()
    g.pop("enabled_modules", None)


def _installed(name: str) -> Module:
    if name not in registry.modules:
        raise BusinessError(_("There is no module %(name)s.", name=name))
    return registry.modules[name]


def _row(name: str) -> CompanyModule | None:
    return db.session.scalar(select(CompanyModule).filter_by(module=name))


def _grant(module: Module) -> None:
    """Give the company's stock roles what the module proposes for them; later changes are the admin's."""
    roles = {role.key: role for role in db.session.scalars(select(Role))}
    for key in ("manager", "rep"):
        if (role := roles.get(key)) is None:
            continue
        granted = set(module.hooks.grants.get(key, ()))
        scopes = dict(role.scopes)
        for resource in module.hooks.resources:
            granted |= resource.default_permissions(key)
            scopes.setdefault(resource.key, resource.default_scope(key))
        role.permissions = sorted({*role.permissions, *granted})
        role.scopes = scopes
