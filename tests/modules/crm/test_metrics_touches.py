"""Figures of activities that have a way of their own to be told, beside plain Python over the rows and beside each other."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, date, datetime
from typing import Any

import pytest
from sqlalchemy import select

from app.core import trash
from app.core.metrics import MetricQuery, evaluate, evaluate_together
from app.modules.crm.activities.models import DONE, FOLLOW_UPS, Activity, ActivityMember
from tests.modules.crm.test_metrics_all import filled, same

WHOLE = {"start": date(2026, 1, 1), "end": date(2026, 4, 30)}
DONE_FIGURES = ("crm.activities_done", "crm.follow_ups", "crm.effective_contact_rate", "crm.late_record_rate")
THEN = datetime(2026, 4, 4, 12, tzinfo=UTC)


@pytest.mark.parametrize("days", [{}, WHOLE, {"start": date(2026, 1, 13), "end": date(2026, 4, 20)}], ids=["ever", "months", "days"])
def test_accounts_touched_by_person_and_month_are_those_of_plain_python(one, people, days: dict[str, date]) -> None:
    """Each account once in a month, for who did it and for whom took part, however often and with whomever."""
    with filled(one, people) as session:
        rows = session.scalars(select(Activity).where(Activity.state == DONE, Activity.kind.in_(FOLLOW_UPS), Activity.account_id.is_not(None)))
        rows = list(rows)
        trash.put(Activity, "subject", [row.id for row in rows[::7]])
        rows = [row for number, row in enumerate(rows) if number % 7]
        rows = [row for row in rows if days.get("start", row.done_on) <= row.done_on <= days.get("end", row.done_on)]
        beside: dict[int, set[int]] = {}
        for part in session.scalars(select(ActivityMember)):
            beside.setdefault(part.activity_id, set()).add(part.member_id)
        touched: dict[tuple[int, int], set[int]] = {}
        for row in rows:
            for member in {row.done_by_id} | beside.get(row.id, set()):
                touched.setdefault((member, row.done_on.year * 12 + row.done_on.month - 1), set()).add(row.account_id)
        alone = sum(1 for row in rows for member in beside.get(row.id, set()) if member != row.done_by_id)
        bob, an_account = people["bob"].member_id, rows[0].account_id
        for filters in ({}, {"owner": bob}, {"account": an_account}, {"owner": [bob, None], "account": [an_account]}):
            wanted = {
                key: len(kept) for key, accounts in touched.items()
                if ("owner" not in filters or key[0] == bob) and (kept := accounts & {an_account} if "account" in filters else accounts)
            }  # fmt: skip
            for by in (("owner", "month"), ("month", "owner")):
                figure = evaluate("crm.accounts_touched", MetricQuery(**days, by=by, filters=filters))
                assert {(row.keys["owner"], row.keys["month"]): row.value for row in figure.rows} == wanted, filters
                assert all(row.n == row.value for row in figure.rows)
        mine = evaluate("crm.accounts_touched", MetricQuery(**days, by=("owner", "month"), scope=frozenset({bob})))
        assert {row.keys["month"]: row.value for row in mine.rows} == {m: len(a) for (who, m), a in touched.items() if who == bob}
        assert alone > 5


@pytest.mark.parametrize("more", [{}, {"as_of": THEN, "known_at": THEN}, {"filters": {"kind": "call"}}, {"filters": {"account": None}}],
                         ids=["now", "then", "calls", "no-account"])  # fmt: skip
def test_figures_of_what_was_done_are_told_by_one_statement(one, people, more: dict[str, Any]) -> None:
    with filled(one, people):
        query = MetricQuery(**WHOLE, **more)
        whose = {"filters": {**query.filters, "owner": people["bob"].member_id}}
        bys = ((), ("owner",), ("team",), ("owner", "month"), ("owner", "team", "kind"), ("quarter", "type"), ("outcome",), ("segment",), ("account", "month"))
        for by in bys:
            for asked in (replace(query, by=by), replace(query, by=by, **whose)):
                for name, together in zip(DONE_FIGURES, evaluate_together(DONE_FIGURES, asked), strict=True):
                    same(together, evaluate(name, asked))
        mixed = [("owner", "month"), ("kind",), (), ("month",)]
        if not more:
            with pytest.raises(ValueError, match="do not part"):
                evaluate_together(DONE_FIGURES, query, bys=mixed)
            mixed[0] = ("kind", "month")
            for name, by, together in zip(DONE_FIGURES, mixed, evaluate_together(DONE_FIGURES, query, bys=mixed), strict=True):
                same(together, evaluate(name, replace(query, by=by)))
