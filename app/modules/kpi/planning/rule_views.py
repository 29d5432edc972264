"""The page of a rule, and a panel of it: what the rule will make next, and the targets of single people or teams."""

from __future__ import annotations

from datetime import date
from typing import Any, cast

from flask import Response, request, url_for

from app.core.access import can, require
from app.core.clock import today
from app.core.errors import BusinessError, Conflict
from app.core.fields import FieldError
from app.core.i18n import _
from app.core.jobs import enqueue
from app.core.metrics import metrics
from app.core.registry import registry
from app.core.relative_dates import around
from app.core.surfaces.form import needed_version
from app.core.surfaces.record import describe, fetch
from app.core.web import redirect_to, render, settle, toast
from app.modules.kpi.blueprint import blueprint
from app.modules.kpi.goals.telling import target_of
from app.modules.kpi.models import BAND, Goal, GoalRule
from app.modules.kpi.planning import recurring, rule_services
from app.modules.kpi.planning.cells import TARGET, single
from app.modules.kpi.planning.periods import ONE_DAY, called
from app.modules.kpi.quantities import Quantity, unit_of


def page_of(rule: GoalRule) -> dict[str, Any]:
    """The facts of a rule: of target and band the one that it has."""
    record = describe(registry.resource("kpi.rule"), rule)
    hidden = {"target"} if rule.direction == BAND else {"low", "high"}
    for group in record["groups"]:
        group["facts"] = [fact for fact in group["facts"] if fact["name"] not in hidden]
        for fact in group["facts"]:
            if fact["name"] == "direction":
                fact["edit_url"] = None  # alone it never makes sense: the form has it with what it asks for
    if rule.direction == BAND:
        record["head"] = [{**fact, "text": target_of(cast("Goal", rule)), "empty": False} if fact["name"] == "target" else fact
                          for fact in record["head"]]  # fmt: skip
    return {"record": record}


@blueprint.get("/rules/<int:rule_id>/targets")
@require("kpi.rule.view")
def rule_targets(rule_id: int) -> Response:
    """The goals that a rule makes next, each with its target."""
    return _panel(fetch(registry.resource("kpi.rule"), rule_id))


@blueprint.post("/rules/<int:rule_id>/targets")
@require("kpi.rule.edit")
def rule_targets_save(rule_id: int) -> Response:
    """Save the targets of single people or teams; with `do=make` the goals that are owed are made soon after."""
    rule: GoalRule = fetch(registry.resource("kpi.rule"), rule_id, for_update=True)
    version, typed = needed_version(), _typed()
    try:
        given = {who: single(text) for who, text in typed.items()}
        rule_services.set_targets(rule, given, version)
    except FieldError as error:
        return _panel(rule, 422, str(error), typed)
    except Conflict as late:
        settle(409)
        return _panel(fetch(registry.resource("kpi.rule"), rule_id), 409, late.message, typed)
    except BusinessError as error:
        settle(422)
        return _panel(fetch(registry.resource("kpi.rule"), rule_id), 422, error.message, typed)
    if request.form.get("do") == "make":
        enqueue("kpi.recur")
        toast(_("Saved. The goals are made in a moment."))
    else:
        toast(_("Saved."))
    return redirect_to(url_for("kpi.rule_record", row_id=rule_id))


def _typed() -> dict[int, str]:
    """What was written for each member or team."""
    return {int(name[2:]): text.strip() for name, text in request.form.items() if name.startswith("t-") and name[2:].isdigit()}


def _panel(rule: GoalRule, status: int = 200, trouble: str = "", typed: dict[int, str] | None = None) -> Response:
    (first, last), owed = _next(rule)
    unit, ends = unit_of(rule.metric), rule.ends_on is not None and rule.ends_on < first
    usual = target_of(cast("Goal", rule)) if rule.target is not None or rule.direction == BAND else ""
    rows = [{
        "who": each.who, "name": each.name, "there": each.there, "own": (typed or {}).get(each.who or 0, _own(rule, each.who, unit)),
    } for each in ([] if ends else owed)]  # fmt: skip
    return render(
        "kpi/planning/rule_targets.html", "kpi/planning/_rule_targets.html", status=status, rule=rule, rows=rows, usual=usual,
        period=called(rule.period, first, last), trouble=trouble, owes=rule.active and not ends and first <= today() + recurring.ahead(rule) and not all(each.there for each in owed),
        may_edit=can("kpi.rule.edit") and rule.direction != BAND and rule.metric in metrics(),
        off=rule.metric not in metrics(), singly=rule.audience != rule_services.COMPANY,
    )  # fmt: skip


def _next(rule: GoalRule) -> tuple[tuple[date, date], list[recurring.Due]]:
    """The first period of which a rule has goals to make, and those."""
    at = max(today(), rule.starts_on)
    for days in recurring.periods_due(rule, today()):
        owed = recurring.due(rule, *days)
        if not all(each.there for each in owed):
            return days, owed
        at = max(at, days[1] + ONE_DAY)
    days = around(at, rule.period)
    return days, recurring.due(rule, *days)


def _own(rule: GoalRule, who: int | None, unit: str) -> str:
    """A target of one's own as its input holds it; empty for the rule's."""
    if str(who) not in rule.targets:
        return ""
    value: Any = rule_services.target_for(rule, who)
    return TARGET.typed(Quantity(value, unit, rule.currency if unit == "money" else None))


