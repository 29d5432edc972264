"""Quotas and what was sold against them: which quota counts on which day, the figures of the registry, the page, who sees what."""

from __future__ import annotations

import csv
import io
from collections.abc import Iterator
from datetime import date, timedelta
from decimal import Decimal
from random import Random
from typing import Any

import pytest
from sqlalchemy import select

from app.core import lifecycle
from app.core.db import db
from app.core.metrics import MetricQuery, drill, evaluate, forget_company_metrics, metrics
from app.core.models import Holiday
from app.core.reports.periods import Period
from app.modules.kpi.goals.services import change_goal
from app.modules.kpi.models import Goal
from app.modules.kpi.progress.curve import share_by
from app.modules.kpi.revenue.quotas import WON, Quota, plan
from app.modules.kpi.revenue.standing import Standing, earlier, growth, yearly_growth
from tests.core.api_client import asking
from tests.modules.crm.making import LoggedIn, clock, euros, make_deal, statements_of
from tests.modules.kpi.goals_world import FRAGMENT, KPI, NOW, TODAY, World, acting, build, running, won, words

# The second quarter of 2026 has 22, 21 and 22 working days; 34 of them are over on May 18.
QUARTER = (date(2026, 4, 1), date(2026, 6, 30))
APRIL, MAY, JUNE = (2026 * 12 + month - 1 for month in (4, 5, 6))
PAGE = f"{KPI}/revenue"


@pytest.fixture
def world(one: Any, people: dict[str, Any]) -> Iterator[World]:
    with clock(NOW), one:
        yield build(people)


def quota(owner_id: int, thousands: int, **more: Any) -> Any:
    return running(owner_id, name="Quota", metric=WON, target=Decimal(thousands * 1000), is_quota=True, **more)


def asked(metric_id: str, *by: str, first: date = QUARTER[0], last: date = QUARTER[1], **filters: Any) -> dict[Any, Any]:
    """Key or keys -> amount in euros or share."""
    figure = evaluate(metric_id, MetricQuery(start=first, end=last, by=by, filters=filters))
    told = {tuple(row.keys[name] for name in by): getattr(row.value, "amount", row.value) for row in figure.rows}
    return {key[0] if len(key) == 1 else key: value for key, value in told.items()}


# Which quota counts on which day


def made(number: int, first: date, last: date, target: int = 1000, curve: tuple[int, ...] = ()) -> Quota:
    return Quota(number, "member", 1, None, Decimal(target), first, last, curve, {})


def by_days(quotas: list[Quota], first: date, last: date) -> Decimal:
    """The same, day by day: each day belongs to one quota."""
    def order(each: Quota) -> tuple[bool, int]:
        inside = first <= each.first_day and each.last_day <= last
        length = (each.last_day - each.first_day).days
        return not inside, -length if inside else length

    ranked, found = sorted(quotas, key=order), Decimal(0)
    for n in range((last - first).days + 1):
        day = first + timedelta(days=n)
        holder = next((each for each in ranked if each.first_day <= day <= each.last_day), None)
        if holder is not None and holder.target is not None:
            found += holder.target * (share_by(holder, day) - share_by(holder, day - timedelta(days=1)))  # type: ignore[arg-type]
    return found


def test_no_day_counts_twice_and_none_is_left_out(world: World) -> None:
    db.session.add(Holiday(day=date(2026, 5, 1), name="Labour Day"))
    db.session.flush()
    chance = Random(5)
    for _round in range(60):
        quotas = []
        for number in range(chance.randrange(1, 5)):
            first = date(2026, 1, 1) + timedelta(days=chance.randrange(300))
            quotas.append(made(number, first, first + timedelta(days=chance.randrange(10, 120) * 2 + number), chance.randrange(1, 90) * 1000))
        begin = date(2026, 2, 1) + timedelta(days=chance.randrange(200))
        end = begin + timedelta(days=chance.randrange(20, 150))
        told = plan(quotas, begin, end)
        assert abs((told.target or 0) - by_days(quotas, begin, end)) < Decimal("0.000001")


