"""The rules of activities, as sentences."""

from __future__ import annotations

from datetime import UTC, date, datetime, time
from typing import Any

import pytest
from sqlalchemy import func, select

from app.core import merging
from app.core.db import db
from app.core.errors import BusinessError, Conflict
from app.core.models import Team
from app.core.registry import registry
from app.core.sql_dates import month_key
from app.core.writes import create
from app.modules.contacts.models import Contact
from app.modules.contacts.services import create_account
from app.modules.crm.activities import queries, services
from app.modules.crm.activities.bulk import import_activities
from app.modules.crm.activities.models import (
    DONE,
    FOLLOW_UPS,
    KINDS,
    OF_ACTIVITY,
    TASK,
    TOUCHES,
    Activity,
    ActivityMember,
    ActivityOutcome,
    ActivityType,
)
from tests.modules.crm.making import check_who_took_part, make_deal, statements
from tests.modules.crm.test_services import at_work


def kind(name: str) -> int:
    """Id of the type of a kind that every company starts with."""
    return db.session.scalars(select(ActivityType.id).where(ActivityType.kind == name).order_by(ActivityType.position)).first()


def outcome(name: str) -> int:
    return db.session.scalars(select(ActivityOutcome.id).where(ActivityOutcome.name == name)).one()


def plan(what: str = "call", **values: Any) -> Activity:
    return services.plan({"type_id": kind(what), **values})


def log(what: str = "call", **values: Any) -> Activity:
    return services.log({"type_id": kind(what), **values})


def test_what_touches_a_customer_is_the_same_in_words_and_in_the_index() -> None:
    assert {*FOLLOW_UPS} == {*KINDS} - {TASK}
    assert str(TOUCHES) == f"(crm_activity.state = '{DONE}' AND crm_activity.kind <> '{TASK}')"


def test_a_new_activity_gets_what_its_type_says(one, people) -> None:
    with at_work(one, people, now="2026-03-13T11:00:00"):  # a Friday
        visit = db.session.get_one(ActivityType, kind("visit"))
        visit.subject, visit.note, visit.default_days = "See them", "Bring the catalogue", 1
        visit.default_owner_id = people["dave"].member_id
        activity = plan("visit")
        assert (activity.subject, activity.note, activity.minutes) == ("See them", "Bring the catalogue", 60)
        assert activity.due_on == date(2026, 3, 16)  # Monday: one working day later
        assert activity.owner_id == people["dave"].member_id
        mine = plan("visit", subject="Fair", note="", due_on=date(2026, 3, 20), minutes=5, owner_id=people["bob"].member_id)
        assert (mine.subject, mine.note, mine.minutes, mine.due_on.day) == ("Fair", "", 5, 20)
        assert (mine.owner_id, mine.state) == (people["bob"].member_id, "planned")


def test_a_deal_brings_its_account_and_person(one, people) -> None:
    with at_work(one, people):
        acme = create_account({"name": "Acme"})
        ann = create(Contact, {"name": "Ann", "account_id": acme.id})
        deal = make_deal(account_id=acme.id, contact_id=ann.id)
        assert (plan(deal_id=deal.id).account_id, plan(deal_id=deal.id).contact_id) == (acme.id, ann.id)
        assert plan(contact_id=ann.id).account_id == acme.id
        other = create_account({"name": "Other"})
        with pytest.raises(BusinessError, match="another account") as refused:
            plan(deal_id=deal.id, account_id=other.id)
        assert refused.value.field == "deal_id"
        with pytest.raises(BusinessError, match="no such record"):
            plan(deal_id=999_999)
        moved = services.change(plan(account_id=other.id), {"deal_id": deal.id})
        assert (moved.account_id, moved.contact_id) == (acme.id, ann.id)
        assert services.change(moved, {"contact_id": None}).contact_id is None


@pytest.mark.parametrize(("day", "sentence"), [(date(1999, 12, 31), "too long ago"), (date(2029, 1, 1), "too far away")])
def test_dates_that_make_no_sense_are_refused(one, people, day: date, sentence: str) -> None:
    with at_work(one, people):
        with pytest.raises(BusinessError, match=sentence) as refused:
            plan(due_on=day)
        assert refused.value.field == "due_on"
        activity = plan()
        with pytest.raises(BusinessError, match=sentence):
            services.reschedule(activity, version=None, due_on=day)


def test_what_is_done_cannot_be_in_the_future(one, people) -> None:
    with at_work(one, people):
        with pytest.raises(BusinessError, match="cannot be in the future") as refused:
            log(done_on=date(2026, 3, 11))
        assert refused.value.field == "done_on"
        with pytest.raises(BusinessError, match="cannot be in the future") as refused:
            log(done_on=date(2026, 3, 10), done_time=time(23, 0))
        assert refused.value.field == "done_time"


