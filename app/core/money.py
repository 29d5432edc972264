"""Exact money: integer minor units and an ISO 4217 currency; `Decimal` where people read it, never float."""

from __future__ import annotations

from dataclasses import dataclass
from decimal import ROUND_HALF_UP, Decimal
from functools import lru_cache

from babel.numbers import get_currency_precision, list_currencies


@lru_cache(maxsize=512)
def exponent(currency: str) -> int:
    """How many decimals a currency has (EUR 2, JPY 0, KWD 3); from CLDR by way of Babel."""
    return get_currency_precision(currency)


@lru_cache(maxsize=1)
def currencies() -> frozenset[str]:
    """All ISO 4217 codes that CLDR knows."""
    return frozenset(list_currencies())


def minor_units(amount: Decimal, currency: str) -> int:
    """Whole minor units of an amount. Raises `ValueError` when it has more decimals than the currency."""
    scaled = amount.scaleb(exponent(currency))
    if scaled != scaled.to_integral_value():
        raise ValueError(f"{amount} has more decimals than {currency} allows")
    return int(scaled)


def from_minor(minor: int, currency: str) -> Decimal:
    """The amount that a number of minor units stands for, exact, with the currency's decimals."""
    return Decimal(int(minor)).scaleb(-exponent(currency))


def convert(minor: int, currency: str, rate: Decimal, target: str) -> int:
    """Minor units of `target` for an amount in `currency`; `rate` is target units per unit of `currency`.

    Rounds half up, once, at the smallest unit of the target.
    """
    return int((from_minor(minor, currency) * rate).scaleb(exponent(target)).to_integral_value(ROUND_HALF_UP))


@dataclass(frozen=True, slots=True)
class Money:
    """An amount in minor units with its currency."""

    minor: int
    currency: str

    @classmethod
    def of(cls, amount: Decimal | int, currency: str) -> Money:
        """Money from units people write; raises `ValueError` when it has too many decimals."""
        return cls(minor_units(Decimal(amount), currency), currency)

    @property
    def amount(self) -> Decimal:
        return from_minor(self.minor, self.currency)
