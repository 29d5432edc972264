"""Figures of activities that have a way of their own to be told, beside plain Python over the rows and beside each other."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable
from dataclasses import replace
from datetime import UTC, date, datetime, timedelta
from random import Random
from typing import Any

import pytest
from sqlalchemy import select

from app.core import trash
from app.core.metrics import MetricQuery, evaluate, evaluate_together
from app.core.models import Membership
from app.modules.contacts.models import Account
from app.modules.crm.activities.models import DONE, FOLLOW_UPS, Activity, ActivityMember
from app.modules.crm.metrics.activities import months_within
from tests.modules.crm.test_metrics_all import activities, filled, same

WHOLE = {"start": date(2026, 1, 1), "end": date(2026, 4, 30)}
DONE_FIGURES = ("crm.activities_done", "crm.follow_ups", "crm.effective_contact_rate", "crm.late_record_rate")
THEN = datetime(2026, 4, 4, 12, tzinfo=UTC)


def left_of(session: Any, days: dict[str, date], nth: int, *criteria: Any) -> tuple[list[Activity], dict[int, set[int]]]:
    """The follow-ups of a period after every `nth` was thrown away, and who took part in each activity."""
    found = session.scalars(select(Activity).where(Activity.state == DONE, Activity.kind.in_(FOLLOW_UPS), *criteria).order_by(Activity.id)).all()
    trash.put(Activity, "subject", [row.id for row in found[::nth]])
    rows = [row for number, row in enumerate(found) if number % nth]
    beside: dict[int, set[int]] = {}
    for part in session.scalars(select(ActivityMember)):
        beside.setdefault(part.activity_id, set()).add(part.member_id)
    return [row for row in rows if days.get("start", row.done_on) <= row.done_on <= days.get("end", row.done_on)], beside


@pytest.mark.parametrize("days", [{}, WHOLE, {"start": date(2026, 1, 13), "end": date(2026, 4, 20)}], ids=["ever", "months", "days"])
def test_accounts_touched_by_person_and_month_are_those_of_plain_python(one, people, days: dict[str, date]) -> None:
    """Each account once in a month, for who did it and for whom took part, however often and with whomever."""
    with filled(one, people) as session:
        rows, beside = left_of(session, days, 7, Activity.account_id.is_not(None))
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


DAYS = {
    "months": WHOLE,
    "a month and days around it": {"start": date(2026, 1, 13), "end": date(2026, 3, 9)},
    "from a first day": {"start": date(2026, 2, 1), "end": date(2026, 4, 20)},
    "to a last day": {"start": date(2026, 1, 31), "end": date(2026, 3, 31)},
    "days of two months": {"start": date(2026, 2, 20), "end": date(2026, 3, 12)},
    "a day": {"start": date(2026, 3, 3), "end": date(2026, 3, 3)},
    "ever": {},
}


KEYS: dict[str, Callable[[Activity], Any]] = {
    "kind": lambda row: row.kind, "type": lambda row: row.type_id, "outcome": lambda row: row.outcome_id,
    "month": lambda row: row.done_on.year * 12 + row.done_on.month - 1, "account": lambda row: row.account_id,
}  # fmt: skip


def many(session: Any) -> None:
    """Activities of every day from January to April; of every fourth it is not known when it was told."""
    days = [date(2026, 1, 1) + timedelta(days=d) for d in range(120)]
    members = list(session.scalars(select(Membership.id).order_by(Membership.id)))
    activities(session, Random(8), members, days, [None], list(session.scalars(select(Account).order_by(Account.id))), 600)
    for row in session.scalars(select(Activity).order_by(Activity.id)).all()[::4]:
        row.told_after = None
    session.flush()


@pytest.mark.parametrize("days", DAYS.values(), ids=DAYS)
def test_what_was_done_is_that_of_plain_python_without_what_was_thrown_away(one, people, days: dict[str, date]) -> None:
    with filled(one, people) as session:
        many(session)
        there = evaluate("crm.follow_ups", MetricQuery(**days)).total.value
        rows, beside = left_of(session, days, 3)
        assert there > len(rows) > 0
        for by in ((), ("kind",), ("month", "outcome"), ("month", "type"), ("account",)):
            told: dict[tuple[Any, ...], list[int | None]] = {}
            for row in rows:
                told.setdefault(tuple(KEYS[name](row) for name in by), []).append(row.told_after)
            figure = evaluate("crm.follow_ups", MetricQuery(**days, by=by))
            assert {tuple(row.keys[name] for name in by): row.value for row in figure.rows} == {key: len(hours) for key, hours in told.items()}, by
            known = {key: [h for h in hours if h is not None] for key, hours in told.items()}
            rates = evaluate("crm.late_record_rate", MetricQuery(**days, by=by))
            assert {tuple(row.keys[name] for name in by): (row.numerator, row.n) for row in rates.rows} == {
                key: (sum(h > 24 for h in hours), len(hours)) for key, hours in known.items() if hours or not by
            }, by
        whose = Counter((who, KEYS["month"](row)) for row in rows for who in {row.done_by_id} | beside.get(row.id, set()))
        figure = evaluate("crm.follow_ups", MetricQuery(**days, by=("owner", "month")))
        assert {(row.keys["owner"], row.keys["month"]): row.value for row in figure.rows} == whose
        bob = people["bob"].member_id
        mine = evaluate("crm.follow_ups", MetricQuery(**days, filters={"owner": bob})).total.value
        assert mine == sum(n for (who, _month), n in whose.items() if who == bob)


def test_the_whole_months_of_a_period() -> None:
    assert months_within(date(2026, 1, 1), date(2026, 12, 31)) == (24312, 24323, [])
    assert months_within(date(2026, 1, 2), date(2026, 2, 27)) is None
    assert months_within(date(2026, 1, 2), date(2026, 3, 1)) == (
        24313, 24313, [(date(2026, 1, 2), date(2026, 1, 31)), (date(2026, 3, 1), date(2026, 3, 1))],
    )  # fmt: skip
    assert months_within(date.min, date.max) == (12, 119999, [])
    assert months_within(date(9999, 12, 2), date.max) is None
    assert months_within(date.min, date(1, 1, 30)) is None
    assert months_within(None, date(2026, 1, 31)) is None
