"""A first module to begin from: one record type with list, pages, import and export."""

from __future__ import annotations

from pathlib import Path
from string import Template

from app.core.errors import BusinessError
from app.core.i18n import _
from app.core.manifest import Manifest

FILES = {
    "pyproject.toml": """\
[build-system]
requires = ["setuptools"]
build-backend = "setuptools.build_meta"

[project]
name = "vendimia-$name"
version = "0.1.0"

[project.entry-points."vendimia.modules"]
$name = "vendimia_$name"

[tool.setuptools.packages.find]
include = ["vendimia_$name*"]
""",
    "README.md": """\
# $label

A module for Vendimia with one record type.

    pip install -e .
    flask --app wsgi db revision $name -m "first tables"
    flask --app wsgi db upgrade
    flask --app wsgi module enable $name --company SLUG
""",
    "vendimia_$name/__init__.py": '"""$label: say here what the module is for."""\n',
    "vendimia_$name/manifest.py": """\
from app.core.manifest import Manifest

manifest = Manifest(name="$name", label="$label")
""",
    "vendimia_$name/models.py": """\
from sqlalchemy import String
from sqlalchemy.orm import Mapped, mapped_column

from app.core.db import Record, db


class Entry(Record, db.Model):
    __tablename__ = "${name}_entry"
    __folded__ = {"name_key": ("name",), "search_key": ("name",)}

    name: Mapped[str] = mapped_column(String(120))
    name_key: Mapped[str] = mapped_column(String(120), default="")
    search_key: Mapped[str] = mapped_column(String(120), default="")
""",
    "vendimia_$name/hooks.py": """\
from app.core.fields import Text
from app.core.hooks import Hooks, Item
from app.core.lookups import Lookup
from app.core.resource import Resource
from vendimia_$name.models import Entry

entry = Resource(
    name="entry",
    plural="entries",
    model=Entry,
    label="Entry",
    label_plural="Entries",
    fields=(Text("name", "Name", required=True), Lookup("owner_id", "Owner", target="admin.member")),
    match_keys=("name",),
)

hooks = Hooks(
    resources=(entry,),
    items=(Item(slot="nav", label="$label", endpoint="$name.entry_list", permission="$name.entry.view"),),
)
""",
}


def write_module(name: str, into: Path) -> Path:
    """Write the files of a new module below `into`; returns its folder. Raises `BusinessError` for a bad name."""
    try:
        Manifest(name=name, label=name)
    except ValueError:
        raise BusinessError(_("“%(name)s” cannot name a module: use small letters only.", name=name)) from None
    folder = into / f"vendimia-{name}"
    if folder.exists():
        raise BusinessError(_("%(folder)s is there already.", folder=folder))
    for path, text in FILES.items():
        target = folder / Template(path).substitute(name=name)
        target.parent.mkdir(parents=True, exist_ok=True)
        target.write_text(Template(text).substitute(name=name, label=name.capitalize()), encoding="utf-8")
    (folder / f"vendimia_{name}" / "migrations").mkdir()
    return folder
