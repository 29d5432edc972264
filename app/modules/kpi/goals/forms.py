"""Setting and changing a goal: a form of five sections, one for each letter of SMART, with the check beside it."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from functools import partial
from typing import Any

from flask import current_app, request, url_for

from app.core.access import can, me, require, visible_members
from app.core.clock import today
from app.core.errors import BusinessError, Conflict
from app.core.fields import Field, LongText
from app.core.forms import Form, form_of
from app.core.i18n import _, _l
from app.core.registry import registry
from app.core.relative_dates import around
from app.core.surfaces.form import differences, needed_version, prefilled
from app.core.surfaces.record import fetch
from app.core.web import redirect_to, render, toast
from app.core.writes import check_version
from app.modules.kpi.blueprint import blueprint
from app.modules.kpi.goals import agreement, services
from app.modules.kpi.goals.page import baseline_shown
from app.modules.kpi.models import ACTIVE, BAND, CLOSED, DRAFT, DROPPED, OTHER, QUARTER, TEAM, Goal

CHECK = "kpi.goal_smart"  # the live check of the form
# Letter -> what it stands for, what that asks, and its fields.
SECTIONS: tuple[tuple[str, Any, Any, tuple[str, ...]], ...] = (
    ("S", _l("Specific"), _l("what, and whose"), ("name", "scope", "owner_id", "team_id")),
    ("M", _l("Measurable"), _l("where the figure comes from"), ("metric", "filters", "direction", "target", "low", "high", "is_quota")),
    ("A", _l("Attainable"), _l("against what was before"), ()),
    ("R", _l("Relevant"), _l("what it serves"), ("parent_id", "objective_id", "weight", "grade")),
    ("T", _l("In time"), _l("until when, and looked at when"), ("period", "first_day", "last_day", "review_on", "cadence")),
    ("", _l("More"), "", ("note", "external_id")),
)
EXCUSE = LongText("excuse", _l("Why is it good despite the warnings?"), longest=2000)
SPANS = {"name": 6, "scope": 2, "owner_id": 4, "team_id": 4, "metric": 6, "filters": 6, "direction": 2, "target": 2, "low": 2, "high": 2, "is_quota": 6,
         "parent_id": 6, "objective_id": 6, "weight": 2, "grade": 4, "period": 2, "first_day": 2, "last_day": 2, "review_on": 3,
         "cadence": 3}  # fmt: skip


@require("kpi.goal.create")
def goal_new() -> Any:
    """Ask for a new goal, or set it: as a draft, proposed at once, or running at once."""
    fields = _fields(None)
    resource = registry.resource("kpi.goal")
    first, last = around(today(), QUARTER)
    begun = {**{f.name: f.default() for f in fields if f.default}, "first_day": first, "last_day": last, **prefilled(fields)}
    if request.method == "GET":
        return _page(form_of(fields, None, begun), str(resource.label_new))
    form = form_of(fields, request.form, begun)
    if form.validate():
        try:
            goal = services.create_goal(_values(form))
            said = _go_on(goal, form, _("“%(name)s” was set.", name=goal.name))
        except BusinessError as error:
            form.refuse(error.field, error.message)
        else:
            return _following(goal, said)
    return _page(form, str(resource.label_new), status=422)


@require("kpi.goal.edit")
def goal_edit(row_id: int) -> Any:
    """Ask for changes to a goal, or save them; one that runs asks why. A late save shows both and loses nothing typed."""
    resource = registry.resource("kpi.goal")
    goal = fetch(resource, row_id, for_update=request.method == "POST")
    fields = _fields(goal)
    form = form_of(fields, request.form or None, {**resource.values_of(goal), "excuse": goal.excuse})
    page = partial(_page, form, _("Change “%(name)s”", name=goal.name), goal)
    if request.method == "GET":
        return page()
    version = needed_version()
    if not form.validate():
        return page(status=422, version=version)
    try:
        check_version(goal, version)
        resource.change(goal, _values(form, goal))
        said = _go_on(goal, form, _("Saved."))
    except Conflict:
        return page(status=409, conflict=differences(goal, _only(form, resource)))
    except BusinessError as error:
        form.refuse(error.field, error.message)
        return page(status=422, version=version)
    return _following(goal, said)


@blueprint.post("/goals/narrowing", endpoint="narrowing")
@require("kpi.goal.view")
def narrowing() -> Any:
    """What the figure that a form has so far can be narrowed down to; nothing is stored."""
    asked = [registry.resource("kpi.goal").field(name) for name in ("metric", "filters")]
    return render("kpi/goals/narrowing.html", "kpi/goals/_narrowing.html", form=form_of(asked, request.form), back_url=url_for("kpi.goal_list"))


def _fields(goal: Goal | None) -> list[Field]:
    """What can be asked of a goal as it is: of one that runs not what is frozen, but why it is changed."""
    resource = registry.resource("kpi.goal")
    known = {f.name: f for f in resource.fields if f.editable} | {"excuse": EXCUSE}
    state = goal.state if goal else DRAFT
    if state in (CLOSED, DROPPED):
        known = {name: f for name, f in known.items() if name in services.BESIDE}
    elif state == ACTIVE:
        aims = {"low", "high"} if goal and goal.direction == BAND else {"target"}
        known = {name: f for name, f in known.items() if name in services.BESIDE | aims | {"last_day", "weight", "reason"}}
    else:
        del known["reason"]
    named = [name for _letter, _label, _what, names in SECTIONS for name in names]
    return [known[name] for name in (*named, "excuse", "reason") if name in known]


def _values(form: Form, goal: Goal | None = None) -> dict[str, Any]:
    """Field values of the form. Of a period with a name its first day tells the last one; a team's goal without an owner
    is its manager's."""
    values = form.values()
    if (goal is None or goal.state != ACTIVE) and "period" in values and values["period"] != OTHER:
        begins, ends = around(values.get("first_day") or today(), values["period"])
        values |= {"first_day": begins, "last_day": ends}
    if values.get("scope") == TEAM and not values.get("owner_id"):
        values.pop("owner_id", None)
        if values.get("team_id") and (manager := services.manager_of(values["team_id"])):
            values["owner_id"] = manager
    if "scope" in values and values["scope"] != TEAM:
        values["team_id"] = None
    return values


