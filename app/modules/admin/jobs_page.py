"""The company's jobs: what runs, waits, failed and was done; trying again and letting go."""

from __future__ import annotations

import re
from collections.abc import Sequence
from datetime import timedelta
from typing import Any

from flask import g, url_for
from sqlalchemy import func, select, update
from sqlalchemy.engine import CursorResult

from app.core.db import db, utcnow
from app.core.errors import NotFound
from app.core.formats import ago, moment, number
from app.core.i18n import _, _l
from app.core.ids import whole
from app.core.models import Heartbeat, Job
from app.core.registry import registry

PAGE = 50
DEAD, WAITING, RUNNING, DONE = "dead", "ready", "running", "done"
STATES = {DEAD: _l("Failed"), RUNNING: _l("Running"), WAITING: _l("Waiting"), DONE: _l("Finished")}
LOST = timedelta(minutes=2)  # as /readyz
NAMES = {
    "core.mail": _l("Send a mail"),
    "core.import_check": _l("Check a file"),
    "core.import_publish": _l("Bring a file in"),
    "core.import_revert": _l("Take an import back"),
}
# What a database or a mail server repeats in its message, and could be a name, a link or a token.
TOLD = re.compile(r"\[parameters:.*|\[SQL:.*", re.DOTALL)
ADDRESS = re.compile(r"\b[a-z][a-z0-9+]*://\S+", re.IGNORECASE)


def mine() -> Any:
    """Criterion: jobs of this company. Their table lies outside the walls, for the worker takes jobs of all."""
    return Job.company_id == g.company_id


def page(state: str, before: str) -> tuple[list[dict[str, Any]], int | None]:
    """Jobs of a state, newest first, and the id to go on from; None at the end. Their payload is never read."""
    columns = (Job.id, Job.name, Job.state, Job.attempts, Job.max_attempts, Job.run_at, Job.created_at, Job.done_at, Job.error)
    rows = select(*columns).where(mine(), Job.state == state)
    if (last := whole(before)) is not None:
        rows = rows.where(Job.id < last)
    found = list(db.session.execute(rows.order_by(Job.id.desc()).limit(PAGE + 1)))
    return [_shown(row) for row in found[:PAGE]], found[PAGE - 1].id if len(found) > PAGE else None


def one(job: str) -> dict[str, Any]:
    """A failed job of the company. Raises `NotFound`."""
    found = select(Job.id, Job.name, Job.state, Job.attempts, Job.max_attempts, Job.run_at, Job.created_at, Job.done_at, Job.error)
    row = db.session.execute(found.where(mine(), Job.state == DEAD, Job.id == whole(job))).one_or_none()
    if row is None:
        raise NotFound(_("This job is no longer there, or it has been tried again."))
    return _shown(row)


def _shown(row: Any) -> dict[str, Any]:
    error = readable(row.error or "")
    return {
        "id": row.id,
        "name": label(row.name),
        "created": moment(row.created_at),
        "next": moment(row.run_at) if row.state == WAITING and row.attempts else "",
        "done": moment(row.done_at),
        "discarded": row.state == DONE and bool(row.error),
        "attempts": _("%(done)s of %(most)s", done=number(row.attempts), most=number(row.max_attempts)),
        "first_line": error.partition("\n")[0][:160],
        "error": error,
    }


def label(name: str) -> str:
    """What a job does, as people say it; of a module's job its module and name."""
    if name in NAMES:
        return str(NAMES[name])
    module, _dot, job = name.partition(".")
    owner = str(registry.modules[module].manifest.label) if module in registry.modules else module
    return f"{owner}: {job.replace('_', ' ')}"


def readable(error: str) -> str:
    """An error without the values and addresses that it repeats."""
    return ADDRESS.sub("…", TOLD.sub("", error)).strip()


def counts() -> dict[str, int]:
    """State -> how many jobs."""
    rows = db.session.execute(select(Job.state, func.count()).where(mine()).group_by(Job.state))
    return {row[0]: row[1] for row in rows}


def tabs(chosen: str) -> list[dict[str, Any]]:
    """The states, with how many jobs there are of each; done ones are not counted for anybody."""
    found = counts()
    return [
        {"label": label, "url": url_for("admin.jobs_page", state=None if state == DEAD else state), "current": state == chosen,
         "count": number(found.get(state, 0)) if state != DONE else None}
        for state, label in STATES.items()
    ]  # fmt: skip


def worker() -> dict[str, Any]:
    """When a worker was seen last, and whether that is too long ago."""
    seen = db.session.scalar(select(Heartbeat.at).filter_by(name="worker"))
    return {"seen": ago(seen), "lost": seen is None or utcnow() - seen > LOST}


def retry(job: str | None) -> int:
    """Have a failed job tried again now, with all its attempts; all failed ones for None. Returns how many."""
    return _change(job, {"state": WAITING, "attempts": 0, "run_at": utcnow(), "leased_until": None})


def discard(job: str) -> None:
    """Let a failed job go: it is not tried again, what it was to do is forgotten. Raises `NotFound`."""
    if not _change(job, {"state": DONE, "done_at": utcnow(), "payload": {}}):
        raise NotFound(_("This job is no longer there, or it has been tried again."))


def _change(job: str | None, values: dict[str, Any]) -> int:
    chosen: Sequence[Any] = () if job is None else (Job.id == whole(job),)
    changed = update(Job).where(mine(), Job.state == DEAD, *chosen).values(**values)
    result: CursorResult = db.session.execute(changed, execution_options={"synchronize_session": False})  # type: ignore[assignment]  # of an update
    return result.rowcount
