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
    _offer(module, row)
    if first_time:
        module.hooks.on_enable()


def offer_news() -> None:
    """Give the stock roles of the current company what its modules propose and did not have to propose before.

    Run when the database is brought to a newer version. What an admin took away from a role stays away.
    """
    for module in enabled_modules():
        row = _row(module.name)
        if row is None:  # of a module that is always on, in a company older than such rows
            row = CompanyModule(module=module.name)
            db.session.add(row)
        _offer(module, row)
    db.session.flush()


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


def _offer(module: Module, row: CompanyModule) -> None:
    """Give the company's stock roles what is new in the module for them; later changes are the admin's.

    A role has heard of a resource when it has a scope for it, of other permissions when `row` says they were offered.
    """
    new = set(module.hooks.permissions) - set(row.offered or ())
    roles = {role.key: role for role in db.session.scalars(select(Role))}
    for key in ("manager", "rep"):
        if (role := roles.get(key)) is None:
            continue
        granted, scopes = new & set(module.hooks.grants.get(key, ())), dict(role.scopes)
        for resource in module.hooks.resources:
            if resource.key not in scopes:
                granted |= resource.default_permissions(key)
                scopes[resource.key] = resource.default_scope(key)
        if granted - set(role.permissions) or scopes != role.scopes:
            role.permissions, role.scopes = sorted({*role.permissions, *granted}), scopes
    if new:
        row.offered = sorted(module.hooks.permissions)
