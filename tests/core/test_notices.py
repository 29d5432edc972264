"""Notices: the bell of each member, in their language, and never anybody else's."""

from __future__ import annotations

from datetime import date
from pathlib import Path

import pytest
from sqlalchemy import func, select, update

from app.core import worker
from app.core.db import db
from app.core.i18n import _l
from app.core.models import Membership, User
from app.core.note_models import Notice
from app.core.notices import notify
from tests.conftest import Office


def mails(app) -> list[str]:
    return [p.read_text() for p in sorted((Path(app.config["VENDIMIA"].var_dir) / "mail").glob("*.eml"))]


def test_a_key_is_told_once_a_member(one: Office, people) -> None:
    bob, mona = people["bob"].member_id, people["mona"].member_id
    with one:
        assert notify([bob], "First", "/c/one/crm/deals", key="deal-1") == [bob]
    with one:
        assert notify([bob, mona], "Second", "/c/one/crm/deals", key="deal-1") == [mona]
        assert notify([bob, bob], "No key", "crm/deals") == [bob]
        assert notify([bob], "No key", "crm/deals") == [bob]
    with one:
        assert db.session.scalar(select(func.count(Notice.id))) == 4


def test_who_is_not_a_member_is_left_out(one: Office, people) -> None:
    with one:
        db.session.execute(update(Membership).where(Membership.id == people["bob"].member_id).values(valid_to=date(2020, 1, 1)))
    with one:
        assert notify([people["bob"].member_id, people["carol"].member_id, 999_999], "Hello", "crm/deals") == []


@pytest.mark.parametrize("url", ["", "https://evil.example/", "//evil.example", "/\\evil.example", "javascript:alert(1)", "/c/one\n/x"])
def test_a_notice_leads_nowhere_else(one: Office, people, url: str) -> None:
    with one, pytest.raises(ValueError, match="path of ours"):
        notify([people["bob"].member_id], "Hello", url)


def test_it_speaks_the_language_of_its_reader_and_comes_by_mail(app, one: Office, people) -> None:
    bob, mona = people["bob"], people["mona"]
    with one:
        db.session.execute(update(User).where(User.id == bob.user_id).values(language="es"))
        db.session.execute(update(User).where(User.id == mona.user_id).values(language="en"))
    with one:
        notify([bob.member_id, mona.member_id], _l("Today"), "crm/deals", mail=True)
    with one:
        said = dict(db.session.execute(select(Notice.member_id, Notice.text)).all())
    assert said == {bob.member_id: "Hoy", mona.member_id: "Today"}
    worker.run_pending(app)
    assert sorted(("Hoy" in m, "Today" in m, "/c/one/crm/deals" in m) for m in mails(app)) == [(False, True, True), (True, False, True)]


def test_what_rolls_back_was_never_told(one: Office, people) -> None:
    with one as session:
        notify([people["bob"].member_id], "Hello", "crm/deals", mail=True)
        session.rollback()
    with one:
        assert db.session.scalar(select(func.count(Notice.id))) == 0
