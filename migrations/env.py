"""The one environment of all branches; `app.core.migrate` builds the configuration and the connection."""

from typing import Any

from alembic import context
from alembic.autogenerate.api import AutogenContext
from sqlalchemy import Connection
from sqlalchemy.types import TypeDecorator

from app.core import migrate, search_index
from app.core.db import db
from app.core.registry import registry

only = context.config.attributes.get("only")
watched = {only} if only else {"core", *registry.modules}


def include_object(item: Any, name: str | None, kind: str, reflected: bool, other: Any) -> bool:
    """Look at tables of the installed modules alone, and of one alone while its revision is made; the index of words
    is made after the migrations."""
    if name and name.startswith(search_index.PREFIX):
        return False
    table = item if kind == "table" else getattr(item, "table", None)
    return table is None or table.name.split("_", 1)[0] in watched


def render_item(kind: str, item: Any, _context: AutogenContext) -> str | bool:
    """A column type of ours is written as what the database sees: a migration imports nothing from `app`."""
    return f"sa.{item.impl_instance!r}" if kind == "type" and isinstance(item, TypeDecorator) else False


def check_references(*, ctx: Any, **_rest: Any) -> None:
    """Foreign keys are off while SQLite migrates, so look for orphans before the step commits."""
    connection: Connection = ctx.connection
    if connection.dialect.name == "sqlite" and (orphans := connection.exec_driver_sql("PRAGMA foreign_key_check").all()):
        raise migrate.BrokenReferences(f"rows without their parent: {orphans[:5]}")


if context.is_offline_mode():
    raise SystemExit("Migrations need a database: they check what they did.")

with migrate.connected(context.config.attributes["url"]) as connection:
    context.configure(
        connection=connection,
        target_metadata=db.metadata,
        include_object=include_object,
        render_item=render_item,
        on_version_apply=check_references,
        render_as_batch=connection.dialect.name == "sqlite",
        transaction_per_migration=True,
    )
    with context.begin_transaction():
        context.run_migrations()
