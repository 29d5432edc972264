"""The planner: a grid of people and figures, from which drafts are made, proposed and activated."""

from __future__ import annotations

import re
from collections.abc import Mapping
from datetime import date
from decimal import Decimal
from typing import Any

import pytest
from flask import Flask
from sqlalchemy import func, select

from app.core import lifecycle
from app.core.db import db
from app.core.models import Company, Membership, Team, TeamMember
from app.core.note_models import Notice
from app.modules.kpi.goals.services import change_goal, create_goal
from app.modules.kpi.models import Goal
from app.modules.kpi.planning import cells
from app.modules.kpi.quantities import Given
from app.modules.kpi.vision.services import create_objective
from tests.modules.crm.making import clock, statements_of
from tests.modules.kpi import planning_world
from tests.modules.kpi.planning_world import NOW, Team6

PLANNER = "/c/one/kpi/planner"
PERIOD = "quarter:2027-01-01"
WON, FOLLOW, RATE = "crm.won_amount", "crm.follow_ups", "crm.win_rate"
FRAGMENT = {"HX-Request": "true"}


@pytest.fixture
def six(one: Any, people: Any) -> Any:
    """The team of six with what they won before; the clock stands still."""
    with clock(NOW):
        with one:
            found = planning_world.build(people)
            planning_world.with_history(found)
        yield found


def form(six: Team6, targets: Mapping[str, Any], *, columns: tuple[str, ...] = (WON,), do: str = "save", **more: Any) -> dict[str, Any]:
    """What the page sends: targets by name (of the first column), goals and versions as the page had them by `seen`."""
    seen = more.pop("seen", {})
    values: dict[str, Any] = {"team": six.team_id, "period": PERIOD, "metric": list(columns), "col": list(columns), "do": do}
    for place, _metric in enumerate(columns):
        values |= {f"weight-{place}": "25", f"weighed-{place}": "25", f"serves-{place}": "", f"rule-{place}": "last", f"amount-{place}": "5"}
        for name, who in [*six.ids.items(), ("team", "team")]:
            values |= {f"t-{place}-{who}": targets.get(name, "") if place == 0 else "", f"g-{place}-{who}": seen.get(name, "")}
    return {**values, **more}


def goals(one: Any, **where: Any) -> dict[str, Goal]:
    """The goals that are there by the name of whose they are ("team" for a team's)."""
    with one:
        rows = db.session.execute(select(Goal, Membership.name).outerjoin(Membership, Membership.id == Goal.owner_id)).all()
        found = {("team" if goal.scope == "team" else "bob" if name == "Bob" else name): goal for goal, name in rows}
        db.session.expunge_all()
    return {name: goal for name, goal in found.items() if all(getattr(goal, k) == v for k, v in where.items())}


def seen(one: Any) -> dict[str, str]:
    return {name: f"{goal.id}:{goal.version}" for name, goal in goals(one).items()}


def text_of(response: Any) -> str:
    return " ".join(response.text.split())


def test_the_grid_shows_what_each_did_in_the_last_period_and_a_year_ago(six: Team6, client_of: Any) -> None:
    page = text_of(client_of("mona").get(f"{PLANNER}?period={PERIOD}&metric={WON}"))
    assert "Q1 2027" in page
    for last, year in (("40,000", "20,000"), ("30,000", "60,000"), ("50,000", "100,000")):
        assert f'title="Before">€{last}</span> · <span title="A year ago">€{year}</span>' in page
    # The team's own row: all of the third quarter, and of the first.
    assert "€150,000</span> · <span" in page


def test_a_rep_may_not_plan(six: Team6, client_of: Any) -> None:
    assert client_of("bob").get(PLANNER).status_code == 403
    assert client_of("bob").post(PLANNER, data=form(six, {"bob": "1"})).status_code == 403


def test_a_manager_plans_for_their_own_teams_only(six: Team6, one: Any, client_of: Any) -> None:
    with one:
        south = db.session.scalars(select(Team.id).where(Team.name == "South")).one()
    assert client_of("mona").get(f"{PLANNER}?team={south}").status_code == 404
    assert client_of("alice").get(f"{PLANNER}?team={south}").status_code == 200


