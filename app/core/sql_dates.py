"""Days, months and quarters in statements, alike on both databases."""

from __future__ import annotations

from typing import Any

from sqlalchemy import ColumnElement, Date, Integer, cast, extract, literal_column
from sqlalchemy.ext.compiler import compiles
from sqlalchemy.sql.functions import FunctionElement

TWELVE: ColumnElement[int] = literal_column("12", Integer)  # a parameter would have another name in GROUP BY


class _months(FunctionElement):  # noqa: N801  # reads as an SQL function
    """Months of a date since the year 0, January of which is 1."""

    type = Integer()
    inherit_cache = True


@compiles(_months)
def _months_usual(element: Any, compiler: Any, **kw: Any) -> str:
    (column,) = element.clauses
    whole = cast(extract("year", column), Integer) * TWELVE + cast(extract("month", column), Integer)
    return f"({compiler.process(whole, **kw)})"


@compiles(_months, "sqlite")
def _months_sqlite(element: Any, compiler: Any, **kw: Any) -> str:
    # Dates are text there, and reading two numbers of it is several times faster than its calendar.
    text = compiler.process(element.clauses, **kw)
    return f"(CAST(substr({text}, 1, 4) AS INTEGER) * 12 + CAST(substr({text}, 6, 2) AS INTEGER))"


def month_key(column: Any) -> ColumnElement[int]:
    """Key of dimension "month": months since the year 0; a date column in, an integer out."""
    return _months(column) - 1


def quarter_key(column: Any, start_month: int) -> ColumnElement[int]:
    """Key of dimension "quarter": fiscal quarters since the year 0, named after the year in which the fiscal one begins."""
    return (_months(column) - start_month) // 3


def quarter_of(month: Any, start_month: int) -> ColumnElement[int]:
    """Key of dimension "quarter" of a key of dimension "month"."""
    return (month + (1 - start_month)) // 3


class next_day(FunctionElement):  # noqa: N801  # reads as an SQL function
    """The day after a date."""

    type = Date()
    inherit_cache = True


@compiles(next_day)
def _next_day(element: Any, compiler: Any, **kw: Any) -> str:
    return f"({compiler.process(element.clauses, **kw)} + 1)"


@compiles(next_day, "sqlite")
def _next_day_sqlite(element: Any, compiler: Any, **kw: Any) -> str:
    return f"date({compiler.process(element.clauses, **kw)}, '+1 day')"


class days_between(FunctionElement):  # noqa: N801  # reads as an SQL function
    """Whole days from the second date to the first."""

    type = Integer()
    inherit_cache = True


@compiles(days_between)
def _days_between(element: Any, compiler: Any, **kw: Any) -> str:
    later, earlier = (compiler.process(cast(clause, Date), **kw) for clause in element.clauses)
    return f"({later} - {earlier})"


@compiles(days_between, "sqlite")
def _days_between_sqlite(element: Any, compiler: Any, **kw: Any) -> str:
    later, earlier = (compiler.process(clause, **kw) for clause in element.clauses)
    return f"CAST(julianday({later}) - julianday({earlier}) AS INTEGER)"


class seconds_between(FunctionElement):  # noqa: N801  # reads as an SQL function
    """Whole seconds from the second instant to the first, each taken to its whole second."""

    type = Integer()
    inherit_cache = True


@compiles(seconds_between)
def _seconds_between(element: Any, compiler: Any, **kw: Any) -> str:
    later, earlier = (compiler.process(clause, **kw) for clause in element.clauses)
    # In numbers that hold microseconds of our times exactly enough to floor, and reckon several times faster than EXTRACT's.
    return f"CAST(floor(date_part('epoch', {later})) - floor(date_part('epoch', {earlier})) AS BIGINT)"


@compiles(seconds_between, "sqlite")
def _seconds_between_sqlite(element: Any, compiler: Any, **kw: Any) -> str:
    later, earlier = (compiler.process(clause, **kw) for clause in element.clauses)
    return f"(CAST(strftime('%s', {later}) AS INTEGER) - CAST(strftime('%s', {earlier}) AS INTEGER))"
