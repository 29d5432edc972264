"""Saved views: the arguments of a list under a name, for oneself or for the company.

Whoever may change rows of the kind may share a view; a shared view is changed by whoever made it and by admins. Admins
choose the view a list opens with for everybody; a person's own choice goes before it.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from flask import g
from sqlalchemy import JSON, Boolean, Index, String, delete, or_, select
from sqlalchemy.orm import Mapped, mapped_column
from werkzeug.datastructures import MultiDict

from app.core.access import can
from app.core.changelog import actor_id
from app.core.db import CompanyScoped, Id, Versioned, db, fold, same_company
from app.core.errors import BusinessError, Forbidden, NotFound
from app.core.i18n import _, _l
from app.core.resource import Resource, View
from app.core.writes import check_version

LONGEST_NAME = 60
LONGEST_ARGS = 10_000  # characters of all values together
MOST = 50  # views of one list that one person can see
NOT_KEPT = frozenset({"q", "cursor", "view", "within", "format", "per_page", "lang"})


class SavedView(CompanyScoped, Versioned, db.Model):
    """What a list's address says, under a name."""

    __tablename__ = "core_saved_view"
    __called__ = _l("Saved view")
    __constraints__ = (
        same_company("member_id", "core_membership.id"),
        Index(None, "company_id", "resource", "member_id"),
    )

    resource: Mapped[str] = mapped_column(String(80))  # "crm.deal"
    member_id: Mapped[int] = mapped_column(Id)  # who made it
    name: Mapped[str] = mapped_column(String(LONGEST_NAME))
    shared: Mapped[bool] = mapped_column(Boolean, default=False)
    args: Mapped[dict] = mapped_column(JSON, default=dict)


class ViewDefault(CompanyScoped, db.Model):
    """The view with which a list opens: for one member, or for everybody in the company where no member is named."""

    __tablename__ = "core_view_default"
    __constraints__ = (
        same_company("member_id", "core_membership.id"),
        same_company("view_id", "core_saved_view.id"),
        Index(None, "company_id", "view_id"),
    )
    __unlogged__ = True

    view_id: Mapped[int] = mapped_column(Id)
    member_id: Mapped[int | None] = mapped_column(Id)


@dataclass(frozen=True)
class Kept:
    """A saved view as a list uses it."""

    id: int
    version: int
    view: View
    mine: bool
    shared: bool
    my_default: bool
    company_default: bool

    @property
    def changeable(self) -> bool:
        """Whether the person may change it."""
        return self.mine or (self.shared and is_admin())


def is_admin() -> bool:
    return "me" in g and g.me.role_key == "admin"


def may_share(resource: Resource) -> bool:
    return is_admin() or can(resource.permission("edit"))


def of(resource: Resource) -> list[Kept]:
    """The person's own views of a list and those shared with them, by name; asked once per request."""
    known: dict[str, list[Kept]] = g.setdefault("saved_views", {})
    if resource.key not in known:
        known[resource.key] = _load(resource)
    return known[resource.key]


def _load(resource: Resource) -> list[Kept]:
    mine = actor_id()
    chosen = select(ViewDefault.id).where(ViewDefault.view_id == SavedView.id).correlate(SavedView)
    rows = db.session.execute(
        select(
            *(SavedView.id, SavedView.version, SavedView.name, SavedView.args, SavedView.member_id, SavedView.shared),
            chosen.where(ViewDefault.member_id == mine).exists().label("my_default"),
            chosen.where(ViewDefault.member_id.is_(None)).exists().label("company_default"),
        )
        .where(SavedView.resource == resource.key, or_(SavedView.member_id == mine, SavedView.shared))
        .order_by(SavedView.member_id != mine, SavedView.id)
        .limit(MOST * 4)
    )
    found = [
        Kept(r.id, r.version, View(str(r.id), r.name, r.args), r.member_id == mine, r.shared, r.my_default, r.company_default)
        for r in rows
    ]
    return sorted(found, key=lambda kept: (fold(str(kept.view.label)), kept.id))


def named(resource: Resource, view_id: int) -> Kept:
    """A saved view that the person may use. Raises `NotFound`."""
    for kept in of(resource):
        if kept.id == view_id:
            return kept
    raise NotFound(_("This view does not exist, or it is not yours to see."))


def default_of(resource: Resource) -> Kept | None:
    """The view with which the list opens for this person: their own choice, else the company's."""
    views = of(resource)
    return next((k for k in views if k.my_default), None) or next((k for k in views if k.company_default), None)


def arguments(args: Mapping[str, str]) -> dict[str, str]:
    """What of an address a view keeps. Raises `BusinessError` where it is too much."""
    kept = {name: value for name, value in args.items() if name not in NOT_KEPT and value}
    if sum(len(name) + len(value) for name, value in kept.items()) > LONGEST_ARGS:
        raise BusinessError(_("There is too much in this address to be kept as a view."))
    return kept


