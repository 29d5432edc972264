"""What goals show on the board and the day of the CRM, whom, and that nothing of it is left when they are off."""

from __future__ import annotations

from datetime import date, timedelta
from decimal import Decimal

import pytest

from app.core import lifecycle
from app.core.clock import today
from app.core.relative_dates import around
from app.modules.kpi.own.services import create_metric
from tests.modules.crm.making import euros, make_deal, move, stage, statements_of
from tests.modules.kpi.goals_world import running, set_goal, words

BOARD, DAY = "/c/one/crm/board", "/c/one/crm/day"
BOARD_GOALS, DAY_GOALS = "/c/one/kpi/board", "/c/one/kpi/day"
FRAGMENT = {"HX-Request": "true", "HX-Current-URL": f"http://localhost{BOARD}"}


def quarter() -> date:
    return around(today(), "quarter")[0]


def goal(owner_id, name="Win 10,000", metric="crm.won_amount", target=10_000, **more):
    return running(owner_id, name=name, metric=metric, target=Decimal(target), first_day=quarter(), **more).id


@pytest.fixture
def bobs(one, people):
    """Goals of bob: sales, visits, and one whose figure has nothing to do with the CRM."""
    bob = people["bob"].member_id
    with one:
        create_metric({"name": "Courses", "unit": "count"})
        move(make_deal(owner_id=bob, amount=euros(2500)), "won")
        return {
            "sales": goal(bob), "visits": goal(bob, "10 visits", "crm.activities_done", 10, filters={"kind": "visit"}),
            "courses": goal(bob, "2 courses", "kpi.courses", 2),
        }  # fmt: skip


def test_the_board_has_a_place_for_them_and_the_strip_shows_what_deals_move(bobs, client_of):
    bob = client_of("bob")
    page = bob.get(BOARD).text
    assert f'hx-get="{BOARD_GOALS}"' in page
    strip = bob.get(BOARD_GOALS, headers=FRAGMENT).text
    assert "Win 10,000" in strip
    assert "25%" in words(strip)
    assert "10 visits" not in strip
    assert "2 courses" not in strip
    assert "<html" not in strip
    assert "<html" in bob.get(BOARD_GOALS).text


def test_the_day_shows_activities_first_and_nothing_that_is_not_of_the_crm(bobs, client_of):
    bob = client_of("bob")
    assert f'hx-get="{DAY_GOALS}"' in bob.get(DAY).text
    panel = words(bob.get(DAY_GOALS, headers=FRAGMENT).text)
    assert panel.index("10 visits") < panel.index("Win 10,000")
    assert "2 courses" not in panel


def test_everybody_sees_their_own(bobs, client_of):
    for other in ("dave", "mona", "alice"):
        for url in (BOARD_GOALS, DAY_GOALS):
            assert "Win 10,000" not in client_of(other).get(url).text, (other, url)


def test_who_has_none_sees_the_companys_on_the_board_and_its_figure_where_they_may(one, people, client_of):
    with one:
        move(make_deal(owner_id=people["bob"].member_id, amount=euros(5000)), "won")
        goal(people["alice"].member_id, "Company 10,000", scope="company")
    assert "50%" in words(client_of("alice").get(BOARD_GOALS, headers=FRAGMENT).text)
    strip = words(client_of("dave").get(BOARD_GOALS, headers=FRAGMENT).text)
    assert "Company 10,000" in strip
    assert "€5,000" not in strip
    assert "50%" not in strip


def test_a_figure_made_of_others_is_moved_as_well(one, people, client_of):
    with one:
        create_metric({"name": "Per deal", "kind": "formula", "unit": "money", "formula": "crm.won_amount / crm.won_count"})
        goal(people["bob"].member_id, "Deals of 5,000", "kpi.per_deal", 5000)
    assert "Deals of 5,000" in client_of("bob").get(BOARD_GOALS).text


def test_a_move_on_the_board_tells_who_shows_goals(bobs, one, people, client_of):
    with one:
        deal = make_deal(owner_id=people["bob"].member_id, amount=euros(900))
        told = {"stage_id": stage(2).id, "version": deal.version}
        url = f"/c/one/crm/deals/{deal.id}/move"
    answer = client_of("bob").post(url, data=told, headers=FRAGMENT)
    assert answer.status_code == 200
    assert "deals:changed" in answer.headers["HX-Trigger"]


def test_more_goals_cost_no_more_statements(app, one, people, client_of):
    counted = []
    client = client_of("bob")
    for count in (1, 3):
        with one:
            for number in range(count):
                goal(people["bob"].member_id, f"Goal {count}.{number}", target=10_000 + number)
        with statements_of(app) as sent:
            assert client.get(BOARD_GOALS, headers=FRAGMENT).status_code == 200
        counted.append(len(sent))
    assert counted[0] == counted[1]


def test_goals_off_leave_no_trace_and_the_crm_off_no_broken_one(bobs, one, client_of):
    bob = client_of("bob")
    with one:
        lifecycle.disable("kpi")
    for page in (BOARD, DAY):
        text = bob.get(page).text
        assert "/kpi/" not in text
        assert "kpi-" not in text.replace("assets/", "").replace("kpi-slots.css", "")
    assert bob.get(BOARD_GOALS).status_code == 404
    with one:
        lifecycle.enable("kpi")
        for name in ("crm",):
            lifecycle.disable(name)
    assert bob.get(BOARD_GOALS).status_code == 200
    assert "Win 10,000" not in bob.get(DAY_GOALS).text


def test_goals_of_another_time_are_not_shown(one, people, client_of):
    with one:
        before = around(quarter() - timedelta(days=1), "quarter")[0]
        set_goal(people["bob"].member_id, name="Long ago", metric="crm.won_amount", target=Decimal(10), first_day=before)
    assert "Long ago" not in client_of("bob").get(BOARD_GOALS).text
