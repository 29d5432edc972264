"""Every metric against a definition of its own in plain Python, over a company in which much has happened.

The definitions (`figure_deals`, `figure_care`) read raw rows alone: the ledger, activities, leads, accounts, shares.
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import replace
from datetime import UTC, date, datetime
from decimal import Decimal
from fractions import Fraction
from typing import Any

import time_machine

from app.core.db import db
from app.core.metrics import Metric, MetricQuery, drill, evaluate, metrics
from app.core.money import Money
from app.core.tenancy import acting_for
from tests.modules.crm.figure_care import DEFINITIONS
from tests.modules.crm.figure_company import live
from tests.modules.crm.figure_deals import velocity_of
from tests.modules.crm.figure_world import Row, World, ask, group, line

WINTER, SPRING = datetime(2026, 1, 31, 22, 45, tzinfo=UTC), datetime(2026, 4, 20, 8, tzinfo=UTC)
QUARTER = {"start": date(2026, 1, 1), "end": date(2026, 3, 31)}
MOMENTS: tuple[dict[str, Any], ...] = ({}, {"as_of": SPRING}, {"known_at": SPRING}, {"as_of": WINTER, "known_at": SPRING})
SEVERAL = ("competitor", "problem", "stage", "owner", "team")  # by some of these a row counts for several keys


@contextmanager
def company(one: Any, people: Any, size: int) -> Iterator[World]:
    """A company after nine months; a smaller one on PostgreSQL, which is for what databases do differently."""
    past = time_machine.travel(datetime(2025, 9, 1, tzinfo=UTC), tick=False)
    with past as traveller, one.app.app_context(), acting_for(one.id, people["alice"].member_id):
        live(traveller, people, size=size if db.engine.dialect.name == "sqlite" else size // 2)
        yield World()


def of_crm() -> dict[str, Metric]:
    return {name: metric for name, metric in metrics().items() if metric.module in ("crm", "contacts")}


def asked() -> Iterator[MetricQuery]:
    for moment, period in zip(MOMENTS, ({}, QUARTER, {}, QUARTER), strict=True):
        yield MetricQuery(**moment, **period)


def same(metric: Metric, found: Any, wanted: Any, n: int) -> bool:
    """Equal, but for what is converted after it is summed by currency and weight: half a cent for each sum."""
    if wanted is None or found is None:
        return wanted is found
    found = found.minor if isinstance(found, Money) else found
    if metric.unit == "money":
        apart = n / 2 if metric.currency_basis == "snapshot" else 0
        return abs(Fraction(found) - Fraction(wanted)) <= Fraction(1, 2) + Fraction(apart)
    return abs(Fraction(found) - Fraction(wanted)) < Fraction(1, 10**12) if isinstance(found, Decimal) else found == wanted


def differences(metric: Metric, query: MetricQuery, rows: list[Row]) -> Iterator[Any]:
    """Where a figure is not what plain Python makes of the rows that it counts."""
    figure = evaluate(metric.id, query)
    lines = {key: line(metric, some, velocity_of) for key, some in group(metric, rows, query).items()}
    wanted = {key: found for key, found in lines.items() if found.n or not key}
    given = {tuple(row.keys.values()): row for row in figure.rows}
    asked = {k: v for k, v in vars(query).items() if v}
    for key in sorted({*wanted, *given}, key=str):
        if key not in given or key not in wanted:
            yield metric.id, asked, key, "found" if key in given else "missing", given.get(key), wanted.get(key)
            continue
        row, mine = given[key], lines[key]
        ratio = metric.shape == "ratio"
        parts = [getattr(part, "minor", part) for part in (row.numerator, row.denominator)] if ratio else []
        if row.n != mine.n or not same(metric, row.value, mine.value, mine.n) or (ratio and parts != [mine.num, mine.den]):
            yield metric.id, asked, key, (row.value, row.n, parts), mine
    if not set(query.by) & set(SEVERAL):
        said = {reason: n for reason, n in figure.excluded.items() if n}
        told: dict[str, int] = {}
        for some in group(metric, rows, replace(query, by=())).values():
            ids: dict[str, set[int]] = {}
            for row in (r for r in some if r.left_out):
                ids.setdefault(row.left_out, set()).add(row.id)
            told = {reason: len(found) for reason, found in ids.items()}
        if said != told:
            yield metric.id, asked, "excluded", said, told


def report(found: list[Any]) -> str:
    return "\n".join(str(f) for f in found[:60]) + f"\n{len(found)} in {sorted({f[0] for f in found})}"


def test_every_metric_is_what_plain_python_makes_of_the_same_rows(one, people) -> None:
    with company(one, people, size=100) as world:
        ours = of_crm()
        assert set(ours) == set(DEFINITIONS), "a metric without a definition here, or the other way round"
        found: list[Any] = []
        counted: set[str] = set()
        for metric in ours.values():
            for query in asked():
                rows = list(DEFINITIONS[metric.id](ask(world, metric, query)))
                if rows:
                    counted.add(metric.id)
                for split in ((), *((name,) for name in metric.dimensions), metric.dimensions[:2]):
                    found += differences(metric, replace(query, by=split), rows)
        assert not found, report(found)
        # Half a company, as PostgreSQL has it, is too small for an account that comes back after a year.
        rare = set() if db.engine.dialect.name == "sqlite" else {"crm.portfolio_reactivated"}
        assert set(ours) - counted <= rare


def test_the_records_behind_a_figure_add_up_to_it(one, people) -> None:
    with company(one, people, size=50) as world:
        found: list[Any] = []
        for metric in of_crm().values():
            for query, most in ((MetricQuery(**QUARTER), 2), (MetricQuery(known_at=SPRING), 1), (MetricQuery(as_of=SPRING, **QUARTER), 1)):
                rows = list(DEFINITIONS[metric.id](ask(world, metric, query)))
                for name in metric.dimensions:
                    for row in evaluate(metric.id, replace(query, by=(name,))).rows[:most]:
                        found += behind(metric, replace(query, filters=row.keys), rows)
                found += behind(metric, query, rows)
        assert not found, report(found)


def behind(metric: Metric, query: MetricQuery, rows: list[Row]) -> Iterator[Any]:
    """Where the ids of a drill-down, looked up one by one, do not make the figure."""
    ids = list(db.session.scalars(drill(metric.id, query)))
    listed = [row for row in rows if row.id in set(ids)]
    yield from (found for found in differences(metric, query, listed) if "excluded" not in found)
    counts = {row.id for row in group(metric, rows, query)[()] if not row.left_out or metric.shape == "formula"}
    if set(ids) != counts or (len(ids) != len(set(ids)) and not metric.repeats):
        yield metric.id, vars(query), "ids", sorted(set(ids) - counts), sorted(counts - set(ids)), len(ids) - len(set(ids))
