"""Dashboards: what a widget may be, who sees and changes which, arranging with versions, widgets that fail alone, own figures."""

from __future__ import annotations

import re
from collections.abc import Iterator
from datetime import date
from decimal import Decimal
from typing import Any

import pytest
from sqlalchemy import select

from app.core import lifecycle
from app.core.db import db
from app.core.errors import BusinessError, Conflict
from app.modules.crm.models import Stage
from app.modules.kpi.dashboards import queries, services
from app.modules.kpi.dashboards.models import Dashboard, Widget
from app.modules.kpi.dashboards.starting import Spec
from tests.modules.crm.making import LoggedIn, clock, euros, make_deal, statements_of
from tests.modules.kpi.goals_world import FRAGMENT, KPI, NOW, World, acting, build, running, won, words

URL = f"{KPI}/dashboards"
WON = "crm.won_amount"


@pytest.fixture
def world(one: Any, people: dict[str, Any]) -> Iterator[World]:
    with clock(NOW):
        with one:
            found = build(people)
            won(found.bob, date(2026, 4, 2), 17)
            won(found.dave, date(2026, 5, 4), 70)
            running(found.bob, name="Quota", metric=WON, target=Decimal(65_000), is_quota=True)
            running(found.dave, name="Quota", metric=WON, target=Decimal(130_000), is_quota=True)
        yield found


SPECS = (Spec(WON), Spec(WON, "columns", width=2), Spec(WON, "ranking", "owner", 2), Spec("crm.won_count", "table", "owner", 2))


def stored(one: Any, owner_id: int, specs: tuple[Spec, ...] = SPECS, **more: Any) -> int:
    """A dashboard of a member; its id."""
    with one, acting(owner_id):
        values = {"name": "Mine", "audience": "member", "period": "this-quarter", "compare": "previous", "owner_id": owner_id, **more}
        shared = values["audience"] != "member"
        row = Dashboard(**values, shared=shared)
        db.session.add(row)
        db.session.flush()
        for place, spec in enumerate(specs):
            db.session.add(Widget(dashboard_id=row.id, position=place, **spec.columns()))
        db.session.flush()
        return row.id


def order(one: Any, dashboard_id: int) -> list[int]:
    with one:
        return [widget.id for widget in queries.widgets_of(dashboard_id)]


def version(one: Any, dashboard_id: int) -> int:
    with one:
        return db.session.get_one(Dashboard, dashboard_id).version


def more_goals(owner_id: int) -> None:
    running(owner_id, name="More", metric="crm.won_count", target=Decimal(3))
    running(owner_id, name="Quota of May", metric=WON, target=Decimal(3000), is_quota=True, period="month", first_day=date(2026, 5, 1))


# The pages


def test_there_are_dashboards_to_begin_with_for_whom_they_are(client_of: Any, world: World) -> None:
    seen = {who: words(LoggedIn(client_of, who).get(URL).text) for who in ("alice", "mona", "bob")}
    assert all("My figures" in text for text in seen.values())
    assert "What the company sells" in seen["alice"]
    assert "Everybody of the team" in seen["mona"]
    assert "What the company sells" not in seen["bob"]
    assert LoggedIn(client_of, "bob").get(f"{URL}/company").status_code == 404
    assert LoggedIn(client_of, "alice").get(f"{URL}/nothing").status_code == 404


@pytest.mark.parametrize("key", ["company", "team", "me"])
def test_every_widget_to_begin_with_shows_something(client_of: Any, world: World, key: str) -> None:
    alice = LoggedIn(client_of, "alice")
    page = alice.get(f"{URL}/{key}")
    places = page.text.count('hx-trigger="load, again"')
    assert places >= 6
    for place in range(1, places + 1):
        answer = alice.get(f"{URL}/{key}/widgets/{place}", headers=FRAGMENT)
        assert answer.status_code == 200
        assert "<html" not in answer.text
        assert "icon-alert" not in answer.text.replace("alert-triangle", "")
    whole = alice.get(f"{URL}/{key}?whole=1")
    assert "hx-trigger" not in whole.text.partition('id="kd-grid"')[2].partition("kd-whole")[0]
    assert alice.get(f"{URL}/{key}?format=pdf").data.startswith(b"%PDF")


