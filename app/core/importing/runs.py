"""All that a page does with imports: one batch from the upload to its report, and back again.

Every function commits by itself and raises `BusinessError`, `Conflict` or `NotFound` with a sentence. The work itself
is done by the worker.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from app.core.importing.models import ImportBatch
from app.core.importing.report import NearMatch, RowError
from app.core.resource import Resource

PER_PAGE = 50


@dataclass(frozen=True)
class Heading:
    """A column of the file: what was found in it, the field it goes to (None: left aside) and why.

    `date_formats` and `number_formats` are what can be chosen, (format, label, example), the best first; of dates
    `ambiguous_dates` cells could be read either way. `values` are the distinct cells with their counts, of columns
    with few.
    """

    heading: str
    index: int
    samples: list[str]
    field: str | None = None
    reasons: str = ""
    date_formats: list[tuple[str, str, str]] = field(default_factory=list)
    ambiguous_dates: int = 0
    number_formats: list[tuple[str, str, str]] = field(default_factory=list)
    values: list[tuple[str, int]] = field(default_factory=list)


@dataclass(frozen=True)
class Preview:
    """A file before it is checked. `ask` names what the person has to decide: "date_format", "number_format"."""

    headings: list[Heading]
    rows: int
    match_keys: list[tuple[str, str]]  # field, label
    ask: list[str] = field(default_factory=list)


@dataclass(frozen=True)
class Page:
    """Errors of one page; `fields` are (field, heading, count) over all pages of the batch."""

    items: list[RowError]
    total: int
    fields: list[tuple[str, str, int]]
    page: int = 1
    pages: int = 1


@dataclass(frozen=True)
class Missing:
    """A name that nothing in the company bears, in `count` rows. `needs` are fields that must be told to create it:
    (name, label, choices as pairs)."""

    field: str
    heading: str
    name: str
    count: int
    may_create: bool
    needs: list[tuple[str, str, list[tuple[str, str]]]] = field(default_factory=list)


@dataclass(frozen=True)
class Decision:
    """What to do with a name: take the near match, map it to another, create it (with `values`), or leave it."""

    heading: str
    given: str
    action: str  # take, map, create, leave
    to: str = ""
    values: Mapping[str, str] = field(default_factory=dict)


@dataclass(frozen=True)
class RevertPlan:
    """What taking a batch back would do. `edited` were changed since, `staying` cannot go:
    (label of the resource, its key, id, title, why)."""

    created: int
    updated: int
    edited: list[tuple[str, str, int, str]] = field(default_factory=list)
    staying: list[tuple[str, str, int, str, str]] = field(default_factory=list)


def begin(resource: Resource, file_name: str, data: bytes) -> ImportBatch: ...
def batch(resource: Resource, batch_id: int) -> ImportBatch: ...
def recent(resource: Resource, limit: int = 20) -> list[ImportBatch]: ...
def preview(batch: ImportBatch) -> Preview: ...
def set_mapping(batch: ImportBatch, mapping: Mapping[str, Any]) -> None: ...
def start_check(batch: ImportBatch) -> None: ...
def start_publish(batch: ImportBatch, skip_errors: bool = False) -> None: ...
def start_revert(batch: ImportBatch, include_edited: bool = False) -> None: ...
def cancel(batch: ImportBatch) -> None: ...
def errors(batch: ImportBatch, *, field: str = "", q: str = "", page: int = 1) -> Page: ...
def error_file(batch: ImportBatch) -> tuple[str, str, Iterator[bytes]]: ...
def near(batch: ImportBatch) -> list[NearMatch]: ...
def missing(batch: ImportBatch) -> list[Missing]: ...
def decide(batch: ImportBatch, decisions: Sequence[Decision]) -> None: ...
def reverting(batch: ImportBatch) -> RevertPlan: ...
def save_mapping(batch: ImportBatch, name: str) -> int: ...
def mappings(resource: Resource) -> list[tuple[int, str]]: ...
def use_mapping(batch: ImportBatch, mapping_id: int) -> None: ...
def forget_mapping(mapping_id: int) -> None: ...
