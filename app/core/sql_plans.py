"""Hints for databases that plan by guesses."""

from __future__ import annotations

from typing import Any, ClassVar

from sqlalchemy import ColumnElement
from sqlalchemy.ext.compiler import compiles
from sqlalchemy.sql.functions import FunctionElement
from sqlalchemy.types import NullType


class _Hint(FunctionElement):
    """An expression that SQLite is given in `written`. PostgreSQL counts what there is, and decides by itself."""

    inherit_cache = True
    written: ClassVar[str]


class not_sought(_Hint):  # noqa: N801  # reads as an SQL function
    """A column by which SQLite does not look rows up: without statistics it would begin with them, however many they are."""

    inherit_cache = True
    written = "+{}"

    def __init__(self, column: ColumnElement[Any]) -> None:
        super().__init__(column)
        self.type = column.type


class seldom(_Hint):  # noqa: N801  # reads as an SQL function
    """A criterion that hardly any row meets: without statistics SQLite would begin with another table of the join."""

    inherit_cache = True
    written = "likelihood({}, 0.0001)"

    def __init__(self, criterion: ColumnElement[bool]) -> None:
        super().__init__(criterion)
        self.type = NullType()  # of a truth value SQLite would be asked whether it is 1, and not look up by it


@compiles(_Hint)
def _as_it_is(element: _Hint, compiler: Any, **kw: Any) -> str:
    return compiler.process(element.clauses, **kw)


@compiles(_Hint, "sqlite")
def _written(element: _Hint, compiler: Any, **kw: Any) -> str:
    return element.written.format(compiler.process(element.clauses, **kw))
