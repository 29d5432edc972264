"""What an import says about itself: every error with its place, every guess, every count."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import asdict, dataclass, field, fields
from typing import Any


@dataclass(frozen=True)
class RowError:
    """What is wrong with a row: line in the file, heading of the column, name of the field, sentence, cell."""

    line: int
    message: str
    column: str = ""
    field: str = ""
    value: str = ""


@dataclass
class NearMatch:
    """A name that is not there, and the one it was taken for or might be meant; `count` rows have it."""

    line: int
    field: str
    given: str
    match: str
    taken: bool
    count: int = 0
    column: str = ""  # heading


@dataclass
class Unknown:
    """A name that nothing bears, in `count` rows, the first on `line`."""

    line: int
    field: str
    name: str
    count: int = 0
    column: str = ""  # heading


@dataclass
class Report:
    """What came of a file. `ok` rows were good; `imported` says whether they are in now."""

    resource: str = ""
    batch: int = 0  # number by which it can be taken back; 0 for none
    rows: int = 0
    ok: int = 0
    created: int = 0
    updated: int = 0
    unchanged: int = 0
    skipped: int = 0
    dry_run: bool = False
    imported: bool = False
    errors: list[RowError] = field(default_factory=list)
    near: list[NearMatch] = field(default_factory=list)
    unknown: list[Unknown] = field(default_factory=list)
    made: list[dict[str, str]] = field(default_factory=list)  # look-ups that were created: resource, name
    warnings: list[dict[str, Any]] = field(default_factory=list)  # message, count, line of the first
    ignored: list[str] = field(default_factory=list)  # headings that nothing was done with

    def refuse(self, errors: Iterable[RowError]) -> None:
        """Add errors found later; their rows are no longer good."""
        before = {e.line for e in self.errors}
        self.errors += errors
        self.errors.sort(key=lambda e: e.line)
        self.ok -= len({e.line for e in self.errors} - before)

    def warn(self, line: int, message: str) -> None:
        """Note something of a row; the same sentence is counted, not repeated."""
        for warning in self.warnings:
            if warning["message"] == message:
                warning["count"] += 1
                return
        self.warnings.append({"message": message, "count": 1, "line": line})

    def plain(self) -> dict[str, Any]:
        """For JSON."""
        return asdict(self)

    @classmethod
    def read(cls, plain: dict[str, Any]) -> Report:
        """A report from what `plain` made of it."""
        named = {f.name for f in fields(cls)} - {"errors", "near", "unknown"}
        kept = {k: v for k, v in plain.items() if k in named}
        return cls(
            **kept,
            errors=[RowError(**e) for e in plain.get("errors", ())],
            near=[NearMatch(**n) for n in plain.get("near", ())],
            unknown=[Unknown(**n) for n in plain.get("unknown", ())],
        )
