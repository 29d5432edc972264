"""What happened to the deals of an account or a person, for their timeline: begun, won, lost, discarded, reopened."""

from __future__ import annotations

from datetime import datetime
from typing import Any

from flask import url_for
from sqlalchemy import ColumnElement, Row, exists, or_, select
from sqlalchemy.orm import aliased

from app.core import lookups
from app.core.db import db
from app.core.formats import money
from app.core.history import Entry
from app.core.i18n import _
from app.core.money import Money
from app.modules.crm.models import CLOSED, CREATED, DISCARDED, LOST, MOVED, VOIDED, WON, Deal, DealEvent

ICONS = {WON: "trophy", LOST: "circle-x", DISCARDED: "circle-minus"}


def deals_of_account(row_id: int, before: datetime | None = None, limit: int = 100) -> list[Entry]:
    """The newest `limit` such events before an instant, of the deals that the reader may open."""
    return _entries(Deal.account_id == row_id, before, limit)


def deals_of_person(row_id: int, before: datetime | None = None, limit: int = 100) -> list[Entry]:
    """As `deals_of_account`, of the deals with a person."""
    return _entries(Deal.contact_id == row_id, before, limit)


def _entries(whose: ColumnElement[bool], before: datetime | None, limit: int) -> list[Entry]:
    rows = _rows(whose, before, limit)
    who = lookups.labels(lookups.MEMBER, {row.actor_id for row in rows})
    reasons = lookups.labels("crm.reason", {row.reason_id for row in rows})
    said = {CREATED: _("began the deal “%(name)s”"), WON: _("won “%(name)s”"), LOST: _("lost “%(name)s”"),
            DISCARDED: _("discarded “%(name)s”")}  # fmt: skip
    nobody, deal_url = _("The system"), url_for("crm.deal_record", row_id=0)[:-1]
    return [
        Entry(
            at=row.at,
            who=who.get(row.actor_id, nobody),
            text=said[row.kind if row.kind == CREATED else row.state] % {"name": row.name},
            icon="plus" if row.kind == CREATED else ICONS[row.state],
            detail=" · ".join(part for part in (_amount(row), reasons.get(row.reason_id, "")) if part),
            url=f"{deal_url}{row.deal_id}",
        )
        for row in rows
    ]


def _rows(whose: ColumnElement[bool], before: datetime | None, limit: int) -> list[Row[Any]]:
    void = aliased(DealEvent)
    voids = exists().where(void.deal_id == DealEvent.deal_id, void.kind == VOIDED, void.voids_id == DealEvent.id)
    told = or_(DealEvent.kind == CREATED, (DealEvent.kind == MOVED) & DealEvent.state.in_(CLOSED))
    columns = (DealEvent.at, DealEvent.actor_id, DealEvent.kind, DealEvent.state, DealEvent.deal_id, DealEvent.amount_minor,
               DealEvent.currency, DealEvent.reason_id, Deal.name)  # fmt: skip
    rows = (
        select(*columns)
        .join(Deal, (Deal.id == DealEvent.deal_id) & (Deal.company_id == DealEvent.company_id))
        # By their ids: SQLite would else go through the events of all deals.
        .where(DealEvent.deal_id.in_(select(Deal.id).where(whose)), told, ~voids)
        .order_by(DealEvent.at.desc(), DealEvent.id.desc())
        .limit(limit)
    )
    return list(db.session.execute(rows if before is None else rows.where(DealEvent.at < before)))


def _amount(row: Row[Any]) -> str:
    return "" if row.amount_minor is None else money(Money(row.amount_minor, row.currency))
