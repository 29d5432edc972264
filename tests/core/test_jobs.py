"""Jobs: enqueued with the transaction, done once, tried again, given up in the end."""

import signal
import subprocess
import sys
import threading
import time
from concurrent.futures import ThreadPoolExecutor
from datetime import timedelta
from pathlib import Path

import pytest
import time_machine
from sqlalchemy import func, select, update

from app.core import jobs, lifecycle, worker
from app.core.db import db, utcnow
from app.core.jobs import enqueue
from app.core.models import Company, Heartbeat, Job, Team
from app.core.tenancy import acting_for
from tests.application import EXTRA_MODULES, build_app
from tests.conftest import Office
from tests.core.jobbing import hooks as jobbing

MODULE = "tests.core.jobbing"


@pytest.fixture
def app(database, tmp_path):
    app = build_app(tmp_path / "var", database.url, database.owner_url, modules=[*EXTRA_MODULES, MODULE])
    jobbing.ATTEMPTS.clear()
    jobbing.SEEN.clear()
    with app.app_context():
        ids = db.session.scalars(select(Company.id)).all()
        db.session.commit()
        for company_id in ids:
            with acting_for(company_id):
                lifecycle.enable("jobbing")
        db.session.remove()
    yield app
    with app.app_context():
        db.session.remove()
        db.engine.dispose()


def all_jobs(app):
    with app.app_context():
        return db.session.scalars(select(Job).order_by(Job.id)).all()


def only_job(app):
    (job,) = all_jobs(app)
    return job


def teams(office: Office, name):
    with office as session:
        return session.scalar(select(func.count(Team.id)).where(Team.name == name))


def test_what_committed_is_done_in_its_company(app, one, two):
    with one:
        enqueue("jobbing.note", {"name": "Done"})
    assert worker.run_pending(app) == 1
    assert (teams(one, "Done"), teams(two, "Done")) == (1, 0)
    job = only_job(app)
    assert (job.state, job.attempts, job.payload, job.company_id) == ("done", 1, {}, one.id)


def test_what_rolled_back_was_never_started(app, one):
    with one as session:
        enqueue("jobbing.note", {"name": "Never"})
        session.rollback()
    assert worker.run_pending(app) == 0
    assert all_jobs(app) == []


def test_a_job_nobody_declares_is_refused_at_once(one):
    with one, pytest.raises(LookupError, match=r"jobbing\.nonsense"):
        enqueue("jobbing.nonsense")


def test_a_job_waits_for_its_time(app, one):
    with one:
        enqueue("jobbing.note", {"name": "Later"}, run_at=utcnow() + timedelta(hours=1))
    assert worker.run_pending(app) == 0
    with time_machine.travel(utcnow() + timedelta(minutes=61)):
        assert worker.run_pending(app) == 1


def test_of_two_jobs_with_one_key_only_the_first_is_done(app, one):
    with one:
        assert enqueue("jobbing.note", {"name": "First"}, key="same")
        assert not enqueue("jobbing.note", {"name": "Second"}, key="same")
    assert worker.run_pending(app) == 1
    with one:
        assert not enqueue("jobbing.note", {"name": "Third"}, key="same")
    assert worker.run_pending(app) == 0


def test_a_failed_job_leaves_nothing_and_is_tried_again_later_and_later(app, one):
    with one:
        enqueue("jobbing.fail_after", {"name": "Stubborn", "times": 2})
    pauses = []
    with time_machine.travel(utcnow(), tick=False) as clock:
        for _attempt in range(2):
            assert worker.run_pending(app) == 1
            job = only_job(app)
            assert (job.state, "broke" in job.error) == ("ready", True)
            assert teams(one, "Stubborn") == 0
            assert worker.run_pending(app) == 0
            pauses.append((job.run_at - utcnow()).total_seconds())
            clock.move_to(job.run_at)
        assert worker.run_pending(app) == 1
    assert pauses == [30, 60]
    assert teams(one, "Stubborn") == 1
    assert (only_job(app).state, only_job(app).error) == ("done", None)


def test_after_the_last_attempt_a_job_is_dead_and_says_why(app, one):
    with one:
        enqueue("jobbing.fail_after", {"name": "Hopeless", "times": 99})
    with time_machine.travel(utcnow(), tick=False) as clock:
        for _attempt in range(20):
            worker.run_pending(app)
            clock.shift(timedelta(hours=7))
    job = only_job(app)
    assert (job.state, job.attempts) == ("dead", 8)
    assert job.error == "ValueError: attempt 8 broke"
    assert job.payload == {"name": "Hopeless", "times": 99}
    assert len(jobbing.ATTEMPTS) == 8


def test_the_job_of_a_dead_worker_is_taken_over_when_its_lease_ends(app, one):
    with one:
        enqueue("jobbing.note", {"name": "Orphan"})
    with time_machine.travel(utcnow(), tick=False) as clock:
        with app.app_context():
            assert jobs.claim().attempt == 1
        assert worker.run_pending(app) == 0
        clock.shift(jobs.LEASE + timedelta(seconds=1))
        assert worker.run_pending(app) == 1
    assert teams(one, "Orphan") == 1
    assert only_job(app).attempts == 2


