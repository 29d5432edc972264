"""What holds for every metric of the CRM, whatever it counts: splits, drill-downs, the past, the trash."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import replace
from datetime import date, timedelta
from decimal import Decimal
from random import Random
from typing import Any

import pytest
from sqlalchemy import select

from app.core import trash
from app.core.clock import noon
from app.core.db import db, utcnow
from app.core.dimensions import dimensions
from app.core.errors import BusinessError
from app.core.figure_rollup import rolled_up
from app.core.figures import Figure, FigureRow
from app.core.metrics import Metric, MetricQuery, drill, evaluate, evaluate_together, metrics
from app.core.models import Membership, Team
from app.core.money import Money
from app.modules.contacts.public import Account
from app.modules.crm import services
from app.modules.crm.activities.models import (
    OF_ACTIVITY,
    Activity,
    ActivityMember,
    ActivityOutcome,
    ActivityType,
)
from app.modules.crm.activities.times import month_of
from app.modules.crm.leads.models import Lead, Source
from app.modules.crm.models import Deal
from app.modules.crm.parts.models import Competitor, DealCompetitor, DealCredit
from app.modules.crm.settings.models import Settings
from app.modules.crm.trash import hide_deals
from tests.modules.crm.making import clock, make_deal, move, rate

NOW = "2026-06-15T10:00:00"
PERIODS: tuple[dict[str, Any], ...] = ({}, {"start": date(2026, 2, 1), "end": date(2026, 5, 10)})


def ours() -> dict[str, Metric]:
    return {name: m for name, m in metrics().items() if m.module == "crm"}


def fill(session: Any, seed: int = 3, n: int = 36) -> None:
    """A company with a bit of everything, always the same for a seed; call within `clock`."""
    chance = Random(seed)
    session.add(Settings(active_days=40))
    rate("USD", date(2026, 1, 1), Decimal("0.9"))
    rate("USD", date(2026, 4, 1), Decimal("0.8123"))
    members = list(session.scalars(select(Membership.id).order_by(Membership.id)))
    accounts = [Account(name=f"A{i}", segment=[None, "A", "B"][i % 3], target=i % 2 == 0, owner_id=members[i % 2]) for i in range(6)]
    competitors = [Competitor(name="Rival"), Competitor(name="Other")]
    source = Source(name="Fair of tests")
    session.add_all([*accounts, *competitors, source])
    session.flush()
    days = [date(2025, 12, 20) + timedelta(days=d) for d in range(170)]
    deals = [_deal(chance, number, accounts, members, days, source) for number in range(n)]
    for deal in deals[::3]:
        for rival in competitors[: chance.randrange(3)]:
            session.add(DealCompetitor(deal_id=deal.id, competitor_id=rival.id))
    for deal in deals[::4]:
        first, second = chance.sample(members, 2)
        session.add(DealCredit(deal_id=deal.id, member_id=first, percent=33, upto=33))
        session.add(DealCredit(deal_id=deal.id, member_id=second, percent=67, upto=100))
    _leads(session, chance, members, days, source)
    activities(session, chance, members, days, deals, accounts)
    session.flush()


def _deal(chance: Random, number: int, accounts: list, members: list, days: list[date], source: Any) -> Deal:
    begun = chance.choice(days[:-5])
    amount = chance.choice([None, *[Money(chance.randrange(10**6), chance.choice(["EUR", "EUR", "USD", "GBP"]))] * 5])
    deal = services.create_deal(
        {"name": f"D{number}", "amount": amount, "owner_id": chance.choice(members), "account_id": chance.choice([None, *accounts]) and
         chance.choice(accounts).id, "expected_close": chance.choice([None, *days]), "product": chance.choice([None, "Press"]),
         "source_id": chance.choice([None, source.id]), "probability": chance.choice([None, None, 35]),
         "category": chance.choice([None, "commit", "omitted"])}, at=noon(begun), source="import")
    at = noon(begun)
    for _step in range(chance.randrange(4)):
        at += timedelta(days=chance.randrange(20), minutes=chance.randrange(3))
        if at > utcnow():
            break
        where = chance.choice([2, 3, 4, 2, 3, "won", "lost", "discarded"])
        try:
            with db.session.begin_nested():
                move(deal, where, at=at, source="import")
                if chance.random() < 0.3:
                    services.change_deal(deal, {"expected_close": chance.choice(days), "owner_id": chance.choice(members)}, at=at + timedelta(hours=1))
        except BusinessError:
            db.session.refresh(deal)
    return deal


def _leads(session: Any, chance: Random, members: list, days: list[date], source: Any) -> None:
    for number in range(20):
        begun = chance.choice(days)
        converted = chance.random() < 0.4
        lead = Lead(name=f"L{number}", opened_at=noon(begun), opened_on=begun, owner_id=chance.choice(members), created_at=noon(begun),
                    source_id=chance.choice([None, source.id]), state="converted" if converted else "new")
        if converted:
            lead.converted_on = min(begun + timedelta(days=9), days[-1])
            lead.converted_at = noon(lead.converted_on)
        session.add(lead)


def activities(session: Any, chance: Random, members: list, days: list[date], deals: list, accounts: list, n: int = 60) -> None:
    types = session.scalars(select(ActivityType).order_by(ActivityType.id)).all()
    outcomes = session.scalars(select(ActivityOutcome).order_by(ActivityOutcome.id)).all()
    team = session.scalars(select(Team.id)).first()
    for number in range(n):
        kind, day, done = chance.choice(types), chance.choice(days), chance.random() < 0.7
        deal = chance.choice([None, *deals])
        made = Activity(type_id=kind.id, kind=kind.kind, subject=f"T{number}", owner_id=chance.choice(members), due_on=day,
                        created_at=noon(day), deal_id=deal.id if deal else None,
                        account_id=deal.account_id if deal else chance.choice(accounts).id, state="done" if done else "planned")
        if done:
            made.told_after = chance.choice((0, 3, 30))
            made.done_on, made.done_at, made.recorded_at = day, noon(day), noon(day) + timedelta(hours=made.told_after)
            made.done_month = month_of(day)
            made.done_by_id, made.team_id = made.owner_id, chance.choice([None, team])
            made.outcome_id = chance.choice([None, *(o.id for o in outcomes if not o.cancelled)])
        taking_part = chance.sample(members, chance.randrange(3))
        made.members = ",".join(map(str, taking_part))
        session.add(made)
        session.flush()
        for member in taking_part:
            team_id = chance.choice([None, team])
            beside = {column: getattr(made, name) for column, name in OF_ACTIVITY.items()}
            session.add(ActivityMember(activity_id=made.id, member_id=member, team_id=team_id, **beside))


@contextmanager
def filled(one: Any, people: Any) -> Iterator[Any]:
    with clock(NOW) as traveller, one as session:
        fill(session)
        traveller.shift(60)
        yield session


def test_every_metric_says_what_it_is(one) -> None:
    with one:
        known = dimensions()
        for metric in ours().values():
            assert metric.row
            assert metric.resource
            assert str(metric.describe).endswith(".")
            assert set(metric.dimensions) <= set(known)
            assert metric.additive <= set(metric.dimensions)
            assert metric.shape == "sum" or not metric.additive
            assert metric.unit in ("money", "count", "ratio", "days", "hours")
        assert len({str(m.label) for m in ours().values()}) == len(ours())


@pytest.mark.parametrize("period", PERIODS)
def test_the_parts_make_the_whole_over_every_dimension_that_says_so(one, people, period: dict) -> None:
    with filled(one, people):
        for name, metric in ours().items():
            whole = evaluate(name, MetricQuery(**period))
            assert whole.total.n or metric.row in ("m23", "m24"), name
            for dimension in metric.dimensions:
                split = evaluate(name, MetricQuery(by=(dimension,), **period))
                if dimension in metric.additive:
                    check_sum(name, split.rows, whole.total)
                    assert split.excluded == whole.excluded, (name, dimension)


def check_sum(name: str, rows: list[FigureRow], whole: FigureRow) -> None:
    values = [row.value for row in rows]
    if isinstance(whole.value, Money):
        # Snapshots in other currencies are converted after summing, group by group: a cent a row at most.
        near = metrics()[name].currency_basis == "snapshot"
        apart = abs(sum(v.minor for v in values) - whole.value.minor)
        assert apart <= (len(rows) if near else 0), name
    else:
        assert sum(values) == whole.value, name


@pytest.mark.parametrize("past", [False, True])
def test_a_drill_down_lists_what_each_line_counts(one, people, past: bool) -> None:
    with filled(one, people) as session:
        as_of = utcnow() if past else None
        for name, metric in ours().items():
            for dimension in metric.dimensions:
                rows = evaluate(name, MetricQuery(by=(dimension,), as_of=as_of)).rows
                for row in rows:
                    listed = session.execute(drill(name, MetricQuery(filters=row.keys, as_of=as_of))).scalars().all()
                    if metric.repeats and dimension != "stage":
                        assert 0 < len(set(listed)) <= row.n
                    else:
                        assert len(listed) == len(set(listed)) == row.n, (name, dimension, row)


def test_the_present_is_the_past_of_now(one, people) -> None:
    with filled(one, people):
        for name, metric in ours().items():
            for by in ((), *(metric.dimensions[i : i + 3] for i in range(0, len(metric.dimensions), 3))):
                for asked in ({"as_of": utcnow()}, {"known_at": utcnow(), **PERIODS[1]}):
                    plain = {key: day for key, day in asked.items() if key in PERIODS[1]}
                    now, then = evaluate(name, MetricQuery(by=by, **plain)), evaluate(name, MetricQuery(by=by, **asked))
                    assert (name, by, then.rows, then.excluded) == (name, by, now.rows, now.excluded)


MONTHS = [(date(2026, 1, 1), date(2026, 1, 31)), (date(2026, 2, 1), date(2026, 2, 28)), (date(2026, 3, 1), date(2026, 3, 31))]


def test_months_add_up_to_the_quarter(one, people) -> None:
    with filled(one, people):
        for name, metric in ours().items():
            if metric.shape == "sum" and metric.basis in ("event", "cohort") and "month" in metric.additive:
                parts = [evaluate(name, MetricQuery(start=start, end=end)) for start, end in MONTHS]
                whole = evaluate(name, MetricQuery(start=MONTHS[0][0], end=MONTHS[-1][1]))
                check_sum(name, [part.total for part in parts], whole.total)
                assert sum(part.total.n for part in parts) == whole.total.n


def everything(**asked: Any) -> dict[str, Any]:
    found = {}
    for name, metric in ours().items():
        by = tuple(d for d in ("owner", "month") if d in metric.dimensions)
        figure = evaluate(name, MetricQuery(by=by, **asked))
        found[name] = ([(row.keys, row.value, row.n) for row in figure.rows], figure.excluded)
    return found


def test_what_was_known_stays_known_whatever_is_told_later(one, people) -> None:
    with clock(NOW) as traveller, one as session:
        fill(session)
        traveller.shift(60)
        before, known = everything(), utcnow()
        traveller.shift(3600)
        deals = session.scalars(select(Deal).where(Deal.state == "open").order_by(Deal.id)).all()
        move(deals[0], "won", amount=Money(12_345, "EUR"))
        move(deals[1], "lost", closed_on=date(2026, 6, 10))
        services.change_deal(deals[2], {"expected_close": date(2027, 1, 1), "amount": Money(1, "EUR")})
        make_deal(on=date(2026, 3, 3))
        trash.put(Deal, "name", [deals[3].id], hide=hide_deals)
        trash.put(Activity, "subject", session.scalars(select(Activity.id).limit(3)).all())
        trash.put(Lead, "name", session.scalars(select(Lead.id).limit(3)).all())
        assert everything() != before
        then = everything(known_at=known)
        # What a deal's stay or wait has come to is told by the clock, and the clock stood still then.
        assert then == before



def test_figures_by_month_tell_those_of_whole_months(one, people) -> None:
    """Every metric that says that each row has one month: a quarter out of a year, split and not, is what is asked of it alone."""
    year = {"start": date(2026, 1, 1), "end": date(2026, 12, 31)}
    quarter = {"start": date(2026, 1, 1), "end": date(2026, 3, 31)}
    told = 0
    with filled(one, people):
        for name, metric in ours().items():
            if "month" not in metric.parted or not metric.period or metric.quarter:
                continue
            for by in ((), ("owner",), ("pipeline",)):
                if not set(by) <= set(metric.dimensions):
                    continue
                wide = evaluate(name, MetricQuery(by=("month", *by), **year))
                found = rolled_up(wide, *by, **quarter)
                assert found is not None, (name, by)
                alone = evaluate(name, MetricQuery(by=by, **quarter))
                assert sorted(map(repr, found.rows)) == sorted(map(repr, alone.rows)), (name, by)
                assert found.excluded == alone.excluded, (name, by)
                told += 1
            assert rolled_up(wide, start=date(2026, 1, 2), end=date(2026, 3, 31)) is None
            assert rolled_up(wide, start=date(2025, 12, 1), end=date(2026, 3, 31)) is None
    assert told > 20


@pytest.mark.parametrize("past", [{}, {"as_of": "2026-03-03", "known_at": "2026-04-04"}], ids=["now", "then"])
def test_what_people_did_tells_what_was_done(one, people, past: dict[str, str]) -> None:
    """An activity counts for each who took part; lines that count it once make the whole, unless only some were asked for."""
    told = 0
    with filled(one, people):
        then = {name: noon(date.fromisoformat(day)) for name, day in past.items()}
        query = MetricQuery(start=date(2026, 1, 1), end=date(2026, 5, 10), **then)
        for name in (n for n, m in ours().items() if m.resource == "crm.activity" and {"owner", "kind"} <= m.parted | {"owner"}):
            whose = [w for w in (("owner",), ("team",), ("owner", "team")) if set(w) <= set(ours()[name].dimensions)]
            for by in whose:
                wide = evaluate(name, replace(query, by=(*by, "kind", "month")))
                if not wide.lines:
                    continue
                for fewer in ((), ("kind",), ("month",)):
                    same(rolled_up(wide, *fewer), evaluate(name, replace(query, by=fewer)))
                    told += 1
                same(rolled_up(wide, *by), evaluate(name, replace(query, by=by)))
                same(rolled_up(wide, only={"kind": "call"}), evaluate(name, replace(query, filters={"kind": "call"})))
                bobs = rolled_up(wide, only={"owner": people["bob"].member_id})
                if by == ("owner",):  # of one person alone each is counted once
                    same(bobs, evaluate(name, replace(query, filters={"owner": people["bob"].member_id})))
                else:
                    assert bobs is None
                some = replace(query, by=(*by, "kind"), filters={"owner": people["bob"].member_id})
                assert rolled_up(evaluate(name, some), "kind") is None
            both = evaluate(name, replace(query, by=whose[-1]))
            assert len(whose) == 1 or rolled_up(both, "team") is None
    assert told > 20


COHORT = ("crm.funnel_reached", "crm.created_win_rate", "crm.created_open_rate", "crm.stage_conversion", "crm.funnel_amount")


@pytest.mark.parametrize("past", [{}, {"as_of": "2026-05-02"}, {"as_of": "2026-05-02", "known_at": "2026-05-20"}], ids=["now", "then", "known"])
def test_figures_of_a_cohort_are_told_by_one_statement(one, people, past: dict[str, str]) -> None:
    """Each by dimensions of its own; narrowed down and by fewer they are what is asked alone, amounts to the cent."""
    with filled(one, people):
        query = MetricQuery(end=date(2026, 5, 31), **{name: noon(date.fromisoformat(day)) for name, day in past.items()})
        bys = [("owner", "pipeline")] * 3 + [("owner", "pipeline", "stage")] * 2
        for name, by, wide in zip(COHORT, bys, evaluate_together(COHORT, query, bys=bys), strict=True):
            same(wide, evaluate(name, replace(query, by=by)))
            rest = by[2:]
            for fewer in (rest, ("owner", *rest), ("pipeline", *rest)):
                same(rolled_up(wide, *fewer), evaluate(name, replace(query, by=fewer)))
            for owner in (None, *(person.member_id for person in people.values() if person.company == "one")):
                only = {"owner": owner, "pipeline": 1}
                same(rolled_up(wide, *rest, only=only), evaluate(name, replace(query, by=rest, filters=only)))
        some = (people["bob"].member_id, people["dave"].member_id)
        same(rolled_up(wide, "stage", only={"owner": some}), evaluate(name, replace(query, by=("stage",), filters={"owner": some})))
        assert rolled_up(wide, "owner") is None  # a deal has reached several stages
        with pytest.raises(ValueError, match="same rows"):
            evaluate_together(COHORT[:2], replace(query, filters={"stage": 1}))
        with pytest.raises(ValueError, match="part"):
            evaluate_together(COHORT[:2], query, bys=[("competitor",), ()])


def same(found: Figure | None, alone: Figure) -> None:
    assert found is not None
    assert (found.query.by, found.excluded) == (alone.query.by, alone.excluded)
    assert sorted(map(repr, found.rows)) == sorted(map(repr, alone.rows)), alone.metric.id
