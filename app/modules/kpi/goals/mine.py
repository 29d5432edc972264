"""A person's goals: what waits for an answer, where their own stand, what there is to do, and what the teams are after."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from decimal import Decimal
from typing import Any

from flask import url_for

from app.core import lookups
from app.core.access import can, me, visible_members
from app.core.formats import colour, day, initials, percent
from app.core.i18n import _
from app.core.metrics import metrics
from app.modules.kpi.goals import labels, queries, rights
from app.modules.kpi.goals.asked import offers
from app.modules.kpi.goals.heading import Heading, heading
from app.modules.kpi.goals.telling import Told, target_of, tell
from app.modules.kpi.models import ACTIVE, BAND, COMPANY, LEADING, Goal, GoalWord
from app.modules.kpi.narrowing import narrowed
from app.modules.kpi.progress.forecast import forecasts
from app.modules.kpi.progress.models import CheckIn, GoalAction
from app.modules.kpi.progress.queries import is_due, last_checkins, open_actions
from app.modules.kpi.progress.services import is_late
from app.modules.kpi.quantities import shown, unit_of


def context() -> dict[str, Any]:
    """Everything the page shows; the number of statements does not grow with the goals."""
    my_id = me().member_id
    own = [goal for goal in queries.mine(my_id) if goal.state == ACTIVE]
    others = [goal for goal in queries.shared(my_id) if goal.owner_id != my_id]
    asked = offers(my_id)
    found = tell([*own, *others])
    said = last_checkins([goal.id for goal in own])
    people = lookups.labels(lookups.MEMBER, [*(g.owner_id for g in others), *(g.owner_id for g, _w in asked),
                                             *(w.member_id for _g, w in asked if w)])  # fmt: skip
    teams = lookups.labels("admin.team", [goal.team_id for goal in [*own, *others]])
    only = narrowed([*own, *others])
    ahead = forecasts([*own, *others], {goal_id: told.progress for goal_id, told in found.items()})
    ends = {goal.id: heading(goal, ahead.get(goal.id)) for goal in [*own, *others]}
    cards = [card(goal, found[goal.id], said.get(goal.id), people, teams, only.get(goal.id, ""), ends=ends[goal.id]) for goal in own]
    visible = visible_members("kpi.goal")
    return {
        "url": url_for("kpi.my_goals"),
        "offers": [offer(goal, word, people) for goal, word in asked],
        "groups": _groups(own, cards),
        "score": scorecard(own, found),
        "actions": _actions(open_actions(my_id)),
        "shared": [card(goal, found[goal.id], None, people, teams, only.get(goal.id, ""), opens=visible is None or goal.owner_id in visible, ends=ends[goal.id]) for goal in others],
        "new_url": url_for("kpi.goal_new") if can("kpi.goal.create") else None,
        "list_url": url_for("kpi.goal_list"),
    }


def card(goal: Goal, told: Told, last: CheckIn | None, people: Mapping[int, str], teams: Mapping[int, str], only: str = "",
         opens: bool = True, ends: Heading | None = None) -> dict[str, Any]:  # fmt: skip
    """A goal with where it stands and is heading. `opens`: whether the reader may open its page."""
    name = "" if rights.is_mine(goal) else people.get(goal.owner_id or 0, "")
    metric = metrics().get(goal.metric)
    return {
        "id": goal.id,
        "name": goal.name,
        "url": url_for("kpi.goal_record", row_id=goal.id) if opens else None,
        "metric": str(metric.label) if metric else goal.metric,
        "only": only,
        "scope": teams.get(goal.team_id or 0, "") if goal.team_id else labels.SCOPES[COMPANY] if goal.scope == COMPANY else "",
        "owner": {"name": name, "initials": initials(name), "colour": colour(goal.owner_id)} if name else None,
        "until": day(goal.last_day),
        "weight": percent(Decimal(goal.weight) / 100) if goal.weight else "",
        "told": told,
        "heading": ends.sentence if ends else "",
        "last": {"confidence": last.confidence, "day": day(last.on_day), "comment": last.comment} if last else None,
        "due": rights.is_mine(goal) and is_due(goal, last),
        "checkin_url": url_for("kpi.goal_checkin", goal_id=goal.id) if opens and rights.may_check_in(goal) else None,
    }


def offer(goal: Goal, word: GoalWord | None, people: Mapping[int, str]) -> dict[str, Any]:
    """A proposed goal with what lies on the table, and what can be done about it."""
    theirs = word is None or word.member_id != me().member_id
    who = people.get((word.member_id if theirs and word else goal.owner_id) or 0, _("The system"))
    target = target_of(goal)
    if word is not None and word.target is not None and goal.direction != BAND:
        target = shown(word.target, unit_of(goal.metric), goal.currency)
    metric = metrics().get(goal.metric)
    return {
        "id": goal.id,
        "name": goal.name,
        "url": url_for("kpi.goal_record", row_id=goal.id),
        "metric": str(metric.label) if metric else goal.metric,
        "target": target,
        "was": target_of(goal) if target != target_of(goal) else "",
        "first": day(goal.first_day),
        "last": day(word.last_day if word and word.last_day else goal.last_day),
        "who": who,
        "owner": "" if rights.is_mine(goal) else people.get(goal.owner_id or 0, ""),
        "text": word.text if word else "",
        "countered": word is not None and word.kind == "countered",
        "theirs": theirs,
        "version": goal.version,
        "accept_url": url_for("kpi.goal_accept", goal_id=goal.id) if rights.may_accept(goal, word) else None,
        "counter_url": url_for("kpi.goal_counter", goal_id=goal.id) if rights.may_answer(goal) else None,
    }


def scorecard(goals: Iterable[Goal], found: Mapping[int, Told]) -> dict[str, str] | None:
    """The weighted attainment of a person's goals, each counted up to 100 %, beside what it would be on pace; None where
    no goal carries weight. Goals without a figure are left out of both."""
    known = [(goal.weight, found[goal.id].progress) for goal in goals if goal.weight and found[goal.id].progress.attainment is not None]
    total = sum(weight for weight, _p in known)
    if not total:
        return None
    one, none = Decimal(1), Decimal(0)
    reached = sum((weight * min(max(p.attainment or none, none), one) for weight, p in known), none) / total
    paced = sum((weight * min(p.expected / p.target, one) if p.expected is not None and p.target else weight * one for weight, p in known), none)
    return {"reached": percent(reached), "paced": percent(paced / total), "weight": percent(Decimal(total) / 100)}


def _groups(goals: Sequence[Goal], cards: Sequence[dict[str, Any]]) -> list[dict[str, Any]]:
    """Activity goals, which lead, before the results they are for; one group without a name where all are alike."""
    parts = [(grade, [c for goal, c in zip(goals, cards, strict=True) if goal.grade == grade]) for grade in labels.GRADES]
    some = [(labels.GRADES[grade], found) for grade, found in parts if found]
    return [{"label": label if len(some) > 1 else "", "cards": found, "leading": label is labels.GRADES[LEADING]} for label, found in some]


def _actions(rows: Sequence[GoalAction]) -> list[dict[str, Any]]:
    goals = lookups.labels("kpi.goal", [row.goal_id for row in rows])
    return [action_line(row, goals.get(row.goal_id, "")) for row in rows]


def action_line(row: GoalAction, goal: str = "", who: str = "") -> dict[str, Any]:
    """Something to do, with how it is ticked off where the reader may."""
    visible = visible_members("kpi.action")
    mine = visible is None or row.owner_id in visible
    return {
        "id": row.id,
        "text": row.text,
        "goal": goal,
        "who": {"name": who, "initials": initials(who), "colour": colour(row.owner_id)} if who else None,
        "due": day(row.due_on),
        "late": is_late(row),
        "done": row.done_at is not None,
        "version": row.version,
        "tick_url": url_for("kpi.action_done", action_id=row.id) if mine and can("kpi.action.edit") else None,
        "edit_url": url_for("kpi.action_edit", row_id=row.id, stay=1) if mine and can("kpi.action.edit") else None,
    }
