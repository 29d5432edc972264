"""The process that does the jobs: any number of them on one database, each job by one of them."""

from __future__ import annotations

import signal
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from datetime import timedelta

import structlog
from flask import Flask, current_app, g
from sqlalchemy import delete, or_, select
from sqlalchemy.exc import OperationalError

from app.core import login_guard
from app.core.db import db, utcnow
from app.core.hooks import Schedule
from app.core.jobs import (
    CORE_JOBS,
    Claim,
    claim,
    core_job,
    enqueue,
    fail,
    finish,
    forget_done,
    handler_of,
    renew,
)
from app.core.lifecycle import enabled_modules
from app.core.models import Company, Heartbeat, Session, Token
from app.core.registry import registry
from app.core.tenancy import acting_for

log = structlog.get_logger("worker")

PAUSE = 1.0  # seconds between looks while nothing is due
PULSE = 10.0  # seconds between heartbeats; `/readyz` calls a worker lost after a few of them
KEPT = timedelta(days=30)

Started = dict[tuple[int | None, str], int]  # company and job -> the turn it was last started for


def run(app: Flask, stop: threading.Event | None = None) -> None:
    """Do jobs until SIGTERM or SIGINT (or `stop`); the job in hand is finished first."""
    stop = stop or threading.Event()
    if threading.current_thread() is threading.main_thread():
        for number in (signal.SIGTERM, signal.SIGINT):
            signal.signal(number, lambda *_: stop.set())
    log.info("worker_started")
    started: Started = {}
    with _pulse(app, beat, at_once=True):
        while not stop.is_set():
            try:
                start_due(app, started)
                if not run_one(app):
                    stop.wait(PAUSE)
            except OperationalError as error:
                # The database is away or busy: jobs and leases are in it, so waiting loses nothing.
                log.warning("database_unavailable", error=str(error.orig))
                stop.wait(PULSE)
    log.info("worker_stopped")


def run_pending(app: Flask, most: int = 1000) -> int:
    """Do what is due now and return how many jobs were tried; for tests and for `make run`'s demo data."""
    done = 0
    while done < most and run_one(app):
        done += 1
    return done


def run_one(app: Flask) -> bool:
    """Take one job and do it; False when none was due."""
    with app.app_context():
        job = claim()
    if job is None:
        return False
    if job.attempt > job.max_attempts:
        _failed(app, job, "every worker that took this job died", final=True)
        return True
    try:
        with _pulse(app, lambda: renew(job)):
            known = _do(app, job)
    except Exception as error:  # a job may fail in any way; it is stored, logged and tried again
        log.exception("job_failed", job=job.id, name=job.name, attempt=job.attempt)
        _failed(app, job, f"{type(error).__name__}: {error}")
        return True
    if not known:
        _failed(app, job, "the module of this job is off for the company", final=True)
    return True


def start_due(app: Flask, started: Started) -> None:
    """Enqueue the scheduled jobs whose time has come.

    The key names the turn, so of several workers one enqueues it; `started` only spares the question. A turn
    missed while no worker ran is made up for once, not once per turn.
    """
    minute = int(utcnow().timestamp() // 60)
    with app.app_context():
        _start(started, None, [Schedule(job="core.sweep", every_minutes=24 * 60)], minute)
        schedules = [s for m in registry.modules.values() for s in m.hooks.schedules]
        companies = _all_companies() if schedules else []
        for company_id in companies:
            if any(started.get((company_id, s.job)) != minute // s.every_minutes for s in schedules):
                with acting_for(company_id):
                    on = [s for m in enabled_modules() for s in m.hooks.schedules]
                    _start(started, company_id, on, minute)
                started.update({(company_id, s.job): minute // s.every_minutes for s in schedules})


def _start(started: Started, company_id: int | None, schedules: list[Schedule], minute: int) -> None:
    for schedule in schedules:
        turn = minute // schedule.every_minutes
        if started.get((company_id, schedule.job)) != turn:
            enqueue(schedule.job, key=f"{schedule.job}:{company_id or ''}:{turn}")
            db.session.commit()
            started[company_id, schedule.job] = turn


def _all_companies() -> list[int]:
    with current_app._get_current_object().app_context():  # type: ignore[attr-defined]  # LocalProxy API
        g.read_only = True
        return list(db.session.scalars(select(Company.id)))


@core_job("core.sweep")
def sweep() -> None:
    """Delete what no longer says anything after 30 days: done jobs, ended sessions and tokens, old log-in failures."""
    before = utcnow() - KEPT
    forget_done(before)
    login_guard.forget_old(before)
    db.session.execute(delete(Session).where(Session.expires_at < before))
    db.session.execute(delete(Token).where(or_(Token.expires_at < before, Token.revoked_at < before)))


def beat() -> None:
    """Say that a worker is alive."""
    db.session.merge(Heartbeat(name="worker", at=utcnow()))
    db.session.commit()


def _do(app: Flask, job: Claim) -> bool:
    """Run a job's handler and mark it done, in one transaction; False when nobody handles it here."""
    with app.app_context():
        if job.name in CORE_JOBS or job.company_id is None:
            handler = CORE_JOBS.get(job.name)
            if handler is not None:
                handler(**job.payload)
                finish(job)
                db.session.commit()
            return handler is not None
        with acting_for(job.company_id):
            handler = handler_of(job.name)
            if handler is not None:
                handler(**job.payload)
                finish(job)
            return handler is not None


def _failed(app: Flask, job: Claim, error: str, final: bool = False) -> None:
    with app.app_context():
        if fail(job, error, final=final):
            log.error("job_dead", job=job.id, name=job.name, error=error)


@contextmanager
def _pulse(app: Flask, act: Callable[[], None], at_once: bool = False) -> Iterator[None]:
    """Repeat something in a thread of its own while the body runs: heartbeats, leases."""
    over = threading.Event()

    def repeat() -> None:
        pause = 0.0 if at_once else PULSE
        while not over.wait(pause):
            pause = PULSE
            try:
                with app.app_context():
                    act()
            except OperationalError as error:
                log.warning("pulse_missed", error=str(error.orig))

    thread = threading.Thread(target=repeat, daemon=True)
    thread.start()
    try:
        yield
    finally:
        over.set()
        thread.join()