def _go_on(goal: Goal, form: Form, said: str) -> str:
    """What the button says comes next; returns what to say of it. Raises `BusinessError`."""
    following = request.form.get("then", "")
    if goal.state not in agreement.OPEN or following not in ("propose", "activate") or not can("kpi.goal.agree"):
        return said
    if following == "propose":
        agreement.propose(goal)
        return _("“%(name)s” was proposed.", name=goal.name)
    excuse = form["excuse"].value if "excuse" in form else None
    agreement.activate(goal, excuse or "")
    return _("“%(name)s” runs.", name=goal.name)


def _following(goal: Goal, said: str) -> Any:
    """To the page of a goal; to the list, when the person does not see it any more."""
    members = visible_members("kpi.goal")
    if members is not None and goal.owner_id not in members:
        toast(_("Saved. It is in other hands now."))
        return redirect_to(url_for("kpi.goal_list"))
    toast(said)
    return redirect_to(url_for("kpi.goal_record", row_id=goal.id))


def _only(form: Form, resource: Any) -> Any:
    """The controls of a form that are fields of the resource: those that a row can differ in."""
    names = {f.name for f in resource.fields}
    return [control for control in form if control.name in names]


def _page(form: Form, title: str, goal: Goal | None = None, *, status: int = 200, conflict: Sequence[Mapping[str, str]] | None = None,
          version: int | None = None) -> Any:  # fmt: skip
    draft = goal is None or goal.state in agreement.OPEN
    if "excuse" in form:
        form["excuse"].render_kw = {"placeholder": " ", "rows": 2}  # by which the style sheet sees that it is empty
    sections = [{"letter": letter, "label": label, "what": what,
                 "fields": [form[name] for name in names if name in form]}
                for letter, label, what, names in SECTIONS]  # fmt: skip
    where: dict[str, Any] = {"row_id": goal.id} if goal else {}
    mine = goal is not None and goal.owner_id == me().member_id
    return render(
        "kpi/goals/form.html",
        "kpi/goals/_form.html",
        status=status,
        form=form,
        title=title,
        goal=goal,
        sections=[s for s in sections if s["fields"] or s["letter"] == "A"] if draft else [s for s in sections if s["fields"]],
        spans=SPANS,
        smart=draft,
        asides=[each for each in form if each.name in ("excuse", "reason")],
        baseline=baseline_shown(goal) if goal else None,
        check_url=url_for(CHECK) if CHECK in current_app.view_functions and draft else None,
        propose_to=_("Propose to %(name)s", name="{name}"),
        me=me().member_id,
        may_propose=draft and can("kpi.goal.agree") and not mine and (goal is None or goal.state == DRAFT),
        may_activate=draft and can("kpi.goal.agree"),
        conflict=conflict,
        version=version or (goal.version if goal else None),
        action=url_for("kpi.goal_edit" if goal else "kpi.goal_new", **where),
        cancel_url=url_for("kpi.goal_record" if goal else "kpi.goal_list", **where),
        submit_label=_("Save") if not draft else _("Save draft"),
    )
