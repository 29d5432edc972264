"""Mail: in the outbox with the transaction, sent by the worker, once."""

import email
from datetime import timedelta
from email import policy
from pathlib import Path

import pytest
import time_machine
from sqlalchemy import select

from app.core import worker
from app.core.address_fields import Email
from app.core.db import db, utcnow
from app.core.fields import FieldError, Reading
from app.core.mail import send_mail
from app.core.mail_server import Server
from app.core.models import Job


def files(app):
    return sorted((Path(app.config["VENDIMIA"].var_dir) / "mail").glob("*.eml"))


def read(path):
    return email.message_from_bytes(path.read_bytes(), policy=policy.default)


def test_without_a_server_a_mail_is_a_file(app, one):
    with one:
        send_mail("ana@one.example", "Año nuevo, ¡cifras!", "Hola, ñandú.\n", "<p>Hola</p>", language="es")
    assert files(app) == []
    worker.run_pending(app)
    (path,) = files(app)
    assert "ano-nuevo-cifras" in path.name
    assert path.stat().st_mode & 0o077 == 0
    message = read(path)
    assert (message["To"], message["Subject"]) == ("ana@one.example", "Año nuevo, ¡cifras!")
    assert message["Content-Language"] == "es"
    assert message.get_body(("plain",)).get_content().strip() == "Hola, ñandú."
    assert message.get_body(("html",)).get_content().strip() == "<p>Hola</p>"


def test_a_mail_of_a_request_that_failed_is_never_sent(app, one):
    with one as session:
        send_mail("ana@one.example", "Never", "…")
        session.rollback()
    worker.run_pending(app)
    assert files(app) == []


def test_the_same_mail_is_sent_once(app, one):
    with one:
        assert send_mail("ana@one.example", "Reminder", "…", key="reminder-7")
        assert not send_mail("ana@one.example", "Reminder", "…", key="reminder-7")
    worker.run_pending(app)
    assert len(files(app)) == 1


def test_what_was_sent_is_not_kept_in_the_table(app, one):
    with one:
        send_mail("ana@one.example", "Secret", "a link")
    worker.run_pending(app)
    with app.app_context():
        assert db.session.scalars(select(Job.payload)).all() == [{}]


def test_a_subject_cannot_smuggle_headers(app, one):
    with one:
        send_mail("ana@one.example", "Hello\r\nBcc: eve@evil.example", "…")
    worker.run_pending(app)
    message = read(files(app)[0])
    assert message["Bcc"] is None
    assert message["Subject"] == "Hello Bcc: eve@evil.example"


def test_an_address_cannot_smuggle_receivers(app, one):
    with one:
        send_mail("ana@one.example, eve@evil.example", "Hello", "…")
    worker.run_pending(app)
    assert files(app) == []


NO_ADDRESSES = (
    "a..b@x.es",
    ".a@x.es",
    "a.@x.es",
    "a:b@x.es",
    "a(b)@x.es",
    "ñandú@x.es",
    "ana@ñandú.es",
    "ana@x..es",
    "ana@[1.2.es",
    "ana@x.es, eve@x.es",
)


@pytest.mark.parametrize("address", NO_ADDRESSES)
def test_an_address_that_no_mail_reaches_is_none(app, address):
    with app.test_request_context(), pytest.raises(FieldError, match="is not a mail address"):
        Email("email", "Mail").parse(address, Reading())


@pytest.mark.parametrize("address", ["ana@one.example", "o'neill+crm@mail.x-y.co.uk", "a.b_c@x.es"])
def test_an_address_that_is_accepted_can_be_written_to(app, one, address):
    with one:
        send_mail(Email("email", "Mail").parse(address, Reading()), "Hello", "…")
    worker.run_pending(app)
    assert [read(path)["To"] for path in files(app)] == [address]


@pytest.mark.parametrize(
    ("url", "server"),
    [
        ("smtp://mail.example", Server("mail.example", 25, "", "", tls=False, starttls=False)),
        ("smtps://u:p%40ss@mail.example", Server("mail.example", 465, "u", "p@ss", tls=True, starttls=False)),
        ("smtp://mail.example:587?starttls=1", Server("mail.example", 587, "", "", tls=False, starttls=True)),
    ],
)
def test_the_address_of_a_server_is_read(url, server):
    assert Server.of(url) == server


@pytest.mark.parametrize("url", ["http://mail.example", "mail.example:25", "smtp://"])
def test_an_address_that_is_none_gets_a_sentence(url):
    with pytest.raises(ValueError, match="SMTP_URL"):
        Server.of(url)


def test_a_server_that_is_busy_gets_the_mail_later_with_the_same_id(app, one, office):
    with one:
        send_mail("ana@one.example", "Patience", "…", key="patience")
    office.replies["MAIL"] = "451 busy"
    worker.run_pending(app)
    assert office.letters == []
    office.replies.clear()
    with time_machine.travel(utcnow() + timedelta(minutes=2)):
        worker.run_pending(app)
    (letter,) = office.letters
    message = letter.message
    assert message["Message-ID"] == "<patience@127.0.0.1>"
    assert message["Subject"] == "Patience"