def test_a_quota_that_lies_in_the_period_counts_to_the_cent(world: World) -> None:
    year, quarter, may = made(1, date(2026, 1, 1), date(2026, 12, 31), 261), made(2, *QUARTER, 65), made(3, date(2026, 5, 1), date(2026, 5, 31), 100)
    everything = [may, year, quarter]
    assert plan(everything, date(2026, 1, 1), date(2026, 12, 31)).target == 261
    assert plan(everything, *QUARTER).target == 65
    assert plan(everything, date(2026, 5, 1), date(2026, 5, 31)).target == 100
    assert plan(everything, date(2026, 4, 1), date(2026, 4, 30)).target == 22  # the share of the shortest that holds it
    assert plan(everything, date(2027, 1, 1), date(2027, 1, 31)).target is None


def test_a_quota_grows_as_its_months_were_weighted(world: World) -> None:
    back_loaded = made(1, *QUARTER, 100, (10, 20, 70))
    told = plan([back_loaded], *QUARTER)
    assert told.target == 100
    assert told.expected(date(2026, 4, 30)) == 10
    assert told.expected(date(2026, 5, 31)) == 30
    assert plan([back_loaded], date(2026, 6, 1), date(2026, 6, 30)).target == 70


# Standing against it


def standing(sold: int, day: date = TODAY, **more: Any) -> Standing:
    return Standing(plan([made(1, *QUARTER, 65_000)], *QUARTER), Period(*QUARTER), day, Decimal(sold), **more)


def test_pace_gap_need_and_coverage_by_working_days(world: World) -> None:
    told = standing(17_000, open=Decimal(24_000), before=Decimal(20_000))
    assert (told.quota, told.gap, told.attained) == (65_000, 48_000, Decimal(17) / 65)
    assert told.pace == Decimal("0.5")  # 34 of 65 working days are over
    assert told.needed == Decimal(48_000) / 31
    assert told.coverage == Decimal("0.5")
    assert told.growth == Decimal("-0.15")
    assert told.status == "off_track"
    assert [standing(sold).status for sold in (34_000, 30_000, 65_000)] == ["on_track", "at_risk", "attained"]
    after = date(2026, 7, 1)
    assert [standing(sold, after).status for sold in (65_000, 64_999)] == ["attained", "missed"]
    assert standing(1, after).needed is None


def test_what_is_undefined_stays_undefined(world: World) -> None:
    assert standing(65_000, open=Decimal(1)).coverage is None  # nothing is missing
    assert standing(70_000).needed is None
    none = Standing(plan([], *QUARTER), Period(*QUARTER), TODAY, Decimal(5))
    assert (none.quota, none.attained, none.gap, none.pace, none.coverage, none.status) == (None, None, None, None, None, "unknown")
    nothing = Standing(plan([made(1, *QUARTER, 0)], *QUARTER), Period(*QUARTER), TODAY, Decimal(5))
    assert (nothing.attained, nothing.pace) == (None, None)
    assert growth(Decimal(5), Decimal(0)) is None
    assert growth(Decimal(5), Decimal(-3)) is None
    assert growth(Decimal(68_000), Decimal(50_000)) == Decimal("0.36")
    assert yearly_growth([Decimal(100)]) is None
    assert yearly_growth([Decimal(0), Decimal(50)]) is None
    assert round(yearly_growth([Decimal(100), Decimal(7), Decimal(121)]) or 0, 9) == Decimal("0.1")


