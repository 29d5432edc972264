"""The page of jobs: those of the company alone, what failed and why, trying again, letting go."""

from __future__ import annotations

from datetime import timedelta

import pytest
from sqlalchemy import delete, select

from app.core.db import db, utcnow
from app.core.models import Heartbeat, Job, Role
from app.core.worker import run_pending
from app.modules.admin import jobs_page
from tests.conftest import Office
from tests.dummy_module import hooks as dummy

JOBS = "/c/one/admin/jobs"


@pytest.fixture
def job(app):
    """Make a job: `job(one, "dead", error=…)`; answers its id."""

    def make(office: Office, state: str = "dead", **values) -> int:
        given = {"name": "dummy.tidy", "attempts": 8 if state == "dead" else 0, "payload": {"secret": "s3cret-link"}, **values}
        with app.app_context():
            row = Job(company_id=office and office.id, state=state, **given)
            db.session.add(row)
            db.session.commit()
            return row.id

    return make


def state_of(app, job_id: int) -> tuple[str, int, dict]:
    with app.app_context():
        row = db.session.get_one(Job, job_id)
        return row.state, row.attempts, row.payload


def test_what_failed_is_told_with_its_error_and_without_its_secrets(one: Office, client_of, job) -> None:
    job(one, error="OperationalError: it broke\nat https://x.example/reset/abc\n[parameters: {'to': 'ana@x.example'}]")
    text = client_of("alice").get(JOBS).text
    assert "Dummy: tidy" in text
    assert "OperationalError: it broke" in text
    assert "8 of 8" in text
    for secret in ("s3cret-link", "reset/abc", "ana@x.example"):
        assert secret not in text


def test_each_state_has_its_page(one: Office, client_of, job) -> None:
    for state, name in (("dead", "core.mail"), ("ready", "core.import_check"), ("running", "core.import_publish"), ("done", "core.import_revert")):
        job(one, state, name=name)
    shown = {state: client_of("alice").get(f"{JOBS}?state={state}").text for state in ("dead", "ready", "running", "done", "odd")}
    for state, label in (("dead", "Send a mail"), ("ready", "Check a file"), ("running", "Bring a file in"), ("done", "Take an import back"), ("odd", "Send a mail")):
        assert [s for s in shown if label in shown[s]] == [s for s in shown if s == state or {s, state} == {"odd", "dead"}]


def test_jobs_of_others_and_of_the_installation_are_not_shown(app, one: Office, two: Office, client_of, job) -> None:
    theirs, nobodys = job(two, error="of two"), job(None, error="of nobody")
    alice = client_of("alice")
    text = alice.get(JOBS).text
    assert "of two" not in text
    assert "of nobody" not in text
    for job_id in (theirs, nobodys):
        alice.post(f"{JOBS}/retry", data={"job": job_id})
        assert alice.get(f"{JOBS}/discard?job={job_id}").status_code == 404
        assert alice.post(f"{JOBS}/discard", data={"job": job_id}).status_code == 404
        assert state_of(app, job_id)[0] == "dead"
    alice.post(f"{JOBS}/retry", data={"job": "all"})
    assert state_of(app, theirs)[0] == "dead"
    assert "of two" in client_of("carol").get("/c/two/admin/jobs").text


def test_a_failed_job_that_is_tried_again_is_done(app, one: Office, client_of, job) -> None:
    dummy.seen.clear()
    job_id, other = job(one, payload={"a": 1}), job(one, error="stays")
    assert client_of("alice").post(f"{JOBS}/retry", data={"job": job_id}).status_code == 303
    run_pending(app)
    assert dummy.seen == [("job", {"a": 1})]
    assert state_of(app, job_id)[0] == "done"
    assert state_of(app, other)[0] == "dead"


def test_all_failed_jobs_can_be_tried_again_at_once(app, one: Office, client_of, job) -> None:
    ids = [job(one, payload={}) for _number in range(3)]
    client_of("alice").post(f"{JOBS}/retry", data={"job": "all"})
    assert {state_of(app, i)[:2] for i in ids} == {("ready", 0)}


@pytest.mark.parametrize("state", ["ready", "running", "done"])
def test_what_has_not_failed_is_neither_tried_again_nor_discarded(app, one: Office, client_of, job, state: str) -> None:
    job_id = job(one, state, attempts=3, run_at=utcnow() + timedelta(days=1))
    alice = client_of("alice")
    alice.post(f"{JOBS}/retry", data={"job": job_id})
    assert alice.post(f"{JOBS}/discard", data={"job": job_id}).status_code == 404
    assert state_of(app, job_id)[:2] == (state, 3)


@pytest.mark.parametrize("given", ["", "x", "-1", "9" * 30])
def test_a_job_that_is_none_changes_nothing(app, one: Office, client_of, job, given: str) -> None:
    job_id = job(one)
    client_of("alice").post(f"{JOBS}/retry", data={"job": given})
    assert client_of("alice").post(f"{JOBS}/discard", data={"job": given}).status_code == 404
    assert state_of(app, job_id)[0] == "dead"


def test_discarding_is_asked_first_and_forgets_what_was_to_be_done(app, one: Office, client_of, job) -> None:
    job_id = job(one, error="Boom")
    alice = client_of("alice")
    assert "Discard this job?" in alice.get(f"{JOBS}/discard?job={job_id}").text
    assert state_of(app, job_id)[0] == "dead"
    assert alice.post(f"{JOBS}/discard", data={"job": job_id}).status_code == 303
    assert state_of(app, job_id) == ("done", 8, {})
    assert "Discarded by hand" in alice.get(f"{JOBS}?state=done").text


def test_looking_and_doing_are_two_permissions(app, one: Office, client_of, job) -> None:
    job_id = job(one)
    bob = client_of("bob")
    assert bob.get(JOBS).status_code == 403
    with one as session:
        role = session.scalars(select(Role).filter_by(key="rep")).one()
        role.permissions = [*role.permissions, "admin.jobs.view"]
    assert 'name="job"' not in bob.get(JOBS).text
    assert bob.post(f"{JOBS}/retry", data={"job": job_id}).status_code == 403
    assert bob.post(f"{JOBS}/discard", data={"job": job_id}).status_code == 403
    assert state_of(app, job_id)[0] == "dead"


def test_it_says_when_a_worker_was_seen(app, one: Office, client_of) -> None:
    alice = client_of("alice")
    with app.app_context():
        db.session.execute(delete(Heartbeat))
        db.session.commit()
    assert "No worker has been seen yet" in alice.get(JOBS).text
    for at, said in ((utcnow() - timedelta(minutes=5), "was last seen"), (utcnow(), "was seen just now")):
        with app.app_context():
            db.session.merge(Heartbeat(name="worker", at=at))
            db.session.commit()
        assert said in alice.get(JOBS).text


def test_pages_go_on_where_the_last_one_ended(one: Office, client_of, job) -> None:
    ids = [job(one, "done", payload={}) for _number in range(jobs_page.PAGE + 1)]
    alice = client_of("alice")
    assert f"before={ids[1]}" in alice.get(f"{JOBS}?state=done").text
    assert alice.get(f"{JOBS}?state=done&before={ids[1]}").text.count("v-log-record") == 1
