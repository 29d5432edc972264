"""The rules of the check, by letter; docs/smart.md lists them for people."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from decimal import Decimal
from typing import Any

from app.core.i18n import _l
from app.modules.kpi.models import Goal
from app.modules.kpi.settings.models import Settings
from app.modules.kpi.smart import attainable, measurable, relevant, specific, timely
from app.modules.kpi.smart.facts import Facts
from app.modules.kpi.smart.findings import BLOCK, SEVERITIES, WARN, Flaw

ZERO = Decimal(0)
NAMES = {
    "S": _l("Specific"), "M": _l("Measurable"), "A": _l("Attainable"), "R": _l("Relevant"), "T": _l("In time"),
}  # fmt: skip


@dataclass(frozen=True)
class Rule:
    """What a goal has to be. `says` is what the rule asks for; `check(goal, facts, limit)` tells what is wrong, if anything.

    `threshold` is the limit where the company sets no other, in `unit`; None for a rule without one.
    """

    id: str
    says: Any
    check: Callable[[Goal, Facts, Decimal], Flaw | None]
    severity: str = BLOCK
    threshold: Decimal | None = None
    unit: Any = ""
    label: Any = ""  # what the threshold is

    @property
    def letter(self) -> str:
        return self.id[0]

    def severity_in(self, decided: Settings) -> str:
        """How grave a company takes it; what it never said, or not in words that are known, is as the rule has it."""
        said = _said(decided, self.id).get("severity")
        return said if said in SEVERITIES else self.severity

    def limit_in(self, decided: Settings) -> Decimal:
        """The threshold of a company; 0 for a rule that has none."""
        said = _said(decided, self.id).get("threshold")
        return (self.threshold if said is None else Decimal(str(said))) if self.threshold is not None else ZERO


def _said(decided: Settings, rule_id: str) -> dict[str, Any]:
    return (decided.rules or {}).get(rule_id) or {}


RULES = (
    Rule("S1", _l("The figure exists and its application is on"), specific.exists),
    Rule("S2", _l("The figure is defined today as it was when the goal was set"), specific.current),
    Rule("S3", _l("One person answers for it, and it is about one population"), specific.one_owner),
    Rule("S4", _l("What the filter names is there"), specific.resolves),
    Rule("S5", _l("The name says how much or of what"), specific.says_what, WARN),
    Rule("S6", _l("There are records of the last two years behind the figure"), specific.is_peopled, WARN),
    Rule("M1", _l("The figure is computed, or somebody answers for its values"), measurable.is_counted),
    Rule("M2", _l("The baseline is stored with its question, and is as it was stored"), measurable.has_baseline),
    Rule("M3", _l("The records of the baseline have what the figure needs"), measurable.is_filled, BLOCK, Decimal(95), "%",
         _l("Share of records that are filled in")),
    Rule("M4", _l("The target differs from the baseline"), measurable.differs),
    Rule("M5", _l("The target is further from the baseline than the figure varies by itself"), measurable.beyond_noise, WARN,
         Decimal(1), "×", _l("Times the standard deviation of the owner's own periods")),
    Rule("M6", _l("The target lies on the side of the baseline that the direction says"), measurable.goes_its_way, WARN),
    Rule("M7", _l("There is a target that can be compared"), measurable.has_target),
    Rule("M8", _l("The direction is the one in which the figure is better"), measurable.is_good, WARN),
    Rule("M9", _l("The question of the baseline has the same answer today"), measurable.still_holds, WARN),
    Rule("A1", _l("It is not unlikely from the owner's own history"), attainable.is_in_reach, WARN, Decimal(25), "%",
         _l("Likelihood below which a goal is unlikely")),
    Rule("A2", _l("The activities fit into the working days"), attainable.fits_the_days, BLOCK, Decimal(100), "%",
         _l("Share of the working days that may be filled")),
    Rule("A3", _l("The goals below it add up to it"), attainable.adds_up, WARN, Decimal(5), "%", _l("By how much they may differ")),
    Rule("A4", _l("It asks for something that is not there anyway"), attainable.asks_something, WARN),
    Rule("R1", _l("It serves an objective of the company"), relevant.serves, WARN),
    Rule("R2", _l("No other goal of the person pulls the opposite way without a weight"), relevant.pulls_one_way),
    Rule("R3", _l("The weights of the person's goals of a day do not exceed the whole"), relevant.weighs_right, BLOCK, Decimal(100),
         "%", _l("Most that weights may come to")),
    Rule("R4", _l("Its owner can move the figure"), relevant.is_theirs, WARN),
    Rule("T1", _l("Its days fit the fiscal calendar"), timely.is_in_calendar, WARN),
    Rule("T2", _l("A goal of more than 60 days has a milestone in time"), timely.has_milestone, BLOCK, Decimal(50), "%",
         _l("Share of its days by which the milestone is due")),
    Rule("T3", _l("Its period is as long as a sales cycle"), timely.is_long_enough, WARN, Decimal(100), "%",
         _l("Share of the median sales cycle")),
    Rule("T4", _l("It does not end in the past"), timely.is_ahead),
    Rule("T5", _l("Its end is not too far away"), timely.is_near, WARN, Decimal(18), _l("months"), _l("Months from today")),
)