def test_each_sees_their_own_figures_in_what_is_shared(one: Any, client_of: Any, world: World) -> None:
    dashboard = stored(one, world.alice, audience="company")
    first, _months, ranking, _table = order(one, dashboard)
    figures = {who: words(LoggedIn(client_of, who).get(f"{URL}/{dashboard}/widgets/{first}").text) for who in ("alice", "bob", "dave")}
    assert "€87,000" in figures["alice"]
    assert "€17,000" in figures["bob"]
    assert "€70,000" in figures["dave"]
    assert "Dave" not in LoggedIn(client_of, "bob").get(f"{URL}/{dashboard}/widgets/{ranking}", headers=FRAGMENT).text
    only = LoggedIn(client_of, "alice").get(f"{URL}/{dashboard}/widgets/{first}?owner={world.bob}", headers=FRAGMENT).text
    assert "€17,000" in only
    assert f"owner={world.bob}" in only  # the way to the records keeps the filter


def test_my_figures_are_mine_whatever_else_i_may_see(one: Any, client_of: Any, world: World) -> None:
    with one:
        won(world.alice, date(2026, 4, 9), 5)
        running(world.alice, name="Quota", metric=WON, target=Decimal(10_000), is_quota=True)
    alice = LoggedIn(client_of, "alice")
    first, share, _open, _done, months = (words(alice.get(f"{URL}/me/widgets/{place}", headers=FRAGMENT).text) for place in (1, 2, 3, 4, 5))
    assert "€5,000" in first
    assert share.startswith("50.0%")
    assert "points" not in share  # the quota of a period that runs is whole: nothing to compare with
    assert "€3,385" in months  # of 10,000, the share of April
    alice.post(f"{URL}/me/copy")
    with one:
        key = db.session.scalars(select(Dashboard)).one().id
    assert "€5,000" in alice.get(f"{URL}/{key}/widgets/{order(one, key)[0]}", headers=FRAGMENT).text
    edit = alice.get(f"{URL}/{key}/widgets/{order(one, key)[0]}/edit").text
    assert '<option selected value="me">' in edit


def test_a_mark_leads_to_its_records(one: Any, client_of: Any, world: World) -> None:
    dashboard = stored(one, world.alice)
    ranking = LoggedIn(client_of, "alice").get(f"{URL}/{dashboard}/widgets/{order(one, dashboard)[2]}", headers=FRAGMENT).text
    assert f"/admin/figures?metric={WON}&amp;from=2026-04-01&amp;to=2026-06-30&amp;owner={world.dave}" in ranking
    assert "As a table" in ranking


def test_the_team_stands_against_its_quota(client_of: Any, world: World) -> None:
    page = LoggedIn(client_of, "alice").get(f"{URL}/team?whole=1")
    text = words(page.text.partition("kd-team")[2].partition("</table>")[0])
    assert "Dave €130,000 €70,000 53.8%" in text
    assert "Bob €65,000 €17,000 26.2%" in text
    assert "Off track" in text
    assert "expected by today: 52%" in words(page.text)


def test_without_deals_goals_and_own_figures_remain(one: Any, client_of: Any, world: World) -> None:
    dashboard = stored(one, world.alice)
    with one:
        lifecycle.disable("crm")
    alice = LoggedIn(client_of, "alice")
    for key in ("company", "me", str(dashboard)):
        assert alice.get(f"{URL}/{key}?whole=1").status_code == 200
    off = alice.get(f"{URL}/{dashboard}/widgets/{order(one, dashboard)[0]}", headers=FRAGMENT)
    assert off.status_code == 200
    assert "The application that this figure comes from is switched off." in off.text


def test_a_widget_that_cannot_be_drawn_says_so_and_the_others_go_on(one: Any, client_of: Any, world: World) -> None:
    dashboard = stored(one, world.alice, (Spec(WON), Spec(WON, "ranking", "nonsense", 2), Spec(WON, args={"filters": {"kind": "call"}})))
    page = LoggedIn(client_of, "alice").get(f"{URL}/{dashboard}?whole=1")
    assert page.status_code == 200
    assert page.text.count("kd-none") == 2
    assert "€87,000" in page.text


# Who sees and changes which


def test_who_sees_which(one: Any, client_of: Any, world: World) -> None:
    private = stored(one, world.alice)
    company = stored(one, world.mona, audience="company", name="All")
    north = stored(one, world.alice, audience="team", team_id=world.north, name="North")

    def seen(who: str) -> list[int]:
        client = LoggedIn(client_of, who)
        return [each for each in (private, company, north) if client.get(f"{URL}/{each}").status_code == 200]

    assert seen("alice") == [private, company, north]
    assert seen("mona") == [company, north]
    assert seen("bob") == [company, north]
    assert seen("dave") == [company]
    bob = client_of("bob")
    assert bob.post(f"{URL}/{company}/remove").status_code == 403
    assert bob.get(f"{URL}/{company}/edit").status_code == 403
    assert bob.post(f"{URL}/{private}/remove").status_code == 404
    assert client_of("alice").get(f"{URL}/{company}/edit").status_code == 200  # an admin, those that are shared


