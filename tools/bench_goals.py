"""Scorecards and the pages of goals: figures by person and month, as history and forecasts of goals ask for them."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import date, timedelta
from typing import TYPE_CHECKING

from bench_measure import WARM_UP, Timing, recording, timed

from app.core.metrics import MetricQuery, evaluate, evaluate_together, metrics
from app.core.reports.periods import moved
from app.core.tenancy import acting_for

if TYPE_CHECKING:
    from bench_pages import Bench

# What a scorecard of a rep has: results, and what leads to them.
FIGURES = (
    "crm.won_amount", "crm.won_count", "crm.average_deal_size", "crm.win_rate", "crm.deal_count", "crm.pipeline_created",
    "crm.activities_done", "crm.follow_ups", "crm.effective_contact_rate", "crm.accounts_touched",
)  # fmt: skip
BY = ("owner", "month")
PAGES = {
    "revenue": "kpi/revenue",
    "revenue: quotas period by period": "kpi/revenue?part=history",
    "dashboard of the company, all at once": "kpi/dashboards/company?whole=1",
    "dashboard of the team, all at once": "kpi/dashboards/team?whole=1",
    "dashboard: the team against its quota": "kpi/dashboards/team/widgets/7",
}


def measured(bench: Bench, base: str, day: date) -> Iterator[Timing]:
    """Ten figures of everybody for twelve months, one statement for each and one for all that count the same rows; the
    pages that rest on them."""
    yield _scorecards(bench, day, together=False)
    yield _scorecards(bench, day, together=True)
    yield from bench.pages({name: (address, ()) for name, address in PAGES.items()}, base)


def _scorecards(bench: Bench, day: date, *, together: bool) -> Timing:
    first = moved(day.replace(day=1), -11)
    query = MetricQuery(start=first, end=moved(first, 12) - timedelta(days=1), by=BY)
    found = Timing(f"scorecards: reps × {len(FIGURES)} figures × 12 months{', together' if together else ''}")
    with bench.app.app_context(), acting_for(bench.company_id):
        asked = _together(query) if together else [[each] for each in FIGURES]
        with recording(bench.app) as sent:
            rows = [row for same in asked for row in _ask(same, query)]
        found.statements, found.rows = sum(one.counts for one in sent), len(rows)
        for number in range(-WARM_UP, bench.rounds):
            seconds, _rows = timed(lambda: [_ask(same, query) for same in asked])
            if number >= 0:
                found.taken.append(seconds)
    return found


def _ask(same: list[str], query: MetricQuery) -> list[object]:
    told = evaluate_together(same, query) if len(same) > 1 else [evaluate(same[0], query)]
    return [row for figure in told for row in figure.rows]


def _together(query: MetricQuery) -> list[list[str]]:
    """The figures by the rows that they count."""
    found: dict[object, list[str]] = {}
    for each in (metrics()[metric_id] for metric_id in FIGURES):
        found.setdefault(each.facts.rows_key(query) if each.facts else each.build, []).append(each.id)
    return list(found.values())
