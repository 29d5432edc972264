"""One file from its first byte to its report: check, stage, publish. For command line and browser alike."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace

from flask import g
from sqlalchemy import delete

from app.core.access import can
from app.core.db import db
from app.core.fields import Reading
from app.core.importing import staging
from app.core.importing.checking import Checker, GoodRow
from app.core.importing.files import FileTable
from app.core.importing.mapping import Column, Plan
from app.core.importing.models import ImportBatch
from app.core.importing.publishing import Publisher
from app.core.importing.report import Report

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
    batch = _stage(checker, file_name, progress)
    report = checker.report
    if report.errors and not skip_errors:
        discard(batch)
        return report
    return publish(plan, batch, report, skip_errors=skip_errors)


def check(plan: Plan, table: FileTable, file_name: str, reading: Callable[[Column], Reading]) -> tuple[ImportBatch, Report]:
    """Check and stage a file for a person who then decides; the report says what would come of it. Commits."""
    checker = Checker(plan, table, reading)
    batch = _stage(checker, file_name, lambda _rows: None)
    report = checker.report
    _rehearse(plan, staging.staged(batch.id), report)
    if report.errors:
        discard(batch)
    return batch, report


def publish(plan: Plan, batch: ImportBatch, report: Report, *, skip_errors: bool = False) -> Report:
    """Publish a checked batch in one transaction and commit; when rows are refused, nothing is in and the batch is gone.

    Raises `Conflict` when the batch was published or replaced in the meantime.
    """
    batch_id = batch.id
    g.request_id = f"import-{batch_id}"
    report = replace(report, created=0, updated=0, unchanged=0, skipped=0, made=[], warnings=[], dry_run=False)
    Publisher(
        plan, staging.staged(batch_id), report, skip_errors=skip_errors, may_change=can(plan.resource.permission("edit"))
    ).publish()
    if report.errors and not skip_errors:
        db.session.rollback()
        discard(batch)
        return replace(report, created=0, updated=0, unchanged=0, skipped=0, made=[])
    report.imported = True
    staging.take(batch_id, _kept(report).plain())
    db.session.commit()
    return report


def discard(batch: ImportBatch) -> None:
    """Remove a batch with its rows. Commits."""
    db.session.execute(
        delete(ImportBatch).where(ImportBatch.id == batch.id), execution_options={"synchronize_session": False}
    )
    db.session.commit()


def _stage(checker: Checker, file_name: str, progress: Callable[[int], None]) -> ImportBatch:
    batch = staging.begin(checker.plan.resource.key, file_name, checker.table.digest)
    for rows in staging.stage(batch, checker.good_rows()):
        progress(rows)
    plan = checker.plan
    kept = {
        "columns": [(column.name, column.heading) for column in plan.columns],
        "match_key": plan.match_key,
        "on_match": plan.on_match,
    }
    staging.finish(batch, _kept(checker.report).plain(), kept)
    db.session.commit()
    return batch


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