def test_a_rep_makes_a_copy_and_shares_with_nobody(one: Any, client_of: Any, world: World) -> None:
    bob = client_of("bob")
    answer = bob.post(f"{URL}/me/copy")
    assert answer.status_code == 303
    with one:
        made = db.session.scalars(select(Dashboard)).one()
        assert (made.owner_id, made.shared, made.audience) == (world.bob, False, "member")
        assert len(queries.widgets_of(made.id)) >= 6
        key = made.id
    values = {"name": "Mine", "audience": "company", "period": "this-month", "compare": "none", "version": str(version(one, key))}
    assert bob.post(f"{URL}/{key}/edit", data=values).status_code == 422  # it is not offered to them
    assert bob.post(f"{URL}/{key}/edit", data={**values, "audience": "member"}).status_code == 303
    assert "compared with" not in words(bob.get(f"{URL}/{key}").text)
    assert bob.post(f"{URL}/{key}/remove").status_code == 303
    assert bob.get(f"{URL}/{key}").status_code == 404


def test_a_manager_makes_one_for_the_team(one: Any, client_of: Any, world: World) -> None:
    mona = client_of("mona")
    values = {"name": "North", "audience": "team", "team_id": "", "period": "this-quarter", "compare": "year", "begin": "team"}
    assert "Which team is it for?" in mona.post(f"{URL}/new", data=values).text
    assert mona.post(f"{URL}/new", data={**values, "team_id": str(world.north)}).status_code == 303
    with one:
        assert db.session.scalars(select(Dashboard)).one().shared


# Arranging


def test_widgets_are_moved_sized_and_taken_away(one: Any, client_of: Any, world: World) -> None:
    key, alice = stored(one, world.alice), client_of("alice")
    a, b, c, d = order(one, key)

    def do(what: str, widget: int, given: int | None = None) -> int:
        data = {"do": what, "widget": str(widget), "version": str(given or version(one, key))}
        return alice.post(f"{URL}/{key}/arrange", data=data).status_code

    assert do("later", a) == 303
    assert order(one, key) == [b, a, c, d]
    assert do("earlier", b) == 303  # it stands first already
    assert order(one, key) == [b, a, c, d]
    late = version(one, key)
    assert do("wider", a) == 303
    assert do("narrower", a, late) == 409
    with one:
        assert db.session.get_one(Widget, a).width == 2
    for _n in range(5):
        assert do("wider", a) == 303
    with one:
        assert db.session.get_one(Widget, a).width == 4
    data = {"order": f"{d},{c},{b},{a},999999", "version": str(version(one, key))}
    answer = alice.post(f"{URL}/{key}/arrange", data=data, headers=FRAGMENT)
    assert (answer.status_code, order(one, key)) == (200, [d, c, b, a])
    assert str(version(one, key)) in answer.headers["HX-Trigger"]
    assert alice.post(f"{URL}/{key}/arrange", data={**data, "order": "1"}, headers=FRAGMENT).status_code == 409
    assert alice.post(f"{URL}/{key}/widgets/{c}/remove", data={"version": str(version(one, key))}).status_code == 303
    assert order(one, key) == [d, b, a]
    assert client_of("dave").post(f"{URL}/{key}/arrange", data=data).status_code == 404


def test_a_widget_is_added_and_changed_in_the_drawer(one: Any, client_of: Any, world: World) -> None:
    key, alice = stored(one, world.alice, ()), client_of("alice")
    assert "An empty dashboard" in alice.get(f"{URL}/{key}").text
    given = {"metric": WON, "shape": "ranking", "split": "team", "width": "2", "title": "Who", "filters": "segment: none", "version": str(version(one, key))}
    assert alice.get(f"{URL}/{key}/widgets/new", headers=FRAGMENT).status_code == 200
    assert alice.post(f"{URL}/{key}/widgets/new", data=given).status_code == 303
    with one:
        widget = queries.widgets_of(key)[0]
        assert (widget.metric, widget.shape, widget.split, widget.width) == (WON, "ranking", "team", 2)
        assert widget.args == {"title": "Who", "filters": {"segment": None}}
        number = widget.id
    form = alice.get(f"{URL}/{key}/widgets/{number}/edit").text
    assert 'value="Who"' in form
    late = alice.post(f"{URL}/{key}/widgets/{number}/edit", data={**given, "title": "Other"})
    assert late.status_code == 409
    assert 'value="Other"' in late.text  # nothing typed is lost
    again = {**given, "title": "", "split": "owner", "version": str(version(one, key))}
    assert alice.post(f"{URL}/{key}/widgets/{number}/edit", data=again).status_code == 303
    assert "Amount won by rep" in words(alice.get(f"{URL}/{key}").text)


