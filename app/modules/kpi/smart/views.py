"""The check while a goal is filled in, and how what was foretold of goals turned out."""

from __future__ import annotations

from decimal import Decimal
from typing import Any

from babel.numbers import format_decimal
from flask import Response, request, url_for
from sqlalchemy import select

from app.core.access import require
from app.core.db import db
from app.core.dimensions import labels_of
from app.core.formats import colour, day, initials, percent
from app.core.i18n import _, _l, language
from app.core.web import render
from app.modules.kpi.blueprint import blueprint
from app.modules.kpi.models import ACTIVE, Goal
from app.modules.kpi.progress.models import LIKELY, PLAUSIBLE, UNKNOWN, UNLIKELY
from app.modules.kpi.smart import predictions as told
from app.modules.kpi.smart.asked import goal_of
from app.modules.kpi.smart.compliance import compliance
from app.modules.kpi.smart.panel import panel

WORDS = {UNLIKELY: _l("Unlikely"), PLAUSIBLE: _l("Plausible"), LIKELY: _l("Likely"), UNKNOWN: _l("Not enough history")}
# What a band means: in so many of a hundred such goals.
RANGES = {UNLIKELY: _l("fewer than 25 of 100"), PLAUSIBLE: _l("25 to 65 of 100"), LIKELY: _l("more than 65 of 100")}
LATEST = 50
COMPLIANCE = "compliance"  # the part of the page that takes its time


@blueprint.post("/goals/smart")
@require("kpi.goal.create")
def goal_smart() -> Response:
    """What the check says of a goal as its form has it so far; nothing is stored."""
    goal = goal_of(request.form)
    shown = panel(goal)
    return render("kpi/smart/check.html", "kpi/smart/_check.html", panel=shown, name=goal.name if goal else "",
                  back_url=url_for("kpi.goal_list"))  # fmt: skip


@blueprint.get("/predictions")
@require("kpi.goal.view")
def predictions() -> Response:
    """How what was said about goals turned out, as far as the reader sees them."""
    if request.args.get("part") == COMPLIANCE:
        active = db.session.scalars(select(Goal).where(Goal.state == ACTIVE, Goal.retrospective.is_(False)))
        held = compliance(active)
        return render("kpi/smart/compliance.html", "kpi/smart/_compliance.html", share=percent(held.share), n=held.n)
    said = told.statements()
    whole = told.turned(None, said)
    names = labels_of("owner", {each.owner_id for each in said if each.owner_id is not None})
    return render(
        "kpi/smart/predictions.html",
        whole=whole,
        score=_score(whole.score),
        base=_score(told.base_rate_score(said)),
        bands=[_line(each, str(WORDS[str(each.key)]), RANGES.get(str(each.key), "")) for each in told.by_band(said)],
        owners=[_line(each, names.get(each.key, "–"), "", each.key) for each in told.by_owner(said)],
        latest=[_latest(each, names) for each in said[:LATEST]],
        compliance_url=url_for("kpi.predictions", part=COMPLIANCE),
        back_url=url_for("kpi.goal_list"),
    )


def _line(each: told.Turned, label: str, words: Any = "", owner: Any = None) -> dict[str, Any]:
    avatar = {"name": label, "initials": initials(label), "colour": colour(owner)} if owner else None
    return {"turned": each, "label": label, "range": words, "avatar": avatar, "share": percent(each.share), "score": _score(each.score)}


def _latest(each: told.Said, names: Any) -> dict[str, Any]:
    came = {True: _("Attained"), False: _("Missed"), None: ""}[each.came_true]
    kind = {True: "ok", False: "bad", None: ""}[each.came_true]
    return {"url": url_for("kpi.goal_record", row_id=each.goal_id), "name": each.name, "owner": names.get(each.owner_id, "–"),
            "day": day(each.on_day), "band": WORDS[each.band], "came": came, "kind": kind}  # fmt: skip


def _score(value: Decimal | None) -> str:
    """With three decimals, so that scores stand below each other."""
    return "–" if value is None else format_decimal(value, "0.000", locale=language())
