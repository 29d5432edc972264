"""The rules of what belongs to a deal, and the only writes to it. Whoever calls has asked for permission."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from decimal import ROUND_HALF_UP, Decimal
from typing import Any

from sqlalchemy import select

from app.core import writes
from app.core.db import db, fold
from app.core.errors import BusinessError, Conflict
from app.core.fields import LARGEST_MINOR
from app.core.i18n import _
from app.core.money import Money
from app.modules.crm import services
from app.modules.crm.models import LOST, Deal
from app.modules.crm.parts import queries
from app.modules.crm.parts.models import ROLES, Competitor, DealCompetitor, DealCredit, DealLine, DealPerson

WHOLE = 100  # percent
MOST_ROWS = 50
EVERYBODYS = {"populate_existing": True, "all_rows": True}


# The buying committee


def add_person(deal: Deal, contact_id: int, role: str, stance: int = 0, note: str = "") -> DealPerson:
    """A person of the buying committee, each once. Raises `BusinessError`."""
    _lock(deal)
    _check_role(role, stance)
    there = select(DealPerson.id).where(DealPerson.deal_id == deal.id, DealPerson.contact_id == contact_id)
    if db.session.scalar(there):
        raise BusinessError(_("This person is in the committee already."), field="contact_id")
    return writes.create(DealPerson, {"deal_id": deal.id, "contact_id": contact_id, "role": role, "stance": stance, "note": note})


def change_person(deal: Deal, row_id: int, role: str, stance: int, note: str = "") -> DealPerson:
    """Change the part that somebody plays. Raises `Conflict` when the person is no longer there, `BusinessError`."""
    _check_role(role, stance)
    return writes.update(_row(DealPerson, deal, row_id), {"role": role, "stance": stance, "note": note})


def remove_person(deal: Deal, row_id: int) -> None:
    """Take somebody out of the buying committee. Raises `Conflict` when that was done already."""
    db.session.delete(_row(DealPerson, deal, row_id))
    db.session.flush()


def _check_role(role: str, stance: int) -> None:
    if role not in ROLES:
        raise BusinessError(_("Which part does this person play?"), field="role")
    if stance not in (-1, 0, 1):
        raise BusinessError(_("For us, neutral or against us?"), field="stance")


# Competitors


def add_competitor(values: Mapping[str, Any]) -> Competitor:
    """A new competitor, from columns. Raises `BusinessError` when there is one of that name."""
    _check_name(values["name"], None)
    return writes.create(Competitor, _texts(values))


def change_competitor(row: Competitor, values: Mapping[str, Any]) -> Competitor:
    """Change columns of a competitor. Raises `BusinessError` when there is another one of that name."""
    _check_name(values.get("name", row.name), row.id)
    return writes.update(row, _texts(values))


def compete(deal: Deal, competitor_id: int, note: str = "") -> DealCompetitor:
    """Note that somebody else wants the deal, each once. Raises `BusinessError`."""
    _lock(deal)
    there = select(DealCompetitor.id).where(DealCompetitor.deal_id == deal.id, DealCompetitor.competitor_id == competitor_id)
    if db.session.scalar(there):
        raise BusinessError(_("This competitor is in the list already."), field="competitor_id")
    return writes.create(DealCompetitor, {"deal_id": deal.id, "competitor_id": competitor_id, "note": note, "winner": False})


def change_note(deal: Deal, row_id: int, note: str) -> DealCompetitor:
    """What is known of a competitor for a deal. Raises `Conflict` when it is no longer in the list."""
    return writes.update(_row(DealCompetitor, deal, row_id), {"note": note})


def withdraw(deal: Deal, row_id: int) -> None:
    """Take a competitor off a deal. Raises `Conflict` when that was done already."""
    db.session.delete(_row(DealCompetitor, deal, row_id))
    db.session.flush()


def lost_to(deal: Deal, row_id: int | None) -> None:
    """Say to whom a lost deal was lost; None takes it back. Raises `BusinessError` for a deal that is not lost."""
    if deal.state != LOST:
        raise BusinessError(_("Only a lost deal was lost to somebody."))
    chosen = _row(DealCompetitor, deal, row_id) if row_id is not None else None
    for row in db.session.scalars(select(DealCompetitor).where(DealCompetitor.deal_id == deal.id)):
        row.winner = row is chosen
    db.session.flush()


def _check_name(name: str | None, row_id: int | None) -> None:
    same = select(Competitor.id).where(Competitor.name_key == fold(name), Competitor.id != (row_id or 0))
    if db.session.scalar(same.limit(1)):
        raise BusinessError(_("There is one named “%(name)s” already.", name=name), field="name")


def _texts(values: Mapping[str, Any]) -> dict[str, Any]:
    return {k: "" if v is None and k in ("strengths", "weaknesses") else v for k, v in values.items()}


# The credit


def set_credits(deal: Deal, shares: Sequence[tuple[int, int]], seen: str | None = None) -> None:
    """Share the credit of a deal: pairs of member and whole percent, which add up to 100; none gives it all to the owner.

    `seen` is what `queries.stamp_of_credits` said when the form was opened. Raises `Conflict` when it was changed since,
    `BusinessError`.
    """
    _lock(deal)
    rows = queries.credits_of(deal.id)
    if seen is not None and seen != queries.stamp_of_credits(rows):
        raise Conflict(_("Somebody else has shared the credit anew meanwhile. Nothing you typed is lost."))
    _check_shares(shares)
    wanted = {} if list(shares) == [(deal.owner_id, WHOLE)] else dict(shares)
    there = {row.member_id: row for row in rows}
    for member_id, row in there.items():
        if member_id not in wanted:
            db.session.delete(row)
    db.session.flush()
    upto = 0
    in_order = [m for m in there if m in wanted] + [m for m in wanted if m not in there]
    for member_id in in_order:
        upto += wanted[member_id]
        share = {"percent": wanted[member_id], "upto": upto}
        if member_id in there:
            for name, value in share.items():
                setattr(there[member_id], name, value)
        else:
            db.session.add(DealCredit(deal_id=deal.id, member_id=member_id, **share))
        db.session.flush()  # one by one: `upto` follows the order of ids


def _check_shares(shares: Sequence[tuple[int, int]]) -> None:
    if not shares:
        return
    if len({member_id for member_id, _percent in shares}) < len(shares):
        raise BusinessError(_("Everybody has one share; somebody stands there twice."))
    if any(not 1 <= percent <= WHOLE for _member, percent in shares):
        raise BusinessError(_("A share is a whole percentage from 1 to 100."))
    total = sum(percent for _member, percent in shares)
    if total != WHOLE:
        raise BusinessError(_("The shares add up to %(total)s %%; they have to add up to 100 %%.", total=total))


# What is sold


def line_total(quantity: Decimal, price_minor: int, discount: int) -> int:
    """Minor units of so much at a price less a discount in percent: exact, then rounded once, half up."""
    exact = quantity * price_minor * (WHOLE - discount) / WHOLE
    return int(exact.quantize(Decimal(1), ROUND_HALF_UP))


def set_lines(deal: Deal, lines: Sequence[Mapping[str, Any]], seen: str | None = None) -> None:
    """What is sold with a deal, in order: `name`, `quantity` (Decimal), `price` (Money in the deal's currency) and
    `discount` (percent). `seen` is what `queries.stamp_of_lines` said when the form was opened.

    Raises `Conflict` when it was changed since, `BusinessError`.
    """
    _lock(deal)
    rows = queries.lines_of(deal.id)
    if seen is not None and seen != queries.stamp_of_lines(rows):
        raise Conflict(_("Somebody else has changed the lines meanwhile. Nothing you typed is lost."))
    if len(lines) > MOST_ROWS:
        raise BusinessError(_("At most %(n)s lines, please.", n=MOST_ROWS))
    columns = [_line(deal, place, line) for place, line in enumerate(lines, start=1)]
    if sum(line["total_minor"] for line in columns) > LARGEST_MINOR:
        raise BusinessError(_("The lines add up to too large an amount."))
    for row, values in zip(rows, columns, strict=False):
        writes.update(row, values)
    for row in rows[len(columns) :]:
        db.session.delete(row)
    for values in columns[len(rows) :]:
        db.session.add(DealLine(deal_id=deal.id, **values))
    db.session.flush()


def take_over_sum(deal: Deal, version: int | None) -> Deal:
    """Let the amount of a deal be what its lines add up to. Raises `Conflict`, `BusinessError`."""
    total = queries.sum_of(queries.lines_of(deal.id))
    if total is None:
        raise BusinessError(_("There are no lines yet."))
    return services.change_deal(deal, {"amount": Money(total, deal.currency)}, version)


def _line(deal: Deal, place: int, line: Mapping[str, Any]) -> dict[str, Any]:
    price: Money = line["price"]
    if price.currency != deal.currency:
        raise BusinessError(_("The prices of this deal are in %(currency)s.", currency=deal.currency))
    discount = line.get("discount") or 0
    total = line_total(line["quantity"], price.minor, discount)
    if total > LARGEST_MINOR:
        raise BusinessError(_("“%(name)s” is too large an amount.", name=line["name"]))
    return {"position": place, "name": line["name"], "quantity": line["quantity"], "price_minor": price.minor,
            "discount": discount, "total_minor": total}  # fmt: skip


# Rows


def _lock(deal: Deal) -> None:
    """Nobody else changes what belongs to the deal until the transaction ends."""
    if db.session.scalar(select(Deal.id).where(Deal.id == deal.id).with_for_update(), execution_options=EVERYBODYS) is None:
        raise Conflict(_("The deal is gone."))


def _row(model: Any, deal: Deal, row_id: int) -> Any:
    """A row of the deal, locked with it. Raises `Conflict` when it is gone."""
    _lock(deal)
    found = db.session.scalar(select(model).where(model.id == row_id, model.deal_id == deal.id))
    if found is None:
        raise Conflict(_("Somebody else has removed this meanwhile."))
    return found