def test_filling_by_what_was_before_writes_nothing(six: Team6, one: Any, client_of: Any) -> None:
    sent = form(six, {}, do=f"fill-{WON}", **{"rule-0": "last", "amount-0": "10"})
    page = client_of("mona").post(PLANNER, data=sent).text
    for who, value in (("Ana", "44000"), ("Bea", "33000"), ("bob", "55000"), ("Eli", "")):
        assert f'id="t-{WON}-{six.ids[who]}" value="{value}"' in page
    assert goals(one) == {}


def test_a_team_total_is_shared_as_a_year_ago_and_fills_the_teams_row(six: Team6, client_of: Any) -> None:
    sent = form(six, {}, do=f"fill-{WON}", **{"rule-0": "share", "amount-0": "400000"})
    page = client_of("mona").post(PLANNER, data=sent).text
    for who, value in (("Ana", "40000"), ("Bea", "120000"), ("Cai", "0"), ("Dan", "40000"), ("Eli", "0"), ("bob", "200000")):
        assert f'id="t-{WON}-{six.ids[who]}" value="{value}"' in page, who
    assert f'id="t-{WON}-team" value="400000"' in page


def test_drafts_are_made_with_baseline_milestone_weight_and_quota(six: Team6, one: Any, client_of: Any) -> None:
    sent = form(six, {"Ana": "1", "bob": "60000"}, **{"quota-0": "1"})
    sent[f"t-0-{six.ids['Ana']}"] = "44000.5"
    assert client_of("mona").post(PLANNER, data=sent).status_code == 303
    made = goals(one)
    assert set(made) == {"Ana", "bob"}
    ana = made["Ana"]
    assert (ana.state, ana.target, ana.baseline, ana.weight, ana.is_quota) == ("draft", Decimal("44000.5"), Decimal(40000), 25, True)
    assert (ana.period, ana.first_day, ana.last_day, ana.metric, ana.scope) == ("quarter", date(2027, 1, 1), date(2027, 3, 31), WON, "member")
    assert ana.baseline_query["from"] == "2026-07-01" and len(ana.baseline_hash) == 64
    assert ana.review_on == date(2027, 1, 29)  # the last working day of the first thirty
    assert ana.name == "Amount won of Ana, Q1 2027"


def test_saving_again_changes_the_drafts_instead_of_making_new_ones(six: Team6, one: Any, client_of: Any) -> None:
    mona = client_of("mona")
    mona.post(PLANNER, data=form(six, {"Ana": "44000", "bob": "60000"}))
    first = goals(one)
    mona.post(PLANNER, data=form(six, {"Ana": "45000", "bob": "60000"}, seen=seen(one)))
    again = goals(one)
    assert {name: goal.id for name, goal in again.items()} == {name: goal.id for name, goal in first.items()}
    assert (again["Ana"].target, again["bob"].version) == (Decimal(45000), first["bob"].version)


def test_the_goal_of_the_team_is_made_first_and_those_of_people_serve_it(six: Team6, one: Any, client_of: Any) -> None:
    with one:
        top = create_objective({"name": "Grow", "level": "objective"}).id
    client_of("mona").post(PLANNER, data=form(six, {"team": "200000", "Ana": "90000"}, **{"serves-0": f"objective:{top}"}))
    made = goals(one)
    assert (made["team"].team_id, made["team"].objective_id, made["team"].parent_id) == (six.team_id, top, None)
    assert (made["Ana"].parent_id, made["Ana"].objective_id) == (made["team"].id, None)


def test_more_than_the_teams_goal_is_said(six: Team6, client_of: Any) -> None:
    page = text_of(client_of("mona").post(PLANNER, data=form(six, {"team": "100000", "Ana": "90000", "bob": "20000"}, do="look")))
    assert '<b class="num">€110,000</b>' in page
    assert "110% of €100,000 · more than the goal above" in page


def test_an_emptied_draft_goes_to_the_trash_and_an_emptied_proposal_is_dropped(six: Team6, one: Any, client_of: Any) -> None:
    mona = client_of("mona")
    mona.post(PLANNER, data=form(six, {"Ana": "1000", "bob": "1000"}, do="propose"))
    mona.post(PLANNER, data=form(six, {"Ana": "1000", "bob": "1000", "Bea": "1000"}, seen=seen(one)))
    mona.post(PLANNER, data=form(six, {"bob": "1000"}, seen=seen(one)))
    left = goals(one)
    assert {name: goal.state for name, goal in left.items()} == {"Ana": "dropped", "bob": "proposed"}
    with one:
        assert db.session.scalar(select(func.count(Goal.id)), execution_options={"with_trash": True}) == 3


