"""Reports against plain Python over the same small company; who sees what; the records behind each figure; files."""

from __future__ import annotations

import csv
import io
import re
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from datetime import date
from statistics import median
from typing import Any

import pytest
from flask import Flask
from flask.testing import FlaskClient
from openpyxl import load_workbook
from sqlalchemy import event, select

from app.core.db import db
from app.core.errors import BusinessError
from app.core.metrics import metrics
from app.core.reports.drilling import argument, key
from app.core.reports.periods import Period, moved
from app.core.reports.periods import read as read_period
from app.modules.contacts.public import Account
from app.modules.crm import services
from app.modules.crm.activities import services as activities
from app.modules.crm.activities.models import ActivityOutcome, ActivityType
from app.modules.crm.models import Deal
from tests.cast import Person
from tests.conftest import Office
from tests.modules.crm.making import clock
from tests.modules.crm.reporting import FIGURES, Q1, SALES, URL, Sale, column, read, tables, tell

Client = Callable[[str], FlaskClient]
FIRST, LAST = date(2025, 1, 1), date(2025, 3, 31)
NOW = "2026-03-20T10:00"


@contextmanager
def listening(app: Flask) -> Iterator[list[str]]:
    """The statements sent meanwhile by requests, which open contexts of their own."""
    sent: list[str] = []

    def note(_connection: Any, _cursor: Any, statement: str, *_more: Any) -> None:
        sent.append(statement)

    with app.app_context():
        engine = db.engine
    event.listen(engine, "before_cursor_execute", note)
    yield sent
    event.remove(engine, "before_cursor_execute", note)


@pytest.fixture
def deals(one: Office, people: dict[str, Person]) -> dict[str, int]:
    with one:
        return tell(people)


def inside(day: date | None) -> bool:
    return day is not None and FIRST <= day <= LAST


def won(*owners: str) -> list[Sale]:
    return [s for s in SALES if s.end == "won" and inside(s.closed) and (not owners or s.owner in owners)]


def lost(*owners: str) -> list[Sale]:
    return [s for s in SALES if s.end == "lost" and inside(s.closed) and (not owners or s.owner in owners)]


def cohort() -> list[Sale]:
    return [s for s in SALES if inside(s.begun) and s.end != "discarded"]


def euro(amount: int) -> str:
    return f"€{amount:,}"


# Periods


@pytest.mark.parametrize(
    ("period", "before"),
    [
        (Period(date(2026, 2, 1), date(2026, 2, 28)), Period(date(2026, 1, 1), date(2026, 1, 31))),
        (Period(date(2026, 1, 1), date(2026, 3, 31)), Period(date(2025, 10, 1), date(2025, 12, 31))),
        (Period(date(2025, 1, 1), date(2025, 12, 31)), Period(date(2024, 1, 1), date(2024, 12, 31))),
        (Period(date(2026, 2, 3), date(2026, 2, 9)), Period(date(2026, 1, 27), date(2026, 2, 2))),
        (Period(date(2026, 2, 10), date(2026, 2, 10)), Period(date(2026, 2, 9), date(2026, 2, 9))),
    ],
)
def test_the_period_before_is_as_long_and_ends_the_day_before(one: Office, period: Period, before: Period) -> None:
    """As many whole months, or as many days: the field loses a day here."""
    with one, clock("2026-06-01T10:00"):
        found = period.before()
        assert found == before
        assert (period.first - found.last).days == 1
        assert found.months == period.months if period.months else found.days == period.days


def test_a_running_period_is_compared_with_as_many_days(one: Office) -> None:
    with one, clock(NOW):
        march = read_period({"period": "this-month"}, "")
        assert (march.first, march.last) == (date(2026, 3, 1), date(2026, 3, 31))
        assert march.before() == Period(date(2026, 2, 1), date(2026, 2, 20))
        assert march.before("year") == Period(date(2025, 3, 1), date(2025, 3, 20))
        assert march.before("none") is None


def test_a_year_before_minds_the_end_of_february(one: Office) -> None:
    with one, clock("2026-06-01T10:00"):
        assert Period(date(2024, 2, 1), date(2024, 2, 29)).before("year") == Period(date(2023, 2, 1), date(2023, 2, 28))
        assert moved(date(2024, 3, 31), -1) == date(2024, 2, 29)


