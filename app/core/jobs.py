"""Work to be done later: rows written in the transaction that wants it, taken by the worker.

What rolled back was never started; what committed is run at least once. A job that runs holds a lease: when its
worker dies, the lease runs out and another takes the job. The mark "done" is written in the job's own transaction, so
its effects on the database happen exactly once; effects outside (mail) carry an idempotency key.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

from flask import current_app, g
from sqlalchemy import delete, or_, select, update
from sqlalchemy.dialects import postgresql, sqlite
from sqlalchemy.engine import CursorResult
from sqlalchemy.orm import Session as DbSession

from app.core.db import db, utcnow
from app.core.lifecycle import enabled_modules
from app.core.models import Job
from app.core.registry import registry

Handler = Callable[..., None]
LEASE = timedelta(minutes=5)
FIRST_PAUSE = timedelta(seconds=30)
LONGEST_PAUSE = timedelta(hours=6)
LONGEST_ERROR = 2000

# Jobs of the core itself; they run outside any company.
CORE_JOBS: dict[str, Handler] = {}


class LeaseLost(RuntimeError):
    """The job took longer than its lease and another worker has it; this one's effects are rolled back."""


@dataclass(frozen=True)
class Claim:
    """A job taken by this worker: `attempt` tells this lease from later ones."""

    id: int
    name: str
    company_id: int | None
    payload: dict[str, Any]
    attempt: int
    max_attempts: int


def core_job(name: str) -> Callable[[Handler], Handler]:
    """Declare a function of the core as a job."""

    def register(handler: Handler) -> Handler:
        CORE_JOBS[name] = handler
        return handler

    return register


def enqueue(
    name: str,
    payload: Mapping[str, Any] | None = None,
    *,
    run_at: datetime | None = None,
    key: str | None = None,
) -> bool:
    """Have a job done after this transaction has committed; `payload` becomes the handler's keyword arguments.

    `run_at` is the earliest instant. Of several with the same `key` only the first is kept: False for the others.
    Raises `LookupError` when no installed module declares the job.
    """
    return enqueue_all(name, [(payload or {}, key)], run_at=run_at) == 1


def enqueue_all(name: str, wanted: Sequence[tuple[Mapping[str, Any], str | None]], *, run_at: datetime | None = None) -> int:
    """The same for many payloads, each with its key or None, in a statement for thousands; says how many were kept."""
    if name not in CORE_JOBS and not any(name in m.hooks.jobs for m in registry.modules.values()):
        raise LookupError(f"undeclared job {name}")
    make = postgresql.insert if db.session.get_bind().dialect.name == "postgresql" else sqlite.insert
    line = {"name": name, "company_id": g.get("company_id"), "run_at": run_at or utcnow()}
    rows = [{**line, "payload": dict(payload), "idempotency_key": key} for payload, key in wanted]
    table = Job.__table__
    written = db.session.execute(make(table).on_conflict_do_nothing().returning(table.c.id), rows)
    return len(written.all())


def claim() -> Claim | None:
    """Take the job that has waited longest, for `LEASE`; None when nothing is due.

    A plain SELECT looks first, so an idle worker never asks for SQLite's writer. Taking it is one statement.
    """
    now = utcnow()
    due = or_(
        (Job.state == "ready") & (Job.run_at <= now), (Job.state == "running") & (Job.leased_until < now)
    )
    if not _any(due):
        return None
    first = select(Job.id).where(due).order_by(Job.run_at, Job.id).limit(1).with_for_update(skip_locked=True)
    take = (
        update(Job)
        .where(Job.id == first.scalar_subquery())
        .values(state="running", attempts=Job.attempts + 1, leased_until=now + LEASE)
        .returning(Job.id, Job.name, Job.company_id, Job.payload, Job.attempts, Job.max_attempts)
        .execution_options(synchronize_session=False)
    )
    with DbSession(db.engine) as session, session.begin():
        row = session.execute(take).one_or_none()
    return Claim(*row) if row else None


def finish(job: Claim) -> None:
    """Mark a job as done in its own transaction, and drop its payload, which may hold names and links.

    Raises `LeaseLost` when another worker has taken it meanwhile.
    """
    done = {"state": "done", "done_at": utcnow(), "leased_until": None, "payload": {}, "error": None}
    if not _set(db.session(), job, done):
        raise LeaseLost(f"job {job.id} {job.name}")


def fail(job: Claim, error: str, *, final: bool = False) -> bool:
    """Note why a job failed and when it is tried again; after the last attempt it is dead. True when it is dead."""
    dead = final or job.attempt >= job.max_attempts
    pause = min(LONGEST_PAUSE, FIRST_PAUSE * 2 ** (job.attempt - 1))
    values = {
        "state": "dead" if dead else "ready",
        "run_at": utcnow() + pause,
        "leased_until": None,
        "error": error[:LONGEST_ERROR],
    }
    with DbSession(db.engine) as session, session.begin():
        _set(session, job, values)
    return dead


def renew(job: Claim) -> None:
    """Prolong the lease of a job that is still running."""
    with DbSession(db.engine) as session, session.begin():
        _set(session, job, {"leased_until": utcnow() + LEASE})


def forget_done(before: datetime) -> None:
    """Delete jobs that were done before an instant; dead ones stay until somebody has looked."""
    db.session.execute(delete(Job).where(Job.state == "done", Job.done_at < before))


def handler_of(name: str) -> Handler | None:
    """The function of a job; of modules only those that are on for the current company."""
    if name in CORE_JOBS:
        return CORE_JOBS[name]
    return next((m.hooks.jobs[name] for m in enabled_modules() if name in m.hooks.jobs), None)


def _any(due: Any) -> bool:
    with current_app._get_current_object().app_context():  # type: ignore[attr-defined]  # LocalProxy API
        g.read_only = True
        return db.session.scalar(select(Job.id).where(due).limit(1)) is not None


def _set(session: DbSession, job: Claim, values: dict[str, Any]) -> bool:
    """Change a job only while this lease of it holds."""
    held = update(Job).where(Job.id == job.id, Job.state == "running", Job.attempts == job.attempt)
    result: CursorResult = session.execute(held.values(**values).execution_options(synchronize_session=False))  # type: ignore[assignment]
    return result.rowcount == 1