def test_a_target_that_is_no_amount_is_refused_beside_its_cell_and_nothing_is_saved(six: Team6, one: Any, client_of: Any) -> None:
    answer = client_of("mona").post(PLANNER, data=form(six, {"Ana": "many", "bob": "35 %", "Bea": "1000"}))
    assert answer.status_code == 422
    page = text_of(answer)
    assert "“many” is not a number." in page and "This figure is no share" in page
    assert f'id="t-{WON}-{six.ids["Bea"]}" value="1000"' in page
    assert goals(one) == {}


def test_two_managers_who_plan_the_same_see_both_values_and_lose_nothing(six: Team6, one: Any, client_of: Any) -> None:
    mona, alice = client_of("mona"), client_of("alice")
    mona.post(PLANNER, data=form(six, {"Ana": "1000", "bob": "1000"}))
    shown = seen(one)
    assert alice.post(PLANNER, data=form(six, {"Ana": "2000", "bob": "1000"}, seen=shown)).status_code == 303
    late = mona.post(PLANNER, data=form(six, {"Ana": "3000", "bob": "5000"}, seen=shown))
    assert late.status_code == 409
    page = text_of(late)
    assert "Now €2,000; you wrote 3000." in page
    assert f'id="t-{WON}-{six.ids["bob"]}" value="5000"' in page
    assert {name: goal.target for name, goal in goals(one).items()} == {"Ana": Decimal(2000), "bob": Decimal(1000)}
    # What the page holds now is meant so when it is sent again.
    assert mona.post(PLANNER, data=form(six, {"Ana": "3000", "bob": "5000"}, seen=seen(one))).status_code == 303
    assert {name: goal.target for name, goal in goals(one).items()} == {"Ana": Decimal(3000), "bob": Decimal(5000)}


def test_two_who_make_the_same_goal_make_one(six: Team6, one: Any, client_of: Any) -> None:
    client_of("mona").post(PLANNER, data=form(six, {"Ana": "1000"}))
    assert client_of("alice").post(PLANNER, data=form(six, {"Ana": "1000"})).status_code == 303
    assert client_of("alice").post(PLANNER, data=form(six, {"Ana": "2000"})).status_code == 409
    assert goals(one)["Ana"].target == Decimal(1000)


def test_proposing_all_tells_each_person_once(six: Team6, one: Any, people: Any, client_of: Any) -> None:
    sent = form(six, {"bob": "1000"}, columns=(WON, FOLLOW), do="propose")
    sent[f"t-1-{six.ids['bob']}"] = "30"
    client_of("mona").post(PLANNER, data=sent)
    with one:
        assert set(db.session.scalars(select(Goal.state))) == {"proposed"}
        told = db.session.scalars(select(Notice.text).where(Notice.member_id == six.ids["bob"])).all()
    assert told == ["2 goals were proposed to you."]


def test_activating_all_lets_begin_what_passes_and_says_why_of_the_rest(six: Team6, one: Any, client_of: Any) -> None:
    # A target equal to the baseline is blocked by the check; others pass once somebody says why they are good.
    answer = client_of("mona").post(PLANNER, data=form(six, {"bob": "50000", "Ana": "60000"}, do="activate", excuse="Agreed in the team."))
    assert answer.status_code == 200
    states = {name: goal.state for name, goal in goals(one).items()}
    assert states == {"bob": "draft", "Ana": "active"}
    page = text_of(answer)
    assert f'id="why-{WON}-{six.ids["bob"]}"' in page
    assert "1 goal is held back by the check." in page


def test_what_runs_is_shown_and_not_changed_by_the_planner(six: Team6, one: Any, client_of: Any) -> None:
    mona = client_of("mona")
    mona.post(PLANNER, data=form(six, {"Ana": "60000"}, do="activate", excuse="Agreed."))
    page = mona.get(f"{PLANNER}?period={PERIOD}&metric={WON}").text
    assert f'name="t-0-{six.ids["Ana"]}"' not in page
    assert ">€60,000</a>" in page
    mona.post(PLANNER, data=form(six, {"Ana": "1"}, seen=seen(one)))
    assert goals(one)["Ana"].target == Decimal(60000)


