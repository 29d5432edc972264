"""How statements about goals turned out: what was said of each, and whether it came true."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import date
from decimal import Decimal

from sqlalchemy import select

from app.core.db import db
from app.modules.kpi.models import Goal
from app.modules.kpi.progress.foretell import brier
from app.modules.kpi.progress.models import BANDS, Prediction


@dataclass(frozen=True)
class Said:
    """A statement: about whose goal, what was said, how it turned out (None while nobody knows)."""

    goal_id: int
    name: str
    owner_id: int | None
    on_day: date
    band: str
    likelihood: Decimal | None
    came_true: bool | None


@dataclass(frozen=True)
class Turned:
    """Statements of one kind: how many there are, how many are settled, how many of those came true, and their Brier score."""

    key: str | int | None
    said: int
    settled: int
    true: int
    score: Decimal | None
    scored: int  # statements that have a likelihood and are settled

    @property
    def share(self) -> Decimal | None:
        return Decimal(self.true) / self.settled if self.settled else None


def statements() -> list[Said]:
    """Everything that was foretold of goals the reader sees, the latest first; of retrospective ones nothing is."""
    asked = (
        select(Goal.id, Goal.name, Goal.owner_id, Prediction.on_day, Prediction.band, Prediction.likelihood, Prediction.came_true)
        .join(Prediction, Prediction.goal_id == Goal.id)
        .where(Goal.retrospective.is_(False))
        .order_by(Prediction.on_day.desc(), Prediction.id.desc())
    )
    return [Said(*row) for row in db.session.execute(asked)]


def turned(key: str | int | None, some: Iterable[Said]) -> Turned:
    """How statements turned out together."""
    some = list(some)
    known = [each for each in some if each.came_true is not None]
    score, scored = brier((each.likelihood, each.came_true) for each in some)
    return Turned(key, len(some), len(known), sum(bool(each.came_true) for each in known), score, scored)


def by_band(said: Sequence[Said]) -> list[Turned]:
    """By what was said, in the order of the bands; bands that nothing was said in are among them."""
    return [turned(band, (each for each in said if each.band == band)) for band in BANDS]


def by_owner(said: Sequence[Said]) -> list[Turned]:
    """By whose goals they were, those with most statements first."""
    owners = {each.owner_id for each in said}
    found = [turned(owner, (each for each in said if each.owner_id == owner)) for owner in owners]
    return sorted(found, key=lambda each: (-each.said, each.key or 0))


def base_rate_score(said: Sequence[Said]) -> Decimal | None:
    """The Brier score of somebody who always says the share that came true: what statements have to beat."""
    known = [each for each in said if each.likelihood is not None and each.came_true is not None]
    if not known:
        return None
    rate = Decimal(sum(bool(each.came_true) for each in known)) / len(known)
    return brier((rate, each.came_true) for each in known)[0]
