"""What is written into a cell of a plan: a target, "25000", or a band to stay in, "35–45 %"."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import Any

from app.core.errors import BusinessError
from app.core.fields import FieldError, by_person
from app.core.i18n import _
from app.core.metrics import Metric
from app.modules.kpi import aims
from app.modules.kpi.models import BAND
from app.modules.kpi.quantities import Amount, Given

TARGET, LOW, HIGH = Amount("target"), Amount("low"), Amount("high")
# Two numbers with a dash or dots between them; a dash before the first number is its sign.
ENDS = re.compile(r"(.*\d.*?)\s*(?:–|—|[.,]{2,}|…|-)\s*([^\d]*\d.*)")


@dataclass(frozen=True)
class Band:
    """Two ends between which a figure is good."""

    low: Given
    high: Given


Aim = Given | Band


def read(text: str) -> Aim | None:
    """What a person wrote; None for nothing. A sign or a currency at one end is that of both. Raises `FieldError`."""
    found = ENDS.fullmatch(text.strip())
    if found is None:
        aim: Given | None = TARGET.parse(text, by_person())
        return aim
    low, high = (field.read(part.strip(), by_person()) for field, part in zip((LOW, HIGH), found.groups(), strict=True))
    return Band(replace(low, sign=low.sign or high.sign), replace(high, sign=high.sign or low.sign))


def typed(goal: Any) -> str:
    """The aim of a goal, or of a rule, as its input holds it."""
    if goal.direction == BAND:
        return f"{LOW.typed(LOW.of(goal))}–{HIGH.typed(HIGH.of(goal))}"
    return TARGET.typed(TARGET.of(goal))


def of(goal: Any) -> Aim | None:
    """The aim of a goal."""
    if goal.direction == BAND:
        return Band(Given(goal.low, goal.currency or ""), Given(goal.high, goal.currency or ""))
    return Given(goal.target, goal.currency or "") if goal.target is not None else None


def values_of(aim: Aim, metric: Metric, before: str = "") -> Mapping[str, Any]:
    """Field values of a goal with this aim; `before` is the direction that it has already."""
    if isinstance(aim, Band):
        return {"direction": BAND, "low": aim.low, "high": aim.high}
    usual = aims.usual(metric)["direction"]
    return {"direction": usual if before in ("", BAND) else before, "target": aim, "low": None, "high": None}


def columns_of(aim: Aim, metric: Metric, before: str = "") -> dict[str, Any]:
    """The same as columns, in whole units of the metric. Raises `BusinessError` when it is of another kind, or no band."""
    values = values_of(aim, metric, before)
    columns = {"target": None, "currency": None, "direction": values["direction"], **aims.amounts(metric, values)}
    if columns["direction"] == BAND and columns["low"] >= columns["high"]:
        raise BusinessError(_("A band needs a lower and a higher end."))
    return columns


def single(text: str) -> Given | None:
    """A number alone. Raises `FieldError` for a band."""
    aim = read(text)
    if isinstance(aim, Band):
        raise FieldError(_("One number is asked for here, no band."))
    return aim
