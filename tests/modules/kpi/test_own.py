"""A company's own metrics: told values and formulas against plain Python, splits, scopes, the past, drill-downs, rules."""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date, timedelta
from decimal import Decimal
from random import Random
from typing import Any

import pytest
from sqlalchemy import select

from app.core import lifecycle, trash
from app.core.clock import end_of, noon
from app.core.db import db
from app.core.errors import BusinessError
from app.core.metrics import MetricQuery, drill, evaluate, metrics
from app.core.models import TeamMember
from app.core.money import Money
from app.modules.kpi.models import Goal
from app.modules.kpi.own import services
from app.modules.kpi.own.models import OwnMetric, Value
from tests.core.api_client import asking
from tests.modules.crm.making import clock, make_deal, move, statements

NOW = "2026-06-15T10:00:00"
TODAY = date(2026, 6, 15)
SINCE = date(2026, 1, 5)


@dataclass(frozen=True)
class Told:
    owner: int | None
    team: int | None
    day: date
    amount: Decimal


def metric(name: str = "Visits", **values: Any) -> OwnMetric:
    return services.create_metric({"name": name, **values})


def made(name: str, text: str, unit: str = "count") -> OwnMetric:
    return metric(name, kind="formula", formula=text, unit=unit)


def value(row: OwnMetric, amount: Any, day: date = TODAY, owner: int | None = None, **more: Any) -> Value:
    return services.create_value({"metric_id": row.id, "amount": Decimal(str(amount)), "on_day": day, "owner_id": owner, **more})


def ask(row: OwnMetric, *by: str, **query: Any) -> dict[Any, tuple[Any, int]]:
    """Key or keys -> value (money in whole units) and n."""
    figure = evaluate(f"kpi.{row.key}", MetricQuery(by=by, **query))
    plain = {tuple(line.keys[name] for name in by): (line.value.amount if isinstance(line.value, Money) else line.value, line.n) for line in figure.rows}
    return {key[0] if len(by) == 1 else key: told for key, told in plain.items()}


def refused(call: Any, *args: Any) -> tuple[str, str | None]:
    with pytest.raises(BusinessError) as found:
        call(*args)
    return found.value.message, found.value.field


def some(people: dict[str, Any], row: OwnMetric, seed: int = 1, n: int = 40) -> list[Told]:
    """Told values of bob, dave and nobody, and what they are in plain Python."""
    chance = Random(seed)
    teams = {each.member_id: each.team_id for each in db.session.scalars(select(TeamMember))}
    owners = [people["bob"].member_id, people["dave"].member_id, None]
    found = []
    for _number in range(n):
        owner, day = chance.choice(owners), SINCE + timedelta(days=chance.randrange(160))
        amount = Decimal(chance.randrange(0, 100_000)) / 100
        amount = amount / 1000 if row.unit == "ratio" else amount
        value(row, amount, day, owner)
        found.append(Told(owner, teams.get(owner or 0), day, amount))
    return found


KEYS = {
    "owner": lambda t: t.owner, "team": lambda t: t.team, "month": lambda t: t.day.year * 12 + t.day.month - 1,
    "quarter": lambda t: t.day.year * 4 + (t.day.month - 1) // 3,
}  # fmt: skip


def plainly(told: Sequence[Told], gathered: str, unit: str, by: Sequence[str]) -> dict[Any, tuple[Decimal, int]]:
    """The figure in plain Python; `told` in the order in which it was told."""
    groups: dict[Any, list[Told]] = {}
    apart = [name for name in by if name in ("month", "quarter")]
    if gathered == "last":
        last: dict[Any, Told] = {}
        for each in sorted(told, key=lambda t: t.day):  # stable: of one day the one told later
            last[each.owner, *(KEYS[name](each) for name in apart)] = each
        told = list(last.values())
    for each in told:
        groups.setdefault(tuple(KEYS[name](each) for name in by), []).append(each)
    found = {}
    for key, some_ in groups.items():
        total = sum((t.amount for t in some_), Decimal(0))
        mean = gathered == "mean" or unit == "ratio"
        found[key[0] if len(by) == 1 else key] = (total / len(some_) if mean else total, len(some_))
    return found


