"""The vision: who sees what of the tree, what hangs where, moving it, the share of people aligned, and the board on paper."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import date, timedelta
from decimal import Decimal
from typing import Any

import pytest
from sqlalchemy import select

from app.core import trash
from app.core.clock import end_of
from app.core.db import db
from app.core.errors import BusinessError, Conflict
from app.core.metrics import MetricQuery, drill, evaluate
from app.core.models import TeamMember
from app.modules.kpi.models import Goal
from app.modules.kpi.vision import services
from app.modules.kpi.vision.models import Objective
from tests.modules.crm.making import LoggedIn, clock, statements_of
from tests.modules.kpi.goals_world import FRAGMENT, KPI, NOW, World, build, running, set_goal, won

VISION, PRINT = f"{KPI}/vision", f"{KPI}/vision/print"


def node(level: str, name: str, parent: Objective | None = None, **more: Any) -> Objective:
    return services.create_objective({"level": level, "name": name, "parent_id": parent.id if parent else None, **more})


class Tree:
    """A vision, two pillars, and three objectives of which two stand below the first."""

    def __init__(self) -> None:
        self.top = node("vision", "To be the first in the valley")
        self.grow, self.keep = (node("pillar", name, self.top) for name in ("Grow", "Keep"))
        self.share, self.price = (node("objective", name, self.grow) for name in ("Share of the market", "Better prices"))
        self.loyal = node("objective", "Loyal customers", self.keep)

    def order(self) -> dict[str, list[str]]:
        """Name -> names of what stands below, in its order."""
        rows = db.session.scalars(select(Objective).order_by(Objective.position, Objective.id)).all()
        names = {row.id: row.name for row in rows}
        found: dict[str, list[str]] = {}
        for row in rows:
            if row.parent_id:
                found.setdefault(names[row.parent_id], []).append(row.name)
        return found


@pytest.fixture
def world(one, people) -> Iterator[World]:
    with clock(NOW), one:
        found = build(people)
    with clock(NOW):
        yield found


@pytest.fixture
def asked(client_of) -> dict[str, LoggedIn]:
    return {name: LoggedIn(client_of, name) for name in ("alice", "bob", "dave", "mona")}


def plant(world: World) -> dict[str, int]:
    """A tree with goals of everybody; ids by name."""
    tree = Tree()
    whole = running(world.alice, name="Whole valley", scope="company", target=Decimal(60), objective_id=tree.share.id)
    north = running(world.mona, name="North does it", scope="team", team_id=world.north, target=Decimal(30), parent_id=whole.id)
    bobs = running(world.bob, name="Bobs twenty", parent_id=north.id)
    running(world.dave, name="Daves own", objective_id=tree.loyal.id)
    running(world.bob, name="Bobs stray")
    set_goal(world.bob, name="A draft")
    won(world.bob, date(2026, 5, 4))
    return {"share": tree.share.id, "grow": tree.grow.id, "keep": tree.keep.id, "loyal": tree.loyal.id, "price": tree.price.id, "bobs": bobs.id, "top": tree.top.id}


def test_without_a_vision_the_page_says_what_to_do_first(world, asked) -> None:
    assert "Write the vision first" in asked["alice"].get(VISION).text
    assert "level=vision" in asked["alice"].get(VISION).text
    bobs = asked["bob"].get(VISION).text
    assert "There is no vision yet" in bobs and "level=vision" not in bobs
    assert asked["alice"].get(PRINT).status_code == 200


def test_the_tree_goes_from_the_vision_to_people(world, one, asked) -> None:
    with one:
        ids = plant(world)
    page = asked["alice"].get(VISION).text
    places = [page.index(text) for text in (
        "To be the first in the valley", ">Grow<", ">Share of the market<", ">Whole valley<", ">North does it<", ">Bobs twenty<", ">Better prices<",
        ">Keep<", ">Loyal customers<", ">Daves own<", "Goals that serve no objective", ">Bobs stray<")]  # fmt: skip
    assert places == sorted(places)
    assert "A draft" not in page
    assert "2 of 2 people in teams have a running goal that reaches an objective: 100" in page
    assert f"/goals/{ids['bobs'] + 2}/edit?stay=1" in page or "Say what it serves" in page
    fragment = asked["alice"].get(VISION, headers=FRAGMENT).text
    assert "<html" not in fragment and 'id="vision"' in fragment


def test_goals_are_seen_by_whom_they_concern_and_figures_by_whom_they_are_open_to(world, one, asked) -> None:
    with one:
        plant(world)
    bob, dave, mona = (asked[name].get(VISION).text for name in ("bob", "dave", "mona"))
    assert all("Whole valley" in page and "Loyal customers" in page for page in (bob, dave, mona))
    assert "North does it" in bob and "North does it" in mona and "North does it" not in dave
    assert "Daves own" in dave and "Daves own" not in bob
    assert "Bobs twenty" in mona and "Bobs twenty" not in dave
    # The figure of the company is not for reps: a dash with the reason; their own is.
    assert "You may not see the figures of everybody in this goal." in bob
    assert "None of your running goals" not in bob and "Your goals reach an objective." in bob
    assert "data-move-url" in mona and "data-move-url" not in bob and f"{KPI}/vision/" not in bob.replace(PRINT, "")


def test_a_goal_reaches_an_objective_by_way_of_one_that_is_not_shown(world, one, asked) -> None:
    with one:
        tree = Tree()
        hidden = running(world.dave, name="Hidden", objective_id=tree.loyal.id)
        running(world.bob, name="Serves it", parent_id=hidden.id)
    page = asked["bob"].get(VISION).text
    assert "Hidden" not in page
    assert page.index("Loyal customers") < page.index("Serves it")
    assert "Goals that serve no objective" not in page


def share(*by: str, **query: Any) -> Any:
    rows = evaluate("kpi.alignment_rate", MetricQuery(by=by, **query)).rows
    return {row.keys.get(by[0]) if by else None: (row.numerator, row.denominator, row.n) for row in rows}


def test_the_share_of_aligned_people_is_what_plain_python_counts(world, one) -> None:
    with one as session:
        tree = Tree()
        assert share() == {None: (0, 2, 2)}
        parent = running(world.alice, scope="company", name="C", objective_id=tree.share.id)
        middle = running(world.mona, scope="team", team_id=world.north, name="T", parent_id=parent.id)
        assert share() == {None: (0, 2, 2)}  # no goal of their own
        goal = running(world.bob, parent_id=middle.id)
        running(world.dave)
        assert share() == {None: (1, 2, 2)}
        assert share("owner") == {world.bob: (1, 1, 1), world.dave: (0, 1, 1)}
        assert share("team") == {world.north: (1, 1, 1), world.south: (0, 1, 1)}
        assert share(filters={"team": [world.south]}) == {None: (0, 1, 1)}
        assert share(scope=frozenset({world.bob})) == {None: (1, 1, 1)}
        assert sorted(db.session.scalars(drill("kpi.alignment_rate", MetricQuery()))) == sorted([world.bob, world.dave])
        assert share(as_of=end_of(date(2026, 5, 10))) == {None: (0, 2, 2)}  # it had not begun
        goal.state, goal.closed_at = "dropped", goal.activated_at + timedelta(hours=1)
        session.flush()
        assert share(as_of=goal.activated_at) == {None: (1, 2, 2)}
    with clock("2026-05-18T12:00:00"), one as session:
        assert share() == {None: (0, 2, 2)}
        session.scalars(select(TeamMember).filter_by(member_id=world.dave)).one().valid_to = date(2026, 5, 1)
        session.flush()
        assert share() == {None: (0, 1, 1)}


def test_an_objective_that_is_gone_is_no_objective(world, one, asked) -> None:
    with one as session:
        tree = Tree()
        running(world.bob, name="Lost way", objective_id=tree.loyal.id)
        tree.loyal.active = False
        session.flush()
        assert share() == {None: (0, 2, 2)}
    page = asked["alice"].get(VISION).text
    assert page.index("Goals that serve no objective") < page.index("Lost way")


@pytest.mark.parametrize(
    ("name", "way", "after"),
    [
        ("price", "up", {"Grow": ["Better prices", "Share of the market"]}),
        ("share", "down", {"Grow": ["Better prices", "Share of the market"]}),
        ("price", "down", {"Grow": ["Share of the market"], "Keep": ["Better prices", "Loyal customers"]}),
        ("loyal", "up", {"Grow": ["Share of the market", "Better prices", "Loyal customers"]}),
        ("share", "out", {"To be the first in the valley": ["Grow", "Share of the market", "Keep"], "Grow": ["Better prices"]}),
        ("keep", "up", {"To be the first in the valley": ["Keep", "Grow"]}),
        ("grow", "up", None), ("share", "up", None), ("loyal", "down", None), ("keep", "in", None), ("top", "up", None), ("grow", "in", None),
        ("share", "in", None), ("keep", "out", None), ("keep", "sideways", None),
    ],
)  # fmt: skip
def test_steps_move_a_node(world, one, name: str, way: str, after: dict[str, list[str]] | None) -> None:
    with one:
        tree = Tree()
        before, row = tree.order(), getattr(tree, name)
        if after is None:
            with pytest.raises(BusinessError):
                services.step(row, way, row.version)
            assert tree.order() == before
            return
        services.step(row, way, row.version)
        assert {key: tree.order()[key] for key in after} == after


def test_a_pillar_without_objectives_becomes_one_of_the_pillar_above(world, one) -> None:
    with one:
        tree = Tree()
        services.move(tree.loyal, tree.grow.id, None, None)
        services.step(tree.keep, "in", None)
        assert tree.order() == {tree.top.name: ["Grow"], "Grow": ["Share of the market", "Better prices", "Loyal customers", "Keep"]}
        assert tree.keep.level == "objective"


def test_moves_that_cannot_be(world, one) -> None:
    with one:
        tree = Tree()
        for row, parent in ((tree.grow, tree.keep.id), (tree.share, tree.price.id), (tree.top, tree.grow.id), (tree.share, 9999), (tree.share, tree.share.id)):
            with pytest.raises(BusinessError):
                services.move(row, parent, None, None)
        with pytest.raises(Conflict):
            services.move(tree.share, tree.keep.id, None, tree.share.version + 1)
        with pytest.raises(BusinessError):
            node("vision", "A second one")
        with pytest.raises(BusinessError):
            services.change_objective(tree.grow, {"level": "objective", "parent_id": None})
        assert node("pillar", "Told nothing").parent_id == tree.top.id
        with pytest.raises(BusinessError):
            trash.put(Objective, "name", [tree.grow.id])


def test_dragging_and_buttons_post_alike(world, one, asked) -> None:
    with one:
        ids = plant(world)
    alice, move = asked["alice"], f"{VISION}/{{}}/move"
    dragged = alice.post(move.format(ids["loyal"]), data={"version": 1, "parent_id": ids["grow"], "before_id": ids["price"]}, headers=FRAGMENT)
    assert dragged.status_code == 200 and f'data-moved="{ids["loyal"]}"' in dragged.text and "<html" not in dragged.text
    assert dragged.text.index("Share of the market") < dragged.text.index("Loyal customers") < dragged.text.index("Better prices")
    stepped = alice.post(move.format(ids["loyal"]), data={"version": 2, "step": "down"})
    assert stepped.status_code == 303 and stepped.location.endswith(f"/kpi/vision#node-{ids['loyal']}")
    assert alice.post(move.format(ids["loyal"]), data={"version": 2, "step": "up"}).status_code == 409
    assert alice.post(move.format(ids["loyal"]), data={"step": "up"}).status_code == 400
    assert alice.post(move.format(ids["loyal"]), data={"version": 3}).status_code == 422
    assert asked["bob"].post(move.format(ids["loyal"]), data={"version": 3, "step": "up"}).status_code == 403


def test_nodes_are_added_in_the_drawer_and_the_tree_hears_of_it(world, one, asked) -> None:
    with one:
        ids = plant(world)
    alice = asked["alice"]
    form = alice.get(f"{KPI}/objectives/new?level=pillar&stay=1&parent_id={ids['top']}", headers=FRAGMENT).text
    assert 'value="pillar" selected' in form or 'selected value="pillar"' in form
    made = alice.post(f"{KPI}/objectives/new?stay=1", data={"name": "People", "level": "pillar", "parent_id": ids["top"], "active": "1"}, headers=FRAGMENT)
    assert "objectives:changed" in made.headers["HX-Trigger"]
    assert ">People<" in alice.get(VISION).text


def test_the_board_is_printed_and_made_a_pdf(world, one, asked) -> None:
    with one:
        plant(world)
    for paper in ("a4", "a3"):
        page = asked["alice"].get(f"{PRINT}?paper={paper}").text
        assert f"is-{paper}" in page and "Whole valley" in page and "data-print" in page
        made = asked["alice"].get(f"{PRINT}?paper={paper}&format=pdf")
        assert made.data[:5] == b"%PDF-" and made.content_type == "application/pdf"
        assert made.headers["Content-Disposition"].startswith("attachment")
    wide = [asked["alice"].get(f"{PRINT}?paper={paper}&format=pdf").data for paper in ("a4", "a3", "a4")]
    assert wide[0] == wide[2] != wide[1]
    assert asked["alice"].get(f"{PRINT}?paper=nonsense").status_code == 200


def test_as_many_statements_for_many_goals_as_for_few(app, world, one, asked) -> None:
    counts = []
    with one:
        ids = plant(world)
    for n in (1, 15):
        with one as session:
            for k in range(n):
                running(world.bob, name=f"G {n} {k}", parent_id=ids["bobs"])
                node("objective", f"O {n} {k}", session.get_one(Objective, ids["grow"]))
        asked["alice"].get(VISION)
        alice = asked["alice"].client_of("alice")
        with statements_of(app) as sent:
            assert alice.get(VISION).status_code == 200
        counts.append(len(sent))
    assert counts[0] == counts[1]


def test_goals_whose_own_chain_is_long_are_found(world, one) -> None:
    with one:
        tree = Tree()
        above = running(world.alice, scope="company", name="0", objective_id=tree.share.id)
        for k in range(1, 8):
            above = running(world.bob, name=str(k), parent_id=above.id)
        assert share("owner")[world.bob] == (1, 1, 1)
        assert db.session.scalar(select(Goal.id).where(Goal.name == "7"))
