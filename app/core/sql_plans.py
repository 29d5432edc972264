"""Hints for databases that plan by guesses."""

from __future__ import annotations

from typing import Any

from sqlalchemy import ColumnElement
from sqlalchemy.ext.compiler import compiles
from sqlalchemy.sql.functions import FunctionElement


class not_sought(FunctionElement):  # noqa: N801  # reads as an SQL function
    """A column by which SQLite does not look rows up: without statistics it would begin with them, however many they are.

    PostgreSQL counts what there is, and decides by itself.
    """

    inherit_cache = True

    def __init__(self, column: ColumnElement[Any]) -> None:
        super().__init__(column)
        self.type = column.type


@compiles(not_sought)
def _not_sought(element: Any, compiler: Any, **kw: Any) -> str:
    return compiler.process(element.clauses, **kw)


@compiles(not_sought, "sqlite")
def _not_sought_sqlite(element: Any, compiler: Any, **kw: Any) -> str:
    return f"+{compiler.process(element.clauses, **kw)}"