def alike(found: dict, wanted: dict, unit: str) -> None:
    assert found.keys() == wanted.keys()
    for key, (total, n) in wanted.items():
        assert found[key][1] == n
        assert abs(found[key][0] - total) <= (Decimal("0.005") if unit == "money" else Decimal("1e-9")), key


KINDS = [("sum", "count"), ("sum", "money"), ("sum", "hours"), ("mean", "days"), ("mean", "money"), ("mean", "ratio"), ("last", "count"), ("last", "ratio"), ("last", "money")]
SPLITS = [(), ("owner",), ("team",), ("month",), ("quarter",), ("owner", "month"), ("team", "quarter"), ("month", "quarter")]


@pytest.mark.parametrize(("gathered", "unit"), KINDS)
def test_told_values_are_what_plain_python_makes_of_them(one, people, gathered: str, unit: str) -> None:
    with clock(NOW), one:
        row = metric(gathered=gathered, unit=unit)
        told = some(people, row)
        some(people, metric("Another", unit=unit, gathered=gathered), seed=2)
        for days in ({}, {"start": date(2026, 2, 10), "end": date(2026, 5, 3)}):
            within = [t for t in told if not days or days["start"] <= t.day <= days["end"]]
            for by in SPLITS:
                alike(ask(row, *by, **days), plainly(within, gathered, unit, by), unit)


@pytest.mark.parametrize(("gathered", "unit"), KINDS)
def test_a_drill_down_has_exactly_the_rows_counted(one, people, gathered: str, unit: str) -> None:
    with clock(NOW), one:
        row = metric(gathered=gathered, unit=unit)
        some(people, row)
        span = {"start": date(2026, 2, 10), "end": date(2026, 5, 3)}
        for by in SPLITS:
            for line in evaluate(f"kpi.{row.key}", MetricQuery(by=by, **span)).rows:
                ids = db.session.scalars(drill(f"kpi.{row.key}", MetricQuery(filters=line.keys, **span))).all()
                assert len(ids) == len(set(ids)) == line.n
                only = evaluate(f"kpi.{row.key}", MetricQuery(filters=line.keys, **span)).total
                assert (only.value, only.n) == (line.value, line.n)


def test_what_adds_up_adds_up_and_what_does_not_says_so(one, people) -> None:
    with clock(NOW), one:
        for gathered, unit in KINDS:
            row = metric(f"{gathered} {unit}", gathered=gathered, unit=unit)
            some(people, row)
            told = metrics()[f"kpi.{row.key}"]
            whole = ask(row)[()][0]
            for name in told.dimensions:
                parts = [v for v, _n in ask(row, name).values()]
                if name in told.additive:
                    assert abs(sum(parts) - whole) < Decimal("1e-9"), (gathered, unit, name)
        assert metrics()["kpi.last_ratio"].additive == frozenset()
        assert metrics()["kpi.last_count"].additive == {"owner", "team"}


def test_without_a_value_there_is_no_figure(one) -> None:
    with clock(NOW), one:
        for unit in ("count", "money", "ratio", "days"):
            row = metric(f"Empty {unit}", unit=unit)
            assert ask(row) == {(): (None, 0)}
            value(row, 0)
            assert ask(row) == {(): (Decimal(0), 1)}


