"""Asking the registry for a report: figures of one question together, and the addresses of the records behind them."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Any
from urllib.parse import urlencode

from flask import url_for

from app.core.access import can
from app.core.dimensions import dimensions
from app.core.figure_rollup import rolled_up
from app.core.figures import REASONS, Figure, FigureRow
from app.core.i18n import _, _n
from app.core.metrics import Metric, MetricQuery, evaluate, evaluate_together, metrics
from app.core.reports.drilling import argument
from app.core.reports.frame import Frame
from app.core.reports.periods import Period

Address = Callable[..., str]


@dataclass
class Desk:
    """Where a report asks. It remembers which metrics were asked and what they left out, to say so below."""

    frame: Frame
    asked: dict[str, Metric] = field(default_factory=dict)
    left_out: dict[str, dict[str, int]] = field(default_factory=dict)
    wider: dict[str, set[str]] = field(default_factory=dict)  # filter -> metrics that do not know it
    known: dict[Any, Figure] = field(default_factory=dict)  # what was answered already

    def may(self, *ids: str) -> bool:
        """Whether all these figures are there and the reader may see them."""
        known = metrics()
        return all(each in known and can(known[each].permission) for each in ids)

    def metric(self, metric_id: str) -> Metric:
        return self.asked.setdefault(metric_id, metrics()[metric_id])

    def query(self, metric: Metric, *by: str, during: Period | None = None, **filters: Any) -> MetricQuery:
        """The report's question as far as a metric understands its filters; what it does not is said below."""
        query = self.frame.query(*by, during=during, **filters)
        unknown = [name for name in self.frame.filters if name not in metric.dimensions]
        for name in unknown:
            self.wider.setdefault(name, set()).add(metric.id)
        return replace(query, filters={k: v for k, v in query.filters.items() if k not in unknown})

    def figures(self, ids: Sequence[str], *by: str, during: Period | None = None, **filters: Any) -> list[Figure]:
        """The figures of several metrics, in one statement for all that count the same rows; each is asked once."""
        about = (by, during, tuple((name, tuple(wanted) if isinstance(wanted, list) else wanted) for name, wanted in sorted(filters.items())))
        together: dict[Any, list[str]] = {}
        for metric_id in ids:
            metric = self.metric(metric_id)
            if (metric_id, about) not in self.known and not self._told_by_more(metric_id, about):
                query = self.query(metric, *by, during=during, **filters)
                together.setdefault(metric.facts.rows_key(query) if metric.facts else metric.build, []).append(metric_id)
        found: dict[str, Figure] = {}
        for same in together.values():
            query = self.query(self.metric(same[0]), *by, during=during, **filters)
            answers = evaluate_together(same, query) if len(same) > 1 else [evaluate(same[0], query)]
            found.update(zip(same, answers, strict=True))
        if during is None:
            self.left_out.update({i: f.excluded for i, f in found.items() if any(f.excluded.values())})
        self.known.update({(metric_id, about): figure for metric_id, figure in found.items()})
        return [self.known[metric_id, about] for metric_id in ids]

    def ask(self, asked: Mapping[str, tuple[str, ...]], during: Period | None = None) -> None:
        """Ask several figures of the same rows in one statement, each by dimensions of its own; `figures` finds those by
        fewer dimensions, and by single keys of them, in these."""
        queries = [self.query(self.metric(metric_id), during=during) for metric_id in asked]
        found = evaluate_together(list(asked), queries[0], bys=list(asked.values()), named=False)
        self.known.update({(f.metric.id, (f.query.by, during, ())): f for f in found})

    def _told_by_more(self, metric_id: str, about: tuple[Any, ...]) -> bool:
        """Whether a figure asked for by more dimensions, or for more months, has told this one: then it is known."""
        by, during, filters = about
        period, wanted = during or self.frame.period, set(filters)
        for (known_id, (more, other, others)), figure in list(self.known.items()):
            if known_id != metric_id or not set(others) <= wanted or not set(by) <= set(more):
                continue
            only = dict(wanted - set(others))
            days = (None, None) if during == other else (period.first, period.last)
            if found := rolled_up(figure, *by, only=only, start=days[0], end=days[1]):
                self.known[metric_id, about] = found
                if during is None and any(found.excluded.values()):
                    self.left_out[metric_id] = found.excluded
                return True
        return False

    def figure(self, metric_id: str, *by: str, during: Period | None = None, **filters: Any) -> Figure:
        return self.figures([metric_id], *by, during=during, **filters)[0]

    def behind(self, metric_id: str, during: Period | None = None, **filters: Any) -> Address:
        """A function that gives the address of the records behind one line of a figure, from its keys."""
        query = self.query(self.metric(metric_id), during=during, **filters)
        said: dict[str, Any] = {"metric": metric_id, "from": query.start, "to": query.end}
        said["as_of"] = self.frame.args["as_of"] if query.as_of else None
        said = {name: value for name, value in said.items() if value}
        base = url_for("admin.figure_records", **said, **arguments(query.filters))
        fixed = set(query.filters)

        def address(**keys: Any) -> str:
            # A key that is narrower than the report's own filter stands in its place: it is one of the filter's.
            if narrower := fixed & keys.keys():
                rest = {k: v for k, v in query.filters.items() if k not in narrower}
                return url_for("admin.figure_records", **said, **arguments({**rest, **keys}))
            return f"{base}&{urlencode(arguments(keys), doseq=True)}" if keys else base

        return address

    def notes(self) -> list[str]:
        """Sentences about what the figures leave out, and which filter they do not know."""
        most = {reason: max((each.get(reason, 0) for each in self.left_out.values()), default=0) for reason in REASONS}
        found = [
            _n("%(num)d record %(why)s is in no sum.", "%(num)d records %(why)s are in no sum.", n, why=REASONS[reason])
            for reason, n in most.items()
            if n
        ]
        names = dimensions()
        for name, ids in self.wider.items():
            labels = ", ".join(sorted(str(self.asked[i].label) for i in ids))
            found.append(_("Not narrowed down by %(filter)s: %(figures)s.", filter=str(names[name].label).lower(), figures=labels))
        return found

    def definitions(self) -> list[tuple[str, str]]:
        """Name and definition of every metric that was asked."""
        return [(str(m.label), str(m.describe)) for m in self.asked.values()]


def arguments(filters: dict[str, Any] | Any) -> dict[str, Any]:
    return {name: argument(value) for name, value in filters.items()}


def by_key(figure: Figure, *names: str) -> dict[Any, FigureRow]:
    """The rows of a figure by the keys of a dimension, or by tuples of several."""
    if len(names) == 1:
        return {row.keys[names[0]]: row for row in figure.rows}
    return {tuple(row.keys[name] for name in names): row for row in figure.rows}


def label_of(row: FigureRow, name: str) -> str:
    return row.by[name] or _("None")
