"""The page of a goal: where it stands, what was said about it, what is done for it, and what it said before."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from datetime import date
from decimal import Decimal
from typing import Any

from flask import url_for

from app.core import lookups
from app.core.access import can, me, visible_members
from app.core.clock import local_date, today
from app.core.figures import REASONS
from app.core.formats import colour, day, initials, moment, percent
from app.core.forms import form_of
from app.core.i18n import _
from app.core.metrics import metrics
from app.core.registry import registry
from app.core.surfaces.record import describe
from app.modules.kpi.goals import labels, queries, rights, services
from app.modules.kpi.goals.actions import ASKED
from app.modules.kpi.goals.addresses import records_url
from app.modules.kpi.goals.checkins import CONFIDENCE
from app.modules.kpi.goals.heading import heading
from app.modules.kpi.goals.mine import action_line
from app.modules.kpi.goals.telling import Told, about, target_of, tell
from app.modules.kpi.models import (
    ACTIVE,
    AGREED,
    BAND,
    CLOSED,
    DRAFT,
    DROPPED,
    PROPOSED,
    Goal,
    GoalEdition,
    GoalSeen,
    GoalWord,
)
from app.modules.kpi.narrowing import narrowed
from app.modules.kpi.progress.baselines import hashed
from app.modules.kpi.progress.forecast import forecasts
from app.modules.kpi.progress.measure import Progress, attainment, converted
from app.modules.kpi.progress.models import UNKNOWN, CheckIn, Prediction
from app.modules.kpi.progress.queries import actions_of, checkins_of, is_due, predictions_of
from app.modules.kpi.progress.resources import action
from app.modules.kpi.quantities import shown, unit_of
from app.modules.kpi.smart.panel import BANDS

STATE_KINDS = {DRAFT: "", PROPOSED: "info", AGREED: "info", ACTIVE: "accent", CLOSED: "", DROPPED: ""}
WAY = (DRAFT, PROPOSED, AGREED, ACTIVE, CLOSED)


def context(goal: Goal) -> dict[str, Any]:
    """Everything the template of the page needs; the number of statements does not grow with what is shown."""
    words, editions, seen = queries.words_of(goal.id), queries.editions_of(goal.id), queries.seen_of([goal.id])
    checkins, todo, children = checkins_of(goal.id), actions_of(goal.id), queries.children_of([goal.id])
    stands = tell([goal, *children])
    people = lookups.labels(lookups.MEMBER, _people(goal, words, editions, seen, checkins, todo, children))
    told = stands[goal.id]
    may_act = rights.may_speak(goal) and can("kpi.action.create") and goal.state not in (CLOSED, DROPPED)
    return {
        "goal": goal,
        "record": _record(goal, told),
        "way": _way(goal),
        "steps": _steps(goal, words),
        "offer": _offer(goal, words, people),
        "told": told,
        "heading": heading(goal, forecasts([goal], {goal.id: told.progress}).get(goal.id)),
        "figures": _figures(goal, told.progress),
        "excluded": [f"{n} {REASONS[why]}" for why, n in (told.progress.excluded or {}).items() if n and why in REASONS],
        "records_url": records_url(goal) if told.progress.value is not None else None,
        "course_url": url_for("kpi.goal_course", goal_id=goal.id),
        "baseline": baseline_shown(goal),
        "foretold": [_foretold(row) for row in predictions_of(goal.id)],
        "checkins": [_checkin(row, goal, people) for row in checkins],
        "due": is_due(goal, checkins[0] if checkins else None) and rights.is_mine(goal),
        "checkin_url": url_for("kpi.goal_checkin", goal_id=goal.id) if rights.may_check_in(goal) else None,
        "actions": [action_line(row, who=people.get(row.owner_id or 0, "")) for row in todo],
        "action_form": form_of([action.field(name) for name in ASKED], None, {"owner_id": goal.owner_id}) if may_act else None,
        "action_url": url_for("kpi.goal_action_add", goal_id=goal.id),
        "children": _children(goal, children, stands, people),
        "words": [_word(word, goal, people) for word in words],
        "editions": _editions(goal, editions, told.progress, people),
        "seen": _seen(goal, seen, people),
        "seen_url": _seen_url(goal, seen),
    }


def _people(goal: Goal, words: Any, editions: Any, seen: Any, checkins: Any, todo: Any, children: Any) -> list[int | None]:
    said = [row.member_id for row in (*words, *editions, *seen, *checkins)]
    return [goal.owner_id, *said, *(row.owner_id for row in (*todo, *children))]


# Head


def _record(goal: Goal, told: Told) -> dict[str, Any]:
    """The head and the facts; what is frozen is not offered for editing."""
    record = describe(registry.resource("kpi.goal"), goal)
    record["tags"] = [{"label": labels.STATES[goal.state], "kind": STATE_KINDS[goal.state]}]
    if goal.state in (ACTIVE, CLOSED):
        record["tags"].append({"label": told.label, "kind": told.kind})
    if goal.retrospective:
        record["tags"].append({"label": _("Retrospective"), "kind": ""})
    record["crumbs"] = [{"label": _("My goals"), "url": url_for("kpi.my_goals")},
                        {"label": _("Goals"), "url": url_for("kpi.goal_list")}]  # fmt: skip
    facts = {fact["name"]: fact for group in record["groups"] for fact in group["facts"]}
    if only := narrowed([goal]).get(goal.id):
        facts["metric"]["text"] = f"{facts['metric']['text']} ({only})"
    hidden = {"target"} if goal.direction == BAND else {"low", "high"}
    hidden |= set() if goal.team_id else {"team_id"}
    fixed = set(facts) - services.BESIDE if goal.state in (ACTIVE, CLOSED, DROPPED) else set()
    for name in fixed:
        facts[name]["edit_url"] = None
    for group in record["groups"]:
        group["facts"] = [fact for fact in group["facts"] if fact["name"] not in hidden and (fact["edit_url"] or not fact["empty"])]
    record["groups"] = [group for group in record["groups"] if group["facts"]]
    record["head"] = [facts["owner_id"], facts["metric"], {"label": _("Target"), "text": target_of(goal), "numeric": True},
                      {"label": _("Value"), "text": told.value, "numeric": True},
                      {"label": _("Until"), "text": day(goal.last_day), "numeric": True}]  # fmt: skip
    return record


def _way(goal: Goal) -> list[dict[str, Any]]:
    """The states in their order, as a bar; a goal that was dropped has none."""
    if goal.state == DROPPED or goal.retrospective:
        return []
    passed = {PROPOSED: goal.proposed_at, AGREED: goal.agreed_at, ACTIVE: goal.activated_at, CLOSED: goal.closed_at}
    at = WAY.index(goal.state)
    return [{"label": labels.STATES[state], "now": state == goal.state, "done": place < at and (state == DRAFT or passed[state] is not None),
             "when": day(local_date(at_)) if place <= at and (at_ := passed.get(state)) else ""}
            for place, state in enumerate(WAY)]  # fmt: skip


def _steps(goal: Goal, words: Sequence[GoalWord]) -> list[dict[str, Any]]:
    """What can be done now: the first is the one to do next."""
    last = next((word for word in reversed(words) if word.kind in ("proposed", "countered")), None)
    possible = (
        ("accept", rights.may_accept(goal, last), _("Agree"), "check"),
        ("counter", rights.may_answer(goal), _("Other proposal…"), "message-reply"),
        ("propose", rights.may_propose(goal), _("Propose…"), "send"),
        ("activate", rights.may_activate(goal), _("Activate…"), "player-play"),
        ("close", rights.may_close(goal), _("Close…"), "flag"),
        ("drop", rights.may_drop(goal), _("Drop…"), "circle-x"),
    )
    return [{"name": name, "label": label, "icon": icon, "url": url_for(f"kpi.goal_{name}", goal_id=goal.id), "dialog": name != "accept"}
            for name, there, label, icon in possible if there]  # fmt: skip


def _offer(goal: Goal, words: Sequence[GoalWord], people: Mapping[int, str]) -> dict[str, Any] | None:
    """What lies on the table, where somebody has proposed something else than the goal says."""
    last = next((word for word in reversed(words) if word.kind in ("proposed", "countered")), None)
    if goal.state != PROPOSED or last is None or last.kind != "countered":
        return None
    return {**_word(last, goal, people), "mine": last.member_id == me().member_id}


# Figures


def _figures(goal: Goal, progress: Progress) -> list[tuple[str, str]]:
    """What stands below the bar: share, gap, what every working day has to bring."""
    unit = unit_of(goal.metric)
    running = goal.state == ACTIVE and goal.first_day <= today() <= goal.last_day
    found = [(_("Attained"), percent(progress.attainment))]
    if progress.gap is not None:
        found.append((_("Missing"), shown(max(progress.gap, Decimal(0)), unit)) if progress.gap > 0 or goal.direction == "down"
                     else (_("Above the target"), shown(-progress.gap, unit)))  # fmt: skip
    if running and progress.pace is not None:
        found.append((_("Of the pace"), percent(progress.pace)))
    if running and progress.needed is not None and progress.needed > 0:
        found.append((_("Per working day"), about(progress.needed, unit)))
    if running:
        found.append((_("Working days left"), str(progress.days_left)))
    return found


def baseline_shown(goal: Goal) -> dict[str, Any] | None:
    """What the figure was before, with the question that it answers."""
    asked = goal.baseline_query
    if not asked:
        return None
    first, last = date.fromisoformat(asked["from"]), date.fromisoformat(asked["to"])
    return {
        "value": shown(goal.baseline, unit_of(goal.metric)),
        "period": f"{day(first)} – {day(last)}",
        "n": asked.get("n", 0),
        "url": records_url(goal, first, last),
        "at": moment(goal.baseline_at),
        "version": asked.get("version"),
        "intact": hashed(asked, goal.baseline) == goal.baseline_hash,
    }


def _foretold(row: Prediction) -> str:
    """What was foretold of a goal when it was activated, and whether it came true."""
    if row.band == UNKNOWN:
        return _("When it was activated on %(day)s there was not enough history to say how likely it was.", day=day(row.on_day))
    said = _("When it was activated on %(day)s it looked %(band)s, from %(n)s periods before.", day=day(row.on_day),
             band=BANDS[row.band], n=row.periods)  # fmt: skip
    if row.came_true is None:
        return said
    came = _("It was reached.") if row.came_true else _("It was missed.")
    return f"{said} {came}"


# What was said and done


def _who(member_id: int | None, people: Mapping[int, str]) -> dict[str, Any]:
    name = people.get(member_id or 0, "") or _("The system")
    return {"name": name, "initials": initials(name), "colour": colour(member_id)}


def _checkin(row: CheckIn, goal: Goal, people: Mapping[int, str]) -> dict[str, Any]:
    word, icon = CONFIDENCE[row.confidence]
    return {"who": _who(row.member_id, people), "day": day(row.on_day), "confidence": row.confidence, "word": word, "icon": icon,
            "comment": row.comment, "actual": shown(row.actual, unit_of(goal.metric)) if row.actual is not None else ""}  # fmt: skip


def _word(word: GoalWord, goal: Goal, people: Mapping[int, str]) -> dict[str, Any]:
    unit = unit_of(goal.metric)
    says = word.kind in ("proposed", "countered", "agreed", "activated")
    return {
        "who": _who(word.member_id, people),
        "kind": word.kind,
        "label": labels.WORDS[word.kind],
        "at": moment(word.at),
        "target": shown(word.target, unit, goal.currency) if says and word.target is not None else "",
        "last_day": day(word.last_day) if says else "",
        "text": word.text,
    }


def _editions(goal: Goal, editions: Sequence[GoalEdition], progress: Progress, people: Mapping[int, str]) -> list[dict[str, Any]]:
    """What the goal said, edition by edition, each with the attainment against its own target (Q10)."""
    unit = unit_of(goal.metric)
    found = []
    for row in editions:
        said = row.said
        target = Decimal(said["target"]) if said.get("target") is not None else None
        share = attainment(goal, progress.value, converted(goal, target)) if goal.direction != BAND else None
        found.append({
            "number": row.number, "who": _who(row.member_id, people), "at": moment(row.at), "reason": row.reason,
            "target": shown(target, unit, said.get("currency")) if target is not None
            else f"{shown(_decimal(said.get('low')), unit)} – {shown(_decimal(said.get('high')), unit)}",
            "last_day": day(date.fromisoformat(said["last_day"])), "weight": said.get("weight") or "", "attained": percent(share),
            "now": row.number == goal.edition,
        })  # fmt: skip
    return found


def _decimal(text: str | None) -> Decimal | None:
    return None if text is None else Decimal(text)


def _seen(goal: Goal, seen: Iterable[GoalSeen], people: Mapping[int, str]) -> list[dict[str, Any]]:
    """Who has read the goal, and whether it was what it says now."""
    newest: dict[int, GoalSeen] = {}
    for row in seen:
        if row.member_id not in newest or newest[row.member_id].edition < row.edition:
            newest[row.member_id] = row
    return [{"who": _who(row.member_id, people), "at": moment(row.at), "owner": row.member_id == goal.owner_id,
             "old": row.edition < goal.edition} for row in newest.values()]  # fmt: skip


def _seen_url(goal: Goal, seen: Iterable[GoalSeen]) -> str | None:
    """Where the page says that it was read, unless that is known."""
    mine = me().member_id
    known = any(row.member_id == mine and row.edition == goal.edition for row in seen)
    return None if known else url_for("kpi.goal_seen", goal_id=goal.id)


def _children(goal: Goal, children: Sequence[Goal], stands: Mapping[int, Told], people: Mapping[int, str]) -> dict[str, Any] | None:
    """The goals that serve this one, those of others only as a number, and how their targets add up against its own."""
    if not children:
        return None
    visible = visible_members("kpi.goal")
    rows = [child for child in children if visible is None or child.owner_id in visible]
    alike = [child for child in children if child.metric == goal.metric and child.state != DROPPED]
    targets = [converted(child, child.target) for child in alike]
    metric, own = metrics().get(goal.metric), converted(goal, goal.target)
    together = ""
    if metric and "owner" in metric.additive and own and targets and None not in targets:
        total = sum((t for t in targets if t is not None), Decimal(0))
        together = _("Their targets come to %(sum)s: %(share)s of %(target)s.", sum=shown(total, metric.unit),
                     share=percent(total / own), target=shown(own, metric.unit))  # fmt: skip
    record = url_for("kpi.goal_record", row_id=0)[:-1]
    return {
        "rows": [{"name": child.name, "url": f"{record}{child.id}", "who": _who(child.owner_id, people), "told": stands[child.id],
                  "state": labels.STATES[child.state] if child.state != ACTIVE else ""} for child in rows],
        "hidden": len(children) - len(rows),
        "together": together,
    }  # fmt: skip