@pytest.mark.parametrize("args", [{"period": "someday"}, {"period__gte": "2026-13-01"}, {"period__gte": "2026-03-01", "period__lte": "2026-02-01"}])
def test_what_is_no_period_is_said(one: Office, args: dict[str, str]) -> None:
    with one, pytest.raises(BusinessError):
        read_period(args, "this-month")


# The figures


def test_sales_by_rep_with_the_period_before(client_of: Client, deals: dict[str, int]) -> None:
    rows = tables(client_of("alice"), "sales")["Sales by rep"]
    for name in ("bob", "dave"):
        mine = won(name)
        who = name.title()
        assert column(rows, "Amount won")[who] == euro(sum(s.amount for s in mine))
        assert column(rows, "Deals won")[who] == str(len(mine))
        cycle = median((s.closed - s.begun).days for s in mine)  # type: ignore[operator]  # won ones are closed
        assert column(rows, "Sales cycle")[who].split()[0] == f"{cycle:g}"
        rate = len(mine) / (len(mine) + len(lost(name)))
        assert column(rows, "Win rate (period)")[who].startswith(f"{rate:.1%}")
        assert f"n = {len(mine) + len(lost(name))}" in column(rows, "Win rate (period)")[who]
    assert column(rows, "Amount won")["Total"] == euro(sum(s.amount for s in won()))
    assert column(rows, "Before")["Bob"] == euro(400)


def test_the_funnel_counts_the_furthest_stage_of_a_cohort(client_of: Client, deals: dict[str, int]) -> None:
    rows = tables(client_of("alice"), "funnel")["From prospect to purchase (cohort)"]
    stages = [row[0] for row in rows[1:]]

    def reached(position: int) -> list[Sale]:
        return [s for s in cohort() if s.end == "won" or max(s.path) >= position]

    counts = [len(reached(p)) for p in range(1, 6)] + [len([s for s in cohort() if s.end == "won"])]
    amounts = [sum(s.amount for s in reached(p)) for p in range(1, 6)] + [sum(s.amount for s in cohort() if s.end == "won")]
    assert stages == ["Contact", "Qualified", "Proposal", "Negotiation", "Commitment", "Won"]
    assert [int(row[1]) for row in rows[1:]] == counts
    assert column(rows, "Amount") == {s: euro(a) for s, a in zip(stages, amounts, strict=True)}
    assert column(rows, "Passed on")["Proposal"] == f"{counts[2] / counts[1]:.1%}"
    assert column(rows, "Stayed behind")["Proposal"] == f"−{counts[1] - counts[2]}"
    assert column(rows, "Drop-off, by amount")["Proposal"] == f"{1 - amounts[2] / amounts[1]:.1%}"


def test_the_share_of_a_cohort_that_is_still_open_is_told(client_of: Client, deals: dict[str, int]) -> None:
    rows = tables(client_of("alice"), "funnel", by="owner")["By rep: stages reached (cohort)"]
    mine = [s for s in cohort() if s.owner == "dave"]
    assert column(rows, "Deals")["Dave"] == str(len(mine))
    still = len([s for s in mine if s.end == "open"]) / len(mine)
    assert column(rows, "Still open (cohort)")["Dave"].startswith(f"{still:.1%}")


def test_a_funnel_of_the_period_says_so_and_counts_what_happened_in_it(client_of: Client, deals: dict[str, int]) -> None:
    found = tables(client_of("alice"), "funnel", basis="period", by="owner")
    rows = found["By rep (period)"]
    assert column(rows, "Deals won") == {"Bob": str(len(won("bob"))), "Dave": str(len(won("dave"))), "Total": str(len(won()))}
    flow = column(found["What happened in the period"], "Number")
    assert flow["Deals lost"] == str(len(lost()))


def test_losses_by_reason_and_the_stage_they_were_lost_from(client_of: Client, deals: dict[str, int]) -> None:
    rows = tables(client_of("alice"), "losses")["Reason and the stage they were lost from"]
    (line,) = rows[1:]
    by_stage = dict(zip(rows[0], line, strict=True))
    assert by_stage["Contact"].split()[0] == "1"  # Belt
    assert by_stage["Qualified"].split()[0] == "1"  # Oven
    assert by_stage["Deals lost"] == str(len(lost()))
    assert by_stage["Amount lost"] == euro(sum(s.amount for s in lost()))


def test_time_in_stage_of_won_and_lost(client_of: Client, deals: dict[str, int]) -> None:
    rows = tables(client_of("alice"), "time")["Days in each stage, won against lost"]
    # Press, Mill and Pump were in Contact for a day each before they moved on and were won.
    assert column(rows, "Won (median)")["Contact"] == "1 day n = 3"
    # Oven stayed there for a day, Belt until it was lost.
    assert column(rows, "Lost (median)")["Contact"] == "5.5 days n = 2"