def test_a_job_that_kills_its_workers_ends_as_dead(app, one):
    with one:
        enqueue("jobbing.note", {"name": "Killer"})
    with app.app_context():
        db.session.execute(
            update(Job).values(state="running", attempts=8, leased_until=utcnow() - timedelta(1))
        )
        db.session.commit()
    assert worker.run_pending(app) == 1
    assert only_job(app).state == "dead"
    assert teams(one, "Killer") == 0


def test_who_lost_the_lease_changes_nothing(app, one):
    with one:
        enqueue("jobbing.note", {"name": "Slow"})
    with time_machine.travel(utcnow(), tick=False) as clock:
        with app.app_context():
            slow = jobs.claim()
        clock.shift(jobs.LEASE + timedelta(seconds=1))
        assert worker.run_pending(app) == 1
    with one as session:
        jobbing.note("Slow, too late")
        with pytest.raises(jobs.LeaseLost):
            jobs.finish(slow)
        session.rollback()
    assert (teams(one, "Slow"), teams(one, "Slow, too late")) == (1, 0)
    with app.app_context():
        jobs.fail(slow, "too late")
    assert only_job(app).state == "done"


def test_many_workers_do_each_job_once(app, one):
    with one:
        for number in range(30):
            enqueue("jobbing.note", {"name": f"Number {number}"})
    with ThreadPoolExecutor(4) as pool:
        done = list(pool.map(lambda _n: worker.run_pending(app), range(4)))
    assert sum(done) == 30
    with one as session:
        names = session.scalars(select(Team.name).where(Team.name.startswith("Number"))).all()
    assert sorted(names) == sorted(f"Number {n}" for n in range(30))
    assert {job.attempts for job in all_jobs(app)} == {1}


def test_a_job_of_a_module_that_is_off_is_not_done(app, one):
    with one:
        enqueue("jobbing.note", {"name": "Off"})
        lifecycle.disable("jobbing")
    worker.run_pending(app)
    assert only_job(app).state == "dead"
    assert teams(one, "Off") == 0


def test_a_schedule_starts_once_a_turn_whoever_asks(app, one, two):
    with time_machine.travel("2026-03-02T10:01:00Z", tick=False) as clock:
        for memory in ({}, {}):
            for _look in range(3):
                worker.start_due(app, memory)
        assert sum(job.name == "jobbing.count" for job in all_jobs(app)) == 2
        clock.shift(timedelta(minutes=15))
        worker.start_due(app, memory)
        assert sum(job.name == "jobbing.count" for job in all_jobs(app)) == 4
        worker.run_pending(app)
    assert len(jobbing.SEEN) == 4


def test_a_schedule_of_a_module_that_is_off_does_not_start(app, one, two):
    with one:
        lifecycle.disable("jobbing")
    worker.start_due(app, {})
    assert [job.company_id for job in all_jobs(app) if job.name == "jobbing.count"] == [two.id]


def test_old_jobs_are_swept_and_dead_ones_kept(app, one):
    with one:
        enqueue("jobbing.note", {"name": "Old"})
        enqueue("jobbing.note", {"name": "Dead"})
    worker.run_pending(app)
    with app.app_context():
        db.session.execute(update(Job).where(Job.id == only_first(app)).values(state="dead"))
        db.session.commit()
    with time_machine.travel(utcnow() + timedelta(days=31)):
        with app.app_context():
            worker.sweep()
            db.session.commit()
        assert [job.state for job in all_jobs(app)] == ["dead"]


def only_first(app):
    return all_jobs(app)[0].id


def test_a_running_worker_does_jobs_and_says_that_it_lives(app, one):
    stop = threading.Event()
    running = threading.Thread(target=worker.run, args=(app, stop))
    running.start()
    try:
        with one:
            enqueue("jobbing.note", {"name": "Live"})
        deadline = time.monotonic() + 20
        while teams(one, "Live") == 0 and time.monotonic() < deadline:
            time.sleep(0.1)
    finally:
        stop.set()
        running.join(timeout=20)
    assert not running.is_alive()
    assert teams(one, "Live") == 1
    with app.app_context():
        assert utcnow() - db.session.get_one(Heartbeat, "worker").at < timedelta(seconds=30)


SCRIPT = """
import sys
from pathlib import Path
from app.core import worker
from tests.application import EXTRA_MODULES, build_app
worker.run(build_app(Path(sys.argv[1]), sys.argv[2], sys.argv[3], modules=[*EXTRA_MODULES, "tests.core.jobbing"]))
"""


def test_a_worker_process_stops_on_sigterm(app, one, database, tmp_path):
    root = Path(__file__).parents[2]
    arguments = [sys.executable, "-c", SCRIPT, str(tmp_path / "var"), database.url, database.owner_url]
    process = subprocess.Popen(arguments, cwd=root, stdout=subprocess.DEVNULL)
    try:
        deadline = time.monotonic() + 40
        beating = False
        while not beating and time.monotonic() < deadline:
            time.sleep(0.2)
            with app.app_context():
                beating = db.session.get(Heartbeat, "worker") is not None
        assert beating
        process.send_signal(signal.SIGTERM)
        assert process.wait(timeout=20) == 0
    finally:
        process.kill()
        process.wait()
