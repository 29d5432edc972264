"""Fields that goals have and nobody else."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field
from typing import Any, ClassVar

from flask import g

from app.core.access import can
from app.core.fields import Apart, Choice, Field, LongText
from app.core.forms import TypedSelect
from app.core.i18n import _, language
from app.core.metrics import metrics
from app.modules.kpi.narrowing import in_words
from app.modules.kpi.quantities import Amount


class Rows(Sequence[tuple[str, Any]]):
    """Pairs of key and name that are read when they are asked for, once per app context and language."""

    def __init__(self, name: str, read: Callable[[], list[tuple[str, str]]]) -> None:
        self.name, self.read = name, read

    def _all(self) -> list[tuple[str, str]]:
        known: dict[tuple[str, str], list[tuple[str, str]]] = g.setdefault("kpi_choices", {})
        key = self.name, language()
        if key not in known:
            known[key] = self.read()
        return known[key]

    def __iter__(self) -> Iterator[tuple[str, str]]:
        return iter(self._all())

    def __len__(self) -> int:
        return len(self._all())

    def __getitem__(self, at: Any) -> Any:
        return self._all()[at]


def seen_metrics() -> list[tuple[str, str]]:
    """The metrics that the reader may see: id and label, by label."""
    pairs = [(m.id, str(m.label)) for m in metrics().values() if can(m.permission)]
    return sorted(pairs, key=lambda pair: pair[1].casefold())


@dataclass(frozen=True)
class MetricChoice(Choice):
    """A metric of the registry, by its id."""

    choices: Sequence[tuple[str, Any]] = field(default_factory=lambda: Rows("metrics", seen_metrics), kw_only=True, hash=False, compare=False)


@dataclass(frozen=True)
class Aim(Field):
    """What a goal is about, to be read: its target, or the ends of its band."""

    numeric: ClassVar[bool] = True
    ordered: ClassVar[bool] = False
    compared: ClassVar[bool] = False

    @property
    def attributes(self) -> tuple[str, ...]:
        return ("target", "low", "high", "metric", "currency")

    def of(self, row: Any) -> str:
        target, *ends = (Amount(name).of(row) for name in ("target", "low", "high"))
        if target is not None:
            return str(target)
        return "" if None in ends else "–".join(map(str, ends))


@dataclass(frozen=True)
class Measured(Field):
    """What a goal is measured by, to be read: the figure, and what it is narrowed down to."""

    ordered: ClassVar[bool] = False
    compared: ClassVar[bool] = False

    @property
    def attributes(self) -> tuple[str, ...]:
        return ("metric", "filters")

    def of(self, row: Any) -> str:
        metric = metrics().get(row.metric)
        return " · ".join(filter(None, (str(metric.label) if metric else row.metric, in_words(row.filters or {}))))


class ByFigure(TypedSelect):
    """A choice that may be left to the figure, which says what it mostly is."""

    @property
    def choices(self) -> list[tuple[str, str]]:
        return [(value, label or _("As the figure is")) for value, label in super().choices]


@dataclass(frozen=True)
class Usual(Choice):
    """A choice that the figure makes where nobody does."""

    control: ClassVar[Any] = ByFigure


@dataclass(frozen=True)
class Reason(Apart, LongText):
    """Why a goal that runs is changed: its next edition keeps it, the goal itself does not."""
