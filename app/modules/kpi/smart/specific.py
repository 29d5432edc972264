"""S: what exactly, of whom."""

from __future__ import annotations

import re
from decimal import Decimal

from app.core.db import fold
from app.core.dimensions import dimensions
from app.core.formats import day
from app.core.i18n import _
from app.core.metrics import Metric
from app.modules.kpi.models import BAND, COMPANY, DOWN, MEMBER, TEAM, Goal
from app.modules.kpi.smart.facts import YEARS_BACK, Facts, keys_of
from app.modules.kpi.smart.findings import Flaw
from app.modules.kpi.smart.wording import given

STEM = 4  # letters by which words are the same word


def exists(goal: Goal, facts: Facts, _limit: Decimal) -> Flaw | None:
    if facts.metric(goal) is not None:
        return None
    return Flaw(
        _("Nobody can tell “%(metric)s”: there is no such figure, or its application is switched off.", metric=goal.metric),
        _("Choose a figure that is in use, or switch its application on."), "metric",
    )  # fmt: skip


def current(goal: Goal, facts: Facts, _limit: Decimal) -> Flaw | None:
    metric = facts.metric(goal)
    if metric is None or metric.version == goal.metric_version:
        return None
    return Flaw(
        _("“%(metric)s” has been defined anew since: the goal means version %(old)s, and version %(new)s is measured.",
          metric=metric.label, old=goal.metric_version, new=metric.version),
        _("Look at the target and save the goal again: it is then about the figure as it is today."), "metric",
    )  # fmt: skip


def one_owner(goal: Goal, facts: Facts, _limit: Decimal) -> Flaw | None:
    """One who answers for it, and one population: the owner's, the team's, or all."""
    if goal.owner_id is None:
        return Flaw(_("Nobody answers for this goal."), _("Choose one person as its owner."), "owner_id")
    if goal.scope == TEAM and goal.team_id not in facts.ties.teams:
        return Flaw(_("The goal is about a team, and none is named."), _("Choose the team."), "team_id")
    if twice := {"owner", "team"} & set(goal.filters or {}):
        named = ", ".join(str(dimensions()[name].label) for name in sorted(twice))
        scopes = {MEMBER: _("one person"), TEAM: _("one team"), COMPANY: _("the whole company")}
        return Flaw(
            _("The goal is about %(scope)s, and its filter (%(filter)s) says something else.", scope=scopes[goal.scope], filter=named),
            _("Take the filter away, or choose whom the goal is about."), "scope",
        )  # fmt: skip
    return None


def resolves(goal: Goal, facts: Facts, _limit: Decimal) -> Flaw | None:
    """Every dimension of the filter is one of the figure, and every key is there."""
    metric = facts.metric(goal)
    if metric is None:
        return None
    known = dimensions()
    for name, wanted in (goal.filters or {}).items():
        if name not in metric.dimensions:
            label = known[name].label if name in known else name
            return Flaw(
                _("“%(metric)s” cannot be narrowed down by “%(filter)s”.", metric=metric.label, filter=label),
                _("Take the filter away, or choose a figure that knows it."), "filters",
            )  # fmt: skip
        gone = [key for key in keys_of(wanted) if key is not None and key not in facts.labels.get(name, {})]
        if gone:
            return Flaw(
                _("The filter by “%(filter)s” names something that is not there any more (%(key)s).", filter=known[name].label, key=gone[0]),
                _("Choose anew what the goal is about."), "filters",
            )  # fmt: skip
    return None


def is_peopled(goal: Goal, facts: Facts, _limit: Decimal) -> Flaw | None:
    """Somebody recorded something of this kind in the last two years."""
    metric = facts.metric(goal)
    if metric is None or facts.population.get(goal.id) != 0 or resolves(goal, facts, _limit):
        return None
    return Flaw(
        _("In the last %(years)s years there is no record behind “%(metric)s” of %(who)s.", years=YEARS_BACK, metric=metric.label,
          who=whose(goal, facts)),
        _("Look whether figure, owner and filter belong together. For somebody new, say so."), "metric",
    )  # fmt: skip


def whose(goal: Goal, facts: Facts) -> str:
    """Whom a goal is about: a person, a team, or the company."""
    if goal.scope == TEAM and goal.team_id in facts.ties.teams:
        return facts.ties.teams[goal.team_id or 0][0]
    if goal.scope == COMPANY:
        return _("the company")
    person = facts.ties.people.get(goal.owner_id or 0)
    return person.name if person else "–"


def says_what(goal: Goal, facts: Facts, _limit: Decimal) -> Flaw | None:
    """Its name has a number in it, or a word of the figure's."""
    metric, name = facts.metric(goal), fold(goal.name or "")
    if metric is None or not name or any(letter.isdigit() for letter in name):
        return None
    words, of_metric = _stems(name), _stems(fold(str(metric.label)))
    if words & of_metric:
        return None
    return Flaw(
        _("“%(name)s” says neither how much nor of what.", name=goal.name),
        _("Put the figure or the target into the name."), "name", named(goal, metric),
    )  # fmt: skip


def _stems(text: str) -> set[str]:
    return {word[:STEM] for word in re.findall(r"\w+", text) if len(word) >= STEM}


def named(goal: Goal, metric: Metric) -> str:
    """A name that says what: figure, target, day."""
    if goal.direction == BAND:
        if goal.low is None or goal.high is None:
            return ""
        many = _("%(low)s to %(high)s", low=given(goal, goal.low, metric), high=given(goal, goal.high, metric))
    elif goal.target is None:
        return ""
    else:
        many = given(goal, goal.target, metric)
        many = _("at most %(n)s", n=many) if goal.direction == DOWN else many
    return _("%(metric)s: %(many)s by %(day)s", metric=metric.label, many=many, day=day(goal.last_day))
