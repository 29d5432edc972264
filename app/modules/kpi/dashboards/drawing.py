"""What a widget shows: a figure, or a block of a chart with its table, made of what the registry answers."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from functools import partial
from typing import Any

from app.core.access import me
from app.core.charts import Bar, Point, Series, bars, horizontal, lines, sparkline
from app.core.errors import BusinessError
from app.core.formats import number
from app.core.i18n import _, _n
from app.core.metrics import Metric, metrics
from app.core.reports.asking import Desk, by_key
from app.core.reports.blocks import Block, Card, Cell, Column, Table
from app.core.reports.months import course, keys_of, months_of, within
from app.core.reports.periods import ONE, Period, moved
from app.core.reports.tables import first, heads, named, split
from app.core.reports.wording import axis, cell, change, change_cell, month_names, quarter_names, text_of
from app.core.tables import ME
from app.modules.kpi.dashboards.lists import goals, team
from app.modules.kpi.dashboards.models import COLUMNS, FIGURE, GOALS, LINE, RANKING, TABLE, TEAM
from app.modules.kpi.progress.history import tells_the_past
from app.modules.kpi.revenue.book import Book
from app.modules.kpi.revenue.figures import ATTAINMENT, QUOTA
from app.modules.kpi.revenue.quotas import WON
from app.modules.kpi.revenue.words import minor, month_of, whole_cell

MOST = 10  # lines of a ranking; its table has them all
YEAR = 12


@dataclass(frozen=True)
class Drawn:
    """A widget ready to be shown: a card or a block; `rows` are what its own template shows instead of the table."""

    title: str
    card: Card | None = None
    block: Block | None = None
    rows: tuple[Any, ...] = ()


def drawn(desk: Desk, spec: Any) -> Drawn:
    """Ask for what a widget shows. Raises `BusinessError` with why it cannot be shown."""
    if spec.shape in (GOALS, TEAM):
        mine = filters_of(spec).get("owner")
        rows, block = goals(desk, str(spec.id), title_of(spec), mine) if spec.shape == GOALS else team(desk, str(spec.id), title_of(spec))
        return Drawn(title_of(spec), block=block, rows=rows)
    known = metrics()
    if spec.metric not in known:
        raise BusinessError(_("The application that this figure comes from is switched off."))
    if not desk.may(spec.metric):
        raise BusinessError(_("You may not see this figure."))
    make: Callable[..., Drawn] = {FIGURE: _figure, COLUMNS: _months, LINE: _months, RANKING: _split, TABLE: _split}[spec.shape]
    return make(desk, spec, desk.metric(spec.metric))


def filters_of(spec: Any) -> dict[str, Any]:
    """What a widget is narrowed down by; what is only the reader's own by who reads it."""
    return {name: me().member_id if (name, key) == ("owner", ME) else key for name, key in (spec.args.get("filters") or {}).items()}


def title_of(spec: Any) -> str:
    """What a widget is called: the name it was given, else that of its figure."""
    if given := spec.args.get("title"):
        return str(given)
    if spec.shape == GOALS:
        return _("Goals")
    if spec.shape == TEAM:
        return _("Team")
    metric = metrics().get(spec.metric)
    label = str(metric.label) if metric else spec.metric
    if spec.shape in (RANKING, TABLE) and metric and spec.split in metric.dimensions:
        return _("%(figure)s by %(split)s", figure=label, split=named(spec.split))
    return label


def _figure(desk: Desk, spec: Any, metric: Metric) -> Drawn:
    only = filters_of(spec)
    row = desk.figure(metric.id, **only).total
    compared = _compared(desk, metric)
    before = desk.figure(metric.id, during=compared, **only).total.value if compared else None
    text, kind, rising = change(metric, row.value, before)
    parts = _("%(hits)s of %(n)s", hits=number(row.numerator), n=number(row.n)) if isinstance(row.numerator, int) and metric.unit == "ratio" else ""
    small = _("n = %(n)s", n=row.n) if row.small and not parts else ""
    counted = _n("%(num)d record", "%(num)d records", row.n) if compared is None and metric.shape == "sum" and metric.unit == "money" else ""
    return Drawn(title_of(spec), Card(
        label=title_of(spec), value=text_of(metric, row.value, short=True), exact=text_of(metric, row.value),
        url=desk.behind(metric.id, **only)(), change=text, kind=kind, rising=rising,
        note=" · ".join(filter(None, (parts, small, counted, text_of(metric, before, short=True) if before is not None else ""))),
        spark=_spark(desk, metric, only),
    ))  # fmt: skip


def _compared(desk: Desk, metric: Metric) -> Period | None:
    """The period that a figure is compared with. Of one that runs the quota is whole, and of the one before it is cut."""
    whole = metric.id in (QUOTA, ATTAINMENT) and desk.frame.period.running
    return desk.frame.before if metric.period and metric.basis != "snapshot" and not whole else None


def _spark(desk: Desk, metric: Metric, only: Mapping[str, Any]) -> Any:
    """The course of the last months; of a figure of the moment there is none."""
    if not tells_the_past(metric):
        return None
    months = months_of(desk)
    found = course(desk, metric.id, months, **only)
    return sparkline(str(metric.label), [found.value(key) for key in keys_of(months)])


