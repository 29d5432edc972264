"""A mail written on a record, through a real socket to a mail server: what arrives, what is retried, what is refused."""

from __future__ import annotations

from datetime import timedelta

import pytest
import time_machine
from sqlalchemy import func, select, update

from app.core import worker
from app.core.db import db, utcnow
from app.core.jobs import claim, enqueue
from app.core.models import Job, Membership
from app.core.note_models import Notice
from app.core.registry import registry
from app.modules.crm.activities.models import Activity
from app.modules.crm.mail import sending
from app.modules.crm.mail.models import FAILED, QUEUED, SENT, Mail
from app.modules.crm.mail.services import job_key
from tests.core.post_office import PostOffice, serving
from tests.modules.crm.making import make_deal


@pytest.fixture
def deal_id(one, people):
    """A deal of bob's with an account and its person."""
    with one:
        account = registry.resource("contacts.account").add({"name": "Cerámicas Ñu, S.L.", "owner_id": people["bob"].member_id})
        person = registry.resource("contacts.contact").add(
            {"name": "Núria Puig", "email": "nuria@nu.example", "account_id": account.id, "owner_id": people["bob"].member_id}
        )
        deal = make_deal(name="Horno", owner_id=people["bob"].member_id, account_id=account.id, contact_id=person.id)
        return deal.id


def write(client, deal_id, **form):
    told = {"do": "send", "subject": "Oferta: ¡año nuevo!", "body": "Hola, Núria:\n\n.una línea con punto\n" + "larga " * 60, **form}
    if "to" not in form and "address" not in form:
        told["address"] = "nuria@nu.example"
    return client.post(f"/c/one/crm/deals/{deal_id}/mails/new", data=told)


def mails(one):
    with one as session:
        return session.scalars(select(Mail).order_by(Mail.id)).all()


def mail(one):
    (found,) = mails(one)
    return found


def counted(one):
    with one as session:
        return session.scalars(select(Activity).order_by(Activity.id)).all()


def later(minutes):
    return time_machine.travel(utcnow() + timedelta(minutes=minutes))


def test_what_arrives_is_what_was_written(app, one, deal_id, office, client_of):
    answer = write(client_of("bob"), deal_id, cc="Jefe <jefe@nu.example>; otro@nu.example")
    assert answer.status_code == 303
    assert mail(one).state == QUEUED
    assert office.letters == []
    worker.run_pending(app)
    (letter,) = office.letters
    assert letter.to == ["nuria@nu.example", "jefe@nu.example", "otro@nu.example"]
    assert letter.sender == "no-reply@vendimia.example"
    message = letter.message
    assert message["Subject"] == "Oferta: ¡año nuevo!"
    assert message["From"].addresses[0].display_name == "Bob"
    assert message["From"].addresses[0].addr_spec == "no-reply@vendimia.example"
    assert message["Reply-To"].addresses[0].addr_spec == "bob@one.example"
    assert message["To"].addresses[0].display_name == "Núria Puig"
    assert message["Date"]
    assert message.get_content_type() == "text/plain"
    assert letter.text.strip() == ("Hola, Núria:\n\n.una línea con punto\n" + "larga " * 60).strip()
    assert b"=0D" not in letter.raw
    assert max(len(line) for line in letter.raw.split(b"\r\n")) <= 100


def test_taken_it_is_sent_and_counts_as_one_activity(app, one, deal_id, office, client_of, people):
    write(client_of("bob"), deal_id)
    worker.run_pending(app)
    sent = mail(one)
    assert (sent.state, sent.attempts) == (SENT, 1)
    (activity,) = counted(one)
    assert (activity.kind, activity.subject, activity.done_at) == ("email", "Oferta: ¡año nuevo!", sent.sent_at)
    assert (activity.deal_id, activity.account_id, activity.contact_id) == (deal_id, sent.account_id, sent.contact_id)
    assert (activity.done_by_id, activity.owner_id) == (people["bob"].member_id, people["bob"].member_id)
    assert sent.activity_id == activity.id


def test_the_same_form_posted_twice_is_one_mail(app, one, deal_id, office, client_of):
    bob = client_of("bob")
    for _time in range(2):
        assert write(bob, deal_id, once="0e3b9a5e-8d8c-4a55-9d6e-4ac5f3b6a001").status_code == 303
    worker.run_pending(app)
    assert len(office.letters) == 1


