"""Reads of what belongs to a deal."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from hashlib import sha256
from typing import Any

from sqlalchemy import select

from app.core.db import db
from app.core.registry import registry
from app.modules.crm.parts.models import Competitor, DealCompetitor, DealCredit, DealLine, DealPerson


def people_of(deal_id: int) -> list[Any]:
    """The buying committee in the order in which it was put together: rows with `name` and `job_title` of the person.

    Whoever lies in the trash, merged into somebody else as well, is not in it.
    """
    contact = registry.resource("contacts.contact").model
    rows = (
        select(
            *(DealPerson.id, DealPerson.contact_id, DealPerson.role, DealPerson.stance, DealPerson.note),
            *(contact.name, contact.job_title, contact.email, contact.phone),
        )
        .join(contact, (contact.id == DealPerson.contact_id) & (contact.company_id == DealPerson.company_id))
        .where(DealPerson.deal_id == deal_id)
        .order_by(DealPerson.id)
    )
    return list(db.session.execute(rows, execution_options={"all_rows": True}))


def competitors_of(deal_id: int) -> list[Any]:
    """The competitors for a deal, by name: rows with `name`, `note`, `winner`."""
    rows = (
        select(DealCompetitor.id, DealCompetitor.competitor_id, DealCompetitor.note, DealCompetitor.winner, Competitor.name)
        .join(Competitor, (Competitor.id == DealCompetitor.competitor_id) & (Competitor.company_id == DealCompetitor.company_id))
        .where(DealCompetitor.deal_id == deal_id)
        .order_by(Competitor.name_key, DealCompetitor.id)
    )
    return list(db.session.execute(rows))


def credits_of(deal_id: int) -> list[DealCredit]:
    """The shares of a deal's credit in order; none when the owner has it all."""
    return list(db.session.scalars(select(DealCredit).where(DealCredit.deal_id == deal_id).order_by(DealCredit.id)))


def lines_of(deal_id: int) -> list[DealLine]:
    """What is sold with a deal, in order."""
    rows = select(DealLine).where(DealLine.deal_id == deal_id).order_by(DealLine.position, DealLine.id)
    return list(db.session.scalars(rows))


def sum_of(lines: Iterable[DealLine]) -> int | None:
    """What lines add up to, in minor units of the deal's currency; None without any."""
    totals = [line.total_minor for line in lines]
    return sum(totals) if totals else None


def shares_of(minor: int, credited: Sequence[DealCredit]) -> Mapping[int, int]:
    """Whose part of an amount is how much, in minor units; they add up to the amount (see `DealCredit`)."""
    return {row.member_id: minor * row.upto // 100 - minor * (row.upto - row.percent) // 100 for row in credited}


def stamp_of_credits(credited: Iterable[DealCredit]) -> str:
    """What a form says it was opened with."""
    return ",".join(f"{row.member_id}:{row.percent}" for row in credited)


def stamp_of_lines(lines: Iterable[DealLine]) -> str:
    """What a form says it was opened with."""
    told = ((line.id, line.name, f"{line.quantity:f}", line.price_minor, line.discount) for line in lines)
    return sha256(repr(list(told)).encode()).hexdigest()[:16]
