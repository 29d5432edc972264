"""Targets and values as people write and read them: 180.000 €, 35 %, 12, 45 days."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass
from decimal import ROUND_HALF_UP, Decimal
from typing import Any, ClassVar

from flask import g

from app.core.errors import BusinessError
from app.core.fields import LARGEST_MINOR, STAGED, DecimalField, FieldError, Reading, neutral
from app.core.formats import NO_BREAK, money, number, number_for_input, parse_number, percent
from app.core.i18n import _, _n
from app.core.metrics import metrics
from app.core.money import Money, currencies, exponent

PERCENT = "%"
LARGEST = Decimal(10) ** 13
MOST_DECIMALS = 6
SYMBOLS = {"€": "EUR", "$": "USD", "£": "GBP"}


@dataclass(frozen=True)
class Given:
    """A number that somebody wrote, with the sign behind it ("%", "USD" or none).

    `spoken`: by a person, who means 35 % by "35" where a share is asked for; files and programs write 0.35.
    """

    staged: ClassVar[str] = "kpi.given"

    value: Decimal
    sign: str = ""
    spoken: bool = False

    def parts(self) -> list[Any]:
        """What an import keeps of it; `of_parts` undoes it."""
        return [str(self.value), self.sign, self.spoken]

    @classmethod
    def of_parts(cls, value: str, sign: str, spoken: bool) -> Given:
        return cls(Decimal(value), sign, spoken)

    def __str__(self) -> str:
        return f"{number(self.value)}{NO_BREAK}{self.sign}" if self.sign else number(self.value)

    def in_unit(self, unit: str, field: str = "target") -> tuple[Decimal, str | None]:
        """The value in whole units, and its currency where it is money. Raises `BusinessError` when the sign does not fit."""
        if unit == "ratio":
            if self.sign not in ("", PERCENT):
                raise BusinessError(_("A share is asked for here, such as 35 %."), field=field)
            return (self.value / 100 if self.sign == PERCENT or self.spoken else self.value), None
        if self.sign == PERCENT:
            raise BusinessError(_("This figure is no share: write it without %."), field=field)
        if unit != "money":
            if self.sign:
                raise BusinessError(_("This figure is no amount of money."), field=field)
            return self.value, None
        currency = self.sign or g.company.currency
        if abs(self.value.scaleb(exponent(currency))) > LARGEST_MINOR:
            raise BusinessError(_("“%(given)s” is too large an amount.", given=number(self.value)), field=field)
        return self.value, currency


@dataclass(frozen=True)
class Quantity:
    """A value with what it is one of."""

    staged: ClassVar[str] = "kpi.quantity"

    value: Decimal
    unit: str
    currency: str | None = None

    def parts(self) -> list[Any]:
        """What an import keeps of it; `of_parts` undoes it."""
        return [str(self.value), self.unit, self.currency]

    @classmethod
    def of_parts(cls, value: str, unit: str, currency: str | None) -> Quantity:
        return cls(Decimal(value), unit, currency)

    def __eq__(self, other: object) -> bool:
        """Also of what somebody wrote: whether that says the same."""
        if not isinstance(other, Given):
            known = (self.value, self.unit, self.currency)
            return known == (other.value, other.unit, other.currency) if isinstance(other, Quantity) else NotImplemented
        try:
            value, currency = other.in_unit(self.unit)
        except BusinessError:
            return False
        return (value, currency or g.company.currency) == (self.value, self.currency or g.company.currency)

    def __hash__(self) -> int:
        return hash((self.value, self.unit))

    def __str__(self) -> str:
        return shown(self.value, self.unit, self.currency)

    @property
    def amount(self) -> Decimal:
        """In whole units, as programs are told it."""
        return self.value


STAGED.update({each.staged: each for each in (Given, Quantity)})


def given(value: Any) -> Given:
    """What a write function was given as somebody wrote it: a `Given`, what a row held (`Quantity`), or a bare number."""
    if isinstance(value, Given):
        return value
    return Given(value.value, value.currency or "") if isinstance(value, Quantity) else Given(Decimal(value))


def shown(value: Decimal | None, unit: str, currency: str | None = None) -> str:
    """A value as people read it; a dash where there is none."""
    if value is None:
        return "–"
    if unit == "money":
        code = currency or g.company.currency
        return money(Money(int(value.scaleb(exponent(code)).to_integral_value(ROUND_HALF_UP)), code))
    if unit == "ratio":
        return percent(value, 1)
    rounded = round(value, 2)
    rounded = rounded.quantize(Decimal(1)) if rounded == rounded.to_integral_value() else rounded
    if unit == "days":
        return _n("%(count)s day", "%(count)s days", int(rounded) if rounded in (0, 1) else 2, count=number(rounded))
    if unit == "hours":
        return _("%(count)s h", count=number(rounded))
    return number(rounded)


def unit_of(metric_id: str) -> str:
    """The unit of a metric; of one whose module is off a plain count."""
    found = metrics().get(metric_id)
    return found.unit if found else "count"


@dataclass(frozen=True)
class Amount(DecimalField):
    """A number in the unit of the metric that the row names; what is read is a `Given`, what a row holds a `Quantity`."""

    kind: ClassVar[str] = "number"

    @property
    def attributes(self) -> tuple[str, ...]:
        return (self.name, "metric", "currency")

    def read(self, text: str, reading: Reading) -> Any:
        bare, sign = text, ""
        if found := re.search(r"\b[A-Z]{3}\b", text):
            sign, bare = found.group(), text.replace(found.group(), "")
            if sign not in currencies():
                raise FieldError(_("There is no currency “%(code)s”.", code=sign))
        for symbol, code in ((PERCENT, PERCENT), *SYMBOLS.items()):
            if symbol in bare:
                sign, bare = code, bare.replace(symbol, "")
        try:
            value = parse_number(bare.strip(), reading.language) if reading.language else Decimal(bare.strip())
        except (ValueError, ArithmeticError):
            raise FieldError(_("“%(given)s” is not a number.", given=text)) from None
        if not value.is_finite() or abs(value) > LARGEST or -value.as_tuple().exponent > MOST_DECIMALS + 2:  # type: ignore[operator]
            raise FieldError(_("A number of a sensible size, please."))
        return Given(value, sign, bool(reading.language))

    def of(self, row: Any) -> Quantity | None:
        value = getattr(row, self.name)
        if value is None:
            return None
        unit = unit_of(row.metric)
        return Quantity(value, unit, row.currency if unit == "money" else None)

    def stored(self, value: Any) -> Mapping[str, Any]:
        return {self.name: value}

    def show(self, value: Any) -> str:
        return "" if value is None else str(value)

    def logged(self, text: str, row: Any) -> str:
        found = self.parse(text, neutral())
        if found is None or row is None:
            return self.show(found)
        return shown(found.value, unit_of(row.metric), found.sign or row.currency)

    def plain(self, value: Any) -> str:
        if value is None:
            return ""
        if isinstance(value, Given):
            return f"{format(value.value, 'f')} {value.sign}".strip()
        text = format(value.value.normalize(), "f")
        return f"{text} {value.currency}" if value.currency and value.currency != g.company.currency else text

    def local(self, value: Any) -> str:
        return self.plain(value)

    def typed(self, value: Any) -> str:
        if value is None:
            return ""
        if value.unit == "ratio":
            return f"{number_for_input((value.value * 100).normalize() + 0)}{NO_BREAK}%"
        text = number_for_input(value.value.normalize() + 0)
        return f"{text} {value.currency}" if value.currency and value.currency != g.company.currency else text