def test_a_form_that_was_sent_and_then_changed_is_another_mail(app, one, deal_id, office, client_of):
    """The browser's way back brings the same form again, in which somebody writes to the next one."""
    bob, same = client_of("bob"), "0e3b9a5e-8d8c-4a55-9d6e-4ac5f3b6a001"
    assert write(bob, deal_id, once=same).status_code == 303
    assert write(bob, deal_id, once=same, address="pau@nu.example").status_code == 303
    worker.run_pending(app)
    assert sorted(to for letter in office.letters for to in letter.to) == ["nuria@nu.example", "pau@nu.example"]


def test_a_busy_server_gets_it_later_with_the_same_id(app, one, deal_id, office, client_of):
    office.replies["MAIL"] = "451 busy"
    write(client_of("bob"), deal_id)
    worker.run_pending(app)
    waits = mail(one)
    assert (waits.state, waits.attempts, waits.error) == (QUEUED, 1, "451 busy")
    office.replies.clear()
    with later(2):
        worker.run_pending(app)
    (letter,) = office.letters
    assert letter.message["Message-ID"] == waits.message_id
    assert (mail(one).state, mail(one).attempts, mail(one).error) == (SENT, 2, "")


def test_a_server_that_is_down_loses_nothing(app, one, deal_id, client_of):
    office = PostOffice()
    with serving(office):
        app.config["VENDIMIA"].smtp_url = office.url
    bob = client_of("bob")
    write(bob, deal_id)
    worker.run_pending(app)
    page = bob.get(f"/c/one/crm/mails/{mail(one).id}").text
    assert "will be sent as soon as it does" in page
    with serving(office), later(2):
        worker.run_pending(app)
    assert len(office.letters) == 1
    assert mail(one).state == SENT


def test_a_refused_address_is_not_tried_again(app, one, deal_id, office, client_of, people):
    office.replies["RCPT"] = "550 5.1.1 no such user"
    bob = client_of("bob")
    write(bob, deal_id)
    worker.run_pending(app)
    with later(60 * 24):
        worker.run_pending(app)
    failed = mail(one)
    assert (failed.state, failed.attempts, failed.error) == (FAILED, 1, "550 5.1.1 no such user")
    assert counted(one) == []
    page = bob.get(f"/c/one/crm/mails/{failed.id}").text
    assert "refused it for good" in page
    assert "no such user" in page
    with one as session:
        (notice,) = session.scalars(select(Notice)).all()
        assert (notice.member_id, f"mails/{failed.id}" in notice.url) == (people["bob"].member_id, True)
    office.replies.clear()
    assert bob.post(f"/c/one/crm/mails/{failed.id}/again").status_code == 303
    worker.run_pending(app)
    assert [letter.message["Message-ID"] for letter in office.letters] == [failed.message_id]
    assert mail(one).state == SENT
    assert bob.post(f"/c/one/crm/mails/{failed.id}/again").status_code == 409


def test_an_address_refused_among_others_is_told(app, one, deal_id, office, client_of):
    office.replies["RCPT TO:<JEFE"] = "550 unknown"
    write(client_of("bob"), deal_id, cc="jefe@nu.example")
    worker.run_pending(app)
    sent = mail(one)
    assert (sent.state, sent.error) == (SENT, "jefe@nu.example: 550 unknown")
    assert office.letters[0].to == ["nuria@nu.example"]


def test_after_the_last_attempt_it_has_failed_and_its_writer_knows(app, one, deal_id, office, client_of, people):
    office.replies["AFTER DATA"] = "451 later"
    write(client_of("bob"), deal_id)
    with time_machine.travel(utcnow(), tick=False) as clock:
        for _attempt in range(12):
            worker.run_pending(app)
            clock.shift(timedelta(hours=7))
    failed = mail(one)
    assert (failed.state, failed.why, failed.attempts) == (FAILED, "server", 8)
    with one as session:
        assert session.scalar(select(func.count(Notice.id))) == 1
        assert session.scalars(select(Job.state).where(Job.name == "crm.send_mail")).all() == ["dead"]


def test_killed_between_sending_and_saying_so_it_goes_out_with_the_same_id(app, one, deal_id, office, client_of, monkeypatch):
    write(client_of("bob"), deal_id)

    def die(*_arguments):
        raise SystemExit

    with monkeypatch.context() as patched:
        patched.setattr(sending, "_taken", die)
        with pytest.raises(SystemExit):
            worker.run_one(app)
    assert (len(office.letters), mail(one).state, counted(one)) == (1, QUEUED, [])
    with later(6):
        worker.run_pending(app)
    first, second = office.letters
    assert first.message["Message-ID"] == second.message["Message-ID"]
    assert mail(one).state == SENT
    assert len(counted(one)) == 1


