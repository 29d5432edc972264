"""A goal that turns for the worse is told once, to those whom it concerns, with what they may know; nobody else hears of it."""

from __future__ import annotations

from datetime import date
from decimal import Decimal

import pytest
from sqlalchemy import select

from app.core import worker
from app.core.db import db
from app.core.jobs import enqueue
from app.core.models import Membership, Role, User
from app.core.note_models import Notice
from app.modules.kpi.mails.watch import watch
from app.modules.kpi.progress.models import Alert
from app.modules.kpi.progress.services import check_in
from app.modules.kpi.settings.models import Settings
from tests.modules.crm.making import at, clock, statements
from tests.modules.kpi.goals_world import NOW, acting, build, running, set_goal, won

pytestmark = pytest.mark.usefixtures("app")
# The second quarter of 2026 has 65 working days (the cast has no holidays); on May 18 34 of them are over.


@pytest.fixture
def world(one, people):
    """The people; the clock stands at `NOW` while it is asked for."""
    with clock(NOW) as time, one:
        time.known = build(people)
        yield time


def notices(member_id=None, icon="alert-triangle"):
    rows = db.session.scalars(select(Notice).where(Notice.icon == icon).order_by(Notice.id)).all()
    return [row.text for row in rows if member_id is None or row.member_id == member_id]


def reminders():
    return notices(icon="message")


def sales(owner_id, target=100_000, **more):
    return running(owner_id, name="Sell a lot", metric="crm.won_amount", target=Decimal(target), cadence="quarter", **more)


def test_the_owner_and_who_leads_them_are_told_where_it_stands_and_what_is_needed(world):
    known = world.known
    won(known.bob, date(2026, 4, 20), 20)
    sales(known.bob)
    watch()
    (own,) = notices(known.bob)
    assert own.startswith("Sell a lot is off track: €20,000 of €100,000; on pace would be")
    assert "per working day until Jun 30, 2026" in own
    (led,) = notices(known.mona)
    assert led.startswith("Sell a lot (Bob) is off track: €20,000 of €100,000")
    assert notices(known.dave) == notices(known.alice) == []
    assert db.session.scalars(select(Alert.status)).all() == ["off_track"]


def test_it_is_told_once_for_each_turn(world):
    known = world.known
    won(known.bob, date(2026, 4, 20), 45)
    sales(known.bob)
    watch()
    watch()
    assert ["at risk" in text for text in notices(known.bob)] == [True]
    world.move_to(at("2026-05-25T17:00:00"))  # a week on, nothing was sold: from at risk to off track
    watch()
    watch()
    assert ["off track" in text for text in notices(known.bob)] == [False, True]
    won(known.bob, date(2026, 5, 25), 40)
    watch()
    assert len(notices(known.bob)) == 2, "what turns for the better is noted, not told"
    world.move_to(at("2026-06-26T17:00:00"))
    watch()
    assert len(notices(known.bob)) == 3, "and what turns for the worse again is told again"


def test_not_while_a_tenth_of_the_days_is_not_over(world):
    known = world.known
    world.move_to(at("2026-04-03T17:00:00"))
    sales(known.bob)
    watch()
    assert notices() == []
    world.move_to(at("2026-04-14T17:00:00"))
    watch()
    assert len(notices(known.bob)) == 1


def test_nothing_is_said_of_a_figure_that_nobody_knows_nor_of_drafts(world):
    known = world.known
    running(known.bob, name="Win most", metric="crm.win_rate", target=Decimal("0.4"), cadence="quarter")  # nothing was decided: undefined
    set_goal(known.bob, name="A draft")
    watch()
    assert notices() == []
    assert db.session.scalar(select(Alert.id)) is None


def test_what_is_on_track_is_left_alone(world):
    known = world.known
    won(known.bob, date(2026, 4, 20), 70)
    sales(known.bob)
    watch()
    assert notices() == []


