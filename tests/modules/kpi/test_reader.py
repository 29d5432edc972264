"""A rep sees own figures, a manager those of the teams below, an admin all: pages, drill-down, API, files and mail are walked,
and what belongs to others must not stand in any of them."""

from __future__ import annotations

import re
from collections import Counter, deque
from collections.abc import Iterator
from dataclasses import dataclass, field
from datetime import date
from decimal import Decimal
from html import unescape
from typing import Any
from urllib.parse import parse_qsl, urldefrag, urlsplit

import pytest
from sqlalchemy import select

from app.core import worker
from app.core.clock import noon
from app.core.db import db
from app.core.jobs import enqueue
from app.core.models import Role
from app.modules.kpi.models import Goal
from app.modules.kpi.own.services import create_metric, create_value
from app.modules.kpi.progress.services import check_in, create_action
from app.modules.kpi.quantities import Given
from tests.core.api_client import asking
from tests.modules.crm.making import clock, euros, make_deal, move
from tests.modules.kpi.goals_world import World, acting, build, running

MONDAY = "2026-05-18T05:30:00"
SOLD = {"bob": 11_113, "dave": 22_227}
QUOTA = {"bob": 33_331, "dave": 44_443}
TEAM_TARGET, TOTAL = 55_557, SOLD["bob"] + SOLD["dave"]
SPAN = "from=2026-04-01&to=2026-06-30"
SEEDS = (
    "kpi/", "kpi/goals", "kpi/goals?view=all", "kpi/actions", "kpi/values", "kpi/metrics", "kpi/vision", "kpi/planner", "kpi/revenue",
    "kpi/dashboards", "kpi/predictions", "kpi/board", "kpi/day", "crm/board", "crm/day", "admin/search?q=Sell",
    f"admin/figures?metric=crm.won_amount&{SPAN}", f"admin/figures?metric=kpi.quota&{SPAN}", f"admin/figures?metric=kpi.mood&{SPAN}",
    "kpi/goals/export?format=csv", "kpi/goals/export?format=json", "kpi/actions/export?format=csv", "kpi/values/export?format=csv",
)  # fmt: skip
API = (
    "kpi/goals", "kpi/actions", "kpi/values", "metrics", f"metrics/crm.won_amount?{SPAN}", f"metrics/crm.won_amount?{SPAN}&by=owner",
    f"metrics/crm.won_amount?{SPAN}&by=team", f"metrics/kpi.quota?{SPAN}&by=owner", f"metrics/kpi.quota_attainment?{SPAN}&by=owner",
    f"metrics/kpi.mood?{SPAN}&by=owner",
)  # fmt: skip
FOLLOWED = ("/c/one/kpi", "/c/one/admin/figures", "/c/one/crm/board", "/c/one/crm/day")
PER_KIND, MOST = 2, 110  # pages of one kind, and in all
LINK = re.compile(r'(?:href|hx-get|data-url)="([^"]+)"')


def amount(value: int) -> set[str]:
    """An amount as pages, files and programs write it."""
    return {f"{value:,}", str(value), f"{value:,}".replace(",", ".")}


def of(name: str) -> set[str]:
    """What only who may see a rep's figures may read."""
    return {*amount(SOLD[name]), *amount(QUOTA[name]), *texts(name)}


def texts(name: str) -> set[str]:
    return {f"Sell {name}", f"Deal-{name}", f"Words-{name}", f"Action-{name}", f"Evidence-{name}"}


HIDDEN = {
    "bob": of("dave") | amount(TOTAL),
    "dave": of("bob") | amount(TOTAL) | amount(TEAM_TARGET),
    "mona": of("dave") | amount(TOTAL),
    "alice": set(),
}
SHOWN = {"bob": of("bob"), "dave": of("dave"), "mona": of("bob") | amount(TEAM_TARGET), "alice": of("bob") | of("dave")}


@dataclass
class Filled:
    """The people and the ids of goals by name."""

    known: World
    goals: dict[str, int] = field(default_factory=dict)


@pytest.fixture
def filled(one: Any, people: Any) -> Iterator[Filled]:
    """Bob and dave with a deal, a quota, an action, a check-in and a value each; goals of team North and of the company."""
    with clock(MONDAY):
        with one:
            known = build(people)
            mood = create_metric({"name": "Mood", "gathered": "mean", "unit": "count"})
            for name in SOLD:
                _fill(name, getattr(known, name), mood.id)
            team = {"metric": "crm.won_amount", "scope": "team", "team_id": known.north, "target": Decimal(TEAM_TARGET)}
            running(known.mona, name="North together", **team)
            running(known.alice, name="All together", metric="crm.won_amount", scope="company", target=Decimal(99_991))
            goals = {goal.name: goal.id for goal in db.session.scalars(select(Goal))}
        yield Filled(known, goals)


def _fill(name: str, member_id: int, metric_id: int) -> None:
    day = date(2026, 4, 20)
    with acting(member_id):
        move(make_deal(name=f"Deal-{name}", owner_id=member_id, amount=euros(SOLD[name]), on=day), "won", at=noon(day))
        goal = running(member_id, name=f"Sell {name}", metric="crm.won_amount", target=Decimal(QUOTA[name]), is_quota=True)
        check_in(goal, member_id, 3, f"Words-{name}")
        create_action({"goal_id": goal.id, "text": f"Action-{name}", "owner_id": member_id})
        create_value({"metric_id": metric_id, "on_day": day, "owner_id": member_id, "amount": Given(Decimal(7)), "evidence": f"Evidence-{name}"})


