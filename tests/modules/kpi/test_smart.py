"""The SMART check: each rule by goals that break it and no other, what a company may decide, and what it costs to ask."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from datetime import date
from decimal import Decimal
from fractions import Fraction
from itertools import product
from pathlib import Path
from typing import Any

from flask import g
from sqlalchemy import select

from app.core.access import in_place_of
from app.core.db import db
from app.core.formats import parse_number
from app.core.models import Membership
from app.modules.kpi.goals.services import change_goal
from app.modules.kpi.models import Goal
from app.modules.kpi.progress.foretell import outlooks
from app.modules.kpi.settings.models import Settings
from app.modules.kpi.smart.check import check
from app.modules.kpi.smart.compliance import compliance
from app.modules.kpi.smart.findings import Finding
from app.modules.kpi.smart.panel import panel
from app.modules.kpi.smart.rules import RULES
from tests.modules.crm.making import clock, statements
from tests.modules.kpi.smart_corpus import CASES, Case
from tests.modules.kpi.smart_world import NOW, WON, World, build, kinds, make, won

DOCS = Path(__file__).parents[3] / "docs/smart.md"
CACHES = ("metrics_of", "decisions", "holidays", "dimension_labels", "kpi_rates", "team_mates", "kpi_units")


@contextmanager
def taken_back() -> Iterator[None]:
    """What is done meanwhile never was."""
    point = db.session.begin_nested()
    try:
        yield
    finally:
        point.rollback()
        db.session.expire_all()
        forget()


def forget() -> None:
    """What was read once is read anew."""
    for name in [name for name in vars(g) if name in CACHES or name.startswith("kpi_")]:
        g.pop(name, None)


def check_one(goal: Any) -> list[Finding]:
    return check([goal])[goal.id]


def ids_of(goal: Any) -> list[str]:
    return [found.rule for found in check_one(goal)]


def broken(case: Case, world: World) -> list[str]:
    with taken_back():
        return ids_of(case.make(world))


def test_each_goal_of_the_corpus_breaks_exactly_the_rule_it_was_made_for(one, people):
    assert len(CASES) >= 60
    assert {case.rule for case in CASES} == {rule.id for rule in RULES}
    with clock(NOW), one:
        world = build(people)
        good = {}
        for kind in kinds(world):
            with taken_back():
                good[kind] = ids_of(make(world, kind))
        assert good == {kind: [] for kind in good}
        found = {f"{case.rule} {case.says}": broken(case, world) for case in CASES}
    assert len(found) == len(CASES)
    assert {says: ids for says, ids in found.items() if ids != [says.split()[0]]} == {}


def test_what_is_over_is_not_checked(one, people):
    with clock(NOW), one:
        world = build(people)
        past = make(world, "money", first_day=date(2026, 1, 1), last_day=date(2026, 3, 31), objective_id=None, target=10**9)
        assert past.retrospective
        bad = make(world, "money", review_on=None)
        assert [found.rule for found in check([past, bad])[bad.id]] == ["T2"]
        for state in ("closed", "dropped"):
            bad.state = state
            assert check([past, bad]) == {past.id: [], bad.id: []}


def test_a_company_decides_how_grave_a_rule_is_or_leaves_it_out(one, people):
    with clock(NOW), one:
        world = build(people)
        goal = make(world, "money", review_on=None, objective_id=None)
        assert [(f.rule, f.severity) for f in check_one(goal)] == [("R1", "warn"), ("T2", "block")]
        db.session.add(Settings(rules={"R1": {"severity": "block"}, "T2": {"severity": "off"}, "A1": {"severity": "nonsense"}}))
        db.session.flush()
        g.pop("decisions")
        assert [(f.rule, f.severity) for f in check_one(goal)] == [("R1", "block")]


def test_each_finding_names_the_goal_s_numbers_and_a_field_with_what_would_do(one, people):
    with clock(NOW), one:
        world = build(people)
        ambitious = make(world, "money", target=190_000)
        (found,) = check_one(ambitious)
        assert (found.letter, found.field) == ("A", "target")
        late = make(world, "money", review_on=None)
        (missing,) = check_one(late)
        assert missing.sentence == "A milestone is missing on the way through 92 days."
        late.review_on = date.fromisoformat(missing.offer)
        assert check_one(late) == []
        busy = make(world, "calls", target=2000)
        (much,) = check_one(busy)
        assert much.sentence == "2,000 in 66 working days for 1 person are 30.3 a day each; 25 can be done."
        busy.target = Decimal(parse_number(much.offer, "en"))
        assert check_one(busy) == []


def test_the_check_asks_no_more_often_for_many_goals_than_for_few(one, people):
    with clock(NOW), one:
        world = build(people)
        parent = make(world, "company", name="5 % more")
        some = [make(world, "money", weight=1, parent_id=parent.id, target=135_000 + n) for n in range(40)]
        some += [make(world, "money", owner_id=world.dave, weight=1) for _turn in range(20)]
        db.session.commit()
        asked = []
        for goals in (some[::59], some):
            ids = [goal.id for goal in goals]
            read = list(db.session.scalars(select(Goal).where(Goal.id.in_(ids))))
            forget()
            with statements() as sent:
                found = check(read)
            assert set(found) == set(ids)
            asked.append(len(sent))
        assert asked[0] == asked[1]


def test_rules_are_written_down(app):
    """docs/smart.md lists every rule as the code has it."""
    told = {line[2:4]: line for line in DOCS.read_text().splitlines() if line[:2] == "| " and line[2] in "SMART" and line[3].isdigit()}
    with app.test_request_context(headers={"Accept-Language": "en"}):
        for rule in RULES:
            limit = f"{rule.threshold} {rule.unit}" if rule.threshold is not None else "–"
            assert told[rule.id] == f"| {rule.id} | {rule.says} | {rule.severity} | {limit} | {rule.label or '–'} |"
    assert len(told) == len(RULES)


# Attainability, worked out once more from the list of months the world was made of.


def windows(months: Sequence[int], length: int) -> list[int]:
    """Sums of so many months each, back from the last one."""
    return [sum(months[at - length : at]) for at in range(len(months), length - 1, -length)][::-1]


def likelihood(months: Sequence[int], length: int, target: int) -> Fraction:
    """Of all ways to draw so many months from those there were, the share that reaches the target: exactly."""
    ways = list(product(months, repeat=length))
    return Fraction(sum(sum(way) >= target for way in ways), len(ways))


def test_attainability_is_what_a_plain_computation_gives(one, people):
    with clock(NOW), one:
        world = build(people)
        for thousands in (90, 110, 125, 135, 150, 160, 170, 190):
            with taken_back():
                compare(make(world, "money", target=thousands * 1000), thousands)


def compare(goal: Goal, thousands: int) -> None:
    exact, quarters = likelihood(WON, 3, thousands), windows(WON, 3)
    outlook = outlooks([goal])[goal.id]
    assert abs(float(outlook.likelihood or 0) - float(exact)) < 0.06  # a thousand draws
    near = min(abs(exact - Fraction(1, 4)), abs(exact - Fraction(65, 100))) < Fraction(3, 100)
    band = "unlikely" if exact < Fraction(1, 4) else "likely" if exact > Fraction(65, 100) else "plausible"
    assert near or outlook.band == band
    hits = sum(each >= thousands for each in quarters)
    assert (len(outlook.past), outlook.hits) == (8, hits)
    said = [f for f in check_one(goal) if f.rule == "A1"]
    assert near or bool(said) == (band == "unlikely")
    for found in said:
        middle = sum(sorted(quarters)[3:5]) * 1000 // 2
        assert found.sentence == f"Ambitious: it would have been reached in {hits} of 8 quarters."
        assert found.mend.startswith(f"Median €{middle:,}, best €{max(quarters)},000.")
        if found.offer:
            offered = int(parse_number(found.offer, "en")) // 1000
            reached = sum(each >= offered for each in quarters)
            assert max(hits, 1) < reached
            assert found.mend.endswith(f"With €{offered},000 it would have been {reached} of 8.")


def test_of_a_short_history_nothing_is_said(one, people):
    with clock(NOW), one:
        world = build(people)
        goal = make(world, "short", target=10_000)
        assert outlooks([goal])[goal.id].band == "unknown"
        assert check_one(goal) == []


def test_compliance_counts_active_goals_that_nothing_holds_back(one, people):
    with clock(NOW), one:
        world = build(people)
        goals = [make(world, "money", weight=10), make(world, "money", weight=10, review_on=None), make(world, "visits", weight=10, objective_id=None)]
        assert compliance(goals).share is None
        for goal in goals:
            goal.state = "active"
        found = compliance(goals)
        assert (found.passed, found.n) == (2, 3)


def test_what_has_changed_beneath_a_draft_is_mended_by_saving_it_again(one, people):
    with clock(NOW), one:
        world = build(people)
        goal = make(world, "money", target=140_000)
        won(world.bob, date(2026, 2, 24), 900)
        goal.metric_version = 0
        assert [found.rule for found in check_one(goal)] == ["S2", "M9"]
        goal.metric_version = 1
        assert [found.rule for found in check_one(goal)] == ["M9"]
        change_goal(goal, {"note": "unchanged"})
        assert goal.baseline == 105_000
        change_goal(goal, {"metric": "crm.won_amount"})
        assert goal.baseline == 105_900
        assert check_one(goal) == []
        version, taken = goal.version, goal.baseline_at
        change_goal(goal, {"metric": "crm.won_amount"})  # nothing new
        assert (goal.version, goal.baseline_at) == (version, taken)
        goal.state = "active"
        won(world.bob, date(2026, 2, 25), 900)
        change_goal(goal, {"metric": "crm.won_amount"})
        assert goal.baseline == 105_900  # what runs is frozen


def test_who_may_not_hear_a_figure_is_told_nothing_of_it(one, people):
    with clock(NOW), one:
        world = build(people)
        goal = make(world, "company", target=100_000, review_on=None)
        assert [found.rule for found in check_one(goal)] == ["M6", "T2"]
        with in_place_of(db.session.get_one(Membership, world.bob)):
            heard = check_one(goal)
            assert [found.rule for found in heard] == ["T2"]
            goal.baseline = goal.baseline + 1
            (changed, _missing) = check_one(goal)
            assert changed.sentence == "The baseline of – is not what was taken: it has been changed by hand."
            assert "105" not in str(panel(goal))
