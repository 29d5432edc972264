"""The jobs that check and publish files, and what a person does to start and stop them.

Every job carries the run that it was started for. A job that is done twice, or that another one overtook, finds another
run or another state in its batch and leaves it alone; one that was killed begins anew, for what it had not committed is
not there and what it had is thrown away.
"""

from __future__ import annotations

from collections.abc import Callable

import structlog
from flask import g
from sqlalchemy import case, select, update
from sqlalchemy.exc import OperationalError

from app.core.access import acting_as, can
from app.core.changelog import actor_id
from app.core.db import db, utcnow
from app.core.errors import BusinessError, Conflict, Forbidden, Refusal
from app.core.i18n import _, _n
from app.core.importing import engine, staging
from app.core.importing.models import (
    BUSY,
    CANCELLED,
    CHECKED,
    CHECKING,
    DONE,
    FAILED,
    PUBLISHING,
    REVERTED,
    REVERTING,
    UPLOADED,
    ImportBatch,
)
from app.core.importing.report import Report
from app.core.importing.staging import Overtaken
from app.core.importing.uploads import OPEN, new_run, plan_of, resource_of, step, table_of
from app.core.jobs import core_job, enqueue
from app.core.models import Membership, User
from app.core.tenancy import acting_for

log = structlog.get_logger("import")
MOST_TRIES = 5  # workers that may die over one batch
AFTER = {CHECKING: CANCELLED, PUBLISHING: CANCELLED, REVERTING: DONE}  # what a batch is when its job was cancelled

Work = Callable[[ImportBatch, str], None]


# What a person does


def start_check(batch: ImportBatch) -> None:
    """Have a file checked by its mapping. Commits. Raises `BusinessError` for a mapping that cannot be meant and
    `Conflict` when the batch is past that."""
    plan_of(batch)
    _start(batch, OPEN, CHECKING, "core.import_check", report={})


def start_publish(batch: ImportBatch, skip_errors: bool = False) -> None:
    """Have the rows of a checked file imported: all of them, or with `skip_errors` the good ones. Commits.

    Raises `BusinessError` when rows have errors, or none is good, and `Conflict` when the batch is not checked.
    """
    report = Report.read(batch.report)
    if batch.state == CHECKED and not report.ok:
        raise BusinessError(_("No row of this file can be imported."))
    if batch.state == CHECKED and report.ok < report.rows and not skip_errors:
        bad = report.rows - report.ok
        raise BusinessError(_n("%(num)d row has errors.", "%(num)d rows have errors.", bad), field="skip_errors")
    _start(batch, (CHECKED,), PUBLISHING, "core.import_publish", skip_errors=skip_errors)


def start_revert(batch: ImportBatch, include_edited: bool = False) -> None:
    """Have an import taken back; rows that were edited since are left alone unless `include_edited`. Commits.

    What was left the first time can be taken back afterwards. Raises `Conflict` when nothing is in.
    """
    _start(batch, (DONE, REVERTED) if include_edited else (DONE,), REVERTING, "core.import_revert", include_edited=include_edited)


def cancel(batch: ImportBatch) -> None:
    """Give a batch up: a check stops after its present chunk, an import or its way back as soon as it notices, with
    nothing done. Commits. Raises `Conflict` when the batch is over."""
    db.session.refresh(batch)
    if batch.state in (PUBLISHING, REVERTING):
        step(batch, (PUBLISHING, REVERTING), cancel=True)
        return
    staging.clear(batch.id)
    step(batch, (UPLOADED, CHECKED, CHECKING, FAILED), state=CANCELLED, run="", report={}, error="")


def _start(batch: ImportBatch, before: tuple[str, ...], state: str, job: str, report: dict | None = None, **told: bool) -> None:
    run = new_run()
    values = {} if report is None else {"report": report}
    payload = {"company_id": g.company_id, "member_id": actor_id(), "batch_id": batch.id, "run": run, **told}
    enqueue(job, payload, key=f"import-{run}")
    step(batch, before, state=state, run=run, tries=0, done=0, error="", cancel=False, **values)


# What the worker does