def _months(desk: Desk, spec: Any, metric: Metric) -> Drawn:
    """Columns with the quota of each month, or a line with that of a year before."""
    only, months, title = filters_of(spec), months_of(desk), title_of(spec)
    if "month" not in metric.dimensions:
        raise BusinessError(_("“%(metric)s” cannot be told by month: take a figure, a ranking or a table.", metric=metric.label))
    now, keys = course(desk, metric.id, months, **only), keys_of(months)
    names, inside = month_names(keys), within(desk, keys)
    points = [Point(now.value(k), f"{name}: {now.cell(k).text}", now.url(k), part=not dark)
              for k, name, dark in zip(keys, names, inside, strict=True)]  # fmt: skip
    columns = [Column(_("Month"), numeric=False), *heads(desk, metric.id)]
    rows = [[Cell(name), now.cell(k)] for k, name in zip(keys, names, strict=True)]
    if spec.shape == COLUMNS:
        aims = _aims(desk, metric, keys, names, only)
        if aims:
            columns.append(Column(_("Quota")))
            rows = [[*row, Cell(point.title.rpartition(": ")[2]) if point.title else Cell("–")] for row, point in zip(rows, aims.points, strict=True)]
        draw = partial(_columns, title, names, Series(str(metric.label), points), axis(metric), aims)
    else:
        series = [Series(_("These months"), points)]
        if desk.frame.before and tells_the_past(metric):
            earlier = Period(moved(months.first, -YEAR), moved(months.last + ONE, -YEAR) - ONE)
            older = course(desk, metric.id, earlier, **only)
            series.append(Series(_("A year before"), [Point(older.value(k - YEAR), f"{name}: {older.cell(k - YEAR).text}", older.url(k - YEAR))
                                                      for k, name in zip(keys, names, strict=True)]))  # fmt: skip
            columns.append(Column(_("A year before")))
            rows = [[*row, older.cell(k - YEAR)] for row, k in zip(rows, keys, strict=True)]
        draw = partial(_lines, title, names, series, axis(metric))
    note = "" if tells_the_past(metric) else _("By the month in which they are to close.")
    return Drawn(title, block=Block(key=str(spec.id), title=title, note=note, draw=draw, table=Table(columns, rows[::-1]), broad=spec.width > 2))


def _columns(title: str, names: list[str], series: Series, write: Any, aims: Series | None, width: float) -> Any:
    return bars(title, names, [series], write, width=width, aims=aims)


def _lines(title: str, names: list[str], series: list[Series], write: Any, width: float) -> Any:
    return lines(title, names, series, write, width=width)


def _aims(desk: Desk, metric: Metric, keys: list[int], names: list[str], only: Mapping[str, Any]) -> Series | None:
    """The quota of each month, where the figure is the one that quotas are about."""
    if metric.id != WON or set(only) - {"owner"}:
        return None
    book = Book.of(desk.frame, Period(month_of(keys[0]).first, month_of(keys[-1]).last))
    found = [(book.member(only["owner"], month_of(key)) if only else book.whole(month_of(key))).target for key in keys]
    if all(quota is None for quota in found):
        return None
    return Series(_("Quota"), [Point(minor(q), f"{name}: {whole_cell(q).text}" if q is not None else "") for q, name in zip(found, names, strict=True)])


def _split(desk: Desk, spec: Any, metric: Metric) -> Drawn:
    """Lines by a dimension, the largest first: as bars, or as a table with what was before."""
    by, only, title = spec.split, filters_of(spec), title_of(spec)
    if by not in metric.dimensions:
        raise BusinessError(_("“%(metric)s” cannot be split like this any more.", metric=metric.label))
    of, address = split(desk, [metric.id], by, **only), desk.behind(metric.id, **only)
    names = _names(by, of)
    columns, compared = [first(by), *heads(desk, metric.id)], _compared(desk, metric)
    before = by_key(desk.figure(metric.id, by, during=compared, **only), by) if compared and spec.shape == TABLE and by not in ("month", "quarter") else None
    if before is not None and compared:
        columns += [Column(_("Before"), hint=compared.dates), Column(_("Difference"))]
    rows = []
    for k in of.order:
        now, old = of.row(metric.id, k), before.get(k) if before is not None else None
        more = [cell(metric, old), change_cell(metric, now.value if now else None, old.value if old else None)] if before is not None else []
        rows.append([Cell(names[k]), cell(metric, now, address(**{by: k})), *more])
    bars_ = [Bar(names[k], of.value(metric.id, k), [text_of(metric, row.value if (row := of.row(metric.id, k)) else None)], names[k], address(**{by: k}))
             for k in of.order[:MOST]] if spec.shape == RANKING else []  # fmt: skip
    foot = [_("Only the first %(most)s are drawn; the table has them all.", most=MOST)] if bars_ and len(of.order) > MOST else ()
    draw = partial(_ranking, title, bars_) if bars_ else None
    return Drawn(title, block=Block(key=str(spec.id), title=title, draw=draw, table=Table(columns, rows), foot=foot, broad=spec.width > 2))


def _ranking(title: str, drawn_: list[Bar], width: float) -> Any:
    return horizontal(title, drawn_, width=width)


def _names(by: str, of: Any) -> Mapping[Any, str]:
    if by not in ("month", "quarter"):
        return of.names
    keys = [key for key in of.order if key is not None]
    told = dict(zip(keys, (month_names if by == "month" else quarter_names)(keys), strict=True))
    return {key: told.get(key, of.names[key]) for key in of.order}
