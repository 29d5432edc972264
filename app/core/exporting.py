"""Rows of a list as a file: which columns, how their values are written, a chunk of rows at a time."""

from __future__ import annotations

import csv
import io
import json
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass
from datetime import date
from decimal import Decimal
from operator import attrgetter
from typing import IO, Any

from flask import g
from flask_babel import force_locale

from app.core import hooks, lookups, workbooks
from app.core.db import db, fold
from app.core.errors import BusinessError
from app.core.fields import Field, MoneyField
from app.core.i18n import LANGUAGES, _, language
from app.core.importing.files import guard
from app.core.lookups import Lookup
from app.core.resource import Resource
from app.core.tables import Listing

BOM = "\ufeff"  # without it, Excel takes UTF-8 for something else
CHUNK = 500
PIECE = 1 << 16
TYPED = (bool, int, Decimal, date)
CSV, XLSX, JSON = "csv", "xlsx", "json"
ALL, SEEN = "all", "seen"
NAMES, LABELS = "names", "labels"
NEUTRAL, LOCAL = "neutral", "local"
CHOICES = {"format": (CSV, XLSX, JSON), "extent": (ALL, SEEN), "headings": (NAMES, LABELS), "style": (NEUTRAL, LOCAL)}

Values = Callable[[Sequence[Any], Sequence[int]], list[Any]]  # rows and their ids -> a value for each


@dataclass(frozen=True, kw_only=True)
class Wish:
    """What kind of file is wanted. The defaults make one that anything reads and that an import brings back."""

    format: str = CSV
    extent: str = ALL  # all fields with the id, or the columns that are seen
    headings: str = NAMES  # of the fields, or their labels in the reader's language
    style: str = NEUTRAL  # of CSV: or as the reader's spreadsheet program writes it

    def __post_init__(self) -> None:
        for name, known in CHOICES.items():
            if (given := getattr(self, name)) not in known:
                raise BusinessError(
                    _("“%(name)s” can be %(known)s, not “%(given)s”.", name=name, known=", ".join(known), given=given[:40]),
                    field=name,
                )


@dataclass(frozen=True)
class Column:
    """A column of a file. `values(rows, ids)` are those of a chunk of rows; `field` is None for another module's column."""

    name: str
    label: str
    field: Field | None
    values: Values

    def texts(self, values: list[Any], *, local: bool) -> list[str]:
        """The values as cells of a CSV file that no spreadsheet takes for formulas."""
        if self.field is None or isinstance(self.field, Lookup):
            return [guard(value) if value else "" for value in values]
        write = self.field.local if local else self.field.plain
        return ["" if value is None else guard(write(value)) for value in values]

    def typed(self, values: list[Any], *, local: bool) -> list[Any]:
        """The values as cells of a spreadsheet: numbers, dates and yes or no as such, the rest as text."""
        if self.field is None or isinstance(self.field, Lookup):
            return values
        if isinstance(self.field, MoneyField):
            own = g.company.currency
            return [v.amount if v and v.currency == own else self.field.plain(v) or None for v in values]
        write = self.field.local if local else self.field.plain
        return [v if v is None or isinstance(v, TYPED) else write(v) or None for v in values]


def columns_of(listing: Listing, wish: Wish) -> list[Column]:
    """The columns of a file of this list, without the id."""
    if wish.extent == ALL:
        fields = [f for f in listing.resource.fields if f.exportable]
        return [_field_column(typed, fields, wish) for typed in fields]
    seen = [c for c in listing.shown if not isinstance(c, Field) or c.exportable]
    fields = [c for c in seen if isinstance(c, Field)]
    return [_field_column(c, fields, wish) if isinstance(c, Field) else _module_column(*c) for c in seen]


def _field_column(typed: Field, fields: Sequence[Field], wish: Wish) -> Column:
    # JSON has the id beside the name, and what is seen are names: neither needs to say which row is meant.
    values = _values_of(typed, fields, exact=wish.extent == ALL and wish.format != JSON)
    return Column(typed.name, str(typed.label), typed, values)


def _values_of(typed: Field, fields: Sequence[Field], *, exact: bool) -> Values:
    of = attrgetter(typed.name) if type(typed).of is Field.of else typed.of  # most fields are a column: no call for each
    if not isinstance(typed, Lookup):
        return lambda rows, _ids: list(map(of, rows))
    within = _within(typed, fields)

    def names(rows: Sequence[Any], _ids: Sequence[int]) -> list[Any]:
        chosen = list(map(of, rows))
        known = lookups.in_files(typed.target, chosen, within) if exact else lookups.labels(typed.target, chosen)
        return [None if row_id is None else known.get(row_id) for row_id in chosen]

    return names


def _within(typed: Lookup, fields: Sequence[Field]) -> str:
    """The field that narrows a look-up down when the file is read (a stage within its pipeline), if the file has it."""
    here = {f.name: f.target for f in fields if isinstance(f, Lookup) and f.importable}
    inner = (f for f in typed.resource.fields if isinstance(f, Lookup) and f.target != typed.target)
    return next((f.name for f in inner if f.required and here.get(f.name) == f.target), "")


def _module_column(name: str, column: hooks.Column) -> Column:
    def values(_rows: Sequence[Any], ids: Sequence[int]) -> list[Any]:
        known = column.values(ids)
        return [known.get(row_id, "") for row_id in ids]

    return Column(name, str(column.label), None, values)