def test_the_portfolio_goes_from_its_beginning_to_its_end(client_of: Client, deals: dict[str, int]) -> None:
    rows = tables(client_of("alice"), "portfolio")["From the beginning to the end of the period"]
    steps = column(rows, "Accounts")
    assert steps == {"Active at the beginning": "1", "New accounts": "0", "Won back": "0", "Gone quiet": "0", "Active at the end": "1"}


def test_every_report_answers_without_anything_to_show(client_of: Client) -> None:
    alice = client_of("alice")
    for name in ("sales", "funnel", "time", "losses", "portfolio", "followups"):
        assert alice.get(f"{URL}/{name}").status_code == 200
        assert alice.get(f"{URL}/{name}?format=pdf").data.startswith(b"%PDF-")
    assert alice.get(f"{URL}/funnel?basis=period").status_code == 200


# Who sees what


def test_a_rep_sees_their_own_figures_a_manager_those_of_the_teams_below_and_an_admin_all(client_of: Client, deals: dict[str, int]) -> None:
    mine = column(tables(client_of("bob"), "sales")["Sales by rep"], "Amount won")
    assert mine == {"Bob": euro(3000), "Total": euro(3000)}
    page = client_of("bob").get(f"{URL}/sales?owner=")
    assert "My own figures" in page.text
    below = column(tables(client_of("mona"), "sales")["Sales by rep"], "Amount won")
    assert below == {"Bob": euro(3000), "Total": euro(3000)}
    assert "Figures of my teams" in client_of("mona").get(f"{URL}/sales").text
    assert column(tables(client_of("alice"), "sales")["Sales by rep"], "Amount won")["Total"] == euro(8000)
    assert "Figures of the whole company" in client_of("alice").get(f"{URL}/sales").text


@pytest.mark.parametrize("who", ["bob", "mona", "alice"])
def test_the_records_behind_a_figure_add_up_to_it(client_of: Client, deals: dict[str, int], who: str) -> None:
    client = client_of(who)
    page = read(client, "sales")
    rows = page.found["Sales by rep"]
    place = next(i for i, row in enumerate(rows) if row[0] == "Bob")
    records = client.get(page.links["Sales by rep", place, rows[0].index("Amount won")])
    assert records.status_code == 200
    assert "Amount won: €3,000" in records.text
    listed = [name for name in deals if f">{name}</a>" in records.text]
    assert sorted(listed) == sorted(s.name for s in won("bob"))
    for sale in won("bob"):
        assert euro(sale.amount) in records.text


def test_records_that_are_not_the_readers_to_open_are_counted(one: Office, people, client_of: Client, deals: dict[str, int]) -> None:
    """The figure belongs to who owned it when it was won; the deal may be somebody else's by now."""
    with one:
        deal = db.session.get_one(Deal, deals["Press"])
        services.change_deal(deal, {"owner_id": people["dave"].member_id}, deal.version)
    page = client_of("bob").get(f"{FIGURES}?metric=crm.won_amount&from=2025-01-01&to=2025-03-31")
    assert "Amount won: €3,000" in page.text
    assert "and 1 you may not open" in page.text
    assert ">Mill</a>" in page.text
    assert ">Press</a>" not in page.text
    names = csv.DictReader(io.StringIO(client_of("bob").get(f"{FIGURES}?metric=crm.won_amount&from=2025-01-01&to=2025-03-31&format=csv").text.lstrip("\ufeff")))
    assert [row["Name"] for row in names] == ["Mill"]


