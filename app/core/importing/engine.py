"""The two steps of an import, for command line and worker alike: check a file row by row, publish what was checked."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace

from flask import g
from sqlalchemy import delete
from sqlalchemy.orm import Session as DbSession

from app.core.db import db
from app.core.fields import Reading
from app.core.importing import staging
from app.core.importing.checking import Checker, GoodRow
from app.core.importing.effects import Effects
from app.core.importing.files import FileTable
from app.core.importing.mapping import Column, Plan, described
from app.core.importing.models import CHECKED, CHECKING, DONE, PUBLISHING, ImportBatch
from app.core.importing.publishing import Publisher
from app.core.importing.report import Report

MOST_KEPT = 1000  # guesses and unknown names that a batch remembers; errors have a table of their own

Progress = Callable[[int], None]


def nobody_looks(_rows: int) -> None:
    """Progress that is told to nobody."""


def as_file(column: Column) -> Reading:
    """How a mapped file is read: neutral, with the date format of the column."""
    return Reading(date_format=column.date_format, currency=g.company.currency)


def rehearse(plan: Plan, table: FileTable) -> Report:
    """What would come of a file: everything is done and taken back. Writes nothing."""
    checker = Checker(plan, table, as_file)
    rows = list(checker.good_rows())
    _rehearse(plan, rows, checker.report, nobody_looks)
    return checker.report


def bring_in(
    plan: Plan, table: FileTable, file_name: str, *, skip_errors: bool = False, progress: Progress = nobody_looks
) -> Report:
    """Check, stage and publish a file at once: all of it, or with `skip_errors` what is good. Commits.

    The report names the batch, by which it can be taken back.
    """
    batch_id, run = staging.begin(plan.resource.key, file_name, table.digest)
    staging.advance(batch_id, run, CHECKING, plan=described(plan), profile={"headings": table.headings})
    report = check(plan, table, batch_id, run, progress)
    if report.errors and not skip_errors:
        discard(batch_id)
        return report
    staging.advance(batch_id, run, CHECKING, state=PUBLISHING)
    db.session.commit()
    report = publish(plan, batch_id, run, report, skip_errors=skip_errors)
    if not report.imported:
        discard(batch_id)
    return report


def check(plan: Plan, table: FileTable, batch_id: int, run: str, progress: Progress = nobody_looks) -> Report:
    """Check a file and stage its good rows and its errors, a committed chunk at a time; no transaction is open between.

    The batch must be in state `checking` for this run. Raises `Overtaken` as soon as it is not.
    """
    checker = Checker(plan, table, as_file)
    report = checker.report
    report.batch = batch_id
    fields = list(dict.fromkeys(column.name for column in plan.columns))
    staging.clear(batch_id)
    staging.advance(batch_id, run, CHECKING, rows=len(table.rows), done=0)
    db.session.commit()
    for good, wrong, read in checker.chunks():
        report.errors += wrong
        staging.keep(batch_id, fields, good, wrong)
        staging.advance(batch_id, run, CHECKING, done=read)
        db.session.commit()
        progress(read)
    return report


def check_and_rehearse(plan: Plan, table: FileTable, batch_id: int, run: str) -> Report:
    """As `check`, and then publish in a savepoint that is taken back: what only the module's rules find is found, too.
    The batch is checked then. Commits."""
    report = check(plan, table, batch_id, run)
    known = {id(error) for error in report.errors}
    rows = staging.staged(batch_id)
    _rehearse(plan, rows, report, teller(batch_id, run, CHECKING))
    staging.keep_faults(batch_id, [e for e in report.errors if id(e) not in known])
    staging.advance(batch_id, run, CHECKING, state=CHECKED, report=kept(report))
    db.session.commit()
    return report


def publish(
    plan: Plan, batch_id: int, run: str, report: Report, *, skip_errors: bool = False, progress: Progress = nobody_looks
) -> Report:
    """Publish a checked batch in one transaction and commit. When rows are refused nothing is in, and the report says
    why.

    The batch must be in state `publishing` for this run. Raises `Overtaken` when it was published or cancelled meanwhile.
    """
    g.request_id = f"import-{batch_id}"
    report = replace(
        report, batch=batch_id, created=0, updated=0, unchanged=0, skipped=0, made=[], warnings=[], dry_run=False
    )
    rows = staging.staged(batch_id)
    effects = Effects(batch_id)
    known = {id(error) for error in report.errors}
    Publisher(
        plan,
        rows,
        report,
        skip_errors=skip_errors,
        effects=effects,
        progress=progress,
    ).publish()
    new = [error for error in report.errors if id(error) not in known]
    if new and not skip_errors:
        db.session.rollback()
        return replace(report, created=0, updated=0, unchanged=0, skipped=0, made=[], batch=0)
    report.imported = True
    staging.keep_faults(batch_id, new)
    staging.clear(batch_id, faults=False)
    staging.advance(batch_id, run, PUBLISHING, state=DONE, done=len(rows), report=kept(report))
    db.session.commit()
    return report


def teller(batch_id: int, run: str, state: str) -> Progress:
    """Says how far a long transaction is, in a short one of its own, and looks whether it was cancelled.

    Raises `Overtaken`. On SQLite, whose only writer the long one is, nothing can be said until it ends.
    """
    if db.session.get_bind().dialect.name != "postgresql":
        return nobody_looks

    def tell(rows: int) -> None:
        with DbSession(db.engine) as session, session.begin():
            staging.advance(batch_id, run, state, done=rows, session=session)

    return tell


def discard(batch_id: int) -> None:
    """Remove a batch with its rows. Commits."""
    db.session.execute(delete(ImportBatch).where(ImportBatch.id == batch_id), execution_options=staging.QUICK)
    db.session.commit()


def _rehearse(plan: Plan, rows: list[GoodRow], report: Report, progress: Progress) -> None:
    """Publish inside a savepoint and take it back: what only the module's rules find is found, too."""
    report.dry_run = True
    savepoint = db.session.begin_nested()
    try:
        # As if errors were skipped, so that all of them are found at once.
        Publisher(plan, rows, report, skip_errors=True, progress=progress).publish()
    finally:
        savepoint.rollback()
        db.session.expire_all()


def kept(report: Report) -> dict:
    """A report as its batch keeps it."""
    return replace(report, errors=[], near=report.near[:MOST_KEPT], unknown=report.unknown[:MOST_KEPT]).plain()