def test_days_are_those_of_the_company_also_late_in_the_evening(one, people) -> None:
    with at_work(one, people, now="2026-03-10T22:30:00"):  # 23:30 in Madrid
        assert log().done_on == date(2026, 3, 10)
        activity = plan(due_on=date(2026, 3, 10), due_time=time(23, 45))
        assert (activity.due_at, activity.due_time) == (datetime(2026, 3, 10, 22, 45, tzinfo=UTC), "23:45")
    with at_work(one, people, now="2026-03-10T23:30:00"):  # 00:30 on the 11th
        done = log()
        assert (done.done_on, done.done_time) == (date(2026, 3, 11), "00:30")
        evening = log(done_on=date(2026, 3, 10), done_time=time(23, 30))
        assert (evening.done_on, evening.done_at) == (date(2026, 3, 10), datetime(2026, 3, 10, 22, 30, tzinfo=UTC))


def test_who_did_it_is_the_owner_not_who_ticks_it(one, people) -> None:
    with at_work(one, people):
        activity = plan(owner_id=people["bob"].member_id)
    with at_work(one, people, "dave"):
        done = services.complete(db.session.get_one(Activity, activity.id), version=None)
        assert done.done_by_id == people["bob"].member_id
        assert db.session.get_one(Team, done.team_id).name == "North"


def test_two_people_completing_one_activity_the_second_is_told(one, people) -> None:
    with at_work(one, people):
        activity = plan()
        version = activity.version
        services.complete(activity, version=version, outcome_id=outcome("We talked"))
        with pytest.raises(Conflict, match="done already"):
            services.complete(activity, version=version, outcome_id=outcome("No answer"))
        other = plan()
        services.change(other, {"subject": "Something else"})
        with pytest.raises(Conflict, match="Somebody else"):
            services.complete(other, version=1)


def test_an_outcome_has_to_fit(one, people) -> None:
    with at_work(one, people):
        with pytest.raises(BusinessError, match="does not fit"):
            log("email", outcome_id=outcome("No answer"))
        with pytest.raises(BusinessError, match="does not fit"):
            log("visit", outcome_id=outcome("Nobody was there"))
        with pytest.raises(BusinessError, match="does not fit"):
            services.cancel(plan("visit"), version=None, outcome_id=outcome("We talked"), outcome_note="")


def test_the_month_follows_the_day_also_for_those_who_take_part(one, people) -> None:
    months = select(Activity.id, month_key(Activity.done_on), Activity.done_month, ActivityMember.done_month)
    months = months.join(ActivityMember, ActivityMember.activity_id == Activity.id)

    def told(activity: Activity) -> list[Any]:
        db.session.flush()
        return list(db.session.execute(months.where(Activity.id == activity.id)).one())[1:]

    with at_work(one, people):
        march, with_dave = 2026 * 12 + 2, {"members": [people["dave"].member_id], "owner_id": people["bob"].member_id}
        activity = plan(**with_dave)
        assert told(activity) == [None, None, None]
        assert told(services.complete(activity, version=None)) == [march] * 3
        assert told(services.change(activity, {"done_on": date(2025, 12, 31)})) == [march - 3] * 3
        assert told(services.reopen(activity, version=None)) == [None, None, None]
        assert told(log(done_on=date(2026, 1, 1), **with_dave)) == [march - 2] * 3
        rows = [{"type_id": kind("call"), "done_on": date(2024, 2, 29), **with_dave}, {"type_id": kind("call"), **with_dave}]
        done, planned = (db.session.get_one(Activity, i) for i in import_activities(rows))
        assert (told(done), told(planned)) == ([2024 * 12 + 1] * 3, [None, None, None])