@pytest.mark.parametrize(
    ("args", "status"),
    [
        ({"metric": "crm.nothing"}, 404),
        ({"metric": "crm.won_count", "owner": "x" * 300}, 422),
        ({"metric": "crm.won_count", "password": "1"}, 422),
        ({"metric": "crm.won_count", "from": "yesterday"}, 422),
        ({"metric": "crm.won_count", "as_of": "2026-99-99"}, 422),
        ({"metric": "crm.won_count", "from": "2026-03-01", "to": "2026-01-01"}, 422),
        ({"metric": "crm.won_count", "from": "0001-01-01"}, 422),
        ({"metric": "crm.won_count", "known_at": "0001-01-01T00:00:00Z"}, 422),
        ({"metric": "crm.won_count", "month": "x"}, 422),
        ({"metric": "crm.won_count", "owner": "x"}, 422),
        ({"metric": "crm.won_count", "owner": "!1"}, 422),
        ({"metric": "crm.won_count", "product": "7"}, 422),
        ({"metric": "crm.won_count", "owner": ["none", "1"]}, 200),
        ({"metric": "crm.won_count", "product": ":7"}, 200),
        ({"metric": "crm.target_account_reach"}, 200),
        ({"metric": "crm.follow_ups"}, 200),
        ({"metric": "crm.leads_created"}, 200),
        ({"metric": "crm.pipeline_created"}, 200),
        ({"metric": "crm.funnel_amount", "stage": "1"}, 200),
        ({"metric": "crm.sales_velocity"}, 200),
        ({"metric": "crm.win_rate_value"}, 200),
    ],
)
def test_an_address_of_records_is_checked(client_of: Client, deals: dict[str, int], args: dict[str, str], status: int) -> None:
    assert client_of("alice").get(FIGURES, query_string=args).status_code == status


@pytest.mark.parametrize("value", [None, 7, "7", "none", ":x", "GTX Pro", "!1", True, False, 24310])
def test_a_key_comes_back_from_an_address_as_it_was(value: Any) -> None:
    found = key(argument(value))
    assert found == value
    assert type(found) is type(value)


def test_every_metric_leads_to_as_many_records_as_it_counts(one: Office, people, client_of: Client, deals: dict[str, int]) -> None:
    """Deals, leads, activities and accounts alike: the page answers for each metric of the CRM."""
    alice = client_of("alice")
    with one:
        ids = [m for m in metrics() if m.startswith("crm.")]
    wrong = {i: alice.get(FIGURES, query_string={"metric": i}).status_code for i in ids}
    assert {i: status for i, status in wrong.items() if status != 200} == {}


# Files


def test_a_table_as_csv_has_plain_numbers_and_no_formulas(one: Office, people, client_of: Client) -> None:
    with one:
        tell(people, (Sale("Press", "bob", 1000, date(2025, 1, 5), (1, 2), "won", date(2025, 2, 3)),))
        deal = db.session.query(Deal).one()
        services.change_deal(deal, {"product": "=1+1"}, deal.version)
    answer = client_of("alice").get(f"{URL}/sales", query_string={**Q1, "by": "product", "format": "csv", "table": "split"})
    assert answer.content_type.startswith("text/csv")
    rows = list(csv.reader(io.StringIO(answer.text.lstrip("\ufeff"))))
    assert rows[0][:2] == ["Product", "Amount won"]
    assert rows[1][:2] == ["'=1+1", "1000.00"]
    assert rows[1][rows[0].index("Win rate (period)")] == "1"


def test_a_table_as_workbook_has_typed_cells(client_of: Client, deals: dict[str, int]) -> None:
    answer = client_of("alice").get(f"{URL}/sales", query_string={**Q1, "format": "xlsx", "table": "split"})
    sheet = load_workbook(io.BytesIO(answer.data)).active
    rows = list(sheet.iter_rows(values_only=True))
    assert rows[1][0] == "Dave"
    assert rows[1][1] == 5000
    assert 'filename=one-sales-2025-01-01-2025-03-31-split.xlsx' in answer.headers["Content-Disposition"]


def test_a_report_on_paper_is_the_same_twice(client_of: Client, deals: dict[str, int]) -> None:
    first, second = (client_of("alice").get(f"{URL}/funnel", query_string={**Q1, "as_of": "2025-12-31", "format": "pdf"}) for _ in range(2))
    assert first.content_type == "application/pdf"
    assert first.data == second.data


@pytest.mark.parametrize("args", ["format=doc", "format=csv&table=nothing", "by=password", "basis=guess", "owner=abc", "days=0x", "compare=never"])
def test_what_a_report_does_not_know_is_said(client_of: Client, args: str) -> None:
    page = "followups" if "days" in args else "funnel" if "basis" in args else "sales"
    assert client_of("alice").get(f"{URL}/{page}?{args}").status_code == 422


# How dear it is


