"""What the check says of a goal, letter by letter, as people read it: what is wrong, and what is good and why."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from datetime import date
from typing import Any

from flask import url_for

from app.core.access import can
from app.core.fields import FieldError, by_person
from app.core.formats import day, number, percent
from app.core.i18n import _, _l, _n
from app.core.metrics import Metric
from app.core.registry import registry
from app.core.reports.asking import arguments
from app.core.workdays import working_days
from app.modules.kpi.models import COMPANY, MEMBER, TEAM, Goal
from app.modules.kpi.progress.foretell import LEAST
from app.modules.kpi.progress.measure import in_company_currency
from app.modules.kpi.progress.models import LIKELY, PLAUSIBLE, UNLIKELY
from app.modules.kpi.quantities import Amount, Given, shown, unit_of
from app.modules.kpi.smart import past
from app.modules.kpi.smart.check import findings
from app.modules.kpi.smart.facts import Facts, gather
from app.modules.kpi.smart.findings import BLOCK, LETTERS, WARN, Finding
from app.modules.kpi.smart.rules import NAMES
from app.modules.kpi.smart.strip import Strip, strip
from app.modules.kpi.smart.ties import settled
from app.modules.kpi.smart.wording import ours

OK, WAIT, NOTE = "ok", "wait", "note"
ALWAYS = ("M",)  # letters whose facts are told beside what is wrong: where the figure comes from and begins
BANDS = {UNLIKELY: _l("unlikely"), PLAUSIBLE: _l("plausible"), LIKELY: _l("likely")}
ASKS = {
    "S": _l("Say what it is about: a figure and a name."), "M": _l("Say how much."), "A": _l("With a target it can be compared with what was before."),
    "R": _l("Say what it serves."), "T": _l("Say until when."),
}  # fmt: skip


@dataclass(frozen=True)
class Offer:
    """A value for a field that would mend a finding."""

    field: str
    value: str
    label: str


@dataclass(frozen=True)
class Said:
    """A sentence of a letter: a finding with what would mend it, or what is good. `link` and `url` lead to the records."""

    state: str  # block, warn, ok, wait, note
    text: str
    more: str = ""
    offer: Offer | None = None
    link: str = ""
    url: str = ""
    rule: str = ""


@dataclass(frozen=True)
class Letter:
    """A letter: its state is that of the gravest finding."""

    key: str
    name: Any
    state: str
    said: Sequence[Said]
    strip: Strip | None = None


@dataclass(frozen=True)
class Panel:
    """The check of one goal."""

    letters: Sequence[Letter]
    blocks: int = 0
    warns: int = 0
    note: str = ""  # why there is no check


def panel(goal: Goal | None) -> Panel:
    """What the check says of a goal, stored or not; of none yet, what is to be said first."""
    if goal is None or settled(goal):
        note = "" if goal is None else _("Its period is over: it is measured and shown, and no plan to be checked.")
        return Panel([Letter(key, NAMES[key], WAIT, [] if goal else [Said(WAIT, str(ASKS[key]))]) for key in LETTERS], note=note)
    facts = gather([goal])
    found = findings(goal, facts)
    letters = [_letter(key, goal, facts, [f for f in found if f.letter == key]) for key in LETTERS]
    return Panel(letters, sum(f.severity == BLOCK for f in found), sum(f.severity == WARN for f in found))


def _letter(key: str, goal: Goal, facts: Facts, found: Sequence[Finding]) -> Letter:
    said = [Said(f.severity, f.sentence, f.mend, _offer(f, goal), rule=f.rule) for f in found]
    state = BLOCK if any(f.severity == BLOCK for f in found) else WARN if found else OK
    metric = facts.metric(goal)
    if metric is None:
        return Letter(key, NAMES[key], state if found else WAIT, said)
    good = GOOD[key](goal, facts, metric) if key in ALWAYS or not found else None
    if not found:
        said, state = ([good], good.state) if good else ([Said(WAIT, str(ASKS[key]))], WAIT)
    elif good:
        said.append(replace(good, state=NOTE))
    return Letter(key, NAMES[key], state, said, strip(goal, past.periods(goal, facts), metric) if key == "A" else None)


def _offer(found: Finding, goal: Goal) -> Offer | None:
    if not found.field or not found.offer:
        return None
    typed = next((f for f in registry.resource("kpi.goal").fields if f.name == found.field), None)
    if typed is None:
        return None
    try:
        value = typed.parse(found.offer, by_person())
    except FieldError:
        return None
    if isinstance(typed, Amount) and isinstance(value, Given):
        unit = unit_of(goal.metric)
        text = shown(value.in_unit(unit)[0], unit)
    else:
        text = typed.show(value)
    return Offer(found.field, found.offer, _("Use “%(value)s”", value=text) if found.field == "name" else _("Use %(value)s", value=text))


def _specific(goal: Goal, facts: Facts, metric: Metric) -> Said | None:
    whose = {MEMBER: _("One person, one figure"), TEAM: _("One team, one figure"), COMPANY: _("The whole company, one figure")}
    n = facts.population.get(goal.id)
    if n is None:
        return Said(OK, f"{whose[goal.scope]}.")
    return Said(OK, _("%(whose)s, one population: %(records)s of two years.", whose=whose[goal.scope], records=_records(metric, n)))


def _records(metric: Metric, n: int) -> str:
    """So many records, by their name where they have one."""
    if not metric.resource:
        return _n("%(num)d record", "%(num)d records", n)
    resource = registry.resource(metric.resource)
    label = resource.label if n == 1 else resource.label_plural
    return f"{number(n)} {str(label).lower()}"


def _measurable(goal: Goal, facts: Facts, metric: Metric) -> Said | None:
    if in_company_currency(goal) is None and goal.low is None:
        return None
    row = facts.ties.keepers.get(goal.metric)
    keeper = facts.ties.people.get(row.keeper_id or 0) if row is not None else None
    text = _("%(person)s answers for its values.", person=keeper.name) if keeper else _("It is worked out by itself, every day.")
    asked = goal.baseline_query
    if goal.id not in facts.outlooks:  # a figure the reader may not hear
        return Said(OK, text)
    if not asked or goal.baseline is None:
        return Said(OK, text, _("There is no baseline to compare with.") if asked else "")
    days = {"first": day(date.fromisoformat(asked["from"])), "last": day(date.fromisoformat(asked["to"]))}
    more = _("Baseline: %(value)s (%(first)s to %(last)s).", value=ours(goal.baseline, metric), **days)
    url = _behind(goal, metric)
    return Said(OK, text, more, link=_("See what is behind it: %(records)s", records=_records(metric, asked["n"])) if url else "", url=url)


def _behind(goal: Goal, metric: Metric) -> str:
    """The records of the baseline; none for a figure that is made of others, or of which the reader may see no records."""
    asked = goal.baseline_query or {}
    if not metric.resource or metric.inputs or not asked.get("n") or not can(registry.resource(metric.resource).permission("view")):
        return ""
    filters = {**asked["filters"], **({"owner": asked["owner"]} if asked.get("owner") else {})}
    days = {"from": asked["from"], "to": asked["to"]} if metric.period else {"as_of": asked["to"]}
    return url_for("admin.figure_records", metric=metric.id, **days, **arguments(filters))


def _attainable(goal: Goal, facts: Facts, _metric: Metric) -> Said | None:
    outlook, known = facts.outlooks.get(goal.id), past.values(goal, facts)
    if outlook is None or (in_company_currency(goal) is None and goal.low is None):
        return None
    if outlook.likelihood is None:
        return Said(OK, _("There is not enough history to judge by."), _("It takes %(least)s periods; there are %(n)s.", least=LEAST, n=outlook.periods))
    text = _("From its owner's own history it looks %(band)s.", band=BANDS[outlook.band])
    more = _("It would have been reached in %(hits)s of %(periods)s.", hits=past.hits(goal, known), periods=past.counted(goal, len(known)))
    return Said(OK, text, more, link=_("How such statements turned out"), url=url_for("kpi.predictions"))


def _relevant(goal: Goal, facts: Facts, _metric: Metric) -> Said | None:
    _way, objective = facts.ties.way(goal)
    if objective is None:
        return Said(OK, _("It stands for itself."))
    text = _("It serves: %(way)s.", way=" → ".join(facts.ties.branch(objective)))
    above = facts.ties.above.get(goal.parent_id or 0)
    if above is None or above.metric != goal.metric or above.currency != goal.currency:
        return Said(OK, text)
    part, whole = goal.target, above.target
    if part is None or not whole:
        return Said(OK, text)
    return Said(OK, text, _("It brings %(share)s of “%(goal)s”.", share=percent(part / whole), goal=above.name))


def _timely(goal: Goal, _facts: Facts, _metric: Metric) -> Said | None:
    days = _n("%(num)d working day", "%(num)d working days", working_days(goal.first_day, goal.last_day))
    text = _("%(days)s, until %(day)s.", days=days, day=day(goal.last_day))
    return Said(OK, text, _("It is looked at on %(day)s.", day=day(goal.review_on)) if goal.review_on else "")


GOOD = {"S": _specific, "M": _measurable, "A": _attainable, "R": _relevant, "T": _timely}