@pytest.mark.parametrize(
    ("values", "field"),
    [
        ({"metric": "crm.nothing", "shape": "figure"}, "metric"),
        ({"metric": WON, "shape": "pie"}, "shape"),
        ({"metric": WON, "shape": "ranking"}, "split"),
        ({"metric": WON, "shape": "table", "split": "kind"}, "split"),
        ({"metric": "crm.portfolio_active", "shape": "line"}, "shape"),
        ({"metric": WON, "shape": "figure", "args": {"filters": {"kind": "call"}}}, "filters"),
    ],
)
def test_what_no_widget_can_be(one: Any, world: World, values: dict[str, Any], field: str) -> None:
    key = stored(one, world.alice)
    with one, acting(world.alice):
        dashboard = db.session.get_one(Dashboard, key)
        with pytest.raises(BusinessError) as refused:
            services.add_widget(dashboard, values, dashboard.version)
        assert refused.value.field == field
        with pytest.raises(Conflict):
            services.add_widget(dashboard, {"metric": WON, "shape": "figure"}, dashboard.version - 1)


def test_statements_of_a_widget_do_not_grow_with_what_it_shows(app: Any, one: Any, client_of: Any, world: World) -> None:
    alice = client_of("alice")
    kinds = {"team": 8, "company": 8}
    with one:  # goals that ask the same of the same days are answered together
        more_goals(world.bob)

    def counted() -> dict[str, int]:
        found = {}
        for key, places in kinds.items():
            for place in range(1, places + 1):
                with statements_of(app) as sent:
                    alice.get(f"{URL}/{key}/widgets/{place}", headers=FRAGMENT)
                found[f"{key} {place}"] = len(sent)
        return found

    counted()
    before = counted()
    with one:
        for owner in (world.mona, world.alice, world.dave):
            for month in (2, 3, 4, 5):
                won(owner, date(2026, month, 5), 3)
            more_goals(owner)
    assert counted() == before
    assert max(before.values()) < 45


def test_stages_stand_in_the_order_of_the_pipeline_and_people_by_amount(one: Any, world: World, client_of: Any) -> None:
    """Amounts that rise from stage to stage, backwards in the pipeline, and names that say nothing of the order."""
    with one as session:
        stages = session.scalars(select(Stage).where(Stage.type == "open", Stage.qualified).order_by(Stage.pipeline_id, Stage.position)).all()
        names = [stage.name for stage in stages]
        for place, stage in enumerate(stages):
            make_deal(owner_id=world.bob, stage_id=stage.id, amount=euros((place + 1) * 1000), on=date(2026, 5, 4), expected_close=date(2026, 6, 10))
    dashboard = stored(one, world.alice, (Spec("crm.open_pipeline", "ranking", "stage", 4), Spec("crm.open_pipeline", "table", "stage", 4)))
    for widget in order(one, dashboard):
        html = LoggedIn(client_of, "alice").get(f"{URL}/{dashboard}/widgets/{widget}", headers=FRAGMENT).text
        told = re.findall(r'<th scope="row">(?:<a[^>]*>)?([^<]+)', html)
        assert told == names, html


def test_a_widget_is_narrowed_down_like_a_goal_and_keeps_what_it_has(one: Any, world: World, client_of: Any) -> None:
    key = stored(one, world.alice, (Spec("crm.activities_done", args={"filters": {"owner": "me", "kind": ["call", "visit"]}}),))
    alice, widget = LoggedIn(client_of, "alice"), order(one, key)[0]
    page = alice.get(f"{URL}/{key}/widgets/{widget}/edit").text
    assert '<option value="kind: call, visit" selected>Kind: Call, Visit</option>' in page
    assert '<option selected value="me">' in page
    given = {"metric": "crm.activities_done", "shape": "figure", "width": "2", "own": "me", "filters": ["", "kind: call, visit"]}
    saved = alice.post(f"{URL}/{key}/widgets/{widget}/edit", data={**given, "version": str(version(one, key))})
    assert saved.status_code == 303
    late = alice.post(f"{URL}/{key}/widgets/{widget}/edit", data={**given, "version": "1"}, headers=FRAGMENT)
    assert late.status_code == 409
    refused = alice.post(f"{URL}/{key}/widgets/{widget}/edit", data={**given, "metric": WON, "version": str(version(one, key))}, headers=FRAGMENT)
    assert (refused.status_code, 'id="filters-error"' in refused.text) == (422, True)
    with one:
        assert queries.widgets_of(key)[0].args == {"filters": {"owner": "me", "kind": ["call", "visit"]}}
