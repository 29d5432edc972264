"""The check: all rules over goals, set-wise."""

from __future__ import annotations

from collections.abc import Iterable

from app.modules.kpi.models import Goal
from app.modules.kpi.smart.facts import Facts, gather
from app.modules.kpi.smart.findings import OFF, Finding
from app.modules.kpi.smart.rules import RULES
from app.modules.kpi.smart.ties import settled


def check(goals: Iterable[Goal]) -> dict[int, list[Finding]]:
    """Goal id -> what is wrong with it, in the order of the letters; nothing for goals that are over, or were when made."""
    goals = list(goals)
    found: dict[int, list[Finding]] = {goal.id: [] for goal in goals}
    open_ones = [goal for goal in goals if not settled(goal)]
    if open_ones:
        facts = gather(open_ones)
        found |= {goal.id: findings(goal, facts) for goal in open_ones}
    return found


def findings(goal: Goal, facts: Facts) -> list[Finding]:
    """What the rules find, as grave as the company takes it."""
    found = []
    for rule in RULES:
        severity = rule.severity_in(facts.decided)
        if severity == OFF:
            continue
        if flaw := rule.check(goal, facts, rule.limit_in(facts.decided)):
            found.append(Finding(rule.id, severity, flaw.sentence, flaw.mend, flaw.field, flaw.offer))
    return found