def test_a_mail_whose_workers_all_died_is_noticed(app, one, deal_id, office, client_of):
    write(client_of("bob"), deal_id)
    with one as session:
        session.execute(update(Job).where(Job.name == "crm.send_mail").values(attempts=8, state="running", leased_until=utcnow() - timedelta(1)))
    worker.run_pending(app)
    assert mail(one).state == QUEUED
    with later(20), one:
        sending.check()
    assert mail(one).state == FAILED
    assert office.letters == []


def test_the_check_leaves_alone_what_waits_for_its_turn(app, one, deal_id, office, client_of):
    office.replies["MAIL"] = "451 busy"
    write(client_of("bob"), deal_id)
    worker.run_pending(app)
    with later(20), one:
        sending.check()
    assert mail(one).state == QUEUED


@pytest.mark.on("sqlite")
def test_others_write_while_the_server_is_talked_to(app, one, deal_id, office, client_of, monkeypatch):
    """SQLite has one writer: a slow mail server must not keep it."""
    write(client_of("bob"), deal_id)
    seen = []
    hand_over = sending.hand_over

    def slowly(message, **named):
        with one as session:
            session.add(Membership(name="Meanwhile", role_id=session.scalar(select(Membership.role_id).limit(1))))
        seen.append(True)
        return hand_over(message, **named)

    monkeypatch.setattr(sending, "hand_over", slowly)
    worker.run_pending(app)
    assert (seen, mail(one).state) == ([True], SENT)


SMUGGLED = "Hola\r\nBcc: eve@evil.example"


def test_nothing_that_is_typed_becomes_a_header(app, one, deal_id, office, client_of, people):
    with one as session:
        session.get_one(Membership, people["bob"].member_id).name = "Bob\r\nBcc: eve@evil.example"
        contact = registry.resource("contacts.contact").model
        session.execute(update(contact).values(name="Núria\r\nBcc: eve@evil.example"))
    answer = write(client_of("bob"), deal_id, subject=SMUGGLED)
    assert answer.status_code == 303
    worker.run_pending(app)
    (letter,) = office.letters
    assert letter.to == ["nuria@nu.example"]
    assert letter.message["Bcc"] is None
    assert letter.message["Subject"] == "Hola Bcc: eve@evil.example"
    assert b"\r\nBcc:" not in letter.raw.partition(b"\r\n\r\n")[0]


@pytest.mark.parametrize("field", ["address", "cc"])
@pytest.mark.parametrize("given", ["ana@x.es\r\nBcc: eve@evil.example", "no address", "<ana@x.es", "ana@x.es>, eve@x.es"])
def test_an_address_that_is_none_is_refused_beside_its_field(app, one, deal_id, client_of, field, given):
    answer = write(client_of("bob"), deal_id, **{"address": "ana@x.example", field: given})
    assert answer.status_code == 422
    assert mails(one) == []


def test_the_job_can_run_twice(app, one, deal_id, office, client_of):
    write(client_of("bob"), deal_id)
    with app.app_context():
        job = claim()
    worker._do(app, job)
    sent = mail(one)
    with one:
        sending.send(mail_id=sent.id)
    assert (len(office.letters), len(counted(one))) == (1, 1)


def test_the_table_of_jobs_keeps_no_words(app, one, deal_id, client_of):
    write(client_of("bob"), deal_id)
    with app.app_context():
        (payload,) = db.session.scalars(select(Job.payload).where(Job.name == "crm.send_mail")).all()
    assert list(payload) == ["mail_id"]


def test_an_address_that_slipped_in_otherwise_fails_at_once(app, one, deal_id, office, people):
    with one as session:
        bad = Mail(deal_id=deal_id, sender_id=people["bob"].member_id, to_address="a@b@c", subject="s", body="b", message_id="<1@x>")
        session.add(bad)
        session.flush()
        enqueue("crm.send_mail", {"mail_id": bad.id}, key=job_key(bad))
    worker.run_pending(app)
    assert (mail(one).state, mail(one).why, office.letters) == (FAILED, "refused", [])


def test_without_a_server_mails_of_one_second_are_two_files(app, one, deal_id, client_of):
    bob = client_of("bob")
    with time_machine.travel(utcnow(), tick=False):
        write(bob, deal_id)
        write(bob, deal_id)
        worker.run_pending(app)
    assert len(list((app.config["VENDIMIA"].var_dir / "mail").glob("*.eml"))) == 2
    assert {m.state for m in mails(one)} == {SENT}
