"""The forms of what belongs to a deal; those with rows read them from fields named `name-0`, `name-1`, …"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from sqlalchemy import select

from app.core.access import can
from app.core.db import db
from app.core.fields import Choice, DecimalField, Field, FieldError, MoneyField, Percent, Reading, Text
from app.core.forms import Form, form_of
from app.core.i18n import _, _l, language
from app.core.ids import whole
from app.core.lookups import Lookup
from app.core.money import Money
from app.modules.crm.models import Deal
from app.modules.crm.parts.models import (
    BLOCKER,
    BUYER,
    CHAMPION,
    DECIDER,
    INFLUENCER,
    USER,
    DealCredit,
    DealLine,
)

ROLES = (
    (DECIDER, _l("Decides")),
    (BUYER, _l("Buys")),
    (INFLUENCER, _l("Influences")),
    (CHAMPION, _l("Champion")),
    (USER, _l("Uses it")),
    (BLOCKER, _l("Blocks")),
)
STANCES = (("1", _l("For us")), ("0", _l("Neutral")), ("-1", _l("Against us")))
SPARE = 3  # empty rows below those that are there
MOST_ROWS = 60


# People and competitors


def person_form(deal: Deal, posted: Any = None, row: Any = None) -> Form:
    """Somebody of the committee: an existing person or the name of a new one, and their part."""
    part = [
        Choice("role", _l("Role"), choices=ROLES, required=True),
        Choice("stance", _l("Stance"), choices=STANCES, required=True),
        Text("note", _l("Remark"), longest=500),
    ]
    if row is not None:
        return form_of(part, posted, {"role": row.role, "stance": str(row.stance), "note": row.note})
    who: list[Field] = [_PersonOf("contact_id", _l("Person"), target="contacts.contact", account_id=deal.account_id)]
    if can("contacts.contact.create"):
        who.append(Text("name", _l("Or the name of a new one")))
    return form_of([*who, *part], posted, {"role": INFLUENCER, "stance": "0"})


@dataclass(frozen=True)
class _PersonOf(Lookup):
    """A person, those of the deal's account first."""

    account_id: int | None = field(default=None, kw_only=True)

    def options(self, chosen: int | None = None, *, stored: bool = False) -> list[tuple[str, str]]:
        pairs = super().options(chosen, stored=stored)
        if self.account_id is None:
            return pairs
        contact = self.resource.model
        rows = select(contact.id, contact.name).where(contact.account_id == self.account_id).order_by(contact.name_key).limit(50)
        first = {str(row.id): row.name for row in db.session.execute(rows)}
        return [*first.items(), *(pair for pair in pairs if pair[0] not in first)]


def competitor_form(posted: Any = None, row: Any = None) -> Form:
    """A competitor that is known, or the name of a new one, and what is known of them here."""
    note = Text("note", _l("Remark"), longest=500)
    if row is not None:
        return form_of([note], posted, {"note": row.note})
    who: list[Field] = [Lookup("competitor_id", _l("Competitor"), target="crm.competitor", linked=False)]
    if can("crm.competitor.create"):
        who.append(Text("name", _l("Or the name of a new one")))
    return form_of([*who, note], posted)


# Rows


@dataclass
class Rows:
    """What was typed into a form with rows: the texts of each row, what they say, and what is wrong with them."""

    texts: list[dict[str, str]]
    values: list[dict[str, Any]] = field(default_factory=list)
    errors: list[str] = field(default_factory=list)

    def padded(self, spare: int = SPARE) -> list[dict[str, str]]:
        """The rows with empty ones below."""
        names = ("member", "percent", "name", "quantity", "price", "discount")
        return [*self.texts, *(dict.fromkeys(names, "") for _each in range(spare))]


def read_rows(posted: Mapping[str, str], names: Sequence[str]) -> Rows:
    """The rows of a form that are not empty."""
    found = []
    for place in range(MOST_ROWS):
        row = {name: (posted.get(f"{name}-{place}") or "").strip() for name in names}
        if any(row.values()):
            found.append(row)
    return Rows(found)


def credit_rows(posted: Mapping[str, str]) -> Rows:
    """Members and their percents."""
    rows = read_rows(posted, ("member", "percent"))
    share = Percent("percent", _("Share"), least=1, required=True)
    for text in rows.texts:
        member = Lookup("member", target="admin.member").resource
        found = whole(text["member"])
        if found is None or db.session.scalar(select(member.model.id).where(member.model.id == found)) is None:
            _wrong(rows, _("Whose share is this? Choose a colleague in each row, or empty it."))
            continue
        try:
            rows.values.append({"member": found, "percent": share.parse(text["percent"], Reading(language=language()))})
        except FieldError as error:
            _wrong(rows, str(error))
    return rows


def credit_texts(credited: Iterable[DealCredit], owner_id: int | None) -> Rows:
    """The shares as the form opens with them; the owner's whole when nobody has shared."""
    shares = [(row.member_id, row.percent) for row in credited] or ([(owner_id, 100)] if owner_id else [])
    return Rows([{"member": str(member), "percent": str(percent)} for member, percent in shares])


def line_fields() -> tuple[Field, ...]:
    """Name, quantity, unit price and discount of a line."""
    return (
        Text("name", _("What"), required=True),
        DecimalField("quantity", _("Quantity"), required=True),
        MoneyField("price", _("Unit price"), required=True),
        Percent("discount", _("Discount")),
    )


def line_rows(deal: Deal, posted: Mapping[str, str]) -> Rows:
    """What is sold, row by row."""
    fields, reading = line_fields(), Reading(language=language(), currency=deal.currency)
    rows = read_rows(posted, [f.name for f in fields])
    for text in rows.texts:
        if not any(text[name] for name in ("name", "price")):
            continue  # a quantity alone is what an empty row begins with
        values = {}
        for typed in fields:
            try:
                values[typed.name] = typed.parse(text[typed.name], reading)
            except FieldError as error:
                _wrong(rows, _("%(field)s: %(problem)s", field=typed.label, problem=error))
        rows.values.append(values)
    return rows


def line_texts(deal: Deal, lines: Iterable[DealLine]) -> Rows:
    """The lines as the form opens with them."""
    fields = line_fields()
    return Rows([
        {typed.name: typed.typed(value) for typed, value in zip(fields, _values(deal, line), strict=True)} for line in lines
    ])  # fmt: skip


def _values(deal: Deal, line: DealLine) -> tuple[Any, ...]:
    return line.name, line.quantity, Money(line.price_minor, deal.currency), line.discount or None


def _wrong(rows: Rows, sentence: str) -> None:
    if sentence not in rows.errors:
        rows.errors.append(sentence)


