"""The pages of the check: beside the form, and how statements turned out."""

from __future__ import annotations

from datetime import date
from decimal import Decimal
from typing import Any

from sqlalchemy import func, select, update

from app.core.db import db
from app.modules.kpi.models import Goal
from app.modules.kpi.progress.models import Prediction
from app.modules.kpi.smart import predictions as told
from tests.modules.crm.making import LoggedIn, clock
from tests.modules.kpi.smart_world import NOW, build, make

CHECK, PREDICTIONS = "/c/one/kpi/goals/smart", "/c/one/kpi/predictions"
FRAGMENT = {"HX-Request": "true"}


def form(world: Any, **changes: Any) -> dict[str, Any]:
    """A goal as its form sends it."""
    return {"name": "Win 135,000 euros", "metric": "crm.won_amount", "scope": "member", "owner_id": str(world.bob), "period": "quarter",
            "first_day": "2026-07-01", "last_day": "2026-09-30", "direction": "up", "target": "135000", "review_on": "2026-08-14",
            "objective_id": str(world.objective), **changes}  # fmt: skip


def rules_of(text: str) -> list[str]:
    return [part.partition('"')[0] for part in text.split('data-rule="')[1:]]


def test_a_form_is_told_what_is_wrong_and_what_would_mend_it(one, people, client_of):
    with clock(NOW):
        with one:
            world = build(people)
        asks = LoggedIn(client_of, "alice")
        good = asks.post(CHECK, data=form(world), headers=FRAGMENT)
        assert good.status_code == 200
        assert rules_of(good.text) == []
        assert "The check has nothing against it" in good.text
        assert "One person, one figure, one population: 24 deals of two years." in good.text
        assert "It serves: More from the food industry → Grow → First in the south." in good.text
        bad = asks.post(CHECK, data=form(world, target="190000", review_on=""), headers=FRAGMENT)
        assert rules_of(bad.text) == ["A1", "T2"]
        assert 'data-offer-field="review_on" data-offer-value="2026-08-14"' in bad.text
        assert 'id="smart-T" hx-swap-oob="true"' in bad.text
        assert "1 thing holds it back" in bad.text
        page = asks.post(CHECK, data=form(world, target="190000", review_on=""))
        assert rules_of(page.text) == ["A1", "T2"]
        assert "<html" in page.text


def test_the_check_of_a_form_stores_nothing_and_reads_what_it_can(one, people, client_of):
    with clock(NOW):
        with one:
            world = build(people)
        asks = LoggedIn(client_of, "alice")
        for broken in ({}, {"metric": "crm.won_amount"}, {"metric": "nonsense"}, {"metric": "crm.won_amount", "target": "much", "first_day": "x"},
                       form(world, period="other", first_day="2026-09-01", last_day="2026-08-01"), form(world, goal_id="x", owner_id="999999"),
                       form(world, direction="band", low="5", high="2"), form(world, metric="kpi.visits", target="12 %")):  # fmt: skip
            answer = asks.post(CHECK, data=broken, headers=FRAGMENT)
            assert answer.status_code == 200, broken
            assert 'id="smart-letters"' in answer.text
        assert asks.post(CHECK, data=form(world, goal_id="999999"), headers=FRAGMENT).status_code == 404
        with one:
            assert db.session.scalar(select(func.count(Goal.id))) == 0


def test_the_form_of_a_stored_goal_is_checked_with_its_own_baseline(one, people, client_of):
    with clock(NOW):
        with one:
            world = build(people)
            goal = make(world, "money")
            goal.baseline = goal.baseline + 1  # not what its hash is of
            goal_id = goal.id
        asks = LoggedIn(client_of, "alice")
        same = asks.post(CHECK, data=form(world, goal_id=goal_id), headers=FRAGMENT)
        assert rules_of(same.text) == ["M2"]
        other = asks.post(CHECK, data=form(world, goal_id=goal_id, period="month", target="47000", review_on=""), headers=FRAGMENT)
        assert "M2" not in rules_of(other.text)  # another period has a baseline of its own


def test_reps_do_not_check_goals(one, people, client_of):
    assert client_of("bob").post(CHECK, data={}).status_code == 403


def predicted(world: Any, owner_id: int, band: str, likelihood: str | None, came_true: bool | None) -> None:
    goal = make(world, "money", owner_id=owner_id, weight=0)
    db.session.add(Prediction(goal_id=goal.id, edition=1, on_day=date(2026, 5, 1), band=band, periods=8, came_true=came_true,
                              likelihood=None if likelihood is None else Decimal(likelihood)))  # fmt: skip
    db.session.flush()


def test_how_statements_turned_out_is_told_by_band_and_owner_as_far_as_the_reader_sees(one, people, client_of):
    with clock(NOW):
        with one:
            world = build(people)
            for band, likelihood, came in (("likely", "0.8", True), ("likely", "0.7", False), ("unlikely", "0.2", False),
                                           ("plausible", "0.5", None), ("unknown", None, True)):  # fmt: skip
                predicted(world, world.bob, band, likelihood, came)
            predicted(world, world.dave, "plausible", "0.4", True)
            said = told.statements()
            whole = told.turned(None, said)
            assert (whole.said, whole.settled, whole.true, whole.scored) == (6, 5, 3, 4)
            # 0.2² + 0.7² + 0.2² + 0.6² over four of them
            assert whole.score == Decimal("0.93") / 4
            assert told.base_rate_score(said) == Decimal("0.25")  # two of four came true
            bands = {each.key: each for each in told.by_band(said)}
            assert [(bands[b].said, bands[b].settled, bands[b].true) for b in ("likely", "plausible", "unlikely", "unknown")] == [
                (2, 2, 1), (2, 1, 1), (1, 1, 0), (1, 1, 1)]  # fmt: skip
            assert [(each.key, each.said) for each in told.by_owner(said)] == [(world.bob, 5), (world.dave, 1)]
        page = LoggedIn(client_of, "alice").get(PREDICTIONS).text
        assert "0.232" in page
        assert ">Dave" in page
        mine = LoggedIn(client_of, "mona").get(PREDICTIONS).text  # her team is bob's
        assert ">Bob" in mine
        assert ">Dave" not in mine
        part = LoggedIn(client_of, "alice").get(f"{PREDICTIONS}?part=compliance", headers=FRAGMENT).text
        assert "SMART compliance" in part


def test_statements_about_goals_of_the_past_are_no_statements(one, people, client_of):
    with clock(NOW):
        with one:
            world = build(people)
            predicted(world, world.bob, "likely", "0.8", True)
            db.session.execute(update(Goal).values(retrospective=True))
            assert told.statements() == []
        assert "Nothing was said yet" in LoggedIn(client_of, "alice").get(PREDICTIONS).text