def walk(client: Any, goals: dict[str, int]) -> dict[str, str]:
    """Address -> text of everything that the reader's pages lead to, and of the pages of all goals, seen or not."""
    tried = [f"kpi/goals/{goal_id}{tail}" for goal_id in goals.values() for tail in ("", "/history", "/course", "/edit", "/checkin")]
    queue, found, kinds = deque(f"/c/one/{seed}" for seed in (*SEEDS, *tried)), {}, Counter[str]()
    first = len(queue)
    while queue and len(found) < MOST:
        url = queue.popleft()
        if url in found or (first <= 0 and kinds[kind(url)] >= PER_KIND):
            continue
        first -= 1
        kinds[kind(url)] += 1
        answer = client.get(url, follow_redirects=True)
        found[url] = unescape(answer.text) if answer.status_code != 404 else ""
        if "html" in (answer.content_type or ""):
            links = (urldefrag(unescape(link))[0] for link in LINK.findall(answer.text))
            queue.extend(link for link in links if link.startswith(FOLLOWED) and link not in found)
    return found


def kind(url: str) -> str:
    """Pages of one kind differ in ids and in what is asked of them."""
    parts = urlsplit(url)
    return re.sub(r"\d+", "0", parts.path) + "?" + ",".join(sorted(name for name, _value in parse_qsl(parts.query)))


def leaks(said: dict[str, str], hidden: set[str]) -> list[tuple[str, str]]:
    return [(url, mark) for url, text in said.items() for mark in hidden if re.search(rf"(?<![\w.,]){re.escape(mark)}(?!\w)", text)]


@pytest.mark.parametrize("name", HIDDEN)
def test_pages_drill_down_and_files(filled, client_of, name):
    said = walk(client_of(name), filled.goals)
    assert leaks(said, HIDDEN[name]) == []
    every = " ".join(said.values())
    missing = {mark for mark in SHOWN[name] if mark not in every and not re.fullmatch(r"[\d.,]+", mark)}
    assert not missing, "the walk has lost its pages"
    assert name != "alice" or {mark for _url, mark in leaks(said, HIDDEN["bob"])} >= texts("dave") | {"22,227", "33,340"}, "it sees leaks"
    for value in (each for rep, each in SOLD.items() if texts(rep) & SHOWN[name]):
        assert any(mark in every for mark in amount(value))
    assert len([text for text in said.values() if text]) > 60


@pytest.mark.parametrize("name", HIDDEN)
def test_the_api(filled, app, people, name):
    client = asking(app, people[name])
    said = {}
    goals = [f"kpi/goals/{goal_id}" for goal_id in filled.goals.values()]
    for url in (*API, *goals):
        answer = client.get(f"/api/v1/{url}")
        assert answer.status_code in (200, 403, 404), (url, answer.text)
        said[url] = answer.text
    assert leaks(said, HIDDEN[name]) == []
    seen = {row["name"] for row in client.get("/api/v1/kpi/goals").json["items"]}
    expected = {
        "bob": {"Sell bob"}, "dave": {"Sell dave"}, "mona": {"Sell bob", "North together"},
        "alice": {"Sell bob", "Sell dave", "North together", "All together"},
    }  # fmt: skip
    assert seen == expected[name]
    owners = {row["by"]["owner"]: row["value"] for row in client.get(f"/api/v1/metrics/crm.won_amount?{SPAN}&by=owner").json["rows"]}
    whose = {"bob": ["bob"], "dave": ["dave"], "mona": ["bob"], "alice": ["bob", "dave"]}[name]
    assert {who: Decimal(value) for who, value in owners.items()} == {each.title(): SOLD[each] for each in whose}


def test_mail_and_notices(filled, app, one, office):
    with one:
        enqueue("kpi.weekly")
        enqueue("kpi.watch")
    worker.run_pending(app)
    for name, hidden in HIDDEN.items():
        letters = [letter for letter in office.letters if letter.to == [f"{name}@one.example"]]
        assert letters, name
        said = {letter.message["Subject"]: letter.text for letter in letters}
        assert leaks(said, hidden) == [], name
    bob = next(letter for letter in office.letters if letter.to == ["bob@one.example"] and "Sell bob" in letter.text)
    assert "11,113" in bob.text


def test_a_manager_who_may_see_the_companys_figures_sees_the_rows_of_the_teams_below_alone(filled, one, client_of):
    """Goals, words, actions and records of other teams stay theirs."""
    with one:
        manager = db.session.scalars(select(Role).where(Role.key == "manager")).one()
        manager.permissions = [*manager.permissions, "crm.figures.company", "kpi.figures.company"]
    said = walk(client_of("mona"), filled.goals)
    assert leaks(said, texts("dave")) == []


def test_who_may_not_see_goals_sees_none(filled, one, client_of):
    with one:
        rep = db.session.scalars(select(Role).where(Role.key == "rep")).one()
        rep.permissions = [each for each in rep.permissions if not each.startswith("kpi.")]
    client = client_of("bob")
    for seed in SEEDS:
        if seed.startswith("kpi/"):
            assert client.get(f"/c/one/{seed}").status_code == 403, seed