def test_those_who_take_part_repeat_what_the_activity_says_however_it_is_written(one, people) -> None:
    with at_work(one, people):
        acme, other = (create_account({"name": name}) for name in ("Acme", "Other"))
        with_dave = {"members": [people["dave"].member_id], "owner_id": people["bob"].member_id, "account_id": acme.id}
        activity = plan(**with_dave)
        columns = [getattr(ActivityMember, column) for column in OF_ACTIVITY]

        def told() -> dict[str, Any]:
            assert check_who_took_part() > 0
            row = db.session.execute(select(*columns).where(ActivityMember.activity_id == activity.id)).one()
            return dict(zip(OF_ACTIVITY, row, strict=True))

        north = db.session.scalars(select(Team.id).where(Team.name == "North")).one()
        planned = {"kind": "call", "type_id": kind("call"), "account_id": acme.id, "done_team_id": north}  # the owner's, so far
        assert told() == {**dict.fromkeys(OF_ACTIVITY), **planned}
        services.complete(activity, version=None, outcome_id=outcome("We talked"), outcome_note="")
        assert told() == {
            "done_month": 2026 * 12 + 2, "done_on": date(2026, 3, 10), "done_by_id": people["bob"].member_id, "done_team_id": north, "kind": "call",
            "type_id": kind("call"), "outcome_id": outcome("We talked"), "account_id": acme.id, "told_after": 0,
        }  # fmt: skip
        services.change(activity, {"type_id": kind("email"), "outcome_id": None, "account_id": other.id})
        assert (told()["kind"], told()["outcome_id"], told()["account_id"]) == ("email", None, other.id)
        services.change(activity, {"done_by_id": people["mona"].member_id, "done_on": date(2026, 2, 20)})
        assert (told()["done_by_id"], told()["done_on"]) == (people["mona"].member_id, date(2026, 2, 20))
        assert told()["told_after"] > 24
        group = merging.merge(registry.resource("contacts.account"), acme.id, [other.id], {}, {})
        assert told()["account_id"] == acme.id
        merging.unmerge(group)
        assert told()["account_id"] == other.id
        services.reopen(activity, version=None)
        assert (told()["done_by_id"], told()["done_on"], told()["done_month"], told()["told_after"]) == (None,) * 4
        services.cancel(activity, version=None, outcome_id=None)
        log("visit", **with_dave)
        import_activities([{"type_id": kind("call"), "done_on": date(2024, 2, 29), "outcome_id": outcome("We talked"), **with_dave}])
        assert check_who_took_part() == 3


def test_a_visit_that_does_not_take_place_needs_a_reason(one, people) -> None:
    with at_work(one, people):
        visit = plan("visit")
        with pytest.raises(BusinessError, match="Why did the visit") as refused:
            services.cancel(visit, version=visit.version, outcome_id=None, outcome_note="")
        assert refused.value.field == "outcome_id"
        services.cancel(visit, version=visit.version, outcome_id=outcome("Nobody was there"), outcome_note="Closed")
        assert (visit.state, visit.done_on, visit.outcome_note) == ("cancelled", None, "Closed")
        assert services.cancel(plan("task"), version=None, outcome_id=None, outcome_note="").state == "cancelled"


def test_what_was_done_can_be_opened_again(one, people) -> None:
    with at_work(one, people):
        activity = services.complete(plan(), version=None, outcome_id=outcome("We talked"), outcome_note="Fine")
        services.reopen(activity, version=activity.version)
        assert (activity.state, activity.done_on, activity.outcome_id, activity.outcome_note) == ("planned", None, None, "")
        with pytest.raises(Conflict, match="open already"):
            services.reopen(activity, version=None)


def test_what_comes_next_is_suggested_with_the_same_links(one, people) -> None:
    with at_work(one, people, now="2026-03-12T11:00:00"):  # a Thursday
        deal = make_deal()
        done = log("visit", deal_id=deal.id)
        found = services.suggestion(done)
        assert found is not None
        assert (found["type_id"], found["deal_id"], found["owner_id"]) == (kind("call"), deal.id, people["bob"].member_id)
        assert found["due_on"] == date(2026, 3, 17)  # three working days
        assert services.plan(found).subject == "Call"
        assert services.suggestion(log("task")) is None


def test_a_series_plans_one_at_a_time_until_it_is_over(one, people) -> None:
    def all_of() -> list[date]:
        return list(db.session.scalars(select(Activity.due_on).order_by(Activity.id)))

    with at_work(one, people) as clock:
        first = plan("visit", due_on=date(2026, 3, 11), repeat="weekly", repeat_until=date(2026, 4, 1))
        assert all_of() == [date(2026, 3, 11)]
        services.reschedule(first, version=None, due_on=date(2026, 3, 10))
        services.complete(first, version=None)
        assert all_of()[1:] == [date(2026, 3, 18)]
        services.reopen(first, version=None)
        services.complete(first, version=None)
        assert len(all_of()) == 2
        clock.move_to(datetime(2026, 3, 23, 11, tzinfo=UTC))  # the 18th was missed, the 25th is next
        second = db.session.scalars(select(Activity).where(Activity.state == "planned")).one()
        services.cancel(second, version=None, outcome_id=outcome("We cancelled"), outcome_note="")
        assert all_of()[2:] == [date(2026, 3, 25)]
        third = db.session.scalars(select(Activity).where(Activity.state == "planned")).one()
        assert third.series_id == first.series_id
        services.end_series(third, version=None)
        services.complete(third, version=None)
        assert len(all_of()) == 3