def test_what_runs_is_compared_with_as_many_days(world: World) -> None:
    assert earlier(Period(*QUARTER), 3, TODAY) == Period(date(2026, 1, 1), date(2026, 2, 17))
    assert earlier(Period(*QUARTER), 3, date(2026, 7, 2)) == Period(date(2026, 1, 1), date(2026, 3, 31))
    march = Period(date(2026, 3, 1), date(2026, 3, 31))
    assert earlier(march, 1, date(2026, 3, 30)) == Period(date(2026, 2, 1), date(2026, 2, 28))
    assert earlier(Period(date(2024, 2, 1), date(2024, 2, 29)), 12, TODAY) == Period(date(2023, 2, 1), date(2023, 2, 28))


# The figures of the registry


def test_quota_and_attainment_by_person_team_and_month(world: World) -> None:
    quota(world.bob, 65)
    quota(world.dave, 130)
    quota(world.bob, 10, period="month", first_day=date(2026, 5, 1))
    won(world.bob, date(2026, 4, 2), 13)
    won(world.bob, date(2026, 5, 4), 20)
    assert asked("kpi.quota") == {(): 195_000}
    assert asked("kpi.quota", "owner") == {world.bob: 65_000, world.dave: 130_000}
    assert asked("kpi.quota", "team") == {world.north: 65_000, world.south: 130_000}
    assert asked("kpi.quota", "month", owner=world.bob) == {APRIL: 22_000, MAY: 10_000, JUNE: 22_000}
    assert asked("kpi.quota", "quarter") == {APRIL // 3: 195_000}
    assert asked("kpi.quota", month=MAY) == {(): 10_000 + 42_000}
    assert asked("kpi.quota", first=date(2026, 5, 1), last=date(2026, 5, 31), owner=world.bob) == {(): 10_000}
    assert asked("kpi.quota_attainment", "owner") == {world.bob: Decimal(33) / 65, world.dave: 0}
    assert asked("kpi.quota_attainment", "month", owner=world.bob) == {APRIL: Decimal(13) / 22, MAY: 2, JUNE: 0}
    assert asked("kpi.quota_attainment") == {(): Decimal(33) / 195}


def test_a_quota_that_is_no_quota_a_draft_or_of_a_part_does_not_count(world: World) -> None:
    running(world.bob, metric=WON, target=Decimal(5))
    quota(world.bob, 7, filters={"segment": "A"})
    assert asked("kpi.quota") == {(): 0}
    assert asked("kpi.quota_attainment") == {(): None}


def test_a_quota_without_a_rate_is_left_out_and_counted(world: World) -> None:
    quota(world.bob, 65)
    goal = quota(world.dave, 5)
    goal.currency = "CHF"
    db.session.flush()
    figure = evaluate("kpi.quota", MetricQuery(start=QUARTER[0], end=QUARTER[1]))
    assert (figure.total.value.amount, figure.total.n, figure.excluded["no_rate"]) == (65_000, 1, 1)


def test_behind_a_quota_are_the_goals_that_count(world: World) -> None:
    whole, may = quota(world.bob, 65), quota(world.bob, 10, period="month", first_day=date(2026, 5, 1))
    of_dave = quota(world.dave, 1)

    def ids(**query: Any) -> set[int]:
        given = {"start": QUARTER[0], "end": QUARTER[1], **query}
        return set(db.session.scalars(drill("kpi.quota", MetricQuery(**given)), execution_options={"all_rows": True}))

    assert ids() == {whole.id, of_dave.id}
    assert ids(filters={"owner": world.bob}) == {whole.id}
    assert ids(filters={"owner": world.bob, "month": MAY}) == {may.id}
    assert ids(start=date(2026, 5, 1), end=date(2026, 5, 31), filters={"team": [world.north]}) == {may.id}


def test_without_deals_there_are_no_figures_of_quotas(world: World) -> None:
    assert {"kpi.quota", "kpi.quota_attainment"} <= metrics().keys()
    lifecycle.disable("crm")
    forget_company_metrics()
    assert not {"kpi.quota", "kpi.quota_attainment"} & metrics().keys()


def test_a_rep_asks_for_their_own_quota_alone_and_a_manager_for_those_of_the_teams_below(app: Any, one: Any, people: dict[str, Any]) -> None:
    with clock(NOW):
        with one:
            world = build(people)
            quota(world.bob, 65)
            quota(world.dave, 130)
        address = "/api/v1/metrics/kpi.quota?from=2026-04-01&to=2026-06-30"
        told = {name: asking(app, people[name]).get(address).json["rows"][0]["value"] for name in ("bob", "dave", "mona", "alice")}
    assert told == {"bob": "65000.00", "dave": "130000.00", "mona": "65000.00", "alice": "195000.00"}


# The page


@pytest.fixture
def sales(one: Any, people: dict[str, Any]) -> Iterator[World]:
    with clock(NOW):
        with one:
            world = build(people)
            quota(world.bob, 65)
            quota(world.dave, 130)
            running(world.alice, name="All of it", metric=WON, target=Decimal(150_000), is_quota=True, scope="company")
            won(world.bob, date(2026, 2, 3), 10)
            won(world.bob, date(2026, 4, 2), 17)
            won(world.dave, date(2026, 5, 4), 70)
            make_deal(owner_id=world.bob, amount=euros(24_000), expected_close=date(2026, 6, 10), on=date(2026, 4, 20))
        yield world


def table(client: Any, key: str, **args: str) -> list[list[str]]:
    answer = client.get(PAGE, query_string={"format": "csv", "table": key, **args})
    assert answer.status_code == 200
    return list(csv.reader(io.StringIO(answer.get_data(as_text=True).lstrip("\ufeff"))))


def test_the_page_says_where_the_company_stands(client_of: Any, sales: World) -> None:
    page = words(LoggedIn(client_of, "alice").get(PAGE).text)
    assert "Quota €150,000" in page  # the company's own, not what its people have together
    assert "Attained 58.0% Attained" not in page
    assert "Attained 58.0%" in page
    assert "Missing €63,000" in page
    assert "Pace by working days 111% on pace would be €78,462" in page
    assert "Needed per working day €2,032" in page
    rows = table(LoggedIn(client_of, "alice"), "split")
    assert rows[1][:5] == ["Dave", "130000", "70000.00", "0.538462", "60000.00"]
    assert rows[2][:5] == ["Bob", "65000", "17000.00", "0.261538", "48000.00"]
    assert rows[2][8] == "0.700000"  # 17,000 after 10,000 in as many days
    assert table(LoggedIn(client_of, "alice"), "handed")[1][:4] == ["Company", "150000", "195000", "1.300000"]


def test_by_team_by_segment_and_period_by_period(client_of: Any, sales: World) -> None:
    alice = LoggedIn(client_of, "alice")
    assert [row[:3] for row in table(alice, "split", by="team")[1:3]] == [["North", "65000", "17000.00"], ["South", "130000", "70000.00"]]
    assert [row[:3] for row in table(alice, "split", by="segment")[1:]] == [["None", "", "87000.00"], ["Total", "150000", "87000.00"]]
    last = [row[-1] for row in table(alice, "history")[1:]]
    assert last == ["0.261538", "0.538462"]
    months = {row[0].split()[0]: row[1:3] for row in table(alice, "months")[1:]}
    assert months["Apr"][0] == "17000.00"


def test_a_quota_that_was_changed_is_told_against_what_it_was_at_first_too(one: Any, client_of: Any, sales: World) -> None:
    alice = LoggedIn(client_of, "alice")
    assert len(table(alice, "history")[0]) == 6  # nothing was changed: the rep and five periods
    with one, acting(sales.mona):
        bob = db.session.scalars(select(Goal).where(Goal.owner_id == sales.bob, Goal.is_quota)).one()
        for target, reason in ((50_000, "The market shrinks"), (34_000, "It shrinks on")):
            change_goal(bob, {"target": Decimal(target)}, reason)
    head, *rows = table(alice, "history")
    assert head[-1] == "Against the first quota"
    # Bob sold 17,000: a half of the 34,000 that are his quota now, and so much of the 65,000 that it was at first.
    assert {row[0]: row[-2:] for row in rows} == {"Bob": ["0.500000", "0.261538"], "Dave": ["0.538462", ""]}
    page = words(alice.get(f"{PAGE}?part=history", headers=FRAGMENT).text)
    assert "50% €17,000 of €34,000" in page
    assert "26% €17,000 of €65,000" in page


def test_a_file_is_called_by_its_page_and_days(client_of: Any, sales: World) -> None:
    alice = LoggedIn(client_of, "alice")
    for kind, name in (("pdf", "one-revenue-2026-04-01-2026-06-30.pdf"), ("csv", "one-revenue-2026-04-01-2026-06-30-months.csv")):
        answer = alice.get(PAGE, query_string={"format": kind})
        assert answer.headers["Content-Disposition"] == f"attachment; filename={name}"


def test_an_amount_below_zero_has_a_minus_as_shares_have(one: Any, client_of: Any, sales: World) -> None:
    with one:
        won(sales.bob, date(2026, 5, 5), 60)
    page = words(LoggedIn(client_of, "alice").get(PAGE).text)
    assert "118.5% −€12,000" in page  # 77,000 of 65,000
    assert " -€" not in page


def test_who_sees_whose_sales_and_quotas(client_of: Any, sales: World) -> None:
    names = {who: [row[0] for row in table(LoggedIn(client_of, who), "split")[1:-1]] for who in ("bob", "dave", "alice")}
    assert names == {"bob": ["Bob"], "dave": ["Dave"], "alice": ["Dave", "Bob"]}
    page = words(LoggedIn(client_of, "bob").get(PAGE).text)
    assert "Quota €65,000" in page
    assert "150,000" not in page
    assert "Dave" not in words(LoggedIn(client_of, "bob").get(f"{PAGE}?part=history", headers=FRAGMENT).text)
    only = LoggedIn(client_of, "alice").get(f"{PAGE}?owner={sales.bob}").text
    assert "Quota €65,000" in words(only)
    assert [row[0] for row in table(LoggedIn(client_of, "bob"), "split", owner=str(sales.dave))[1:-1]] == []


def test_a_part_of_the_sales_is_not_measured_against_the_whole_quota(client_of: Any, sales: World) -> None:
    page = words(LoggedIn(client_of, "alice").get(f"{PAGE}?segment=none").text)
    assert "No quota in this period." in page


def test_files_and_a_page_without_deals(one: Any, client_of: Any, sales: World) -> None:
    alice = LoggedIn(client_of, "alice")
    assert alice.get(f"{PAGE}?format=pdf").data.startswith(b"%PDF")
    assert alice.get(f"{PAGE}?format=xlsx&table=split").status_code == 200
    assert alice.get(f"{PAGE}?period=nonsense").status_code == 422
    with one:
        lifecycle.disable("crm")
    answer = LoggedIn(client_of, "alice").get(PAGE)
    assert answer.status_code == 200
    assert "There are no sales to show" in answer.text


def test_statements_do_not_grow_with_people_and_quotas(app: Any, one: Any, client_of: Any, sales: World) -> None:
    alice = client_of("alice")
    alice.get(f"{PAGE}?whole=1")
    with statements_of(app) as before:
        alice.get(f"{PAGE}?whole=1")
    with one:
        for owner in (sales.mona, sales.alice):
            quota(owner, 10)
            won(owner, date(2026, 5, 5), 3)
        for month in (5, 6, 7, 8, 9, 10):
            quota(sales.bob, 3, period="month", first_day=date(2026, month, 1))
    with statements_of(app) as after:
        alice.get(f"{PAGE}?whole=1")
    assert len(after) == len(before)
    assert len(before) < 45
