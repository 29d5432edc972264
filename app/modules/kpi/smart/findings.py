"""What the SMART check says of a goal."""

from __future__ import annotations

from dataclasses import dataclass

LETTERS = ("S", "M", "A", "R", "T")
BLOCK, WARN, OFF = "block", "warn", "off"
SEVERITIES = (BLOCK, WARN, OFF)


@dataclass(frozen=True)
class Flaw:
    """What a rule says is wrong with a goal, and what would mend it.

    `field` is the one to change, `offer` a value for it (as its form control holds it) that would do.
    """

    sentence: str
    mend: str
    field: str = ""
    offer: str = ""


@dataclass(frozen=True)
class Finding:
    """That a goal breaks a rule: which one, how grave it is, what is wrong with this goal, and what would mend it.

    `field` is the one to change, `offer` a value for it (as its form control holds it) that would do.
    """

    rule: str  # "T2"
    severity: str
    sentence: str
    mend: str
    field: str = ""
    offer: str = ""

    @property
    def letter(self) -> str:
        return self.rule[0]