def test_as_of_and_known_at(one, people) -> None:
    bob = people["bob"].member_id
    with clock("2026-03-10T10:00:00") as now, one:
        total, last = metric("Total"), metric("Stock", gathered="last")
        for row in (total, last):
            value(row, 5, date(2026, 3, 1), bob)
            value(row, 7, date(2026, 3, 8), bob)
        now.move_to("2026-04-01T10:00:00Z")
        for row in (total, last):
            value(row, 11, date(2026, 3, 20), bob)
            value(row, 13, date(2026, 3, 2), bob)  # told late, of an earlier day
        assert [ask(total)[()][0], ask(last)[()][0]] == [36, 11]
        assert [ask(r, as_of=end_of(date(2026, 3, 10)))[()][0] for r in (total, last)] == [25, 7]
        assert [ask(r, known_at=end_of(date(2026, 3, 10)))[()][0] for r in (total, last)] == [12, 7]
        assert [ask(r, as_of=end_of(date(2026, 3, 2)), known_at=end_of(date(2026, 3, 10)))[()][0] for r in (total, last)] == [5, 5]


def test_what_lies_in_the_trash_does_not_count_and_gives_way_to_what_came_before(one, people) -> None:
    bob = people["bob"].member_id
    with clock(NOW), one:
        row = metric(gathered="last")
        value(row, 5, date(2026, 6, 1), bob)
        later = value(row, 9, date(2026, 6, 10), bob)
        trash.put(Value, "on_day", [later.id])
        assert ask(row, "owner") == {bob: (5, 1)}


def test_a_formula_is_what_plain_python_makes_of_its_parts(one, people) -> None:
    bob, dave = people["bob"].member_id, people["dave"].member_id
    with clock(NOW), one:
        visits, rate = metric(), metric("Reach", unit="ratio", gathered="mean")
        told = {bob: (20, "0.5"), dave: (8, "0.25")}
        for owner, (count, share) in told.items():
            value(visits, count, owner=owner)
            value(rate, share, owner=owner)
        for owner, amount in ((bob, 100), (bob, 300), (dave, 50)):
            move(make_deal(owner_id=owner, amount=Money(amount * 100, "EUR"), on=date(2026, 6, 1)), "won", at=noon(date(2026, 6, 10)))
        made("Talks", "kpi.visits * kpi.reach")
        row = made("Revenue", "kpi.talks × crm.win_rate × crm.average_deal_size", "money")
        per = made("Per visit", "crm.won_amount / kpi.visits", "money")
        span = {"start": date(2026, 4, 1), "end": date(2026, 6, 30)}
        assert metrics()["kpi.revenue"].inputs == ("kpi.visits", "kpi.reach", "crm.win_rate", "crm.average_deal_size")
        assert ask(per, "owner", **span) == {bob: (Decimal(20), 1), dave: (Decimal("6.25"), 1)}
        assert ask(per, **span) == {(): (Decimal("16.07"), 2)}
        assert ask(row, "owner", **span) == {bob: (Decimal(2000), 1), dave: (Decimal(100), 1)}
        assert ask(row, **span)[()][0] == Decimal(28) * Decimal("0.375") * 150
        assert ask(row, "month", **span) == {2026 * 12 + 5: (Decimal(1575), 2)}
        assert ask(per, filters={"owner": dave}, **span) == {(): (Decimal("6.25"), 1)}
        assert refused(drill, "kpi.revenue", MetricQuery())[0].startswith("This figure is made of other figures")


def test_a_key_that_one_part_does_not_have(one, people) -> None:
    """Nothing won is nothing; nothing told is unknown."""
    bob, dave = people["bob"].member_id, people["dave"].member_id
    with clock(NOW), one:
        visits = metric()
        value(visits, 4, owner=bob)
        move(make_deal(owner_id=dave), "won", at=noon(TODAY))
        per = made("Per visit", "crm.won_amount / kpi.visits", "money")
        found = ask(per, "owner")
        assert found == {bob: (Decimal(0), 0), dave: (None, 0)}
        assert ask(made("Twice", "kpi.visits / crm.win_rate"), "owner")[bob] == (None, 0)


def test_a_formula_asks_each_figure_once_however_often_it_is_named(one) -> None:
    with clock(NOW), one:
        value(metric(), 3)
        made("Rung 0", "kpi.visits + crm.won_count")
        for n in range(1, 12):
            row = made(f"Rung {n}", f"kpi.rung_{n - 1} + kpi.rung_{n - 1} / 2 - kpi.visits + crm.won_count")
        metrics()
        with statements() as sent:
            ask(row)
        assert len(sent) == 2


