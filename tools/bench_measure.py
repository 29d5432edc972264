"""Measuring one request of the application, and the same work by the raw driver beside it."""

from __future__ import annotations

import math
import sqlite3
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from statistics import median
from time import perf_counter
from typing import Any

import psycopg
from flask import Flask
from markupsafe import escape
from sqlalchemy import event, make_url
from werkzeug.test import TestResponse

from app.core.db import db
from app.core.engine import PRAGMAS

COMMIT, ROLLBACK = "COMMIT", "ROLLBACK"
WARM_UP = 3  # requests before those that count: statement caches, templates, prepared statements


def pace() -> float:
    """The milliseconds that a fixed loop takes: how fast the machine is now, which may be shared."""
    start = perf_counter()
    for number in range(3_000_000):
        _square = number * number % 7
    return (perf_counter() - start) * 1000


@dataclass(frozen=True)
class Sent:
    """A statement as the application handed it to the driver, or the end of a transaction."""

    text: str
    parameters: Any = ()
    many: bool = False

    @property
    def counts(self) -> bool:
        """Whether it asks or tells the database something: beginning and ending transactions do not."""
        return not self.text.startswith(("BEGIN", COMMIT, ROLLBACK))


@contextmanager
def recording(app: Flask) -> Iterator[list[Sent]]:
    """What the application sends to its database meanwhile."""
    sent: list[Sent] = []

    def note(_connection: Any, _cursor: Any, text: str, parameters: Any, _context: Any, many: bool) -> None:
        sent.append(Sent(text, parameters, many))

    listeners: dict[str, Callable[..., None]] = {
        "before_cursor_execute": note,
        "commit": lambda _connection: sent.append(Sent(COMMIT)),
        "rollback": lambda _connection: sent.append(Sent(ROLLBACK)),
    }
    with app.app_context():
        engine = db.engine
    for name, listener in listeners.items():
        event.listen(engine, name, listener)
    try:
        yield sent
    finally:
        for name, listener in listeners.items():
            event.remove(engine, name, listener)


class Raw:
    """A connection of the bare driver, set up as the application sets up its own."""

    def __init__(self, url: str, company_id: int) -> None:
        self.kind = make_url(url).get_backend_name()
        self.company_id = company_id
        self.connection: Any = _connect(url)

    def rows(self, sql: str, *parameters: Any) -> list[Any]:
        """Rows of a hand-written select; `?` stands for a parameter on both databases."""
        return self.connection.execute(self._marked(sql), parameters).fetchall()

    def begin(self) -> None:
        """Begin a transaction within the company."""
        if self.kind == "postgresql":
            self.rows("select set_config('app.company_id', ?, true)", str(self.company_id))
        else:
            self.rows("BEGIN")

    @contextmanager
    def reading(self) -> Iterator[None]:
        """A transaction that reads; then it is let go."""
        self.begin()
        yield
        self.connection.rollback()

    def replay(self, sent: Sequence[Sent]) -> int:
        """The same statements again, with commit; returns how many rows they fetched."""
        fetched = 0
        for one in sent:
            if one.text == COMMIT:
                self.connection.commit()
            elif one.text == ROLLBACK:
                self.connection.rollback()
            elif one.many:
                self.connection.cursor().executemany(one.text, one.parameters)
            else:
                cursor = self.connection.execute(one.text, one.parameters)
                fetched += len(cursor.fetchall()) if cursor.description else 0
        return fetched

    def look_at(self, sql: str, *parameters: Any) -> list[dict[str, Any]]:
        """Rows of a hand-written select as dictionaries, in a transaction of their own."""
        with self.reading():
            cursor = self.connection.execute(self._marked(sql), parameters)
            names = [column[0] for column in cursor.description]
            return [dict(zip(names, row, strict=True)) for row in cursor.fetchall()]

    def put_back(self, table: str, before: Sequence[dict[str, Any]]) -> None:
        """Give rows the columns they had, so that a write finds them as it did."""
        self.begin()
        for row in before:
            columns = {name: value for name, value in row.items() if name != "id"}
            sql = f"UPDATE {table} SET {', '.join(f'{name} = ?' for name in columns)} WHERE id = ?"  # noqa: S608  # our own names
            self.connection.execute(self._marked(sql), [*columns.values(), row["id"]])
        self.connection.commit()

    def take_out(self, table: str, newest: int) -> None:
        """Delete the rows of deals that are newer than one."""
        self.begin()
        self.connection.execute(self._marked(f"DELETE FROM {table} WHERE company_id = ? AND deal_id > ?"), [self.company_id, newest])  # noqa: S608  # our own names
        self.connection.commit()

    def _marked(self, sql: str) -> str:
        return sql.replace("?", "%s") if self.kind == "postgresql" else sql


def _connect(url: str) -> Any:
    place = make_url(url)
    if place.get_backend_name() == "sqlite":
        connection = sqlite3.connect(place.database or "", isolation_level=None)
        for pragma in PRAGMAS:
            connection.execute(f"PRAGMA {pragma}")
        return connection
    return psycopg.connect(place.set(drivername="postgresql").render_as_string(hide_password=False))


def joined(rows: Sequence[Sequence[Any]]) -> str:
    """Rows as escaped HTML and nothing more: the floor of a page."""
    return "".join("<tr>" + "".join(f"<td>{escape(value)}</td>" for value in row) + "</tr>" for row in rows)


@dataclass
class Timing:
    """Times of one page in seconds, and what it asked of the database."""

    name: str
    taken: list[float] = field(default_factory=list)
    floor: list[float] = field(default_factory=list)
    statements: int = 0
    rows: int = 0
    base: float = 0.0  # added to the floor: what every page costs

    @property
    def median(self) -> float:
        return median(self.taken)

    @property
    def p95(self) -> float:
        return sorted(self.taken)[math.ceil(0.95 * len(self.taken)) - 1]

    @property
    def floor_median(self) -> float | None:
        return median(self.floor) + self.base if self.floor else None

    @property
    def ratio(self) -> float | None:
        return self.median / self.floor_median if self.floor_median else None


def checked(response: TestResponse, status: int) -> None:
    """Only what succeeds is measured."""
    if response.status_code != status:
        raise SystemExit(f"{response.request.path} answered {response.status_code}, not {status}:\n{response.text[:800]}")


def timed(action: Callable[[], Any]) -> tuple[float, Any]:
    """Seconds that an action took, and its result."""
    start = perf_counter()
    result = action()
    return perf_counter() - start, result