def test_who_may_not_see_the_figure_is_not_told_it(world):
    """Bob answers for a goal of the company, whose figures are not his to see."""
    known = world.known
    won(known.dave, date(2026, 4, 20), 20)
    sales(known.bob, scope="company")
    watch()
    assert notices() == []
    rep = db.session.scalars(select(Role).where(Role.key == "rep")).one()
    rep.permissions = [each for each in rep.permissions if not each.startswith("kpi.")]
    sales(known.dave, target=200_000)
    watch()
    assert notices(known.dave) == [], "nor who may not see goals at all"


def test_the_same_context_tells_each_reader_what_is_theirs(world):
    """A manager hears of her team's goal and not of the other's."""
    known = world.known
    won(known.bob, date(2026, 4, 20), 20)
    won(known.dave, date(2026, 4, 20), 10)
    running(known.alice, name="South", metric="crm.won_amount", scope="team", team_id=known.south, target=Decimal(100_000), cadence="quarter")
    running(known.mona, name="North", metric="crm.won_amount", scope="team", team_id=known.north, target=Decimal(100_000), cadence="quarter")
    watch()
    assert [text.partition(":")[0] for text in notices(known.mona)] == ["North is off track"]
    assert [text.partition(":")[0] for text in notices(known.alice)] == ["South is off track"]


def test_it_is_said_in_the_language_of_the_reader_and_nobody_gone_is_told(world):
    known = world.known
    db.session.scalars(select(User).where(User.email == "bob@one.example")).one().language = "es"
    db.session.get_one(Membership, known.mona).valid_to = date(2026, 5, 1)
    sales(known.bob)
    watch()
    (text,) = notices()
    assert "€100,000" not in text
    assert "100.000 €" in text


def test_switched_off_by_the_company_nobody_is_told(world):
    db.session.add(Settings(alerts=False))
    db.session.flush()
    sales(world.known.bob)
    watch()
    assert notices() == []


def test_a_check_in_nobody_made_is_reminded_of_once_a_period(world):
    known = world.known
    won(known.bob, date(2026, 5, 4), 99)
    goal = running(known.bob, name="Win", metric="crm.won_count", target=Decimal(1), cadence="month")
    watch()
    assert reminders() == ["A check-in is due: Win"]
    watch()
    assert len(reminders()) == 1
    world.move_to(at("2026-06-03T17:00:00"))
    watch()
    assert len(reminders()) == 1, "a month that has only begun is nobody's fault"
    world.move_to(at("2026-06-17T17:00:00"))
    with acting(known.bob):
        check_in(goal, known.bob, 4, "Fine")
    watch()
    assert len(reminders()) == 1
    world.move_to(at("2026-06-18T17:00:00"))
    other = running(known.bob, name="Visit", metric="crm.activities_done", target=Decimal(1), cadence="month")
    assert other.id
    watch()
    assert reminders()[1:] == ["A check-in is due: Visit"]


def test_many_goals_are_told_in_as_many_statements_as_few(one, people):
    def sent(goals):
        with clock(NOW):
            with one:
                known = build(people)
                for number in range(goals):
                    sales(known.bob, target=100_000 + number)
                before = len(notices())
            with one, statements() as found:
                watch()
            with one:
                assert len(notices()) - before == 2 * goals, "to Bob and to Mona"
        return len(found)

    assert sent(2) == sent(6)


def test_the_worker_does_it_and_the_mail_arrives(app, one, people, office):
    with clock(NOW):
        with one:
            known = build(people)
            won(known.bob, date(2026, 4, 20), 20)
            sales(known.bob)
            enqueue("kpi.watch")
        worker.run_pending(app)
    told = [letter for letter in office.letters if "is off track" in letter.text]
    assert sorted(letter.to[0] for letter in told) == ["bob@one.example", "mona@one.example"]
    assert all("€20,000 of €100,000" in letter.text for letter in told)
    assert all("/c/one/kpi/goals/" in letter.text for letter in told)
    (reminder,) = [letter for letter in office.letters if letter not in told]
    assert reminder.to == ["bob@one.example"]
