"""Dashboards to begin with: for the company, a team and a person, of those figures that are there."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any

from app.core.access import can
from app.core.i18n import _, _l
from app.core.metrics import Metric, metrics, reader_scope
from app.core.tables import ME
from app.modules.kpi.dashboards.models import COLUMNS, FIGURE, GOALS, LINE, RANKING, TABLE, TEAM
from app.modules.kpi.models import COMPANY, MEMBER
from app.modules.kpi.models import TEAM as TEAMS

MINE = "me"
WON, QUOTA_SHARE = "crm.won_amount", "kpi.quota_attainment"
OWN = {"filters": {"owner": ME}}
MOST_OWN = 4  # own figures of the company on a dashboard to begin with


@dataclass(frozen=True)
class Spec:
    """What a widget shows; `id` is its place among those of its dashboard."""

    metric: str = ""
    shape: str = FIGURE
    split: str = ""
    width: int = 1
    args: Mapping[str, Any] = field(default_factory=dict)
    id: int = 0

    def columns(self) -> dict[str, Any]:
        return {"metric": self.metric, "shape": self.shape, "split": self.split, "width": self.width, "args": dict(self.args)}


@dataclass(frozen=True)
class Start:
    """A dashboard that is there without being stored; `seen` says for whom."""

    key: str
    name: Any
    describe: Any
    icon: str
    audience: str
    specs: tuple[Spec, ...]
    seen: Callable[[], bool] = lambda: True


def _sees_company() -> bool:
    return reader_scope("crm") is None or reader_scope("kpi") is None


def _sees_team() -> bool:
    return _sees_company() or can("crm.figures.team") or can("kpi.figures.team")


STARTS = (
    Start(COMPANY, _l("Company"), _l("What the company sells, against its quotas and the period before."), "building", COMPANY, (
        Spec(WON), Spec("crm.win_rate"), Spec("crm.open_pipeline"), Spec("crm.sales_cycle_days"),
        Spec(WON, COLUMNS, width=2), Spec("crm.won_amount", RANKING, "team", 2),
        Spec(shape=GOALS, width=2), Spec("crm.pipeline_created", LINE, width=2),
    ), _sees_company),
    Start(TEAMS, _l("Team"), _l("Everybody of the team against their quota, with pipeline, win rate and sales cycle."), "users-group", TEAMS, (
        Spec(WON), Spec("crm.win_rate"), Spec("crm.weighted_pipeline"), Spec("crm.activities_done"),
        Spec(WON, COLUMNS, width=2), Spec("crm.open_pipeline", RANKING, "stage", 2), Spec(shape=TEAM, width=4),
        Spec("crm.activities_done", TABLE, "owner", 2), Spec(shape=GOALS, width=2),
    ), _sees_team),
    Start(MINE, _l("My figures"), _l("Where I stand: sales, pipeline, activities and goals."), "user", MEMBER, (
        Spec(WON, args=OWN), Spec(QUOTA_SHARE, args=OWN), Spec("crm.open_pipeline", args=OWN), Spec("crm.activities_done", args=OWN),
        Spec(WON, COLUMNS, width=2, args=OWN), Spec("crm.follow_ups", COLUMNS, width=2, args=OWN),
        Spec(shape=GOALS, width=2, args=OWN), Spec("crm.open_pipeline", RANKING, "stage", 2, OWN),
    )),
)  # fmt: skip


def starts() -> list[Start]:
    """Those that the reader has something to see on."""
    return [each for each in STARTS if each.seen()]


def specs_of(start: Start) -> list[Spec]:
    """The widgets of a dashboard to begin with: of figures that the reader may see, and the company's own first ones."""
    known = {metric_id: m for metric_id, m in metrics().items() if can(m.permission)}
    found = [spec for spec in start.specs if _fits(spec, known)]
    if not any(spec.metric for spec in found):
        found = [Spec(m.id) for m in known.values() if m.module == "kpi" and not m.id.startswith("kpi.quota")][:MOST_OWN] + found
    return [Spec(s.metric, s.shape, s.split, s.width, s.args, place) for place, s in enumerate(found, 1)]


def _fits(spec: Spec, known: Mapping[str, Metric]) -> bool:
    if spec.shape == TEAM:
        return WON in known
    return not spec.metric or (spec.metric in known and (not spec.split or spec.split in known[spec.metric].dimensions))


def labels() -> dict[str, str]:
    """What the shapes are called."""
    return {FIGURE: _("Figure with comparison"), COLUMNS: _("Columns by month"), LINE: _("Line by month"), RANKING: _("Ranking"),
            TABLE: _("Table"), GOALS: _("Goals"), TEAM: _("Team against quota")}  # fmt: skip
