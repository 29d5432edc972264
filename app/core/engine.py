"""How connections behave on each database; wired to the engines of one app."""

from __future__ import annotations

import sqlite3
from contextlib import suppress
from typing import Any

from flask import Flask, g, has_app_context, has_request_context, request
from sqlalchemy import Connection, Engine, event
from sqlalchemy.exc import OperationalError

from app.core.db import db
from config import BadConfig

READING = frozenset({"GET", "HEAD", "OPTIONS"})
PRAGMAS = ("foreign_keys=ON", "journal_mode=WAL", "synchronous=NORMAL", "temp_store=MEMORY", "cache_size=-16000")
# A statement that was asked five times is not planned for any company and any period from then on: a report of a year took
# four times as long by such a plan. Compiling one takes longer than most of ours run. And what is asked lies in memory or on
# a disk without heads, where a page elsewhere costs hardly more than the next one. Everybody's requests share the processors:
# helpers that are begun for one statement took longer to begin than they saved, and it a fifth to a half longer than alone.
SETTINGS = ("plan_cache_mode = force_custom_plan", "jit = off", "random_page_cost = 1.1", "max_parallel_workers_per_gather = 0")


def reads_only() -> bool:
    """Whether the transaction that begins now only reads: a safe method, or the writing is over (rendering)."""
    if has_app_context() and "read_only" in g:
        return g.read_only
    return has_request_context() and request.method in READING


def _on_connect(connection: Any, _record: Any) -> None:
    if isinstance(connection, sqlite3.Connection):
        # We say BEGIN ourselves: the driver's implicit one is deferred and loses updates between read and write.
        connection.isolation_level = None
        for pragma in PRAGMAS:
            connection.execute(f"PRAGMA {pragma}")
        return
    with connection.cursor() as cursor:
        for setting in SETTINGS:
            cursor.execute(f"SET {setting}")
    connection.commit()


def _on_begin(connection: Connection) -> None:
    if connection.dialect.name == "sqlite":
        connection.exec_driver_sql("BEGIN DEFERRED" if reads_only() else "BEGIN IMMEDIATE")


def refuse_powerful_role(connection: Any, _record: Any) -> None:
    """Raise `BadConfig` when the web role could look over the second wall: row-level security does not hold it then."""
    with connection.cursor() as cursor:
        # What a role is a member of counts as its own: it may act as that one.
        cursor.execute(
            "SELECT current_user, coalesce(bool_or(rolsuper), false), coalesce(bool_or(rolbypassrls), false)"
            " FROM pg_roles WHERE pg_has_role(current_user, oid, 'MEMBER')"
        )
        name, is_super, bypasses = cursor.fetchone()
        cursor.execute(
            "SELECT count(*) FROM pg_class WHERE relkind IN ('r', 'p') AND relnamespace = current_schema()::regnamespace"
            " AND pg_has_role(current_user, relowner, 'MEMBER')"
        )
        (owned,) = cursor.fetchone()
    connection.rollback()
    if is_super or bypasses or owned:
        why = "is a superuser" if is_super else "has BYPASSRLS" if bypasses else f"owns {owned} tables"
        raise BadConfig(
            f"The database role {name} of DATABASE_URL {why}, so row-level security would not confine it. "
            "Let it be an ordinary role that owns nothing, and give the owner's address as MIGRATION_DATABASE_URL."
        )


def configure(engine: Engine) -> None:
    """Attach the rules to an engine, once."""
    if event.contains(engine, "connect", _on_connect):
        return
    event.listen(engine, "connect", _on_connect)
    event.listen(engine, "begin", _on_begin)
    if engine.dialect.name == "postgresql":
        event.listen(engine, "first_connect", refuse_powerful_role)


def engine_options(url: str) -> dict[str, Any]:
    """Options for `create_engine`: wait for SQLite's writer; a pool that notices dead PostgreSQL connections."""
    if url.startswith("sqlite"):
        return {"connect_args": {"timeout": 30}}
    return {"pool_pre_ping": True, "pool_size": 10, "max_overflow": 10}


def init_app(app: Flask) -> None:
    app.config["SQLALCHEMY_ENGINE_OPTIONS"] = {
        **engine_options(app.config["SQLALCHEMY_DATABASE_URI"]),
        **app.config["SQLALCHEMY_ENGINE_OPTIONS"],
    }
    db.init_app(app)
    with app.app_context():
        configure(db.engine)
        # Found out now where the server answers already; else with the first connection.
        with suppress(OperationalError), db.engine.connect():
            pass