@core_job("core.import_check")
def import_check(company_id: int, member_id: int | None, batch_id: int, run: str) -> None:
    """Check a file row by row, stage the good ones, and find out what would come of them."""

    def work(batch: ImportBatch, run: str) -> None:
        plan, table = plan_of(batch), table_of(batch)
        db.session.commit()
        engine.check_and_rehearse(plan, table, batch.id, run)

    perform(work, CHECKING, company_id, member_id, batch_id, run)


@core_job("core.import_publish")
def import_publish(company_id: int, member_id: int | None, batch_id: int, run: str, skip_errors: bool = False) -> None:
    """Publish the checked rows of a batch in one transaction; where some are refused now, the batch is checked anew."""

    def work(batch: ImportBatch, run: str) -> None:
        tell = engine.teller(batch.id, run, PUBLISHING)
        plan, report = plan_of(batch), Report.read(batch.report)
        done = engine.publish(plan, batch.id, run, report, skip_errors=skip_errors, progress=tell)
        if not done.imported:
            staging.keep_faults(batch.id, done.errors)
            told = {"report": engine.kept(done), "error": _("Something has changed since the check. Nothing was imported.")}
            staging.advance(batch.id, run, PUBLISHING, state=CHECKED, **told)

    perform(work, PUBLISHING, company_id, member_id, batch_id, run)


def perform(work: Work, state: str, company_id: int, member_id: int | None, batch_id: int, run: str) -> None:
    """Do a job for a person, if its batch still waits for it; what goes wrong is told in the batch, as a sentence."""
    try:
        acting = acting_for(company_id) if member_id is None else acting_as(company_id, member_id)
        with acting:
            batch = _take(state, batch_id, run)
            if batch is None:
                return
            if not can(resource_of(batch).permission("import")):
                raise Forbidden(_("You may no longer import here."))
            work(batch, run)
    except Overtaken:
        _settle(company_id, member_id, batch_id, run, state)
    except OperationalError:
        raise  # the database is away or busy: the worker tries again later
    except Refusal as refusal:
        _fail(company_id, member_id, batch_id, run, refusal.message)
    except Exception as error:
        log.exception("import_failed", batch=batch_id, state=state, exc_info=error)
        _fail(company_id, member_id, batch_id, run)


def _take(state: str, batch_id: int, run: str) -> ImportBatch | None:
    """The batch of a job that has begun, None when it is not waiting for it any more. Raises when it was tried too often."""
    staging.advance(batch_id, run, state, tries=ImportBatch.tries + 1)
    db.session.commit()
    batch = db.session.scalar(select(ImportBatch).where(ImportBatch.id == batch_id))
    if batch is not None and batch.tries > MOST_TRIES:
        raise Conflict(_("The worker died over this file again and again. Nothing was changed."))
    return batch


def _settle(company_id: int, member_id: int | None, batch_id: int, run: str, state: str) -> None:
    """Note that a job was cancelled, unless its batch is somebody else's by now."""
    with acting_for(company_id, member_id):
        mine = (ImportBatch.id == batch_id, ImportBatch.run == run, ImportBatch.state == state, ImportBatch.cancel)
        values = {"state": AFTER[state], "cancel": False, "run": "", "done": 0, "touched_at": utcnow()}
        changed = db.session.execute(update(ImportBatch).where(*mine).values(**values), execution_options=staging.QUICK)
        if changed.rowcount and AFTER[state] == CANCELLED:  # type: ignore[attr-defined]  # CursorResult
            staging.clear(batch_id)


def _fail(company_id: int, member_id: int | None, batch_id: int, run: str, message: str = "") -> None:
    """Say in a batch why its job did not get through."""
    with acting_for(company_id, member_id):
        user = select(User.language).join(Membership, Membership.user_id == User.id).where(Membership.id == member_id)
        g.language = db.session.scalar(user) or g.company.language
        told = message or _("Something went wrong on our side. Nothing was changed; we have a record of the error.")
        mine = (ImportBatch.id == batch_id, ImportBatch.run == run, ImportBatch.state.in_(BUSY))
        state = case((ImportBatch.state == REVERTING, DONE), else_=FAILED)
        values = {"state": state, "error": told, "run": "", "cancel": False, "touched_at": utcnow()}
        db.session.execute(update(ImportBatch).where(*mine).values(**values), execution_options=staging.QUICK)