def test_a_monthly_series_keeps_to_the_end_of_the_month(one, people) -> None:
    with at_work(one, people, now="2026-01-31T11:00:00") as clock:
        plan("visit", due_on=date(2026, 1, 31), repeat="monthly", repeat_until=date(2026, 4, 1))
        for day in (date(2026, 2, 28), date(2026, 3, 31)):
            services.complete(db.session.scalars(select(Activity).where(Activity.state == "planned")).one(), version=None)
            following = db.session.scalars(select(Activity).where(Activity.state == "planned")).one()
            assert following.due_on == day
            clock.move_to(datetime(day.year, day.month, day.day, 11, tzinfo=UTC))
        services.complete(following, version=None)
        assert not db.session.scalar(select(func.count(Activity.id)).where(Activity.state == "planned"))


def test_a_series_needs_its_end(one, people) -> None:
    with at_work(one, people):
        with pytest.raises(BusinessError, match="Until when"):
            plan(repeat="weekly")
        with pytest.raises(BusinessError, match="over before it begins"):
            plan(repeat="weekly", due_on=date(2026, 3, 20), repeat_until=date(2026, 3, 19))


def test_colleagues_take_part_and_their_teams_are_those_of_the_day(one, people) -> None:
    with at_work(one, people):
        dave, mona = people["dave"].member_id, people["mona"].member_id
        activity = plan("meeting", members=[dave, mona, people["bob"].member_id])
        assert activity.members == ",".join(map(str, sorted([dave, mona])))  # the owner takes part anyway
        assert set(db.session.scalars(select(ActivityMember.team_id))) == {None}
        services.complete(activity, version=None)
        south = select(ActivityMember.team_id).where(ActivityMember.member_id == dave)
        assert db.session.get_one(Team, db.session.scalars(south).one()).name == "South"
        services.change(activity, {"owner_id": dave})
        assert activity.members == str(mona)
        services.change(activity, {"members": []})
        assert activity.members == ""
        assert not db.session.scalar(select(func.count(ActivityMember.id)))
        with pytest.raises(BusinessError, match="no such person"):
            services.change(activity, {"members": [999_999]})


def test_what_is_told_long_after_is_seen_as_such(one, people) -> None:
    with at_work(one, people):
        assert not queries.is_late_record(log())
        assert not queries.is_late_record(log(done_on=date(2026, 3, 9)))
        late = log(done_on=date(2026, 3, 7))
        assert queries.is_late_record(late)
        assert late.told_after == 72


def test_the_next_step_of_deals_and_the_last_one(one, people) -> None:
    with at_work(one, people):
        late, today, later, none = (make_deal(name=n) for n in ("late", "today", "later", "none"))
        plan(deal_id=late.id, due_on=date(2026, 3, 9), subject="Mend it")
        plan(deal_id=late.id, due_on=date(2026, 3, 20))
        plan(deal_id=today.id, due_on=date(2026, 3, 10), subject="Untimed")
        plan(deal_id=today.id, due_on=date(2026, 3, 10), due_time=time(9), subject="At nine")
        plan(deal_id=later.id, due_on=date(2026, 3, 11))
        log("visit", deal_id=later.id, done_on=date(2026, 3, 1), subject="First")
        log("call", deal_id=later.id, done_on=date(2026, 3, 2), subject="Second")
        ids = [late.id, today.id, later.id, none.id]
        db.session.flush()
        with statements() as sent:
            found = queries.next_of_deals(ids)
        assert len(sent) == 1
        assert {ids.index(i): (s.state, s.due_on.day) for i, s in found.items()} == {0: ("late", 9), 1: ("today", 10), 2: ("planned", 11)}
        assert found[late.id].subject == "Mend it"
        assert found[today.id].subject == "At nine"


def test_reminders_go_by_the_time(one, people) -> None:
    with at_work(one, people):
        timed = plan(due_on=date(2026, 3, 12), due_time=time(10))
        assert (timed.remind_minutes, timed.remind_at) == (15, datetime(2026, 3, 12, 8, 45, tzinfo=UTC))
        services.change(timed, {"due_time": time(12), "remind_minutes": 60})
        assert timed.remind_at == datetime(2026, 3, 12, 10, 0, tzinfo=UTC)
        assert services.change(timed, {"due_time": None}).remind_at is None
        assert plan().remind_at is None


def test_one_change_can_complete_and_correct(one, people) -> None:
    with at_work(one, people):
        activity = services.change(plan(), {"done_on": date(2026, 3, 9), "outcome_id": outcome("We talked")})
        assert (activity.state, activity.done_on, activity.outcome_id) == ("done", date(2026, 3, 9), outcome("We talked"))
        services.change(activity, {"done_on": date(2026, 3, 8)})
        assert activity.done_on == date(2026, 3, 8)
        with pytest.raises(BusinessError, match="has a day"):
            services.change(activity, {"done_on": None})
        assert services.change(activity, {"state": "planned"}).done_on is None
        with pytest.raises(BusinessError, match="Say when"):
            services.change(activity, {"outcome_id": outcome("We talked")})
