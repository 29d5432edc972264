"""The letter of the week, through a real mail server: who gets one, what stands in it, and that it goes out once."""

from __future__ import annotations

from datetime import date
from decimal import Decimal

import pytest
from sqlalchemy import func, select

from app.core import worker
from app.core.db import db
from app.core.jobs import enqueue
from app.core.models import Job, Membership, Role, User
from app.modules.kpi.settings.models import Settings
from tests.modules.crm.making import clock
from tests.modules.kpi.goals_world import build, proposed, running, won

MONDAY = "2026-05-18T05:30:00"  # half past seven in Madrid
WEEK = "2026-W21"


@pytest.fixture
def filled(one, people):
    """Bob with one goal off track and one that he has reached, dave with one, a goal of team North and one of the company."""
    with clock(MONDAY), one:
        known = build(people)
        won(known.bob, date(2026, 4, 20), 20)
        won(known.dave, date(2026, 4, 21), 70)
        sales = {"metric": "crm.won_amount", "target": Decimal(100_000)}
        running(known.bob, name="One deal", target=Decimal(1))
        running(known.bob, name="Sell in the north", **sales)
        running(known.dave, name="Sell in the south", **sales)
        running(known.mona, name="North together", scope="team", team_id=known.north, **sales)
        running(known.alice, name="All together", scope="company", **sales)
        return known


def go(app, one, at=MONDAY):
    """The worker does what is due on a Monday morning."""
    with clock(at):
        with one:
            enqueue("kpi.weekly")
        worker.run_pending(app)


def to(office, name):
    return next((letter for letter in office.letters if letter.to == [f"{name}@one.example"]), None)


def html_of(letter):
    return letter.message.get_body(("html",)).get_content()


def text_of(letter):
    return letter.message.get_body(("plain",)).get_content().replace("\N{NO-BREAK SPACE}", " ")


def test_a_person_gets_all_their_goals_what_is_off_track_first(app, one, filled, office):
    go(app, one)
    letter = to(office, "bob")
    assert letter.message["Subject"] == "Your goals this week: 1 is off track"
    for said in (text_of(letter), html_of(letter)):
        assert said.index("Sell in the north") < said.index("One deal")
        assert "€20,000" in said
        assert "€100,000" in said
        assert "20%" in said
        assert "Off track" in said
        assert "/c/one/kpi/goals/" in said
        for others in ("Sell in the south", "North together", "70%", "90%"):
            assert others not in said
    assert "per working day until Jun 30, 2026" in text_of(letter)
    assert "<table" in html_of(letter)
    assert "style=" not in html_of(letter)
    assert "<" not in text_of(letter)


def test_a_manager_gets_the_teams_below_and_an_admin_the_companys(app, one, filled, office):
    go(app, one)
    mona = text_of(to(office, "mona"))
    assert mona.index("North together") < mona.index("Sell in the north (Bob)")
    assert "Sell in the south" not in mona
    assert "70%" not in mona
    alice = text_of(to(office, "alice"))
    assert "All together" in alice
    assert "90%" in alice
    assert "North together (Mona)" in alice
    assert "Sell in the north" not in alice, "the people are their managers' to look after"
    assert len(office.letters) == 4


def test_it_goes_out_once_a_week_and_on_monday_or_soon_after(app, one, filled, office):
    go(app, one, "2026-05-17T12:00:00")  # Sunday
    go(app, one, "2026-05-18T02:00:00")  # Monday at four in the morning
    assert office.letters == []
    go(app, one)
    assert len(office.letters) == 4
    for again in ("2026-05-18T06:30:00", "2026-05-19T08:00:00", "2026-05-23T08:00:00"):
        go(app, one, again)
    assert len(office.letters) == 4
    go(app, one, "2026-05-26T08:00:00")  # the Tuesday after, as the worker was down on Monday
    assert len(office.letters) == 8
    ids = {letter.message["Message-ID"] for letter in office.letters}
    assert len(ids) == 8


def test_a_letter_that_is_tried_again_is_one_letter(app, one, filled, office):
    """The same letter written twice, as after a crash, is sent once."""
    go(app, one)
    with clock(MONDAY):
        with one:
            enqueue("kpi.letter", {"member_id": filled.bob, "week": WEEK})
        worker.run_pending(app)
    assert len(office.letters) == 4
    with one:
        assert db.session.scalar(select(func.count(Job.id)).where(Job.state == "dead")) == 0


def test_nothing_is_sent_to_who_has_no_goals_is_gone_or_may_not_see_any(app, one, people, office):
    with clock(MONDAY), one:
        known = build(people)
        running(known.dave, name="Sell in the south", metric="crm.won_amount", target=Decimal(5))
        db.session.get_one(Membership, known.dave).valid_to = date(2026, 5, 17)
    go(app, one)
    assert {letter.to[0] for letter in office.letters} == set()
    with clock(MONDAY), one:
        db.session.get_one(Membership, known.dave).valid_to = None
        rep = db.session.scalars(select(Role).where(Role.key == "rep")).one()
        rep.permissions = [each for each in rep.permissions if each != "kpi.goal.view"]
    go(app, one, "2026-05-26T08:00:00")
    assert office.letters == []


def test_a_proposal_is_not_in_it_yet(app, one, people, office):
    with clock(MONDAY), one:
        proposed(build(people))
    office.letters.clear()
    with clock(MONDAY):
        with one:
            enqueue("kpi.letter", {"member_id": people["bob"].member_id, "week": WEEK})
        worker.run_pending(app)
    assert not [letter for letter in office.letters if "this week" in letter.message["Subject"]]


def test_a_company_that_does_not_want_it_sends_none(app, one, filled, office):
    with one:
        db.session.add(Settings(weekly_mail=False))
    go(app, one)
    assert office.letters == []


def test_it_is_written_in_the_language_of_the_reader(app, one, filled, office):
    with one:
        db.session.scalars(select(User).where(User.email == "bob@one.example")).one().language = "es"
    go(app, one)
    assert "100.000 €" in text_of(to(office, "bob"))
    assert to(office, "bob").message["Content-Language"] == "es"
    assert "€100,000" in text_of(to(office, "dave"))


def test_a_figure_that_is_not_the_readers_is_a_dash(app, one, filled, office):
    """Bob answers for a goal of the company: its name stands in his letter, its figure does not."""
    with clock(MONDAY), one:
        running(filled.bob, name="Twice as much", scope="company", metric="crm.won_amount", target=Decimal(180_000))
    go(app, one)
    said = text_of(to(office, "bob"))
    assert "Twice as much" in said
    assert "You may not see the figures of everybody in this goal." in said
    assert "50%" not in said
    assert "€90,000" not in said
