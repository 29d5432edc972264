"""Where a goal stands, in words and as a bar: for pages, lists and mails alike."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from decimal import ROUND_HALF_UP, Decimal
from typing import Any

from flask import g

from app.core.clock import today
from app.core.formats import day, money_about, percent
from app.core.i18n import _, _n
from app.core.metrics import metrics
from app.core.money import Money, exponent
from app.modules.kpi.goals import labels
from app.modules.kpi.models import BAND, CLOSED, DOWN, Goal
from app.modules.kpi.progress.measure import ATTAINED, MISSED, WAITING, Progress, accrues, measure
from app.modules.kpi.quantities import shown, unit_of

WHOLE = 1000  # how long a bar is
TEN = 10


@dataclass(frozen=True)
class Bar:
    """A bar of so many thousandths: `fill` is what was reached, `pace` where it should be by today, `target` where the
    target lies when that is not the end, `band` begin and length of the stretch to be in. `text` says it to who does not
    see it."""

    text: str
    fill: int
    pace: int | None = None
    target: int | None = None
    band: tuple[int, int] | None = None
    kind: str = ""


@dataclass(frozen=True)
class Told:
    """Where a goal stands, in words."""

    goal_id: int
    value: str  # a dash where nobody knows
    target: str
    percent: str  # of the target; a dash where undefined
    status: str
    label: Any
    kind: str
    sentence: str
    bar: Bar | None
    progress: Progress


def tell(goals: Iterable[Goal]) -> dict[int, Told]:
    """Where goals stand, set-wise: goal id -> `Told`."""
    goals = list(goals)
    found = measure(goals)
    return {goal.id: told(goal, found[goal.id]) for goal in goals}


def told(goal: Goal, progress: Progress) -> Told:
    """A goal's progress in words."""
    unit = unit_of(goal.metric)
    return Told(
        goal.id,
        shown(progress.value, unit),
        target_of(goal),
        percent(progress.attainment),
        progress.status,
        labels.STATUSES[progress.status],
        labels.KINDS[progress.status],
        sentence(goal, progress),
        bar(goal, progress),
        progress,
    )


def target_of(goal: Goal) -> str:
    """The target as it was set: "180.000 €", or "30 % – 35 %" of a band."""
    unit = unit_of(goal.metric)
    if goal.direction == BAND:
        return f"{shown(goal.low, unit, goal.currency)} – {shown(goal.high, unit, goal.currency)}"
    return shown(goal.target, unit, goal.currency)


def about(value: Decimal | None, unit: str) -> str:
    """An estimate: money in whole units, other figures from ten on."""
    if value is not None and unit in ("count", "days", "hours"):
        return shown(round(value, 0 if abs(value) >= TEN else 1), unit)
    if value is None or unit != "money":
        return shown(value, unit)
    code = g.company.currency
    return money_about(Money(int(value.scaleb(exponent(code)).to_integral_value(ROUND_HALF_UP)), code))


def sentence(goal: Goal, progress: Progress) -> str:
    """Where a goal stands: "12 of 20; on pace would be 13; 1 per working day until Dec 31"."""
    metric, unit = metrics().get(goal.metric), unit_of(goal.metric)
    if progress.status == WAITING:
        return _("%(target)s; begins on %(day)s.", target=_aim(goal), day=day(goal.first_day))
    if progress.value is None or metric is None:
        return progress.reason
    value = shown(progress.value, unit)
    if progress.reason:  # there is nothing to compare it with
        return _("%(value)s. %(why)s", value=value, why=progress.reason)
    if goal.state == CLOSED or today() > goal.last_day:
        return _over(goal, progress, value)
    if goal.direction == BAND or progress.target is None or not accrues(metric):
        return _("%(value)s; %(target)s by %(day)s.", value=value, target=_aim(goal), day=day(goal.last_day))
    target, expected = shown(progress.target, unit), about(progress.expected, unit)
    if goal.direction == DOWN:
        left = about(max(progress.gap or Decimal(0), Decimal(0)), unit)
        return _("%(value)s of at most %(target)s; on pace would be %(expected)s; %(left)s left until %(day)s.",
                 value=value, target=target, expected=expected, left=left, day=day(goal.last_day))  # fmt: skip
    if progress.status == ATTAINED:
        return _n("%(value)s of %(target)s: reached, with %(num)d working day to go.",
                  "%(value)s of %(target)s: reached, with %(num)d working days to go.", progress.days_left,
                  value=value, target=target)  # fmt: skip
    if progress.needed is None:
        return _("%(value)s of %(target)s; on pace would be %(expected)s; today is the last day.",
                 value=value, target=target, expected=expected)  # fmt: skip
    return _("%(value)s of %(target)s; on pace would be %(expected)s; %(needed)s per working day until %(day)s.",
             value=value, target=target, expected=expected, needed=about(progress.needed, unit), day=day(goal.last_day))  # fmt: skip


def _aim(goal: Goal) -> str:
    """What is aimed at, in the middle of a sentence."""
    if goal.direction == BAND:
        return _("the target is %(target)s", target=target_of(goal))
    words = _("the target is at most %(target)s") if goal.direction == DOWN else _("the target is %(target)s")
    return words % {"target": target_of(goal)}


def _over(goal: Goal, progress: Progress, value: str) -> str:
    share = percent(progress.attainment)
    if progress.status == ATTAINED:
        return _("%(value)s of %(target)s: attained (%(share)s).", value=value, target=target_of(goal), share=share)
    if progress.status == MISSED:
        return _("%(value)s of %(target)s: missed (%(share)s).", value=value, target=target_of(goal), share=share)
    return _("%(value)s of %(target)s.", value=value, target=target_of(goal))


def bar(goal: Goal, progress: Progress) -> Bar | None:
    """A goal's progress as a bar; None where there is no figure."""
    if progress.value is None:
        return None
    kind = labels.KINDS[progress.status]
    if goal.direction == BAND:
        return _band(goal, progress.value, kind)
    if progress.target is None:
        return None
    end = max(progress.target, progress.value, Decimal(0))
    if end <= 0:
        return None
    metric = metrics().get(goal.metric)
    paced = metric is not None and accrues(metric) and progress.expected is not None and today() <= goal.last_day
    text = _("%(share)s of the target", share=percent(progress.value / progress.target)) if progress.target else ""
    if paced:
        text = _("%(reached)s, on pace would be %(share)s", reached=text,
                 share=percent((progress.expected or 0) / progress.target if progress.target else None))  # fmt: skip
    return Bar(
        text,
        _place(progress.value, end),
        pace=_place(progress.expected, end) if paced and progress.expected is not None else None,
        target=_place(progress.target, end) if progress.target < end else None,
        kind=kind,
    )


def _band(goal: Goal, value: Decimal, kind: str) -> Bar | None:
    """A band lies in the middle of its bar; what lies far outside stands at an end."""
    if goal.low is None or goal.high is None or goal.high <= goal.low:
        return None
    reach = goal.high - goal.low
    at = (value - goal.low + reach) / (3 * reach)
    text = _("%(value)s, between %(low)s and %(high)s", value=shown(value, unit_of(goal.metric)),
             low=shown(goal.low, unit_of(goal.metric), goal.currency), high=shown(goal.high, unit_of(goal.metric), goal.currency))  # fmt: skip
    return Bar(text, 0, pace=int(min(max(at, Decimal(0)), Decimal(1)) * WHOLE), band=(WHOLE // 3, WHOLE // 3), kind=kind)


def _place(value: Decimal, end: Decimal) -> int:
    return int(min(max(value / end, Decimal(0)), Decimal(1)) * WHOLE)
