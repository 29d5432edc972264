"""M: a figure that somebody counts, from where to where."""

from __future__ import annotations

from decimal import Decimal

from app.core.figures import NO_AMOUNT, NO_OUTCOME, NO_RATE
from app.core.formats import percent
from app.core.i18n import _, _l
from app.modules.kpi.models import BAND, DOWN, UP, Goal
from app.modules.kpi.progress.baselines import hashed
from app.modules.kpi.progress.measure import in_company_currency
from app.modules.kpi.quantities import shown, unit_of
from app.modules.kpi.smart import past
from app.modules.kpi.smart.facts import Facts
from app.modules.kpi.smart.findings import Flaw
from app.modules.kpi.smart.wording import given, ours

HUNDRED = Decimal(100)
LACKING = {NO_AMOUNT: _l("no amount"), NO_RATE: _l("no exchange rate"), NO_OUTCOME: _l("no outcome")}


def is_counted(goal: Goal, facts: Facts, _limit: Decimal) -> Flaw | None:
    """It is computed, or told by people with somebody who answers for the values."""
    metric, row = facts.metric(goal), facts.ties.keepers.get(goal.metric)
    if metric is None or row is None:
        return None
    keeper = facts.ties.people.get(row.keeper_id or 0)
    mend = _("Choose somebody who keeps its values, in the page of the metric.")
    if keeper is None:
        return Flaw(_("“%(metric)s” is told by people, and nobody answers for its values.", metric=metric.label), mend, "metric")
    if keeper.valid_to is not None and keeper.valid_to < facts.day:
        return Flaw(_("%(person)s, who kept the values of “%(metric)s”, is no longer here.", person=keeper.name, metric=metric.label),
                    mend, "metric")  # fmt: skip
    return None


def has_baseline(goal: Goal, facts: Facts, _limit: Decimal) -> Flaw | None:
    """Value and question of the baseline are kept, and are what they were when they were taken."""
    mend = _("Save the goal again: the baseline is then taken anew.")
    if goal.baseline_query is None:
        return Flaw(_("It is not known where the figure started from: no baseline was taken."), mend, "metric")
    if hashed(goal.baseline_query, goal.baseline) != goal.baseline_hash:
        value = shown(facts.base(goal), unit_of(goal.metric))
        return Flaw(_("The baseline of %(value)s is not what was taken: it has been changed by hand.", value=value), mend, "metric")
    return None


def is_filled(goal: Goal, facts: Facts, limit: Decimal) -> Flaw | None:
    """Nearly all records of the baseline have what the figure needs of them."""
    told = facts.baselines.get(goal.id)
    if told is None or not (lacking := sum(told.left_out.values())):
        return None
    whole = told.n + lacking
    if told.n * HUNDRED >= limit * whole:
        return None
    why = ", ".join(str(LACKING[reason]) for reason in told.left_out)
    return Flaw(
        _("Only %(n)s of the %(all)s records of the baseline count: the others have %(why)s.", n=told.n, all=whole, why=why),
        _("Fill in what is missing; at least %(share)s should have it.", share=percent(limit / HUNDRED)), "metric",
    )  # fmt: skip


def differs(goal: Goal, facts: Facts, _limit: Decimal) -> Flaw | None:
    base = facts.base(goal)
    if goal.direction == BAND or goal.target is None or base is None or in_company_currency(goal) != base:
        return None
    return Flaw(
        _("The target of %(target)s is what there was before: nothing would change.", target=shown(base, unit_of(goal.metric))),
        _("Set a target that differs from the baseline."), "target",
    )  # fmt: skip


def beyond_noise(goal: Goal, facts: Facts, limit: Decimal) -> Flaw | None:
    """The way to the target is longer than what the figure goes up and down by itself."""
    metric, target, base = facts.metric(goal), in_company_currency(goal), facts.base(goal)
    if metric is None or target is None or base is None or not _ahead(goal, target) or target == base:
        return None
    known = past.values(goal, facts)
    noise = past.spread(known)
    if noise is None or abs(target - base) > noise * limit:
        return None
    return Flaw(
        _("From %(base)s to %(target)s is no further than the figure goes up and down by itself: ± %(noise)s over %(periods)s.",
          base=ours(base, metric), target=ours(target, metric), noise=ours(noise, metric), periods=past.counted(goal, len(known))),
        _("Go further, or say why reaching it will be no accident."), "target",
    )  # fmt: skip


def goes_its_way(goal: Goal, facts: Facts, _limit: Decimal) -> Flaw | None:
    """The target lies on the side of the baseline that the goal's direction points to."""
    metric, target, base = facts.metric(goal), in_company_currency(goal), facts.base(goal)
    if metric is None or target is None or base is None or goal.direction == BAND or _ahead(goal, target):
        return None
    said = {"target": ours(target, metric), "base": ours(base, metric)}
    if goal.direction == DOWN:
        text = _("At most %(target)s is more than the %(base)s there were before.", **said)
    else:
        text = _("At least %(target)s is less than the %(base)s there were before.", **said)
    return Flaw(text, _("Turn target or direction round, or say why less is enough this time."), "target")


def _ahead(goal: Goal, target: Decimal) -> bool:
    """Whether the target lies ahead of the baseline, or on it."""
    base = goal.baseline or Decimal(0)
    return goal.direction != BAND and (target <= base if goal.direction == DOWN else target >= base)


def has_target(goal: Goal, facts: Facts, _limit: Decimal) -> Flaw | None:
    """There is a target, and a rate where it is in another currency."""
    metric = facts.metric(goal)
    if metric is None or goal.direction == BAND:
        return None
    if goal.target is None:
        return Flaw(_("It is not said how much: there is no target."), _("Set a target."), "target")
    if in_company_currency(goal) is not None:
        return None
    return Flaw(
        _("%(target)s cannot be compared: there is no exchange rate for %(currency)s.", target=given(goal, goal.target, metric),
          currency=goal.currency),
        _("Enter the rate, or set the target in the currency of the company."), "target",
    )  # fmt: skip


def is_good(goal: Goal, facts: Facts, _limit: Decimal) -> Flaw | None:
    """More is asked of what should be more, less of what should be less."""
    metric = facts.metric(goal)
    wrong = {UP: "down", DOWN: "up"}
    if metric is None or metric.direction != wrong.get(goal.direction):
        return None
    if goal.direction == UP:
        text = _("“%(metric)s” is better the less there is, and the goal asks for more.", metric=metric.label)
    else:
        text = _("“%(metric)s” is better the more there is, and the goal asks for less.", metric=metric.label)
    return Flaw(text, _("Turn the direction round."), "direction", metric.direction)


def still_holds(goal: Goal, facts: Facts, _limit: Decimal) -> Flaw | None:
    """The question of the baseline has the same answer today."""
    metric, told = facts.metric(goal), facts.baselines.get(goal.id)
    if metric is None or told is None or goal.baseline_query is None or goal.baseline_query.get("version") != metric.version:
        return None
    if told.value == goal.baseline or hashed(goal.baseline_query, goal.baseline) != goal.baseline_hash:
        return None
    now = "–" if told.value is None else ours(told.value, metric)
    return Flaw(
        _("The baseline was %(base)s when it was taken; the same question gives %(now)s today.", base=shown(goal.baseline, metric.unit), now=now),
        _("Save the goal again, and the baseline is taken anew; or say why the old one holds."), "metric",
    )  # fmt: skip