@pytest.mark.parametrize("report", ["sales", "funnel", "funnel?basis=period", "time", "losses", "portfolio", "followups"])
def test_statements_do_not_grow_with_the_rows(app: Flask, one: Office, people, client_of: Client, report: str) -> None:
    counts = []
    alice = client_of("alice")
    for turn in range(2):
        with one:
            more = SALES if turn == 0 else tuple(Sale(f"{s.name} {i}", ("bob", "dave", "mona")[i % 3], s.amount, s.begun, s.path, s.end, s.closed)
                                                  for i in range(3) for s in SALES)  # fmt: skip
            tell(people, more)
        with listening(app) as sent:
            assert alice.get(f"{URL}/{report}", query_string=Q1 if "?" not in report else None).status_code == 200
        counts.append(len(sent))
    assert counts[1] <= counts[0]
    assert counts[0] < 70


# Follow-ups


def test_follow_ups_by_rep_kind_and_month(one: Office, people, client_of: Client) -> None:
    with one:
        ana, benito = (Account(name=name, owner_id=people["bob"].member_id, target=name == "Ana") for name in ("Ana", "Benito"))
        db.session.add_all([ana, benito])
        db.session.flush()
        types = {t.kind: t.id for t in db.session.scalars(select(ActivityType).order_by(ActivityType.id.desc()))}
        reached = db.session.scalars(select(ActivityOutcome).where(ActivityOutcome.reached, ~ActivityOutcome.cancelled)).first()
        missed = db.session.scalars(select(ActivityOutcome).where(~ActivityOutcome.reached, ~ActivityOutcome.cancelled)).first()
        for kind, outcome, day in (("call", reached, 3), ("call", missed, 4), ("visit", reached, 28)):
            activities.log({"type_id": types[kind], "subject": kind, "account_id": ana.id, "owner_id": people["bob"].member_id,
                            "done_on": date(2025, 2, day), "outcome_id": outcome.id})  # fmt: skip
    rows = tables(client_of("alice"), "followups", compare="none")["Follow-ups by rep"]
    assert rows == tables(client_of("alice"), "followups", compare="none", whole=1)["Follow-ups by rep"]
    line = dict(zip(rows[0], rows[1], strict=True))
    assert line["Owner"] == "Bob"
    assert (line["Call"], line["Visit"], line["Meeting"], line["Follow-ups"]) == ("2", "1", "–", "3")
    assert line["Effective contacts (period)"].startswith(f"{2 / 3:.1%}")
    touched = tables(client_of("alice"), "followups", compare="none")["Accounts touched by rep"]
    assert [row[:2] for row in touched[1:]] == [["Bob", "1"], ["Total", "1"]]
    assert line["Recorded late (period)"].startswith("100.0%")  # told years after
    months = tables(client_of("alice"), "followups")["Follow-ups by month and kind"]
    assert column(months, "Call")["Feb"] == "2"
    untouched = tables(client_of("alice"), "followups", days="3650")["Accounts nobody has touched for 3,650 days"]
    assert [row[0] for row in untouched[1:]] == ["Benito"]
    assert client_of("bob").get(f"{FIGURES}?metric=crm.follow_ups&from=2025-02-01&to=2025-02-28&kind=call").status_code == 200


@pytest.mark.parametrize(("report", "more"), [("funnel", {}), ("funnel", {"basis": "period"}), ("time", {})])
def test_blocks_that_load_by_themselves_are_those_of_the_whole_report(client_of: Client, deals, report: str, more: dict) -> None:
    """On the page and on paper, in the figures and in the files."""
    loaded = read(client_of("alice"), report, **more)
    whole = client_of("alice").get(f"{URL}/{report}", query_string={**Q1, **more, "whole": 1}).text
    assert "part=" not in whole
    at_once = read(client_of("alice"), report, **more, whole=1)
    assert at_once.found == loaded.found
    assert len(loaded.found) >= 3
    alone = client_of("alice").get(f"{URL}/{report}", query_string={**Q1, **more, "part": "split"}).text
    assert "<html" in alone and 'id="block-split"' in alone and 'id="block-months"' not in alone
    page = client_of("alice").get(f"{URL}/{report}", query_string={**Q1, **more}).text
    assert set(re.findall("<dt>(.*?)</dt>", page)) >= set(re.findall("<dt>(.*?)</dt>", whole))
    last = client_of("alice").get(f"{URL}/{report}", query_string={**Q1, **more, "format": "csv", "table": "split"})
    head = next(csv.reader(io.StringIO(last.text.lstrip("\ufeff"))))
    assert head in [rows[0] for rows in loaded.found.values()]
    assert client_of("alice").get(f"{URL}/{report}", query_string={**Q1, **more, "format": "pdf"}).data[:5] == b"%PDF-"
