"""What an amount was worth in the company's currency on a day: dated, exact, and None where nobody knows."""

from __future__ import annotations

from collections.abc import Iterable
from datetime import date
from decimal import Decimal

from flask import g
from sqlalchemy import select

from app.core.db import db
from app.core.errors import BusinessError
from app.core.fields import LARGEST_MINOR
from app.core.i18n import _
from app.core.models import Rate
from app.core.money import convert

ONE = Decimal(1)


class RateTable:
    """The company's rates of some currencies, read once; answers for any day without another statement."""

    def __init__(self, currencies: Iterable[str]) -> None:
        self.target: str = g.company.currency
        self._rates: dict[str, list[tuple[date, Decimal]]] = {}
        foreign = sorted(set(currencies) - {self.target})
        if foreign:
            dated = select(Rate.currency, Rate.valid_from, Rate.rate).where(Rate.currency.in_(foreign))
            for currency, valid_from, rate in db.session.execute(dated.order_by(Rate.valid_from.desc())):
                self._rates.setdefault(currency, []).append((valid_from, rate))

    def rate(self, currency: str, day: date) -> Decimal | None:
        """Units of company currency for one unit of `currency` on `day`; None where no rate is known."""
        if currency == self.target:
            return ONE
        return next((rate for start, rate in self._rates.get(currency, ()) if start <= day), None)

    def to_company(self, minor: int | None, currency: str, day: date) -> int | None:
        """Minor units of company currency; None for no amount and for no rate."""
        if minor is None or currency == self.target:
            return minor
        rate = self.rate(currency, day)
        if rate is None:
            return None
        converted = convert(minor, currency, rate, self.target)
        if abs(converted) > LARGEST_MINOR:
            raise BusinessError(_("In %(currency)s this amount is too large to be kept.", currency=self.target), field="amount")
        return converted


def to_company(minor: int | None, currency: str, day: date) -> int | None:
    """One amount in minor units of company currency at the rate of `day`; None for no amount and for no rate."""
    return RateTable((currency,)).to_company(minor, currency, day)
