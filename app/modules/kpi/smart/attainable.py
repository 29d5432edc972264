"""A: whether it can be done, by what was done before and by the days there are."""

from __future__ import annotations

from decimal import Decimal

from app.core.formats import number, number_for_input, percent
from app.core.i18n import _, _n
from app.core.metrics import Metric
from app.core.workdays import working_days
from app.modules.kpi.models import BAND, COMPANY, DROPPED, MEMBER, TEAM, UP, Goal
from app.modules.kpi.progress.foretell import PLENTY
from app.modules.kpi.progress.measure import Progress, accrues, converted, in_company_currency
from app.modules.kpi.progress.models import LIKELY, UNKNOWN
from app.modules.kpi.smart import past
from app.modules.kpi.smart.facts import Facts
from app.modules.kpi.smart.findings import Flaw
from app.modules.kpi.smart.ties import RUNNABLE
from app.modules.kpi.smart.wording import ours

HUNDRED = Decimal(100)


def is_in_reach(goal: Goal, facts: Facts, limit: Decimal) -> Flaw | None:
    """From the owner's own history it is not unlikely."""
    metric, outlook = facts.metric(goal), facts.outlooks.get(goal.id)
    if metric is None or outlook is None or outlook.likelihood is None or outlook.likelihood * HUNDRED >= limit:
        return None
    known = past.values(goal, facts)
    if not known or _there(goal, facts):
        return None
    text = _("Ambitious: it would have been reached in %(hits)s of %(periods)s.", hits=past.hits(goal, known),
             periods=past.counted(goal, len(known)))  # fmt: skip
    if goal.direction == BAND:
        return Flaw(text, _("The median is %(median)s. Widen the band, or say what will be different.",
                            median=ours(past.middle(known), metric)), "low")  # fmt: skip
    said = {"median": ours(past.middle(known), metric), "best": ours(past.best_of(goal, known), metric)}
    found = past.in_reach(goal, known, goal.baseline)
    if found is None:
        return Flaw(text, _("Median %(median)s, best %(best)s. Ask for less, or say what will be different.", **said), "target")
    mend = _("Median %(median)s, best %(best)s. With %(target)s it would have been %(hits)s of %(all)s.", **said,
             target=ours(found, metric), hits=past.hits(goal, known, found), all=len(known))  # fmt: skip
    return Flaw(text, mend, "target", typed(found, metric))


def typed(value: Decimal, metric: Metric) -> str:
    """A target as its form control holds it."""
    if metric.unit == "ratio":
        return f"{number_for_input((value * HUNDRED).normalize() + 0)} %"
    return number_for_input(value.normalize() + 0)


def fits_the_days(goal: Goal, facts: Facts, limit: Decimal) -> Flaw | None:
    """What is to be done fits into the working days of those who do it."""
    metric = facts.metric(goal)
    if metric is None or goal.target is None or goal.direction != UP:
        return None
    if metric.grain != "activity" or metric.unit != "count" or not accrues(metric):
        return None
    days = working_days(goal.first_day, goal.last_day)
    people = 1 if goal.scope == MEMBER else len(facts.ties.crew(goal.team_id if goal.scope == TEAM else None))
    room = Decimal(days * people * facts.decided.calls_per_day) * limit / HUNDRED
    if not people or goal.target <= room:
        return None
    a_day = goal.target / days / people if days else goal.target
    room = room.to_integral_value()
    return Flaw(
        _("%(target)s in %(days)s for %(people)s are %(each)s a day each; %(most)s can be done.", target=number(goal.target),
          days=_n("%(num)d working day", "%(num)d working days", days), people=_n("%(num)d person", "%(num)d people", people),
          each=number(round(a_day, 1)), most=number(facts.decided.calls_per_day)),
        _("At most %(room)s fit into the days there are.", room=number(room)), "target", number_for_input(room),
    )  # fmt: skip


def adds_up(goal: Goal, facts: Facts, limit: Decimal) -> Flaw | None:
    """The goals below it come to the same, more or less."""
    metric, target = facts.metric(goal), in_company_currency(goal)
    if metric is None or not target:
        return None
    parts = [part for part in facts.ties.below.get(goal.id or 0, ()) if _is_part(part, goal, metric)]
    amounts = [converted(part, part.target) for part in parts]
    if not parts or None in amounts:
        return None
    total = sum((each for each in amounts if each is not None), Decimal(0))
    if abs(total - target) * HUNDRED <= limit * abs(target):
        return None
    said = {"total": ours(total, metric), "share": percent(total / target), "target": ours(target, metric)}
    text = _n("The goal below it comes to %(total)s, %(share)s of %(target)s.",
              "The %(num)d goals below it come to %(total)s, %(share)s of %(target)s.", len(parts), **said)  # fmt: skip
    mend = _("Share out what is missing, or lower the target.") if total < target else _("Take back what is too much, or raise the target.")
    return Flaw(text, mend, "target", typed(total, metric) if goal.currency in (None, "") or goal.target == target else "")


def _is_part(part: Goal, goal: Goal, metric: Metric) -> bool:
    """Whether a goal below is a part of a goal: of the same figure and within its days, where parts add up."""
    if part.metric != goal.metric or part.direction != goal.direction or part.target is None or part.state == DROPPED:
        return False
    if part.scope == COMPANY or not (goal.first_day <= part.first_day and part.last_day <= goal.last_day):
        return False
    whole = (part.first_day, part.last_day) == (goal.first_day, goal.last_day)
    return {MEMBER: "owner", TEAM: "team"}[part.scope] in metric.additive and (whole or accrues(metric))


def asks_something(goal: Goal, facts: Facts, _limit: Decimal) -> Flaw | None:
    """It is neither reached already, nor less than the worst that there ever was."""
    metric, target = facts.metric(goal), in_company_currency(goal)
    if metric is None or target is None or goal.direction == BAND:
        return None
    if there := _there(goal, facts):
        stands, value = there
        return Flaw(
            _("It is reached already: %(value)s are there, with %(days)s to go.", value=ours(value, metric),
              days=_n("%(num)d working day", "%(num)d working days", stands.days_left)),
            _("Ask for what is still to come."), "target",
        )  # fmt: skip
    outlook, known = facts.outlooks.get(goal.id), past.values(goal, facts)
    if outlook is None or outlook.band not in (LIKELY, UNKNOWN) or len(known) < (1 if outlook.band == LIKELY else PLENTY):
        return None
    worst = past.worst_of(goal, known)
    if not past.easier(goal, worst):
        return None
    return Flaw(
        _("The worst of %(periods)s was %(worst)s: %(target)s asks for nothing.", periods=past.counted(goal, len(known)),
          worst=ours(worst, metric), target=ours(target, metric)),
        _("The median is %(median)s. Ask for something that is not there anyway.", median=ours(past.middle(known), metric)), "target",
    )  # fmt: skip


def _there(goal: Goal, facts: Facts) -> tuple[Progress, Decimal] | None:
    """Where a goal stands that is reached before it was activated."""
    stands, target = facts.progress.get(goal.id), in_company_currency(goal)
    if stands is None or stands.value is None or target is None or goal.direction != UP or goal.state not in RUNNABLE:
        return None
    return (stands, stands.value) if stands.value >= target else None