def test_formulas_that_cannot_be_are_refused(one) -> None:
    with clock(NOW), one:
        row = metric()
        assert refused(made, "A", "kpi.nowhere + 1") == ("There is no metric kpi.nowhere.", "formula")
        assert refused(made, "A", "crm.won_amount / kpi.visits")[0] == "The formula gives an amount of money, not a plain number."
        assert refused(made, "Loop", "kpi.loop + 1") == ("The formula goes in a circle: kpi.loop → kpi.loop.", "formula")
        a = made("A", "kpi.visits + 1")
        made("B", "kpi.a × 2")
        made("C", "kpi.b − kpi.visits")
        message, field = refused(services.change_metric, a, {"formula": "kpi.c / 2"})
        assert (message, field) == ("The formula goes in a circle: kpi.a → kpi.c → kpi.b → kpi.a.", "formula")
        assert refused(services.change_metric, row, {"active": False}) == ("“Visits” is part of “A”, “C”.", "active")
        services.change_metric(db.session.scalars(select(OwnMetric).filter_by(key="c")).one(), {"active": False})
        assert "kpi.c" not in metrics()
        # Asleep, a metric is no part of anything; but it does not wake up in a circle.
        assert refused(services.change_metric, a, {"formula": "kpi.c / 2"})[0].startswith("The formula goes in a circle")


def test_a_figure_rests_on_so_many_others_at_most(one) -> None:
    with clock(NOW), one:
        for n in range(4):
            for k in range(8):
                metric(f"M{n}{k}")
            made(f"Sum {n}", " + ".join(f"kpi.m{n}{k}" for k in range(8)))
        made("Some", "kpi.sum_0 + kpi.sum_1 + kpi.sum_2")
        assert refused(made, "All", "kpi.some + kpi.sum_3") == ("A formula that rests on at most 24 figures, please.", "formula")


def test_a_part_that_is_switched_off_takes_the_formula_with_it_and_brings_it_back(one) -> None:
    with clock(NOW), one:
        value(metric(), 3)
        made("Per deal", "kpi.visits / crm.won_count")
        made("Again", "kpi.per_deal * 2")
        assert {"kpi.per_deal", "kpi.again"} <= metrics().keys()
        lifecycle.disable("crm")
        assert not {"kpi.per_deal", "kpi.again"} & metrics().keys()
        assert "kpi.visits" in metrics()
        lifecycle.enable("crm")
        assert {"kpi.per_deal", "kpi.again"} <= metrics().keys()


def test_names_become_ids_that_formulas_can_name(one) -> None:
    with clock(NOW), one:
        keys = [metric(name).key for name in ("Visitas a clientes (nuevos)", "Class", "3 calls", "ÑANDÚ", "is")]
        assert keys == ["visitas_a_clientes_nuevos", "m_class", "m_3_calls", "nandu", "m_is"]
        for key in keys:
            made(f"Of {key}", f"kpi.{key} × 2")
        assert refused(metric, "visitas a clientes nuevos") == ("There is a metric of that name already.", "name")
        assert refused(metric, "€ + $")[1] == "name"


def test_another_meaning_is_another_definition(one, people) -> None:
    with clock(NOW), one:
        row = metric()
        services.change_metric(row, {"name": "Calls on customers", "describe": "Only those in person."})
        assert (row.definition, row.key) == (1, "visits")
        services.change_metric(row, {"direction": "down"})
        assert (row.definition, metrics()["kpi.visits"].version) == (2, 2)
        value(row, 3)
        assert refused(services.change_metric, row, {"unit": "money"})[1] == "unit"
        assert refused(services.change_metric, row, {"kind": "formula", "formula": "crm.won_count"})[1] == "kind"
        shares = metric("Share", unit="ratio")
        assert shares.gathered == "mean"
        assert refused(services.change_metric, shares, {"gathered": "sum"}) == ("Shares do not add up: take their mean, or the last one.", "gathered")