def chunks(listing: Listing, columns: Sequence[Column]) -> Iterator[tuple[Sequence[Any], list[list[Any]]]]:
    """Rows and, per column, their values; a chunk is read at a time, so that memory does not grow with the list.

    Statements per chunk: two per look-up with names not seen yet, one per column of another module.
    """
    model: Any = listing.resource.model
    names = dict.fromkeys(a for c in columns if c.field for a in c.field.attributes)
    wanted = [getattr(model, name) for name in names if name != "id"]
    found = db.session.execute(listing.select(model.id, *wanted), execution_options={"yield_per": CHUNK})
    for chunk in found.partitions():
        rows = list(chunk)
        ids = [row.id for row in rows]
        yield rows, [column.values(rows, ids) for column in columns]


def headings(resource: Resource, columns: Sequence[Column], kind: str) -> list[str]:
    """Names or labels; a label that an import would take for another field, or that is there already, gives way."""
    if kind == NAMES:
        return [column.name for column in columns]
    read = _read_as(resource)
    found: list[str] = []
    for column in columns:
        label = " ".join(column.label.split())
        taken = fold(label) in ("", "id", *(fold(heading) for heading in found))
        fits = read.get(fold(label), column.name) == column.name
        found.append(label if fits and not taken else column.name)
    return found


def _read_as(resource: Resource) -> dict[str, str]:
    """Folded heading -> name of the field that an import takes it for, in any language."""
    known: dict[str, str] = {}
    for code in LANGUAGES:
        with force_locale(code):
            for typed in resource.fields:
                if typed.importable:
                    known.setdefault(fold(str(typed.label)), typed.name)
    return {**known, **{fold(f.name): f.name for f in resource.fields if f.importable}}


def csv_pieces(listing: Listing, wish: Wish) -> Iterator[str]:
    """The text of a CSV file, a chunk of rows at a time."""
    columns = columns_of(listing, wish)
    with_id, local = wish.extent == ALL, wish.style == LOCAL
    delimiter = ";" if local and language() == "es" else ","
    named = headings(listing.resource, columns, wish.headings)
    yield _lines([["id", *named] if with_id else named], delimiter)
    for rows, values in chunks(listing, columns):
        texts = [column.texts(each, local=local) for column, each in zip(columns, values, strict=True)]
        if with_id:
            texts.insert(0, [str(row.id) for row in rows])
        yield _lines(zip(*texts, strict=True), delimiter)


def workbook(listing: Listing, wish: Wish) -> IO[bytes]:
    """An XLSX file at its beginning; whoever takes it closes it. Raises `BusinessError` when there are too many rows."""
    if listing.count() > workbooks.MOST_ROWS:
        raise workbooks.too_many()
    columns = columns_of(listing, wish)
    named = headings(listing.resource, columns, wish.headings)
    if wish.extent == ALL:
        named.insert(0, "id")
    return workbooks.write(str(listing.resource.label_plural), named, _typed_rows(listing, columns, wish))


def _typed_rows(listing: Listing, columns: Sequence[Column], wish: Wish) -> Iterator[Sequence[Any]]:
    local = wish.style == LOCAL
    for rows, values in chunks(listing, columns):
        cells = [column.typed(each, local=local) for column, each in zip(columns, values, strict=True)]
        if wish.extent == ALL:
            cells.insert(0, [row.id for row in rows])
        yield from zip(*cells, strict=True)


def pieces(listing: Listing, wish: Wish) -> Iterator[bytes]:
    """The bytes of the file, streamed. A workbook is made whole before its first piece."""
    if wish.format == XLSX:
        return _read_off(workbook(listing, wish))
    texts = csv_pieces(listing, wish) if wish.format == CSV else json_pieces(listing, wish)
    return (text.encode("utf-8", "replace") for text in texts)


def _read_off(file: IO[bytes]) -> Iterator[bytes]:
    with file:
        while piece := file.read(PIECE):
            yield piece


def _lines(rows: Iterable[Iterable[str]], delimiter: str = ",") -> str:
    text = io.StringIO()
    csv.writer(text, delimiter=delimiter).writerows(rows)
    return text.getvalue()


def json_pieces(listing: Listing, wish: Wish) -> Iterator[str]:
    """The text of a JSON list, a chunk of rows at a time: ids of look-ups with their names beside them, amounts as
    decimal text with their currency beside them, dates as 2017-03-31."""
    columns = columns_of(listing, wish)
    taken = {"id", *(column.name for column in columns)}
    beside = {c.name: _beside(c.field, taken) for c in columns if isinstance(c.field, Lookup)}
    opening = "[\n"
    for rows, values in chunks(listing, columns):
        for place, row in enumerate(rows):
            plain: dict[str, Any] = {"id": row.id}
            for column, each in zip(columns, values, strict=True):
                _add(plain, column, each[place], row, beside)
            yield opening + json.dumps(plain, ensure_ascii=False)
            opening = ",\n"
    yield "[]\n" if opening == "[\n" else "\n]\n"


def _beside(typed: Field, taken: set[str]) -> str:
    """Where the name of a look-up goes: `account` beside `account_id`."""
    name = typed.name.removesuffix("_id")
    return name if name not in taken else f"{typed.name}_name"


def _add(plain: dict[str, Any], column: Column, value: Any, row: Any, beside: dict[str, str]) -> None:
    typed = column.field
    if isinstance(typed, Lookup):
        plain[column.name], plain[beside[column.name]] = typed.of(row), value
    elif isinstance(typed, MoneyField):
        plain[column.name] = None if value is None else format(value.amount, "f")
        plain[typed.currency] = plain.get(typed.currency) or (value.currency if value else None)
    elif typed is None or value is None or isinstance(value, (bool, int)):
        plain[column.name] = value
    else:
        plain[column.name] = typed.plain(value)


def template(resource: Resource) -> str:
    """An empty CSV file with the headings that an import reads."""
    return _lines([[f.name for f in resource.fields if f.importable]])
