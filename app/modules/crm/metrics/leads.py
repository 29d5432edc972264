"""Figures of leads: how many came in, and how many became deals."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from sqlalchemy import ColumnElement, Select, and_, case, func, select

from app.core.db import utcnow
from app.core.i18n import _l
from app.core.metrics import Metric, MetricQuery
from app.modules.crm.leads.models import CONVERTED, Lead
from app.modules.crm.metrics.facts import between, matches, time_key, unknown_filter
from app.modules.crm.metrics.kept import kept

COLUMNS = {
    "owner": Lead.owner_id, "team": Lead.team_id, "source": Lead.source_id, "medium": Lead.medium_id,
    "campaign": Lead.campaign_id, "product": Lead.product,
}
SPLITS = (*COLUMNS, "month", "quarter")


@dataclass(frozen=True, kw_only=True)
class Leads:
    """Leads by the day they came in, or by the day they were converted."""

    converted: bool = False
    share: bool = False

    def build(self, query: MetricQuery) -> Select:
        keys = [self._key(name).label(f"d_{name}") for name in query.by]
        n = func.count().label("n")
        if self.share:
            hits = func.sum(case((_converted(query), 1), else_=0)).label("numerator")
            return self._chosen(query).with_only_columns(*keys, hits, func.count().label("denominator"), n).group_by(*keys)
        return self._chosen(query).with_only_columns(*keys, func.count().label("value"), n).group_by(*keys)

    def drill(self, query: MetricQuery) -> Select:
        return self._chosen(query)

    def _chosen(self, query: MetricQuery) -> Select:
        found = select(Lead.id).where(*_there(query), *between(self._day, query.start, query.end))
        if self.converted:
            found = found.where(_converted(query))
        if query.scope is not None:
            found = found.where(Lead.owner_id.in_(sorted(query.scope)))
        for name, wanted in query.filters.items():
            if name not in SPLITS:
                raise unknown_filter(name, SPLITS)
            found = found.where(matches(self._key(name), wanted))
        return found.execution_options(with_trash=True)

    @property
    def _day(self) -> Any:
        return Lead.converted_on if self.converted else Lead.opened_on

    def _key(self, name: str) -> Any:
        return time_key(name, self._day) if name in ("month", "quarter") else COLUMNS[name]


def _there(query: MetricQuery) -> list[ColumnElement[bool]]:
    """Criteria of leads that had come in by then, as far as was known."""
    found = [kept(Lead, query)]
    if query.as_of or query.known_at:
        known = query.known_at or utcnow()
        found += [Lead.opened_at <= min(query.as_of or known, known), Lead.created_at <= known]
    return found


def _converted(query: MetricQuery) -> ColumnElement[bool]:
    if query.as_of is None and query.known_at is None:
        return Lead.state == CONVERTED
    now = utcnow()
    return and_(Lead.state == CONVERTED, Lead.converted_at <= min(query.as_of or now, query.known_at or now))


def _metric(name: str, label: Any, describe: Any, definition: Leads, **more: Any) -> Metric:
    return Metric(
        id=f"crm.{name}",
        label=label,
        describe=describe,
        row="m05",
        unit=more.pop("unit", "count"),
        build=definition.build,
        drill=definition.drill,
        permission="crm.lead.view",
        resource="crm.lead",
        grain="lead",
        dimensions=SPLITS,
        additive=frozenset(SPLITS) if more.get("shape", "sum") == "sum" else frozenset(),
        **more,
    )


METRICS = (
    _metric(
        "leads_created",
        _l("Leads"),
        _l("Leads that came in in the period, whatever became of them."),
        Leads(),
        basis="cohort",
    ),
    _metric(
        "leads_converted",
        _l("Leads converted"),
        _l("Leads that were converted in the period, whenever they came in."),
        Leads(converted=True),
    ),
    _metric(
        "lead_conversion",
        _l("Lead conversion (cohort)"),
        _l("Of the leads that came in in the period, the share that was converted since."),
        Leads(share=True),
        unit="ratio",
        shape="ratio",
        basis="cohort",
    ),
)
