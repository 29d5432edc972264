"""The writes to dashboards and their widgets. Every change of what lies on a dashboard is a new version of it."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from typing import Any

from flask import g
from sqlalchemy import delete
from sqlalchemy.orm.attributes import flag_modified

from app.core.changelog import actor_id
from app.core.db import db
from app.core.errors import BusinessError, Forbidden
from app.core.i18n import _
from app.core.writes import check_version, create, update
from app.modules.kpi.aims import metric_of
from app.modules.kpi.dashboards import queries
from app.modules.kpi.dashboards.models import COLUMNS, GOALS, LINE, RANKING, SHAPES, TABLE, Dashboard, Widget
from app.modules.kpi.dashboards.models import TEAM as TEAM_SHAPE
from app.modules.kpi.dashboards.starting import Spec
from app.modules.kpi.models import COMPANY, MEMBER, TEAM
from app.modules.kpi.narrowing import FILTERS

MOST = 24  # widgets of one dashboard
NARROWEST, BROADEST = 1, 4
WITHOUT_METRIC = (GOALS, TEAM_SHAPE)
BY_MONTH = (COLUMNS, LINE)


def create_dashboard(values: Mapping[str, Any], widgets: Iterable[Spec] = ()) -> Dashboard:
    """A new dashboard of the person who asks, with widgets to begin with. Raises `BusinessError`."""
    columns = _checked({"owner_id": actor_id(), **values})
    if len(queries.visible()) >= queries.MOST:
        raise BusinessError(_("There are %(n)s dashboards already. Delete one first.", n=queries.MOST), field="name")
    found = create(Dashboard, columns)
    for place, spec in enumerate(widgets):
        create(Widget, {"dashboard_id": found.id, "position": place, **spec.columns()})
    return found


def change_dashboard(dashboard: Dashboard, values: Mapping[str, Any], version: int | None) -> Dashboard:
    """Name, period and whom it is for. Raises `BusinessError`, `Conflict`."""
    check_version(dashboard, version)
    kept = {name: getattr(dashboard, name) for name in ("name", "audience", "team_id", "shared", "period", "compare")}
    return update(dashboard, _checked({**kept, **values}))


def remove_dashboard(dashboard: Dashboard) -> None:
    """Take a dashboard away with its widgets. What they showed stays where it is."""
    db.session.execute(delete(Widget).where(Widget.dashboard_id == dashboard.id))
    db.session.delete(dashboard)
    db.session.flush()


def add_widget(dashboard: Dashboard, values: Mapping[str, Any], version: int | None) -> Widget:
    """A widget at the end. Raises `BusinessError`, `Conflict`."""
    there = queries.widgets_of(dashboard.id)
    if len(there) >= MOST:
        raise BusinessError(_("A dashboard holds at most %(n)s widgets.", n=MOST))
    _changed(dashboard, version)
    place = max((each.position for each in there), default=-1) + 1
    return create(Widget, {"dashboard_id": dashboard.id, "position": place, **_widget(values)})


def change_widget(dashboard: Dashboard, widget: Widget, values: Mapping[str, Any], version: int | None) -> Widget:
    """What a widget shows and how. Raises `BusinessError`, `Conflict`."""
    columns = _widget(values)
    _changed(dashboard, version)
    return update(widget, columns)


def remove_widget(dashboard: Dashboard, widget: Widget, version: int | None) -> None:
    """Take a widget away. Raises `Conflict`."""
    _changed(dashboard, version)
    db.session.delete(widget)
    db.session.flush()


def arrange(dashboard: Dashboard, order: Sequence[int], version: int | None) -> None:
    """Put the widgets in an order; those that it does not name keep theirs behind it. Raises `Conflict`."""
    _changed(dashboard, version)
    there = queries.widgets_of(dashboard.id)
    wanted = {widget_id: place for place, widget_id in enumerate(order)}
    for place, widget in enumerate(sorted(there, key=lambda w: wanted.get(w.id, len(wanted) + w.position))):
        widget.position = place
    db.session.flush()


def step(dashboard: Dashboard, widget: Widget, by: int, version: int | None) -> None:
    """Move a widget so many places earlier (below zero) or later. Raises `Conflict`."""
    ids = [each.id for each in queries.widgets_of(dashboard.id)]
    at = ids.index(widget.id)
    ids.insert(max(0, min(len(ids) - 1, at + by)), ids.pop(at))
    arrange(dashboard, ids, version)


def resize(dashboard: Dashboard, widget: Widget, by: int, version: int | None) -> None:
    """Make a widget so many columns wider, or narrower. Raises `Conflict`."""
    _changed(dashboard, version)
    update(widget, {"width": max(NARROWEST, min(BROADEST, widget.width + by))})


def _changed(dashboard: Dashboard, version: int | None) -> None:
    """The next version of a dashboard: two people who arrange it at once notice. Raises `Conflict`."""
    check_version(dashboard, version)
    flag_modified(dashboard, "updated_at")  # though none of its own columns has changed
    db.session.flush()


def _checked(columns: Mapping[str, Any]) -> dict[str, Any]:
    found = dict(columns)
    if not (found.get("name") or "").strip():
        raise BusinessError(_("A dashboard needs a name."), field="name")
    if found.get("audience", MEMBER) == TEAM and not found.get("team_id"):
        raise BusinessError(_("Which team is it for?"), field="team_id")
    if found.get("audience", MEMBER) != TEAM:
        found["team_id"] = None
    found["shared"] = found.get("audience", MEMBER) in (COMPANY, TEAM)
    if found["shared"] and "me" in g and not queries.may_share():
        raise Forbidden(_("You may make dashboards for yourself, not for others."))
    return found


def _widget(values: Mapping[str, Any]) -> dict[str, Any]:
    """Columns of a widget that can be drawn. Raises `BusinessError`."""
    shape = values.get("shape")
    if shape not in SHAPES:
        raise BusinessError(_("Which shape?"), field="shape")
    found = {"shape": shape, "metric": "", "split": "", "width": int(values.get("width") or 1), "args": dict(values.get("args") or {})}
    if shape in WITHOUT_METRIC:
        return found
    metric = metric_of(values.get("metric"))
    found["metric"] = metric.id
    if shape in BY_MONTH and "month" not in metric.dimensions:
        raise BusinessError(_("“%(metric)s” cannot be told by month: take a figure, a ranking or a table.", metric=metric.label), field="shape")
    if shape in (RANKING, TABLE):
        found["split"] = values.get("split") or ""
        if found["split"] not in metric.dimensions:
            raise BusinessError(_("By what should “%(metric)s” be split? It cannot be by this.", metric=metric.label), field="split")
    if any(name not in metric.dimensions for name in found["args"].get(FILTERS, {})):
        raise BusinessError(_("“%(metric)s” cannot be narrowed down by this.", metric=metric.label), field=FILTERS)
    return found
