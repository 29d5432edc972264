"""T: from when until when, and when it is looked at on the way."""

from __future__ import annotations

from datetime import date, timedelta
from decimal import ROUND_FLOOR, Decimal

from app.core.clock import local_date
from app.core.formats import day, number, percent
from app.core.i18n import _
from app.core.relative_dates import around
from app.core.workdays import is_working_day
from app.modules.kpi.models import MONTH, OTHER, QUARTER, YEAR, Goal
from app.modules.kpi.smart.facts import Facts
from app.modules.kpi.smart.findings import Flaw
from app.modules.kpi.smart.ties import RUNNABLE

HUNDRED = Decimal(100)
LONG = 60  # days, beyond which a goal needs a milestone
ENOUGH = 5  # won deals of which a median says something
ONE_DAY = timedelta(days=1)


def is_in_calendar(goal: Goal, _facts: Facts, _limit: Decimal) -> Flaw | None:
    """A whole period of the fiscal calendar, or days within one fiscal year."""
    if goal.period != OTHER:
        first, last = around(goal.first_day, goal.period)
        if (first, last) == (goal.first_day, goal.last_day):
            return None
        return Flaw(
            _("%(first)s to %(last)s is no whole period of the fiscal calendar.", first=day(goal.first_day), last=day(goal.last_day)),
            _("The one that holds its first day goes from %(first)s to %(last)s.", first=day(first), last=day(last)), "last_day",
            last.isoformat(),
        )  # fmt: skip
    end = around(goal.first_day, "year")[1]
    if goal.last_day <= end:
        return None
    return Flaw(
        _("%(first)s to %(last)s goes beyond the fiscal year, which ends on %(end)s.", first=day(goal.first_day),
          last=day(goal.last_day), end=day(end)),
        _("Let it end with the fiscal year, or make two goals of it."), "last_day", end.isoformat(),
    )  # fmt: skip


def has_milestone(goal: Goal, facts: Facts, limit: Decimal) -> Flaw | None:
    """A long goal is looked at in time to turn it round: within so much of what is ahead when it begins."""
    begin = max(goal.first_day, local_date(goal.activated_at) if goal.activated_at else facts.day)
    length = (goal.last_day - begin).days + 1
    if length <= LONG:
        return None
    latest = begin + timedelta(days=int((length * limit / HUNDRED).to_integral_value(ROUND_FLOOR)))
    if goal.review_on is not None and begin <= goal.review_on <= latest:
        return None
    said = {"days": length, "share": percent(limit / HUNDRED)}
    if goal.review_on is None:
        text = _("A milestone is missing on the way through %(days)s days.", **said)
    elif goal.review_on < begin:
        text = _("The milestone on %(day)s is over before the goal begins.", day=day(goal.review_on))
    else:
        text = _("The milestone on %(day)s is too late to turn round %(days)s days.", day=day(goal.review_on), **said)
    mend = _("What takes more than %(long)s days is looked at before %(share)s of it are over.", long=LONG, **said)
    return Flaw(text, mend, "review_on", _working(latest, begin).isoformat())


def _working(latest: date, first: date) -> date:
    """The last working day up to a day, not before another one."""
    at = latest
    while at > first and not is_working_day(at):
        at -= ONE_DAY
    return at


def is_long_enough(goal: Goal, facts: Facts, limit: Decimal) -> Flaw | None:
    """What is begun in the period can come to an end in it."""
    metric, lead = facts.metric(goal), facts.lead_days.get(goal.id)
    length = (goal.last_day - goal.first_day).days + 1
    if metric is None or lead is None or lead.value is None or lead.n < ENOUGH or length * HUNDRED >= lead.value * limit:
        return None
    offer = next((p for p, days in ((MONTH, 30), (QUARTER, 90), (YEAR, 365)) if days * HUNDRED >= lead.value * limit), "")
    return Flaw(
        _("It lasts %(days)s days, and half of the deals take longer than %(median)s days to be won.", days=length,
          median=number(round(lead.value))),
        _("Take a longer period, or a goal on what comes before: meetings, offers, new deals."), "period", offer,
    )  # fmt: skip


def is_ahead(goal: Goal, facts: Facts, _limit: Decimal) -> Flaw | None:
    """A goal that has not begun does not end before today."""
    if goal.state not in RUNNABLE or goal.last_day >= facts.day:
        return None
    return Flaw(
        _("Its last day, %(day)s, is over.", day=day(goal.last_day)), _("Choose days that are still to come."), "last_day",
        around(facts.day, goal.period if goal.period != OTHER else QUARTER)[1].isoformat(),
    )  # fmt: skip


def is_near(goal: Goal, facts: Facts, limit: Decimal) -> Flaw | None:
    """It ends before nobody remembers why it was set."""
    months = (goal.last_day.year - facts.day.year) * 12 + goal.last_day.month - facts.day.month
    if months < limit or (months == limit and goal.last_day.day <= facts.day.day):
        return None
    return Flaw(
        _("Its last day, %(day)s, is %(months)s months away.", day=day(goal.last_day), months=months),
        _("Set goals on the way, of at most %(limit)s months.", limit=number(limit)), "last_day",
    )  # fmt: skip