def test_a_changed_weight_is_that_of_all_and_an_unchanged_one_leaves_each_as_it_is(six: Team6, one: Any, client_of: Any) -> None:
    mona = client_of("mona")
    mona.post(PLANNER, data=form(six, {"Ana": "1000", "bob": "1000"}))
    with one:
        bob = db.session.scalars(select(Goal).where(Goal.owner_id == six.ids["bob"])).one()
        change_goal(bob, {"weight": 60})
    mona.post(PLANNER, data=form(six, {"Ana": "1000", "bob": "1000"}, seen=seen(one)))
    assert {name: goal.weight for name, goal in goals(one).items()} == {"Ana": 25, "bob": 60}
    mona.post(PLANNER, data=form(six, {"Ana": "1000", "bob": "1000"}, seen=seen(one), **{"weight-0": "40"}))
    assert {name: goal.weight for name, goal in goals(one).items()} == {"Ana": 40, "bob": 40}


def test_a_period_that_is_over_is_looked_back_at(six: Team6, one: Any, client_of: Any) -> None:
    client_of("mona").post(PLANNER, data=form(six, {"Ana": "30000"}, period="quarter:2026-07-01"))
    ana = goals(one)["Ana"]
    assert (ana.state, ana.retrospective) == ("active", True)


def test_a_company_without_the_crm_plans_nothing_and_says_so(six: Team6, one: Any, client_of: Any) -> None:
    with one:
        lifecycle.disable("crm")
    page = client_of("alice").get(PLANNER)
    assert page.status_code == 200
    assert "There is no figure yet" in page.text


def test_addresses_with_nonsense_show_the_usual(six: Team6, client_of: Any) -> None:
    mona = client_of("mona")
    for query in ("period=nonsense", "period=quarter:9999-99-99", "metric=crm.nothing", "period=day:2027-01-01", f"team={six.team_id}&metric="):
        assert mona.get(f"{PLANNER}?{query}").status_code == 200, query
    assert mona.get(f"{PLANNER}?team=999999").status_code == 404


def test_the_fiscal_quarter_is_the_companys(six: Team6, one: Any, client_of: Any) -> None:
    with one:
        db.session.get_one(Company, one.id).fiscal_year_start = 2
    page = client_of("mona").get(f"{PLANNER}?period=quarter:2027-01-15&metric={WON}").text
    assert 'value="quarter:2026-11-01" selected' in page


def test_the_page_asks_as_often_for_six_people_as_for_two(six: Team6, one: Any, app: Flask, client_of: Any) -> None:
    with one:
        few = Team(name="Few", manager_id=None)
        db.session.add(few)
        db.session.flush()
        few_id = few.id
        for name in ("Ana", "Bea"):
            db.session.scalars(select(TeamMember).where(TeamMember.member_id == six.ids[name])).one().team_id = few_id
        db.session.flush()
        planning_world.win(six.ids["Ana"], date(2026, 8, 20), 1000)  # both teams have sold something in the period before
    alice = client_of("alice")

    def count(team: int) -> int:
        with statements_of(app) as sent:
            assert alice.get(f"{PLANNER}?team={team}&period={PERIOD}").status_code == 200
        return len(sent)

    count(few_id)
    assert count(few_id) == count(six.team_id)


def test_columns_stay_where_they_are_and_what_is_added_comes_last(six: Team6, client_of: Any) -> None:
    """A browser sends the ticks of the menu in the order of their labels."""
    sent = form(six, {}, columns=(RATE, WON), do="look") | {"metric": [WON, FOLLOW, RATE]}
    page = client_of("mona").post(PLANNER, data=sent, headers=FRAGMENT).text
    assert re.findall(r'name="col" value="([^"]+)"', page) == [RATE, WON, FOLLOW]


# Bands


@pytest.mark.parametrize(
    ("text", "low", "high", "sign"),
    [("35–45 %", "35", "45", "%"), ("35% - 45%", "35", "45", "%"), ("35..45", "35", "45", ""), ("-5–5", "-5", "5", ""), ("-10–-5", "-10", "-5", ""),
     ("€1,000–2,000.50", "1000", "2000.50", "EUR"), ("1000-2000 USD", "1000", "2000", "USD"), ("2,000,,3,000", "2000", "3000", "")],
)  # fmt: skip
def test_two_numbers_with_a_dash_are_a_band(one: Any, text: str, low: str, high: str, sign: str) -> None:
    with one:
        band = cells.read(text)
        assert isinstance(band, cells.Band)
        assert (band.low.value, band.high.value) == (Decimal(low), Decimal(high))
        assert {band.low.sign, band.high.sign} == {sign}


