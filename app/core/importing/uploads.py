"""Files that were uploaded: kept with what was found in them, and the mapping by which they will be read."""

from __future__ import annotations

import dataclasses
import secrets
from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from sqlalchemy import select, update

from app.core.access import me
from app.core.changelog import actor_id
from app.core.db import db, utcnow
from app.core.errors import Conflict, NotFound
from app.core.i18n import _, language
from app.core.importing import detecting, staging
from app.core.importing.files import CSV, FileTable, read_table
from app.core.importing.mapping import Plan, plan_by_mapping
from app.core.importing.models import (
    CANCELLED,
    CHECKED,
    DONE,
    FAILED,
    PUBLISHING,
    REVERTED,
    REVERTING,
    UPLOADED,
    ImportBatch,
    ImportFile,
)
from app.core.importing.suggesting import suggested
from app.core.registry import registry
from app.core.resource import Resource
from app.core.writes import bulk_insert

OPEN = (UPLOADED, CHECKED, CANCELLED, FAILED)  # states in which a mapping may be changed and a check begun
SAMPLES, MOST_VALUES, LONGEST = 5, 50, 80


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
    date_formats: list[tuple[str, str, str]] = dataclasses.field(default_factory=list)
    ambiguous_dates: int = 0
    number_formats: list[tuple[str, str, str]] = dataclasses.field(default_factory=list)
    values: list[tuple[str, int]] = dataclasses.field(default_factory=list)


@dataclass(frozen=True)
class Preview:
    """A file before it is checked. `ask` names what only the person can decide: "date_format", "number_format"."""

    headings: list[Heading]
    rows: int
    match_keys: list[tuple[str, str]]  # field, label
    ask: list[str] = dataclasses.field(default_factory=list)


def begin(resource: Resource, file_name: str, data: bytes) -> ImportBatch:
    """Keep a file and suggest how to read it. Commits. Raises `BusinessError` for what is no readable file."""
    table = read_table(data, file_name)
    staging.sweep()
    cells = cells_of(table)
    profile = profile_of(table, cells)
    plan, profile["reasons"] = suggested(resource, profile, cells, table)
    batch = ImportBatch(
        member_id=actor_id(), resource=resource.key, file_name=_base_name(file_name), file_hash=table.digest,
        plan=plan, profile=profile, rows=len(table.rows),
    )  # fmt: skip
    db.session.add(batch)
    db.session.flush()
    bulk_insert(ImportFile, [{"batch_id": batch.id, "data": data}])
    db.session.commit()
    return batch


def batch(resource: Resource, batch_id: int) -> ImportBatch:
    """A batch of one's own; of anybody's for administrators. Raises `NotFound`."""
    found = db.session.scalar(
        select(ImportBatch).where(ImportBatch.id == batch_id, ImportBatch.resource == resource.key, *_mine())
    )
    if found is None:
        raise NotFound(_("There is no such import."))
    return found


def recent(resource: Resource, limit: int = 20) -> list[ImportBatch]:
    """The last batches of a resource that one may see, the newest first."""
    mine = select(ImportBatch).where(ImportBatch.resource == resource.key, *_mine())
    return list(db.session.scalars(mine.order_by(ImportBatch.id.desc()).limit(limit)))


def _mine() -> list[Any]:
    """Criterion: one's own; what nobody in particular brought in (the command line) is for administrators."""
    try:
        return [] if me().role_key == "admin" else [ImportBatch.member_id == me().member_id]
    except AttributeError:
        return []


def table_of(batch: ImportBatch) -> FileTable:
    """The file of a batch, read again. Raises `NotFound` when it is kept no longer."""
    data = db.session.scalar(select(ImportFile.data).where(ImportFile.batch_id == batch.id))
    if data is None:
        raise NotFound(_("The file of this import is kept no longer."))
    return read_table(data, batch.file_name)


def resource_of(batch: ImportBatch) -> Resource:
    return registry.resource(batch.resource)


def plan_of(batch: ImportBatch) -> Plan:
    """The plan that the mapping of a batch describes. Raises `BusinessError`."""
    return plan_by_mapping(resource_of(batch), batch.profile["headings"], batch.plan)


def set_mapping(batch: ImportBatch, mapping: Mapping[str, Any]) -> None:
    """Say how the file is to be read; what was checked by another mapping is checked no longer. Commits.

    Raises `BusinessError`, whose field is the heading at fault, and `Conflict` while or after the file is imported.
    """
    plan_by_mapping(resource_of(batch), batch.profile["headings"], mapping)
    staging.clear(batch.id)
    step(batch, OPEN, state=UPLOADED, plan=dict(mapping), report={}, error="", done=0)


def step(batch: ImportBatch, before: tuple[str, ...], **values: Any) -> None:
    """Change a batch if it is still in one of these states, and commit. Raises `Conflict` with why it is not."""
    mine = (ImportBatch.id == batch.id, ImportBatch.state.in_(before))
    changed: Any = db.session.execute(
        update(ImportBatch).where(*mine).values(**values, touched_at=utcnow()), execution_options=staging.QUICK
    )
    if not changed.rowcount:
        db.session.rollback()
        db.session.refresh(batch)
        raise Conflict(_why(batch.state))
    db.session.commit()
    db.session.refresh(batch)


def new_run() -> str:
    return secrets.token_hex(8)


