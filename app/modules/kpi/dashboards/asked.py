"""What the address of a dashboard asks: which one, of which period, compared with what, and about whom."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any, cast

from flask import abort, url_for

from app.core.ids import whole
from app.core.lifecycle import enabled_modules
from app.core.metrics import reader_scope
from app.core.reports.frame import Frame
from app.modules.kpi.dashboards import queries
from app.modules.kpi.dashboards.models import Dashboard
from app.modules.kpi.dashboards.starting import Start, specs_of, starts

CHIPS = ("period", "compare", "owner", "team")
USUAL = "this-quarter"


@dataclass(frozen=True)
class DashFrame(Frame):
    """The frame of a dashboard; its addresses name the dashboard."""

    key: str = ""

    def url(self, endpoint: str = "", /, **changes: Any) -> str:
        kept = {name: value for name, value in {**self.args, **changes}.items() if value is not None}
        return url_for(endpoint or self.endpoint, dashboard_id=self.key, **kept)

    @property
    def own_chips(self) -> list[dict[str, Any]]:
        """Period and comparison, and about whom: what all widgets understand."""
        return [chip for chip in self.chips if chip["name"] in CHIPS]


@dataclass(frozen=True)
class Shown:
    """A dashboard as it is shown: a stored one, or one to begin with."""

    key: str
    name: str
    specs: Sequence[Any]
    stored: Dashboard | None = None
    start: Start | None = None

    @property
    def changeable(self) -> bool:
        return self.stored is not None and queries.may_change(self.stored)

    def spec(self, widget_id: str) -> Any:
        """One of its widgets. Aborts with 404."""
        wanted = whole(widget_id)
        return next((spec for spec in self.specs if spec.id == wanted), None) or abort(404)


def shown(key: str) -> Shown:
    """A dashboard by what its address calls it: one to begin with by name, a stored one by number. Aborts with 404."""
    if start := next((each for each in starts() if each.key == key), None):
        return Shown(key, str(start.name), specs_of(start), start=start)
    found = queries.seen(whole(key) or 0)
    if found is None:
        abort(404)
    return Shown(str(found.id), found.name, queries.widgets_of(found.id), stored=found)


def frame_of(what: Shown, given: Mapping[str, str]) -> DashFrame:
    """The question of a dashboard: its own period and team, unless the address says otherwise. Raises `BusinessError`."""
    args = dict(given)
    stored = what.stored
    if stored is not None:
        args.setdefault("compare", stored.compare)
        if stored.team_id is not None and reader_scope(_module()) is None:
            args.setdefault("team", str(stored.team_id))
    frame = DashFrame.of("kpi.dashboard", args, stored.period if stored is not None else USUAL, (), module=_module())
    return replace(cast("DashFrame", frame), key=what.key)


def _module() -> str:
    """Whose figures a dashboard is mostly of."""
    return "crm" if any(module.name == "crm" for module in enabled_modules()) else "kpi"