@pytest.mark.parametrize("text", ["-5", "1000", "35 %", "1,000.50", "€1,000", "−5"])
def test_one_number_is_none(one: Any, text: str) -> None:
    with one:
        assert isinstance(cells.read(text), Given)


def test_a_band_is_written_into_a_cell_and_saved_shown_and_changed(six: Team6, one: Any, client_of: Any) -> None:
    mona = client_of("mona")
    page = mona.post(PLANNER, data=form(six, {"bob": "35–45", "Ana": "40"}, columns=(RATE,)), follow_redirects=True)
    assert page.status_code == 200
    made = goals(one)
    assert {name: (g.direction, g.target, g.low, g.high) for name, g in made.items()} == {
        "bob": ("band", None, Decimal("0.35"), Decimal("0.45")), "Ana": ("up", Decimal("0.4"), None, None)}  # fmt: skip
    shown = mona.get(f"{PLANNER}?period={PERIOD}&metric={RATE}").text
    assert f'id="t-{RATE}-{six.ids["bob"]}" value="35\xa0%–45\xa0%"' in shown
    # As the page shows them nothing changes; then the band is wider, and Ana gets one.
    same = {"bob": "35\xa0%–45\xa0%", "Ana": "40\xa0%"}
    mona.post(PLANNER, data=form(six, same, columns=(RATE,), seen=seen(one)))
    assert {name: g.version for name, g in goals(one).items()} == {name: g.version for name, g in made.items()}
    mona.post(PLANNER, data=form(six, {"bob": "30–50", "Ana": "38-42"}, columns=(RATE,), seen=seen(one)))
    assert {name: (g.low, g.high, g.target) for name, g in goals(one).items()} == {
        "bob": (Decimal("0.3"), Decimal("0.5"), None), "Ana": (Decimal("0.38"), Decimal("0.42"), None)}  # fmt: skip
    mona.post(PLANNER, data=form(six, {"bob": "45", "Ana": ""}, columns=(RATE,), seen=seen(one)))
    assert {name: (g.direction, g.target, g.low) for name, g in goals(one).items()} == {"bob": ("up", Decimal("0.45"), None)}


def test_a_band_the_wrong_way_round_is_refused_in_its_cell(six: Team6, one: Any, client_of: Any) -> None:
    answer = client_of("mona").post(PLANNER, data=form(six, {"bob": "45–35"}, columns=(RATE,)), headers=FRAGMENT)
    assert answer.status_code == 422
    assert f'id="why-{RATE}-{six.ids["bob"]}"' in answer.text
    assert 'value="45–35"' in answer.text
    assert goals(one) == {}


def test_a_band_is_the_same_for_all_and_is_neither_raised_nor_shared(six: Team6, one: Any, client_of: Any) -> None:
    mona = client_of("mona")
    rule = {"rule-0": "same", "amount-0": "35–45"}
    filled = mona.post(PLANNER, data=form(six, {}, columns=(RATE,), do=f"fill-{RATE}") | rule, headers=FRAGMENT).text
    assert filled.count('value="35–45"') == 7  # the rule's number and six people
    raised = mona.post(PLANNER, data=form(six, {"bob": "20000–30000"}, do=f"fill-{WON}"), headers=FRAGMENT).text
    assert 'value="20000–30000"' in raised
    assert 'value="42000"' in raised  # Ana's 40,000 and 5 %
    refused = mona.post(PLANNER, data=form(six, {}, do=f"fill-{WON}") | {"rule-0": "equal", "amount-0": "20000–30000"}, headers=FRAGMENT).text
    assert "One number is asked for here, no band." in refused


def test_a_band_that_runs_is_shown_with_both_ends(six: Team6, one: Any, client_of: Any) -> None:
    with one:
        goal = create_goal({"name": "In between", "metric": RATE, "owner_id": six.ids["bob"], "first_day": date(2027, 1, 1), "period": "quarter",
                            "direction": "band", "low": "0.35", "high": "0.45"})  # fmt: skip
        goal.state = "active"
    page = client_of("mona").get(f"{PLANNER}?period={PERIOD}&metric={RATE}").text
    assert 'title="Open the goal">35.0% – 45.0%</a>' in page