def test_a_metric_that_goals_rest_on_stays(one, people) -> None:
    with clock(NOW), one as session:
        row = metric()
        session.add(Goal(name="Many visits", metric="kpi.visits", owner_id=people["bob"].member_id, first_day=TODAY, last_day=TODAY))
        session.flush()
        assert refused(services.refuse_used, [row.id]) == ("1 goal rests on “Visits”.", "active")
        assert refused(services.change_metric, row, {"active": False})[1] == "active"


def test_values_that_cannot_be(one, people) -> None:
    with clock(NOW), one:
        row, share = metric(), metric("Share", unit="ratio")
        formula = made("Twice", "kpi.visits × 2")
        assert refused(value, formula, 1)[1] == "metric_id"
        assert refused(value, row, 1, date(2026, 6, 16)) == ("This date is in the future.", "on_day")
        assert refused(value, row, "1e12")[1] == "amount"
        assert refused(services.create_value, {"metric_id": row.id})[1] == "amount"
        assert refused(services.create_value, {"metric_id": None, "amount": Decimal(1)})[1] == "metric_id"
        value(share, "0.35")
        assert ask(share)[()][0] == Decimal("0.35")


def test_a_value_belongs_to_the_team_its_owner_was_in_that_day(one, people) -> None:
    bob = people["bob"].member_id
    with clock(NOW), one as session:
        stay = session.scalars(select(TeamMember).filter_by(member_id=bob)).one()
        south = session.scalars(select(TeamMember.team_id).where(TeamMember.member_id == people["dave"].member_id)).one()
        north, stay.valid_to = stay.team_id, date(2026, 3, 31)
        session.add(TeamMember(team_id=south, member_id=bob, valid_from=date(2026, 4, 1)))
        session.flush()
        row = metric()
        value(row, 1, date(2026, 3, 31), bob)
        value(row, 2, date(2026, 4, 1), bob)
        services.add_values([{"metric_id": row.id, "amount": Decimal(4), "on_day": day, "owner_id": bob} for day in (date(2026, 3, 1), date(2026, 5, 1))])
        assert {k: v for k, (v, _n) in ask(row, "team").items()} == {north: 5, south: 6}


def test_the_api_and_the_command_know_them(app, one, people) -> None:
    with clock(NOW), one:
        row = metric(describe="What reps say they did.")
        value(row, "2.5", owner=people["bob"].member_id)
        value(row, 4, owner=people["dave"].member_id)
        made("Twice", "kpi.visits × 2")
    with clock(NOW):
        api = asking(app, people["alice"])
        listed = {each["id"]: each for each in api.get("/api/v1/metrics").json["items"]}
        asked = api.get("/api/v1/metrics/kpi.visits?from=2026-06-01&to=2026-06-30&by=owner").json
        bobs = asking(app, people["bob"]).get("/api/v1/metrics/kpi.twice").json
        told = app.test_cli_runner().invoke(args=["metric", "kpi.twice", "--company", "one", "--by", "owner", "--json"])
    assert listed["kpi.visits"]["description"] == "What reps say they did."
    assert (listed["kpi.twice"]["unit"], listed["kpi.twice"]["by"]) == ("count", ["owner", "team", "month", "quarter"])
    assert [(line["by"]["owner"], line["value"], line["n"]) for line in asked["rows"]] == [("Bob", 2.5, 1), ("Dave", 4.0, 1)]
    assert [line["value"] for line in bobs["rows"]] == [5.0]
    assert told.exit_code == 0, told.output
    answer = json.loads(told.output)
    assert (answer["metric"], answer["unit"], answer["version"]) == ("kpi.twice", "count", 1)
    assert [(line["by"]["owner"], line["value"], line["n"]) for line in answer["rows"]] == [("Bob", 5.0, 1), ("Dave", 8.0, 1)]
