"""Targets for many at once, by a rule: from what they did before, the same for all, or shares of a total."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from decimal import ROUND_DOWN, ROUND_HALF_UP, Decimal
from typing import Any

from app.core.i18n import _l

LAST, YEAR_AGO, SAME, SHARE, SHARE_LAST, EQUAL = "last", "year", "same", "share", "share_last", "equal"
RULES: Mapping[str, Any] = {
    LAST: _l("Before + %"), YEAR_AGO: _l("Year ago + %"), SAME: _l("Same for all"), SHARE: _l("Total, as a year ago"),
    SHARE_LAST: _l("Total, as before"), EQUAL: _l("Total, equally"),
}  # fmt: skip
OF_A_TOTAL = (SHARE, SHARE_LAST, EQUAL)
IN_PERCENT = (LAST, YEAR_AGO)
HUNDRED = Decimal(100)
DIGITS = 3  # of an amount of money; the rest would feign an exactness that no plan has
STEPS = {"count": Decimal(1), "ratio": Decimal("0.001"), "days": Decimal("0.1"), "hours": Decimal("0.1")}
Values = Sequence[Decimal | None]


def risen(values: Values, percent: Decimal, unit: str) -> list[Decimal | None]:
    """Each value and so many percent more (or fewer), rounded as people plan; of nothing there is no more: None."""
    return [None if not value else rounded(value * (HUNDRED + percent) / HUNDRED, unit) for value in values]


def shared(total: Decimal, weights: Values, unit: str) -> list[Decimal]:
    """A total in shares as large as the weights are to each other; they come to the total exactly.

    Who weighs nothing gets nothing; where nobody weighs anything all get the same. Shares are rounded down to a step, and
    what is left over goes, a step each, to those who lost most by that (the method of the largest remainder).
    """
    known = [max(weight or Decimal(0), Decimal(0)) for weight in weights]
    whole = sum(known)
    if not whole:
        known, whole = [Decimal(1)] * len(known), Decimal(len(known))
    if not known:
        return []
    exact = [total * weight / whole for weight in known]
    step = min(step_of(total / len(known), unit), abs(total) or Decimal(1))
    if total % step:
        step = Decimal(1).scaleb(min(int(total.normalize().as_tuple().exponent), 0))
    found = [(each / step).to_integral_value(ROUND_DOWN) * step for each in exact]
    left = int((total - sum(found)) / step)
    by_loss = sorted(range(len(known)), key=lambda i: (-abs(exact[i] - found[i]), i))
    for i in by_loss[: abs(left)]:
        found[i] += step if left > 0 else -step
    return found


def percents(weights: Values) -> list[Decimal]:
    """Weights as hundredths of a percent of their sum; they come to 100 exactly."""
    whole = Decimal(10000)
    return [each / 100 for each in shared(whole, weights, "count")]


def rounded(value: Decimal, unit: str) -> Decimal:
    """A value as people plan: whole deals, tenths of a percent, money in three digits."""
    step = step_of(value, unit)
    return (value / step).to_integral_value(ROUND_HALF_UP) * step + 0


def step_of(value: Decimal, unit: str) -> Decimal:
    """What a value of a unit is rounded to."""
    if unit != "money":
        return STEPS.get(unit, Decimal(1))
    return max(Decimal(1), Decimal(1).scaleb(value.adjusted() + 1 - DIGITS)) if value else Decimal(1)
