"""Widgets that are lists: goals with where they stand, and a team, person by person, against its quota."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from decimal import Decimal
from typing import Any

from flask import url_for

from app.core import lookups
from app.core.access import me
from app.core.errors import BusinessError
from app.core.figures import FigureRow
from app.core.formats import colour, initials, percent
from app.core.i18n import _
from app.core.reports.asking import Desk, by_key
from app.core.reports.blocks import EMPTY, Block, Cell, Column, Table
from app.core.reports.wording import cell
from app.core.workdays import working_days
from app.modules.kpi.goals import labels, queries
from app.modules.kpi.goals.telling import Told, tell
from app.modules.kpi.models import MEMBER, Goal
from app.modules.kpi.models import TEAM as TEAMS
from app.modules.kpi.revenue.book import Book
from app.modules.kpi.revenue.people import OPEN, WEIGHTED, Line, standings
from app.modules.kpi.revenue.quotas import WON
from app.modules.kpi.revenue.standing import day_of
from app.modules.kpi.revenue.words import money_cell, ratio_cell, whole_cell

MOST_GOALS = 12
WHOLE = 1000  # how long a bar is
RATE, CYCLE = "crm.win_rate", "crm.sales_cycle_days"
OWNER = "owner"
URGENT = ("bad", "warn", "", "ok")  # what needs a look comes first
Rows = tuple[dict[str, Any], ...]


def goals(desk: Desk, key: str, title: str, mine_only: int | None = None) -> tuple[Rows, Block]:
    """Goals that run: those that the reader sees, or with `mine_only` that member's, and those of the company and of their teams."""
    own = [goal for goal in queries.running() if mine_only is None or goal.owner_id == mine_only]
    found = {goal.id: goal for goal in [*own, *queries.shared(me().member_id)] if _about(goal, desk.frame.filters)}
    told, mine = tell(found.values()), {goal.id for goal in own}
    order = sorted(found.values(), key=lambda goal: (URGENT.index(told[goal.id].kind), goal.last_day, goal.name_key, goal.id))
    people = lookups.labels(lookups.MEMBER, [goal.owner_id for goal in order[:MOST_GOALS]])
    teams = lookups.labels("admin.team", [goal.team_id for goal in order[:MOST_GOALS]])
    base = url_for("kpi.goal_record", row_id=0)[:-1]
    rows = tuple(
        {"name": goal.name, "whose": _whose(goal, people, teams), "url": f"{base}{goal.id}" if goal.id in mine else "", "told": told[goal.id]}
        for goal in order[:MOST_GOALS]
    )
    heads = [Column(_("Goal"), numeric=False), Column(_("Whose"), numeric=False), Column(_("Reached so far")), Column(_("Target")),
             Column(_("Attained")), Column(_("Stands"), numeric=False)]  # fmt: skip
    foot = [_("The first %(most)s, what needs a look first.", most=MOST_GOALS)] if len(order) > MOST_GOALS else ()
    return rows, Block(key=key, title=title, table=Table(heads, [_goal_cells(row) for row in rows]), foot=foot)


def _goal_cells(row: Mapping[str, Any]) -> list[Cell]:
    told: Told = row["told"]
    return [Cell(row["name"], url=row["url"]), Cell(row["whose"]), Cell(told.value), Cell(told.target), Cell(told.percent),
            Cell(str(told.label), css=told.kind)]  # fmt: skip


def _whose(goal: Goal, people: Mapping[int, str], teams: Mapping[int, str]) -> str:
    if goal.scope == MEMBER:
        return people.get(goal.owner_id or 0, "")
    return teams.get(goal.team_id or 0, "") if goal.scope == TEAMS else str(labels.SCOPES[goal.scope])


def _about(goal: Goal, filters: Mapping[str, Any]) -> bool:
    """Whether a goal is about those whom the dashboard is narrowed down to."""
    if OWNER in filters and (goal.scope != MEMBER or goal.owner_id != filters[OWNER]):
        return False
    teams = filters.get("team")
    return not (isinstance(teams, list) and goal.scope == TEAMS and goal.team_id not in teams)


def team(desk: Desk, key: str, title: str) -> tuple[Rows, Block]:
    """Everybody with their quota, what they won, what is open, their win rate and sales cycle. Raises `BusinessError`."""
    if not desk.may(WON, OPEN, WEIGHTED, RATE, CYCLE):
        raise BusinessError(_("The application that this figure comes from is switched off."))
    sub = Desk(replace(desk.frame, split=OWNER), desk.asked, desk.left_out, desk.wider, desk.known)
    lines = [line for line in standings(sub, Book.of(sub.frame, sub.frame.period)) if line.key is not None]
    rates, cycles = (by_key(figure, OWNER) for figure in sub.figures((RATE, CYCLE), OWNER))
    address = {i: sub.behind(i) for i in (WON, OPEN, WEIGHTED, RATE, CYCLE)}
    rows = tuple(_person(sub, line, rates, cycles, {i: at(owner=line.key) for i, at in address.items()}) for line in lines)
    heads = [Column(_("Rep"), numeric=False), *map(Column, (_("Quota"), _("Won"), _("Attained"), _("Open"), _("Weighted"))),
             Column(str(sub.metric(RATE).label)), Column(_("Cycle"), hint=str(sub.metric(CYCLE).describe)), Column(_("Stands"), numeric=False)]  # fmt: skip
    note = _("expected by today: %(share)s", share=_expected(sub)) if sub.frame.period.running else ""
    return rows, Block(key=key, title=title, note=note, table=Table(heads, [row["cells"] for row in rows]))


def _person(desk: Desk, line: Line, rates: Mapping[Any, FigureRow], cycles: Mapping[Any, FigureRow], urls: Mapping[str, str]) -> dict[str, Any]:
    of = line.standing
    kind = labels.KINDS[of.status]
    stands = Cell(str(labels.STATUSES[of.status]), css=kind) if of.quota is not None else EMPTY
    cells = [Cell(line.name), whole_cell(of.quota), money_cell(of.won, urls[WON]), ratio_cell(of.attained), money_cell(of.open, urls[OPEN]),
             replace(whole_cell(of.weighted), url=urls[WEIGHTED]), cell(desk.metric(RATE), rates.get(line.key), urls[RATE]),
             cell(desk.metric(CYCLE), cycles.get(line.key), urls[CYCLE]), stands]  # fmt: skip
    share = of.attained
    return {
        "cells": cells,
        "kind": kind,
        "fill": int(min(max(share, Decimal(0)), Decimal(1)) * WHOLE) if share is not None else None,
        "avatar": {"name": line.name, "initials": initials(line.name), "colour": colour(line.key)},
    }


def _expected(desk: Desk) -> str:
    """How much of the period's working days are over."""
    period = desk.frame.period
    total = working_days(period.first, period.last)
    return percent(working_days(period.first, day_of(desk.frame)) / total if total else None)
