"""The panels on the page of a deal: buying committee, competitors, credit, and what is sold.

Each is a fragment that is edited where it stands; `?edit=new`, `?edit=<row>` and `?edit=all` open its forms.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from flask import Response, request, url_for

from app.core import lookups
from app.core.access import can, require
from app.core.errors import BusinessError, Conflict
from app.core.fields import Field
from app.core.formats import colour, initials, number
from app.core.forms import Form
from app.core.hx import is_htmx
from app.core.i18n import _
from app.core.ids import whole
from app.core.money import Money
from app.core.registry import registry
from app.core.surfaces.form import given_version
from app.core.surfaces.record import fetch
from app.core.web import redirect_to, render, settle, toast
from app.modules.crm.blueprint import blueprint
from app.modules.crm.models import LOST, Deal
from app.modules.crm.parts import forms, queries, services

STANCES = {1: "ok", 0: "", -1: "bad"}


def _deal(deal_id: int) -> Deal:
    return fetch(registry.resource("crm.deal"), deal_id)


def _panel(name: str, title: str, deal: Deal, *, status: int = 200, closed: bool = False, **shown: Any) -> Response:
    """A panel as a fragment, or as a page of its own."""
    url = url_for(f"crm.deal_{name}", deal_id=deal.id)
    fragment = f"crm/parts/_{name}.html"
    panel = {"name": name, "title": title, "url": url, "template": fragment,
             "may_edit": can("crm.deal.edit"), "edit": "" if closed else request.args.get("edit", "")}  # fmt: skip
    about = {"id": deal.id, "name": deal.name, "state": deal.state, "version": deal.version, "currency": deal.currency,
             "url": url_for("crm.deal_record", row_id=deal.id)}  # fmt: skip
    return render("crm/parts/panel.html", fragment, status=status, panel=panel, deal=about, **shown)


def _done(deal: Deal, show: Callable[..., Response]) -> Response:
    """What is answered when something was saved: the panel as it is now, or the page of the deal."""
    settle()
    return show(deal, closed=True) if is_htmx() else redirect_to(url_for("crm.deal_record", row_id=deal.id))


def _refused(deal_id: int, show: Callable[..., Response], error: BusinessError | Conflict, **typed: Any) -> Response:
    """The panel with what was typed and the sentence."""
    settle(error.status)
    return show(_deal(deal_id), status=error.status, error=error.message, **typed)


# The buying committee


@blueprint.get("/deals/<int:deal_id>/people")
@require("crm.deal.view")
def deal_people(deal_id: int) -> Response:
    """Who decides, and how each of them stands to us."""
    deal = _deal(deal_id)
    row = _row_of(queries.people_of(deal.id))
    return _people(deal, form=forms.person_form(deal, row=row) if request.args.get("edit") else None)


@blueprint.post("/deals/<int:deal_id>/people")
@require("crm.deal.edit")
def deal_people_save(deal_id: int) -> Response:
    """Add somebody to the committee, change their part, take them out."""
    deal = _deal(deal_id)
    row = _row_of(queries.people_of(deal.id))
    form = None
    try:
        if "remove" in request.form:
            services.remove_person(deal, whole(request.form["remove"]) or 0)
            return _done(deal, _people)
        form = forms.person_form(deal, request.form, row)
        if not form.validate():
            settle(422)
            return _people(_deal(deal_id), status=422, form=form)
        _save_person(deal, form)
    except (BusinessError, Conflict) as error:
        return _refused_field(deal_id, _people, error, form)
    return _done(deal, _people)


def _save_person(deal: Deal, form: Form) -> None:
    values = form.values()
    part = (values["role"], int(values["stance"]), values["note"] or "")
    if (row_id := whole(request.args.get("edit"))) is not None:
        services.change_person(deal, row_id, *part)
        return
    contact_id = values["contact_id"]
    if contact_id is None and values.get("name"):
        new = {"name": values["name"], "account_id": deal.account_id, "owner_id": deal.owner_id}
        contact_id = registry.resource("contacts.contact").add(new).id
    if contact_id is None:
        raise BusinessError(_("Choose a person, or write the name of a new one."), field="contact_id")
    services.add_person(deal, contact_id, *part)


def _people(deal: Deal, status: int = 200, error: str = "", form: Form | None = None, closed: bool = False) -> Response:
    rows, contact = queries.people_of(deal.id), registry.resource("contacts.contact")
    roles, stances = dict(forms.ROLES), dict(forms.STANCES)
    base = url_for(contact.endpoint("record"), row_id=0)[:-1] if can(contact.permission("view")) else ""
    shown = [
        {"id": row.id, "name": row.name, "job_title": row.job_title or "", "url": f"{base}{row.contact_id}" if base else "",
         "role": roles[row.role], "stance": stances[str(row.stance)], "kind": STANCES[row.stance], "note": row.note,
         "initials": initials(row.name), "colour": colour(row.contact_id)}
        for row in rows
    ]  # fmt: skip
    return _panel("people", _("Buying committee"), deal, status=status, people=shown, error=error,
                  form=form, closed=closed)  # fmt: skip


# Competitors


@blueprint.get("/deals/<int:deal_id>/competitors")
@require("crm.deal.view")
def deal_competitors(deal_id: int) -> Response:
    """Who else wants the deal, and who got it."""
    deal = _deal(deal_id)
    row = _row_of(queries.competitors_of(deal.id))
    return _competitors(deal, form=forms.competitor_form(row=row) if request.args.get("edit") else None)


@blueprint.post("/deals/<int:deal_id>/competitors")
@require("crm.deal.edit")
def deal_competitors_save(deal_id: int) -> Response:
    """Add a competitor, change what is known of one, take one off, say to whom the deal was lost."""
    deal = _deal(deal_id)
    row = _row_of(queries.competitors_of(deal.id))
    form = None
    try:
        if "remove" in request.form:
            services.withdraw(deal, whole(request.form["remove"]) or 0)
            return _done(deal, _competitors)
        if "winner" in request.form:
            services.lost_to(deal, whole(request.form["winner"]))
            return _done(deal, _competitors)
        form = forms.competitor_form(request.form, row)
        if not form.validate():
            settle(422)
            return _competitors(_deal(deal_id), status=422, form=form)
        _save_competitor(deal, form)
    except (BusinessError, Conflict) as error:
        return _refused_field(deal_id, _competitors, error, form)
    return _done(deal, _competitors)


def _save_competitor(deal: Deal, form: Form) -> None:
    values = form.values()
    note = values["note"] or ""
    if (row_id := whole(request.args.get("edit"))) is not None:
        services.change_note(deal, row_id, note)
        return
    competitor_id = values["competitor_id"]
    if competitor_id is None and values.get("name"):
        new = {"name": values["name"], "website": None, "strengths": None, "weaknesses": None, "active": True}
        competitor_id = registry.resource("crm.competitor").add(new).id
    if competitor_id is None:
        raise BusinessError(_("Choose a competitor, or write the name of a new one."), field="competitor_id")
    services.compete(deal, competitor_id, note)


def _competitors(deal: Deal, status: int = 200, error: str = "", form: Form | None = None, closed: bool = False) -> Response:
    rows = [{"id": r.id, "name": r.name, "note": r.note, "winner": r.winner} for r in queries.competitors_of(deal.id)]
    asks = deal.state == LOST and bool(rows) and not any(row["winner"] for row in rows)
    return _panel("competitors", _("Competitors"), deal, status=status, rows=rows, lost=deal.state == LOST, asks=asks,
                  error=error, form=form, closed=closed)  # fmt: skip


# The credit


@blueprint.get("/deals/<int:deal_id>/credit")
@require("crm.deal.view")
def deal_credit(deal_id: int) -> Response:
    """Whose deal it is, in percents."""
    return _credit(_deal(deal_id))


@blueprint.post("/deals/<int:deal_id>/credit")
@require("crm.deal.edit")
def deal_credit_save(deal_id: int) -> Response:
    """Share the credit of a deal; the shares add up to 100."""
    deal = _deal(deal_id)
    rows = forms.credit_rows(request.form)
    try:
        if rows.errors:
            raise BusinessError(" ".join(rows.errors))
        shares = [(row["member"], row["percent"]) for row in rows.values]
        services.set_credits(deal, shares, request.form.get("seen"))
    except (BusinessError, Conflict) as error:
        return _refused(deal_id, _credit, error, rows=rows)
    return _done(deal, _credit)


def _credit(
    deal: Deal, status: int = 200, error: str = "", rows: forms.Rows | None = None, closed: bool = False
) -> Response:
    credited = queries.credits_of(deal.id)
    names = lookups.labels(lookups.MEMBER, [deal.owner_id, *(row.member_id for row in credited)])
    parts = queries.shares_of(deal.amount_minor, credited) if deal.amount_minor is not None else {}
    shares = [
        {"name": names.get(row.member_id, ""), "percent": row.percent, "initials": initials(names.get(row.member_id)),
         "colour": colour(row.member_id), "owns": row.member_id == deal.owner_id,
         "amount": Money(parts[row.member_id], deal.currency) if row.member_id in parts else None}
        for row in credited
    ]  # fmt: skip
    editing = rows is not None or (bool(request.args.get("edit")) and not closed)
    member = registry.resource("crm.deal").field("owner_id")
    options = _colleagues(member, credited) if editing else []
    rows = rows or forms.credit_texts(credited, deal.owner_id)
    # With the stamp of what was typed upon when it is late, saving again puts it in place of theirs.
    return _panel("credit", _("Credit"), deal, status=status, shares=shares, owner=names.get(deal.owner_id or 0, ""),
                  owner_has=not credited or any(share["owns"] for share in shares), error=error,
                  rows=rows.padded() if editing else [], closed=closed, options=options,
                  seen=request.form.get("seen", "") if status == 422 else queries.stamp_of_credits(credited))  # fmt: skip


def _colleagues(member: Field, credited: list[Any]) -> list[tuple[str, str]]:
    """Those who can be chosen, and those who have a share already."""
    offered = member.options()  # type: ignore[attr-defined]  # Lookup
    known = {key for key, _label in offered}
    return [*offered, *((str(row.member_id), member.show(row.member_id)) for row in credited if str(row.member_id) not in known)]


# What is sold


@blueprint.get("/deals/<int:deal_id>/lines")
@require("crm.deal.view")
def deal_lines(deal_id: int) -> Response:
    """Products and services with their prices."""
    return _lines(_deal(deal_id))


@blueprint.post("/deals/<int:deal_id>/lines")
@require("crm.deal.edit")
def deal_lines_save(deal_id: int) -> Response:
    """Change what is sold, or take its sum over as the amount of the deal."""
    deal = _deal(deal_id)
    if "take" in request.form:
        return _take_over(deal)
    rows = forms.line_rows(deal, request.form)
    try:
        if rows.errors:
            raise BusinessError(" ".join(rows.errors))
        services.set_lines(deal, rows.values, request.form.get("seen"))
    except (BusinessError, Conflict) as error:
        return _refused(deal_id, _lines, error, rows=rows)
    return _done(deal, _lines)


def _take_over(deal: Deal) -> Response:
    """The sum becomes the amount; the page is drawn anew, as the amount stands in many places of it."""
    try:
        services.take_over_sum(deal, given_version())
    except (BusinessError, Conflict) as error:
        return _refused(deal.id, _lines, error)
    toast(_("The amount is now the sum of the lines."))
    return redirect_to(url_for("crm.deal_record", row_id=deal.id))


def _lines(
    deal: Deal, status: int = 200, error: str = "", rows: forms.Rows | None = None, closed: bool = False
) -> Response:
    lines = queries.lines_of(deal.id)
    total, amount = queries.sum_of(lines), deal.amount_minor
    shown = [
        {"name": line.name, "quantity": number(line.quantity), "price": Money(line.price_minor, deal.currency),
         "discount": line.discount, "total": Money(line.total_minor, deal.currency)}
        for line in lines
    ]  # fmt: skip
    editing = rows is not None or (bool(request.args.get("edit")) and not closed)
    rows = rows or forms.line_texts(deal, lines)
    return _panel("lines", _("Products and services"), deal, status=status, lines=shown,
                  total=None if total is None else Money(total, deal.currency), differs=total is not None and total != amount,
                  amount=None if amount is None else Money(amount, deal.currency), error=error,
                  rows=rows.padded() if editing else [], closed=closed,
                  seen=request.form.get("seen", "") if status == 422 else queries.stamp_of_lines(lines))  # fmt: skip


# Both lists


def _row_of(rows: list[Any]) -> Any:
    """The row that is being edited, None for a new one; what is gone is told when it is saved."""
    wanted = whole(request.args.get("edit"))
    return None if wanted is None else next((row for row in rows if row.id == wanted), None)


def _refused_field(deal_id: int, show: Callable[..., Response], error: BusinessError | Conflict, form: Form | None) -> Response:
    """The panel with its form, the sentence beside the field that it concerns."""
    if form is None:
        return _refused(deal_id, show, error)
    form.refuse(error.field, error.message)
    settle(error.status)
    return show(_deal(deal_id), status=error.status, form=form)