def save(resource: Resource, name: str, args: Mapping[str, str], *, shared: bool) -> SavedView:
    """A new view of the person. Raises `BusinessError`, `Forbidden`."""
    mine = [k for k in of(resource) if k.mine]
    if len(mine) >= MOST:
        raise BusinessError(_("You have %(n)s views of this list already; delete one first.", n=len(mine)))
    if shared:
        _refuse_sharing(resource)
    row = SavedView(
        resource=resource.key, member_id=actor_id(), name=_free_name(resource, name), shared=shared, args=dict(args)
    )
    db.session.add(row)
    db.session.flush()
    g.pop("saved_views", None)
    return row


def change(resource: Resource, view_id: int, version: int | None, *, name: str, shared: bool) -> SavedView:
    """Rename, share or take back. Raises `BusinessError`, `Forbidden`, `NotFound`, `Conflict`."""
    row = _changeable(resource, view_id, version)
    if shared and not row.shared:
        _refuse_sharing(resource)
    if row.shared and not shared:
        # Others can no longer see it: it is no default of theirs any more.
        others = or_(ViewDefault.member_id.is_(None), ViewDefault.member_id != row.member_id)
        db.session.execute(delete(ViewDefault).where(ViewDefault.view_id == row.id, others))
    row.name, row.shared = _free_name(resource, name, besides=row.id), shared
    db.session.flush()
    g.pop("saved_views", None)
    return row


def overwrite(resource: Resource, view_id: int, version: int | None, args: Mapping[str, str]) -> SavedView:
    """Let a view say what the list shows now. Raises `Forbidden`, `NotFound`, `Conflict`."""
    row = _changeable(resource, view_id, version)
    row.args = dict(args)
    db.session.flush()
    g.pop("saved_views", None)
    return row


def forget(resource: Resource, view_id: int, version: int | None) -> None:
    """Delete a view. Raises `Forbidden`, `NotFound`, `Conflict`."""
    row = _changeable(resource, view_id, version)
    db.session.execute(delete(ViewDefault).where(ViewDefault.view_id == row.id))
    db.session.delete(row)
    db.session.flush()
    g.pop("saved_views", None)


def open_with(resource: Resource, view_id: int, *, on: bool, everybody: bool = False) -> None:
    """Let the list open with a view, or no longer: for oneself, or (admins, a shared view) for everybody.

    Raises `BusinessError`, `Forbidden`, `NotFound`.
    """
    kept = named(resource, view_id)
    if everybody and not is_admin():
        raise Forbidden(_("Only an admin chooses the view with which a list opens for everybody."))
    if everybody and on and not kept.shared:
        raise BusinessError(_("Share the view first: nobody else can see it yet."))
    member = None if everybody else actor_id()
    whose = ViewDefault.member_id.is_(None) if everybody else ViewDefault.member_id == member
    ids = select(SavedView.id).where(SavedView.resource == resource.key)
    if on:
        db.session.execute(delete(ViewDefault).where(whose, ViewDefault.view_id.in_(ids)), execution_options=_FETCH)
        db.session.add(ViewDefault(view_id=view_id, member_id=member))
    else:
        db.session.execute(delete(ViewDefault).where(whose, ViewDefault.view_id == view_id), execution_options=_FETCH)
    db.session.flush()
    g.pop("saved_views", None)


_FETCH = {"synchronize_session": False}


def _refuse_sharing(resource: Resource) -> None:
    if not may_share(resource):
        raise Forbidden(_("To share a view you need the permission to change %(what)s.", what=resource.label_plural))


def _changeable(resource: Resource, view_id: int, version: int | None) -> SavedView:
    kept = named(resource, view_id)
    if not kept.changeable:
        raise Forbidden(_("Only whoever made a shared view, or an admin, can change it."))
    row = db.session.get(SavedView, view_id)
    if row is None:
        raise NotFound(_("This view does not exist, or it is not yours to see."))
    check_version(row, version)
    return row


def _free_name(resource: Resource, name: str, besides: int | None = None) -> str:
    clean = " ".join(name.split())
    if not clean:
        raise BusinessError(_("A view needs a name."), field="name")
    if len(clean) > LONGEST_NAME:
        raise BusinessError(_("At most %(n)s characters, please; this has %(given)s.", n=LONGEST_NAME, given=len(clean)), field="name")
    if any(ord(c) < 32 for c in clean):
        raise BusinessError(_("This contains characters that cannot be stored."), field="name")
    if any(k.mine and k.id != besides and fold(str(k.view.label)) == fold(clean) for k in of(resource)):
        raise BusinessError(_("You have a view of this name already."), field="name")
    return clean


def merged(view: View, args: MultiDict) -> dict[str, str]:
    """What a list shows: the arguments of its view, and before them those of the address."""
    return {**view.args, **{name: value for name, value in args.items() if name not in NOT_KEPT}}
