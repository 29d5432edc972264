"""Checks of one installed module: names, tables, imports, marks, templates. Each raises `AssertionError`."""

from __future__ import annotations

import ast
import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from flask import Flask
from sqlalchemy import UniqueConstraint

from app.core.access import mark_of
from app.core.db import Base, CompanyScoped
from app.core.registry import Module, Registry

ROOT = Path(__file__).resolve().parents[3]
# What a strict Content-Security-Policy forbids, and what htmx would drop without a word.
FORBIDDEN_MARKUP = {
    "an inline style": re.compile(r"<[a-z][^>]*\sstyle\s*=", re.IGNORECASE),
    "an inline handler": re.compile(r"<[a-z][^>]*\son[a-z]+\s*=", re.IGNORECASE),
    "hx-on": re.compile(r"\shx-on[:=]"),
    "a script in the page": re.compile(r"<script(?![^>]*\bsrc=)", re.IGNORECASE),
    "a style in the page": re.compile(r"<style", re.IGNORECASE),
    "a trigger filter": re.compile(r"hx-trigger\s*=\s*[\"'][^\"']*\["),
    "js: in an attribute": re.compile(r"=\s*[\"']js:"),
    "another host": re.compile(r"(src|href)\s*=\s*[\"']https?://", re.IGNORECASE),
}


def _registry(app: Flask) -> Registry:
    return app.extensions["registry"]


def _models(module: Module) -> list[Any]:
    return [m.class_ for m in Base.registry.mappers if m.class_.__module__.startswith(f"{module.package}.")]


def _sources(module: Module) -> Iterator[Path]:
    return (p for p in module.path.rglob("*.py") if "migrations" not in p.relative_to(module.path).parts)


def _imports(path: Path) -> Iterator[str]:
    for node in ast.walk(ast.parse(path.read_text())):
        if isinstance(node, ast.Import):
            yield from (alias.name for alias in node.names)
        elif isinstance(node, ast.ImportFrom) and node.module:
            yield from (f"{node.module}.{alias.name}" for alias in node.names)


def templates_of(module: Module) -> list[Path]:
    return sorted((module.path / "templates").rglob("*.html"))


def tables_carry_the_modules_name_and_a_company(app: Flask, module: Module) -> None:
    """The prefix says whose a table is; without a company its rows would be everybody's."""
    for model in _models(module):
        assert model.__tablename__.startswith(f"{module.name}_"), model
        assert issubclass(model, CompanyScoped), model


def references_stay_within_what_the_module_depends_on(app: Flask, module: Module) -> None:
    """A foreign key into a module that may be absent would break the schema."""
    allowed = {"core", module.name, *module.manifest.depends}
    for model in _models(module):
        for key in model.__table__.foreign_keys:
            assert key.column.table.name.split("_")[0] in allowed, key


def references_between_companies_tables_include_the_company(app: Flask, module: Module) -> None:
    """Neither the listener nor row-level security sees a reference to a row of another company; the key does."""
    for model in _models(module):
        for constraint in model.__table__.foreign_key_constraints:
            if "company_id" in constraint.referred_table.c:
                assert "company_id" in constraint.column_keys, (model, constraint.column_keys)


def unique_constraints_include_the_company(app: Flask, module: Module) -> None:
    """Else one company could learn from a refusal what another one has."""
    for model in _models(module):
        for constraint in model.__table__.constraints:
            if isinstance(constraint, UniqueConstraint):
                assert "company_id" in constraint.columns, (model, list(constraint.columns))


def every_view_names_a_permission_of_the_module(app: Flask, module: Module) -> None:
    """A mark of another module would be refused or granted with that one's switch."""
    for rule in app.url_map.iter_rules():
        if rule.endpoint.startswith(f"{module.name}."):
            mark = mark_of(app, rule.endpoint)
            assert mark in module.permissions or (mark == "signed_in" and module.manifest.always_on), (rule.endpoint, mark)


def names_carry_the_modules_prefix(app: Flask, module: Module) -> None:
    """Permissions, slots, events, metrics and jobs are looked up by their first part."""
    hooks = module.hooks
    for name in (*module.permissions, *hooks.slots, *hooks.events, *(m.id for m in hooks.metrics), *hooks.jobs):
        assert name.startswith(f"{module.name}."), name


def other_modules_are_imported_through_public_of_dependencies(app: Flask, module: Module) -> None:
    """import-linter knows packages, not manifests: only this sees an import of a module that is not depended on."""
    others = {m.package: m.name for m in _registry(app).modules.values() if m is not module}
    for path in _sources(module):
        for name in _imports(path):
            for package, other in others.items():
                if name == package or name.startswith(f"{package}."):
                    assert other in module.manifest.depends, (path.name, name)
                    assert name.startswith(f"{package}.public"), (path.name, name)


def the_manifest_is_data_only(app: Flask, module: Module) -> None:
    """It is read before the module's code, so that a missing dependency is a sentence and not a traceback."""
    allowed = {"app.core.manifest.Manifest", "app.core.i18n._l", "__future__.annotations"}
    assert set(_imports(module.path / "manifest.py")) <= allowed


def templates_say_what_they_need_and_obey_the_policy(app: Flask, module: Module) -> None:
    """Each begins with a comment; none carries what the Content-Security-Policy forbids."""
    for path in templates_of(module):
        check_template(app, path)


def check_template(app: Flask, path: Path) -> None:
    """One template: compiles, begins with a comment, no inline script, style or handler."""
    text = path.read_text()
    app.jinja_env.parse(text)
    assert "{#" in text[:600], f"{path}: no comment at its head says what it needs"
    for what, pattern in FORBIDDEN_MARKUP.items():
        assert not pattern.search(text), f"{path}: {what}"


def icons_are_in_the_sprite(app: Flask, module: Module) -> None:
    """A name that is not drawn shows as a hole."""
    known = set((ROOT / "assets" / "icons.txt").read_text().split()) | {"puzzle", "point"}
    used = {module.manifest.icon, *(i.icon for i in module.hooks.items), *(r.icon for r in module.hooks.resources)}
    used |= {name for path in templates_of(module) for name in re.findall(r"icon\('([a-z0-9-]+)'", path.read_text())}
    used |= {n for p in _sources(module) for n in re.findall(r"icon=\"([a-z0-9-]+)\"", p.read_text())}
    assert not used - known, f"add to assets/icons.txt: {sorted(used - known)}"


def resources_are_whole(app: Flask, module: Module) -> None:
    """Every field reads columns that exist, look-ups name resources of the module or its dependencies."""
    allowed = {"admin", module.name, *module.manifest.depends}
    for resource in module.hooks.resources:
        for typed in resource.fields:
            if typed.editable:
                assert all(hasattr(resource.model, a) for a in typed.attributes), (resource.key, typed.name)
            if typed.kind == "lookup":
                target = typed.target  # type: ignore[attr-defined]  # Lookup
                assert target.split(".")[0] in allowed, (resource.key, target)
                assert _registry(app).resource(target)


MODULE_CHECKS = (
    tables_carry_the_modules_name_and_a_company,
    references_stay_within_what_the_module_depends_on,
    references_between_companies_tables_include_the_company,
    unique_constraints_include_the_company,
    every_view_names_a_permission_of_the_module,
    names_carry_the_modules_prefix,
    other_modules_are_imported_through_public_of_dependencies,
    the_manifest_is_data_only,
    templates_say_what_they_need_and_obey_the_policy,
    icons_are_in_the_sprite,
    resources_are_whole,
)
