"""How SQLite, which keeps no statistics, goes about each figure: what is looked up row by row is found by an id or a date,
never by reading what a whole company has. Such a plan takes seconds where there is much, and no time in a test."""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from datetime import UTC, date, datetime
from typing import Any

import pytest
from sqlalchemy import event

from app.core.db import db
from app.core.metrics import MetricQuery, drill, evaluate, evaluate_together, metrics
from tests.conftest import Office

pytestmark = pytest.mark.on("sqlite")

MUCH = re.compile(r"\b(?:crm_(?:activity|activity_member|deal|deal_span|deal_stage|deal_event|lead)|contacts_account)\b")
FEW = {"company_id", "state"}  # each company has some of these values, and many rows of each
YEAR = {"start": date(2026, 1, 1), "end": date(2026, 12, 31)}
PAST = {"as_of": datetime(2026, 8, 14, 12, tzinfo=UTC)}
Step = tuple[int, int, str]  # id, id of the one it is part of, what is done


def loops(steps: Sequence[Step], tables: dict[str, str]) -> Iterator[tuple[str, str]]:
    """Tables with much in them that are gone to for each row of something else, and how."""
    known = {step: (parent, told) for step, parent, told in steps}
    begun: set[int] = set()
    for step, parent, told in steps:
        reads = told.startswith(("SEARCH", "SCAN", "MULTI-INDEX OR"))
        again = parent in begun or any("CORRELATED" in part for part in _above(step, known))
        if reads:
            begun.add(parent)
        table = tables.get(told.split()[1]) if reads else None
        if again and table and MUCH.fullmatch(table):
            yield table, told


def _above(step: int, known: dict[int, tuple[int, str]]) -> Iterator[str]:
    while step in known:
        step, told = known[step]
        yield told


def is_found(told: str) -> bool:
    """Whether a step looks for something, not through all of it."""
    return "AUTOMATIC" in told or bool(set(re.findall(r"(\w+)=\?", told)) - FEW)


def test_what_counts_as_looking_through_everything():
    tables = {"crm_deal": "crm_deal", "later": "crm_deal_span", "crm_activity_member": "crm_activity_member"}
    steps = [
        (1, 0, "SEARCH crm_activity_member USING INDEX x (company_id=?)"),
        (2, 0, "SEARCH crm_deal USING INDEX y (company_id=? AND state=? AND closed_on>?)"),
        (3, 0, "CORRELATED SCALAR SUBQUERY 1"),
        (4, 3, "SEARCH later USING COVERING INDEX z (company_id=? AND deal_id=?)"),
        (5, 0, "LIST SUBQUERY 2"),
        (6, 5, "SCAN later"),
    ]
    found = list(loops(steps, tables))
    assert [table for table, _told in found] == ["crm_deal", "crm_deal_span"]
    assert [is_found(told) for _table, told in found] == [False, True]
    assert not is_found("SCAN later")
    assert is_found("SEARCH crm_deal USING INTEGER PRIMARY KEY (rowid=?)")


def questions(name: str) -> Iterator[MetricQuery]:
    metric = metrics()[name]
    bys = [(), *((each,) for each in metric.dimensions)]
    bys += [pair for pair in (("owner", "month"), ("team", "month"), ("reason", "last_stage")) if set(pair) <= set(metric.dimensions)]
    for by in bys:
        for when in (YEAR, {}, {**YEAR, **PAST}):
            yield MetricQuery(by=by, **when)
        yield MetricQuery(by=by, scope=frozenset({1, 2}), **YEAR)
    for each in ("owner", "team"):
        if each in metric.dimensions:
            yield MetricQuery(filters={each: [1, 2]}, **YEAR)


@contextmanager
def told() -> Iterator[list[tuple[str, Any]]]:
    sent: list[tuple[str, Any]] = []

    def note(_connection: Any, _cursor: Any, text: str, parameters: Any, _context: Any, _many: bool) -> None:
        if text.startswith(("SELECT", "WITH")):
            sent.append((text, parameters))

    event.listen(db.engine, "before_cursor_execute", note)
    yield sent
    event.remove(db.engine, "before_cursor_execute", note)


def names_in(text: str) -> dict[str, str]:
    """What a statement calls its tables."""
    return {alias or table: table for table, alias in re.findall(r"(?:FROM|JOIN|,) (\w+)(?: AS (?!d_)\"?(\w+)\"?)?", text)}


def looked_through(sent: Sequence[tuple[str, Any]]) -> set[str]:
    found = set()
    for text, parameters in sent:
        plan = db.session.connection().exec_driver_sql(f"EXPLAIN QUERY PLAN {text}", parameters)
        steps = [(row[0], row[1], row[3]) for row in plan]
        found |= {f"{table}: {how}" for table, how in loops(steps, names_in(text)) if not is_found(how)}
    return found


def counted_alike() -> list[list[str]]:
    """Figures that are told by one statement."""
    found: dict[Any, list[str]] = {}
    for name, metric in metrics().items():
        if metric.facts and {"owner", "month"} <= set(metric.dimensions):
            found.setdefault(metric.facts.rows_key(MetricQuery(**YEAR)), []).append(name)
    alike = [same for same in found.values() if len(same) > 1]
    assert len(alike) > 2
    return alike


def test_no_figure_looks_through_everything_for_each_row(one: Office):
    wrong: dict[str, set[str]] = {}
    with one:
        for name in sorted(each for each, m in metrics().items() if m.module in ("crm", "contacts") and not m.inputs):
            for query in questions(name):
                with told() as sent:
                    evaluate(name, query)
                    db.session.execute(drill(name, query))
                for each in looked_through(sent):
                    wrong.setdefault(f"{name}: {each}", set()).add(f"{query.by} {query.as_of and 'past'} {query.scope and 'some'}")
        for same in counted_alike():
            for by in (("owner", "month"), ("owner",), ("month",)):
                with told() as sent:
                    evaluate_together(same, MetricQuery(by=by, **YEAR))
                for each in looked_through(sent):
                    wrong.setdefault(f"{', '.join(same)}: {each}", set()).add(f"{by} together")
    assert not wrong, "\n".join(f"{key} {sorted(value)[:4]}" for key, value in sorted(wrong.items()))


def test_whole_months_are_counted_by_their_own_index_and_what_was_thrown_away_is_found_by_the_trash(one: Office):
    with one, told() as sent:
        evaluate("crm.follow_ups", MetricQuery(by=("month", "kind"), **YEAR))
        ((text, parameters),) = [each for each in sent if "crm_activity" in each[0]]
        plan = [row[3] for row in db.session.connection().exec_driver_sql(f"EXPLAIN QUERY PLAN {text}", parameters)]
    reads = [how for how in plan if how.startswith(("SEARCH", "SCAN")) and "counted" not in how]
    assert [" ".join(how.split()[:2]) for how in reads] == ["SEARCH crm_activity", "SEARCH core_trash", "SEARCH crm_activity"]
    assert "COVERING INDEX ix_crm_activity_counts" in reads[0]
    assert "INTEGER PRIMARY KEY (rowid=?)" in reads[2]