def _why(state: str) -> str:
    """Why something cannot be done to a batch in this state."""
    sentences = {
        UPLOADED: _("This file has not been checked yet."),
        CHECKED: _("This file has been checked already."),
        PUBLISHING: _("This file is being imported already."),
        DONE: _("This file was imported already."),
        REVERTING: _("This import is being taken back."),
        REVERTED: _("This import was taken back already."),
        CANCELLED: _("This import was cancelled. Check the file again first."),
        FAILED: _("This import has failed. Check the file again first."),
    }
    return sentences.get(state) or _("This file is being checked at the moment.")


def preview(batch: ImportBatch) -> Preview:
    """What a file holds and how it will be read, without reading it again. Raises `NotFound` for a run on the command
    line, of which no file was kept."""
    resource, profile = resource_of(batch), batch.profile
    if "columns" not in profile:
        raise NotFound(_("The file of this import is kept no longer."))
    fields = _fields(batch.plan)
    labels = _format_labels()
    headings = []
    ask: dict[str, None] = {}
    for index, (heading, found) in enumerate(zip(profile["headings"], profile["columns"], strict=True)):
        name = fields.get(heading.casefold())
        typed = next((f for f in resource.fields if f.name == name), None)
        dates = typed is not None and typed.kind == "date"
        numbers = typed is not None and typed.numeric
        if dates and not profile["dates"]["proof"]:
            ask["date_format"] = None
        if numbers and not profile["numbers"]["proof"]:
            ask["number_format"] = None
        example = found["samples"][0] if found["samples"] else ""
        headings.append(
            Heading(
                heading, index, found["samples"], name, profile.get("reasons", {}).get(heading, ""),
                [(c, labels[c], _date_example(example, c)) for c in profile["dates"]["choices"]] if dates else [],
                found["ambiguous"] if dates else 0,
                [(c, labels[c], detecting.neutral_number(example, c)) for c in profile["numbers"]["choices"]] if numbers else [],
                [(text, count) for text, count in found["values"]],
            )
        )  # fmt: skip
    keys = [(key, str(resource.field(key).label)) for key in resource.match_keys]
    return Preview(headings, batch.rows, keys, list(ask))


def _fields(plan: Mapping[str, Any]) -> dict[str, str]:
    """Folded heading -> field of a mapping."""
    columns = plan.get("columns", {})
    return {h.casefold(): o["field"] if isinstance(o, dict) else o for h, o in columns.items()}


def _date_example(text: str, order: str) -> str:
    return detecting.neutral_date(text, order)


def _format_labels() -> dict[str, str]:
    return {
        detecting.DAY_FIRST: _("Day, month, year"),
        detecting.MONTH_FIRST: _("Month, day, year"),
        detecting.YEAR_FIRST: _("Year, month, day"),
        detecting.POINT: _("Decimal point (1,234.56)"),
        detecting.COMMA: _("Decimal comma (1.234,56)"),
    }


def cells_of(table: FileTable) -> list[dict[str, int]]:
    """Of each column the distinct cells that are not empty, with their counts."""
    columns = [Counter(row.cells[i].strip() for row in table.rows if not row.fault) for i in range(len(table.headings))]
    return [{text: count for text, count in column.items() if text} for column in columns]


def profile_of(table: FileTable, cells: list[dict[str, int]]) -> dict[str, Any]:
    """What is found in a file, as JSON: of each column samples, few values, what it looks like; how dates and numbers
    are written, decided by all columns of the file together."""
    columns = [_column(column) for column in cells]
    dates = [cells[i] for i, column in enumerate(columns) if column["date"]]
    numbers = [cells[i] for i, column in enumerate(columns) if column["number"]]
    told = _told(detecting.number_format(detecting.together(numbers)))
    if table.kind != CSV:
        # The cells of a spreadsheet are numbers, and come as 1234.5 whatever they look like there.
        told = {"choices": [detecting.POINT, detecting.COMMA], "ambiguous": 0, "proof": True}
    elif not told["proof"]:
        told["choices"].sort(key=lambda sign: sign != (detecting.COMMA if language() == "es" else detecting.POINT))
    return {
        "headings": table.headings,
        "columns": columns,
        "dates": _told(detecting.date_order(detecting.together(dates))),
        "numbers": told,
    }


def _column(cells: Mapping[str, int]) -> dict[str, Any]:
    few = sorted(cells.items(), key=lambda pair: (-pair[1], pair[0])) if len(cells) <= MOST_VALUES else []
    is_date = _share(cells, detecting.looks_like_date) >= 0.8
    return {
        "samples": [text[:LONGEST] for text in list(cells)[:SAMPLES]],
        "values": [[text[:LONGEST], count] for text, count in few],
        "filled": sum(cells.values()),
        "distinct": len(cells),
        "date": is_date,
        "number": _share(cells, detecting.looks_like_number) >= 0.8,
        "ambiguous": detecting.date_order(cells).ambiguous if is_date else 0,
    }


def _share(cells: Mapping[str, int], test: Any) -> float:
    total = sum(cells.values())
    return sum(count for text, count in cells.items() if test(text)) / total if total else 0.0


def _told(found: detecting.Found) -> dict[str, Any]:
    return {"choices": list(found.choices), "ambiguous": found.ambiguous, "proof": found.proof}


def _base_name(name: str) -> str:
    return name.replace("\\", "/").rsplit("/", 1)[-1][-200:]
