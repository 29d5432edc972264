"""How figures are put together, whatever the module: medians, shapes, dates, labels, refusals."""

from __future__ import annotations

from datetime import date
from decimal import Decimal
from statistics import median

import pytest
from hypothesis import given
from hypothesis import strategies as st
from sqlalchemy import Date, literal, select

from app.core import figure_parts, lifecycle
from app.core import metrics as registry
from app.core.access import enter_company
from app.core.db import db
from app.core.dimensions import labels_of
from app.core.errors import BusinessError, Forbidden, NotFound
from app.core.figures import Figure, FigureRow
from app.core.metrics import MetricQuery, evaluate
from app.core.models import Membership, Role
from app.core.money import Money
from app.core.registry import registry as modules
from app.core.sql_dates import days_between, month_key, quarter_key
from app.core.writes import create
from app.modules.crm import bulk
from app.modules.crm.models import Stage


@given(st.lists(st.integers(-5, 5), min_size=1, max_size=30))
def test_the_median_of_a_histogram_is_the_median_of_its_values(values: list[int]) -> None:
    histogram = {value: values.count(value) for value in values}
    assert figure_parts.median(histogram) == Decimal(str(median(values)))


def test_the_median_of_nothing_is_undefined() -> None:
    assert figure_parts.median({}) is None


DAYS = [date(1999, 12, 31), date(2000, 2, 29), date(2025, 1, 1), date(2025, 3, 31), date(2025, 4, 1), date(2026, 12, 31)]


@pytest.mark.parametrize("day", DAYS)
def test_both_databases_count_days_months_and_quarters_alike(one, day: date) -> None:
    column, start = literal(day, Date), date(1999, 12, 31)
    with one:
        query = select(days_between(column, literal(start, Date)), month_key(column), quarter_key(column, 1), quarter_key(column, 4))
        days, month, quarter, from_april = db.session.execute(query).one()
        months, quarters = labels_of("month", [month]), labels_of("quarter", [quarter, from_april])
    assert days == (day - start).days
    assert months[month] == f"{day:%Y-%m}"
    assert quarters[quarter] == f"{day.year}-Q{(day.month + 2) // 3}"
    fiscal_year = day.year if day.month >= 4 else day.year - 1
    assert quarters[from_april].startswith(f"{fiscal_year}-Q")


def test_an_unknown_figure_is_not_found(one) -> None:
    with one, pytest.raises(NotFound, match=r"crm\.sunshine"):
        evaluate("crm.sunshine", MetricQuery())


def test_an_unknown_split_is_refused_with_those_that_are_known(one) -> None:
    with one, pytest.raises(BusinessError, match="owner") as refused:
        evaluate("crm.won_count", MetricQuery(by=("weather",)))
    assert refused.value.field == "by"


def test_a_period_does_not_end_before_it_begins(one) -> None:
    with one, pytest.raises(BusinessError, match="before it begins"):
        evaluate("crm.won_count", MetricQuery(start=date(2026, 2, 1), end=date(2026, 1, 1)))


def test_an_unknown_filter_is_refused(one) -> None:
    with one, pytest.raises(BusinessError) as refused:
        evaluate("crm.won_count", MetricQuery(filters={"weather": 1}))
    assert refused.value.field == "weather"


def test_a_state_of_the_moment_takes_no_period_and_says_so(one) -> None:
    with one:
        plain = evaluate("crm.open_count", MetricQuery(start=date(2026, 1, 1), end=date(2026, 1, 31))).plain()
    assert (plain["from"], plain["to"]) == (None, None)


def test_figures_of_a_module_that_is_off_do_not_exist(one) -> None:
    with one:
        assert registry.metric("crm.won_count").row == "m01"
        for name in reversed(modules.dependents("crm")):
            lifecycle.disable(name)
        lifecycle.disable("crm")
        with pytest.raises(NotFound):
            registry.metric("crm.won_count")


def test_who_may_not_see_deals_may_not_see_their_figures(one, people) -> None:
    with one as session:
        role = create(Role, {"key": "blind", "name": "Blind", "permissions": [], "scopes": {}})
        session.get_one(Membership, people["bob"].member_id).role_id = role.id
        session.flush()
        assert enter_company("one", people["bob"].user_id)
        with pytest.raises(Forbidden):
            evaluate("crm.won_count", MetricQuery())


def test_the_answer_of_the_api(one) -> None:
    with one as session:
        day = date(2026, 1, 15)
        won = session.scalar(select(Stage.id).filter_by(type="won"))
        bulk.import_deals([{"name": "x", "stage_id": won, "closed_on": day, "amount": Money(123_450, "EUR")}])
        query = MetricQuery(start=date(2026, 1, 1), end=date(2026, 1, 31), by=("month", "owner", "stage"))
        plain = evaluate("crm.won_amount", query).plain()
        rate = evaluate("crm.win_rate", query).plain()
        as_of = plain.pop("as_of")
    assert as_of.endswith("+00:00")
    assert plain == {
        "metric": "crm.won_amount",
        "version": 1,
        "unit": "money",
        "from": "2026-01-01",
        "to": "2026-01-31",
        "known_at": None,
        "excluded": [],
        "rows": [
            {
                "by": {"month": "2026-01", "owner": None, "stage": "Won", "stage_id": won},
                "value": "1234.50",
                "currency": "EUR",
                "n": 1,
            }
        ],
    }
    small = {"small": True, "interval": [0.206549, 1.0]}
    assert rate["rows"][0] | {"by": {}} == {"by": {}, "value": 1.0, "n": 1, "numerator": 1, "denominator": 1, **small}


def test_the_total_of_a_figure_is_its_only_row() -> None:
    row = FigureRow({}, {}, 3, 3)
    assert Figure(None, MetricQuery(), None, [row], {}).total is row  # type: ignore[arg-type]  # not needed here
