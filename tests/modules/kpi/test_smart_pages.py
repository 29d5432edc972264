"""The pages of the check: beside the form, how statements turned out, what the company decides."""

from __future__ import annotations

from typing import Any

from tests.modules.crm.making import LoggedIn, clock
from tests.modules.kpi.smart_world import NOW, build

CHECK = "/c/one/kpi/goals/smart"
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
        assert "One person, one figure, one population: 23 deals of two years." in good.text
        assert "It serves: More from the food industry → Grow → First in the south." in good.text
        bad = asks.post(CHECK, data=form(world, target="190000", review_on=""), headers=FRAGMENT)
        assert rules_of(bad.text) == ["A1", "T2"]
        assert 'data-offer-field="review_on" data-offer-value="2026-08-14"' in bad.text
        assert 'id="smart-T" hx-swap-oob="true"' in bad.text
        assert "1 thing holds it back" in bad.text
        page = asks.post(CHECK, data=form(world, target="190000", review_on=""))
        assert rules_of(page.text) == ["A1", "T2"]
        assert "<html" in page.text
