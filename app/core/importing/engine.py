"""One file from its first byte to its report: check, stage, publish. For command line and browser alike."""

from __future__ import annotations

import secrets
from collections.abc import Callable
from dataclasses import replace

from flask import g
from sqlalchemy import delete, select

from app.core.access import can
from app.core.changelog import actor_id
from app.core.db import db
from app.core.fields import Reading
from app.core.ids import whole
from app.core.importing import staging
from app.core.importing.checking import Checker, GoodRow
from app.core.importing.files import FileTable
from app.core.importing.mapping import Column, Plan
from app.core.importing.models import ImportBatch
from app.core.importing.publishing import Publisher
from app.core.importing.report import Report
from app.core.resource import Resource

MOST_KEPT = 1000  # errors and guesses that a batch remembers


def as_file(column: Column) -> Reading:
    """How a mapped file is read: neutral, with the date format of the column."""
    return Reading(date_format=column.date_format, currency=g.company.currency)


def rehearse(plan: Plan, table: FileTable, reading: Callable[[Column], Reading] = as_file) -> Report:
    """What would come of a file: everything is done and taken back. Writes nothing."""
    checker = Checker(plan, table, reading)
    rows = list(checker.good_rows())
    _rehearse(plan, rows, checker.report)
    return checker.report


def bring_in(
    plan: Plan,
    table: FileTable,
    file_name: str,
    *,
    skip_errors: bool = False,
    progress: Callable[[int], None] = lambda _rows: None,
) -> Report:
    """Check, stage and publish a file at once: all of it, or with `skip_errors` what is good. Commits."""
    checker = Checker(plan, table, as_file)
    batch_id = _stage(checker, file_name, progress)
    report = checker.report
    if report.errors and not skip_errors:
        discard(batch_id)
        return report
    return publish(plan, batch_id, report, skip_errors=skip_errors)


def check(plan: Plan, table: FileTable, file_name: str, reading: Callable[[Column], Reading]) -> tuple[str, Report]:
    """Check and stage a file for a person who then decides; the report says what would come of it. Commits.

    Returns the ticket by which `batch_of` knows the batch again.
    """
    checker = Checker(plan, table, reading)
    ticket = secrets.token_urlsafe(12)
    batch_id = _stage(checker, file_name, lambda _rows: None, ticket)
    report = checker.report
    _rehearse(plan, staging.staged(batch_id), report)
    if report.errors:
        discard(batch_id)
    return f"{batch_id}.{ticket}", report


def batch_of(resource: Resource, ticket: str) -> ImportBatch | None:
    """The batch that whoever is asking checked for a resource and got this ticket for."""
    number, _sign, secret = ticket.partition(".")
    batch_id = whole(number)
    if batch_id is None:
        return None
    mine = (ImportBatch.member_id == actor_id(), ImportBatch.resource == resource.key)
    batch = db.session.scalar(select(ImportBatch).where(ImportBatch.id == batch_id, *mine))
    # An id alone is not enough: SQLite gives it to a later batch once this one is gone.
    return batch if batch and secrets.compare_digest(str(batch.plan.get("ticket")).encode(), secret.encode(errors="replace")) else None


def plan_of(resource: Resource, batch: ImportBatch) -> Plan:
    """The plan by which a batch was checked, as far as publishing needs it."""
    columns = [Column(field=resource.field(name), heading=heading) for name, heading in batch.plan["columns"]]
    return Plan(
        resource=resource, columns=columns, match_key=batch.plan["match_key"], on_match=batch.plan["on_match"]
    )


def publish(plan: Plan, batch_id: int, report: Report, *, skip_errors: bool = False) -> Report:
    """Publish a checked batch in one transaction and commit; when rows are refused, nothing is in and the batch is gone.

    Raises `Conflict` when the batch was published or replaced in the meantime.
    """
    g.request_id = f"import-{batch_id}"
    report = replace(report, created=0, updated=0, unchanged=0, skipped=0, made=[], warnings=[], dry_run=False)
    Publisher(
        plan, staging.staged(batch_id), report, skip_errors=skip_errors, may_change=can(plan.resource.permission("edit"))
    ).publish()
    if report.errors and not skip_errors:
        db.session.rollback()
        discard(batch_id)
        return replace(report, created=0, updated=0, unchanged=0, skipped=0, made=[])
    report.imported = True
    staging.take(batch_id, _kept(report).plain())
    db.session.commit()
    return report


def discard(batch_id: int) -> None:
    """Remove a batch with its rows. Commits."""
    db.session.execute(
        delete(ImportBatch).where(ImportBatch.id == batch_id), execution_options={"synchronize_session": False}
    )
    db.session.commit()


def _stage(checker: Checker, file_name: str, progress: Callable[[int], None], ticket: str = "") -> int:
    batch_id = staging.begin(checker.plan.resource.key, file_name, checker.table.digest)
    for rows in staging.stage(batch_id, checker.good_rows()):
        progress(rows)
    plan = checker.plan
    kept = {
        "columns": [(column.name, column.heading) for column in plan.columns],
        "match_key": plan.match_key,
        "on_match": plan.on_match,
        "ticket": ticket,
    }
    staging.finish(batch_id, _kept(checker.report).plain(), kept)
    db.session.commit()
    return batch_id


def _rehearse(plan: Plan, rows: list[GoodRow], report: Report) -> None:
    """Publish inside a savepoint and take it back: what only the module's rules find is found, too."""
    report.dry_run = True
    savepoint = db.session.begin_nested()
    try:
        # As if errors were skipped, so that all of them are found at once.
        may_change = can(plan.resource.permission("edit"))
        Publisher(plan, rows, report, skip_errors=True, may_change=may_change).publish()
    finally:
        savepoint.rollback()


def _kept(report: Report) -> Report:
    return replace(report, errors=report.errors[:MOST_KEPT], near=report.near[:MOST_KEPT])
