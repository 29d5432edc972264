"""Hints for databases that plan by guesses."""

from __future__ import annotations

from typing import Any

from sqlalchemy import ColumnElement
from sqlalchemy.ext.compiler import compiles
from sqlalchemy.sql.functions import FunctionElement
from sqlalchemy.types import NullType


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


class seldom(FunctionElement):  # noqa: N801  # reads as an SQL function
    """A criterion that hardly any row meets: without statistics SQLite would begin with another table of the join.

    PostgreSQL counts what there is, and decides by itself.
    """

    inherit_cache = True

    def __init__(self, criterion: ColumnElement[bool]) -> None:
        super().__init__(criterion)
        self.type = NullType()  # of a truth value SQLite would be asked whether it is 1, and not look up by it


@compiles(seldom)
def _seldom(element: Any, compiler: Any, **kw: Any) -> str:
    return compiler.process(element.clauses, **kw)


@compiles(seldom, "sqlite")
def _seldom_sqlite(element: Any, compiler: Any, **kw: Any) -> str:
    return f"likelihood({compiler.process(element.clauses, **kw)}, 0.0001)"
