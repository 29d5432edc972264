"""What adds up, adds up: whatever is in the company, the lines of an additive split make the figure."""

from __future__ import annotations

from contextlib import suppress
from datetime import date, timedelta
from decimal import Decimal
from typing import Any

from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from sqlalchemy import select

from app.core.clock import noon
from app.core.db import db
from app.core.errors import BusinessError
from app.core.figures import FigureRow
from app.core.metrics import MetricQuery, evaluate, metrics
from app.core.models import Membership
from app.core.money import Money
from app.core.tenancy import acting_for
from app.modules.contacts import services as accounts
from app.modules.crm import services
from app.modules.crm.activities import services as activities
from app.modules.crm.activities.models import ActivityType
from app.modules.crm.leads import services as leads
from app.modules.crm.models import Stage
from app.modules.crm.parts import services as parts
from tests.modules.crm.making import clock, rate

BEGUN = date(2026, 1, 5)
DEALS = st.lists(
    st.fixed_dictionaries(
        {
            "amount": st.one_of(st.none(), st.builds(Money, st.integers(0, 10**7), st.sampled_from(["EUR", "USD", "GBP"]))),
            "who": st.integers(0, 3), "account": st.integers(-1, 1), "days": st.integers(0, 90), "product": st.sampled_from([None, "Press"]),
            "expected": st.one_of(st.none(), st.integers(0, 200)), "path": st.lists(st.tuples(st.integers(0, 7), st.integers(0, 20)), max_size=3),
            "percent": st.one_of(st.none(), st.integers(1, 99)), "category": st.sampled_from([None, "commit", "omitted"]),
        }
    ),
    min_size=1, max_size=4,
)  # fmt: skip
ACTS = st.lists(
    st.tuples(st.integers(0, 4), st.integers(0, 3), st.sets(st.integers(0, 3), max_size=2), st.integers(0, 100), st.booleans()), max_size=4
)
LEADS = st.lists(st.tuples(st.integers(0, 3), st.integers(0, 100)), max_size=3)
PERIOD = st.sampled_from([{}, {"start": date(2026, 1, 1), "end": date(2026, 3, 31)}])


def tell(deals: list[dict[str, Any]], acts: list[Any], came: list[Any]) -> None:
    members = db.session.scalars(select(Membership.id).order_by(Membership.id)).all()
    stages = db.session.scalars(select(Stage).order_by(Stage.position)).all()
    types = db.session.scalars(select(ActivityType.id).order_by(ActivityType.id)).all()
    rate("USD", date(2026, 1, 1), Decimal("0.8123"))
    here = [accounts.create_account({"name": n, "segment": n, "target": True, "owner_id": members[0]}).id for n in ("A", "B")]
    for told in deals:
        tell_deal(told, members, stages, here)
    for kind, who, others, days, done in acts:
        values = {"type_id": types[kind], "subject": "x", "owner_id": members[who], "members": [members[o] for o in others], "account_id": here[0]}
        if done:
            activities.log({**values, "done_on": BEGUN + timedelta(days=days)})
        else:
            activities.plan({**values, "due_on": BEGUN + timedelta(days=days)})
    for who, days in came:
        leads.create_lead({"name": "Lead", "owner_id": members[who], "opened_on": BEGUN + timedelta(days=days)})


def tell_deal(told: dict[str, Any], members: Any, stages: Any, here: list[int]) -> None:
    at = noon(BEGUN + timedelta(days=told["days"]))
    expected = None if told["expected"] is None else BEGUN + timedelta(days=told["expected"])
    values = {"name": "Deal", "amount": told["amount"], "owner_id": members[told["who"]], "expected_close": expected,
              "account_id": here[told["account"]] if told["account"] >= 0 else None, "product": told["product"], "category": told["category"]}
    deal = services.create_deal(values, at=at, source="import")
    for place, days in told["path"]:
        at += timedelta(days=days)
        # Into the stage where it is, nothing moves.
        with suppress(BusinessError), db.session.begin_nested():
            services.move_deal(deal, stages[place], version=None, at=at, source="import")
    if told["percent"]:
        parts.set_credits(deal, [(members[0], told["percent"]), (members[1], 100 - told["percent"])])


@given(DEALS, ACTS, LEADS, PERIOD)
@settings(max_examples=5, deadline=None, derandomize=True, database=None, suppress_health_check=list(HealthCheck))
def test_the_lines_of_an_additive_split_make_the_figure(one, people, deals, acts, came, period) -> None:
    with clock("2026-06-30T10:00:00"), one.app.app_context(), acting_for(one.id, people["alice"].member_id):
        tell(deals, acts, came)
        db.session.flush()
        for name, metric in metrics().items():
            whole = evaluate(name, MetricQuery(**period)).total if metric.additive else None
            for dimension in sorted(metric.additive):
                lines = evaluate(name, MetricQuery(by=(dimension,), **period)).rows
                assert adds_up(lines, whole, metric.currency_basis == "snapshot"), (name, dimension, lines, whole)
        db.session.rollback()


def adds_up(lines: list[FigureRow], whole: Any, rounded: bool) -> bool:
    """To the cent; where amounts are converted line by line, after they were summed, half a cent for each and the whole."""
    if sum(row.n for row in lines) != whole.n:
        return False
    if isinstance(whole.value, Money):
        apart = abs(sum(row.value.minor for row in lines) - whole.value.minor)
        return apart <= ((len(lines) + 1) * 2 if rounded else 0)
    return sum(row.value for row in lines) == whole.value
