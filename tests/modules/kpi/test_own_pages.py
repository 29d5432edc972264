"""The page of metrics, the form of a formula with its check, the grid of values, imports of them, and reminders."""

from __future__ import annotations

import json
from datetime import date
from decimal import Decimal
from io import BytesIO
from typing import Any

import pytest
from sqlalchemy import func, select

from app.core.db import db
from app.core.metrics import MetricQuery, evaluate
from app.core.models import Membership
from app.core.note_models import Notice
from app.modules.kpi.models import Goal
from app.modules.kpi.own import services
from app.modules.kpi.own.due import due, remind_values
from app.modules.kpi.own.models import OwnMetric, Value
from tests.modules.crm.making import LoggedIn, clock, statements_of

NOW = "2026-06-15T10:00:00"
METRICS, GRID, NEW = "/c/one/kpi/metrics", "/c/one/kpi/values/grid", "/c/one/kpi/own_metrics/new"


def metric(name: str = "Visits", **values: Any) -> OwnMetric:
    return services.create_metric({"name": name, **values})


def value(row: OwnMetric, amount: Any, day: date, owner: int | None = None) -> Value:
    return services.create_value({"metric_id": row.id, "amount": Decimal(str(amount)), "on_day": day, "owner_id": owner})


@pytest.fixture
def alice(client_of) -> LoggedIn:
    return LoggedIn(client_of, "alice")


@pytest.fixture
def bob(client_of) -> LoggedIn:
    return LoggedIn(client_of, "bob")


def test_every_metric_is_on_the_page_with_its_definition_and_who_uses_it(one, people, alice) -> None:
    with clock(NOW), one as session:
        row = metric(describe="What reps say.")
        metric("Sleeping", active=False)
        services.create_metric({"name": "Twice", "kind": "formula", "formula": "kpi.visits × 2"})
        session.add(Goal(name="Many", metric="kpi.visits", owner_id=people["bob"].member_id, first_day=date(2026, 6, 1), last_day=date(2026, 6, 30)))
        edit = f"/c/one/kpi/own_metrics/{row.id}/edit"
    with clock(NOW):
        page = alice.get(METRICS).text
        found = alice.get(f"{METRICS}?q=reps+SAY", headers={"HX-Request": "true"}).text
        crm = alice.get(f"{METRICS}?module=crm").text
        nothing = alice.get(f"{METRICS}?q=xyzzy").text
    for text in ("kpi.visits", "What reps say.", "1 goal", "1 formula", "crm.won_amount", "contacts.portfolio_accounts", "Switched off", edit):
        assert text in page, text
    assert "<html" not in found
    assert "kpi.visits" in found and "crm.won_amount" not in found
    assert "crm.won_amount" in crm and "kpi.visits" not in crm
    assert "No metric matches" in nothing


def test_the_page_of_metrics_asks_as_often_for_many_as_for_few(app, one, alice) -> None:
    counts = []
    with clock(NOW):
        for n in (1, 12):
            with one:
                for k in range(n):
                    metric(f"M {n} {k}")
                    services.create_metric({"name": f"F {n} {k}", "kind": "formula", "formula": f"kpi.m_{n}_{k} + crm.won_count"})
            alice.get(METRICS)
            with statements_of(app) as sent:
                assert alice.get(METRICS).status_code == 200
            counts.append(len(sent))
    assert counts[0] == counts[1]


def test_the_page_of_a_metric_shows_definition_parts_figure_and_goals(one, people, alice, bob) -> None:
    with clock(NOW), one as session:
        row = metric(describe="What reps say.")
        for name, amount in (("bob", 31), ("dave", 40), ("mona", 5)):
            value(row, amount, date(2026, 6, 1), people[name].member_id)
        services.create_metric({"name": "Twice", "kind": "formula", "formula": "kpi.visits × 2"})
        session.add(Goal(name="Forty visits", metric="kpi.visits", owner_id=people["dave"].member_id, target=Decimal(40),
                         first_day=date(2026, 4, 1), last_day=date(2026, 6, 30), state="active"))  # fmt: skip
    with clock(NOW):
        page, twice = alice.get(f"{METRICS}/kpi.visits").text, alice.get(f"{METRICS}/kpi.twice").text
        hers = bob.get(f"{METRICS}/kpi.visits").text
        won = alice.get(f"{METRICS}/crm.won_amount").text
        assert alice.get(f"{METRICS}/kpi.nowhere").status_code == 404
        assert alice.get(f"{METRICS}/crm.nowhere<script>").status_code == 404
    for text in ("What reps say.", ">76<", ">40<", "Dave", "Forty visits", "Twice", "G3, version 1", "metric=kpi.visits&amp;"):
        assert text in page, text
    assert f'href="{METRICS}/kpi.visits"' in twice and ">152<" in twice and "×" in twice
    assert ">31<" in hers and "Dave" not in hers and ">76<" not in hers and "Forty visits" not in hers
    assert "m08" in won


def test_a_metric_that_gives_no_figures_says_why(one, alice) -> None:
    with clock(NOW), one:
        metric("Sleeping", active=False)
    page = alice.get(f"{METRICS}/kpi.sleeping").text
    assert "Switched off" in page and "nothing that was told is lost" in page


def form(**values: Any) -> dict[str, Any]:
    return {"name": "Ratio", "kind": "formula", "unit": "ratio", "direction": "up", "gathered": "mean", "cadence": "month", "active": "1", **values}


def test_a_formula_is_made_by_form_and_what_is_wrong_stands_beside_it(one, alice) -> None:
    with clock(NOW):
        assert "data-formula-pick" in alice.get(NEW).text
        refused = alice.post(NEW, data=form(formula="crm.won_amount / crm.won_count"))
        tried = alice.post(NEW, data=form(formula="crm.won_count / crm.won_count", check="1"))
        made = alice.post(NEW, data=form(formula="crm.won_count ÷ crm.lost_count"))
    assert refused.status_code == 422
    assert "The formula gives an amount of money, not a plain number." in refused.text
    assert tried.status_code == 422 and "The formula is good" in tried.text
    assert made.status_code == 303 and made.location.endswith("/kpi/metrics/kpi.ratio")
    with one:
        row = db.session.scalars(select(OwnMetric)).one()
        assert (row.formula, row.kind) == ("crm.won_count ÷ crm.lost_count", "formula")
        edit = f"/c/one/kpi/own_metrics/{row.id}/edit"
    with clock(NOW):
        assert alice.get(f"/c/one/kpi/own_metrics/{row.id}").status_code == 303
        assert alice.post(edit, data=form(formula="crm.won_count", version=1)).status_code == 303
        late = alice.post(edit, data=form(formula="crm.lost_count", version=1))
        stays = alice.post(f"{edit}?stay=1", data=form(formula="crm.lost_count", version=2), headers={"HX-Request": "true"})
        assert alice.post(edit, data=form(formula="kpi.ratio + 1", version=3)).status_code == 422
    assert late.status_code == 409
    assert "own_metrics:changed" in stays.headers["HX-Trigger"]


def test_the_live_check_tells_what_a_formula_would_give(one, people, alice, bob) -> None:
    with clock(NOW), one:
        row = metric()
        value(row, 12, date(2026, 6, 1), people["bob"].member_id)
        value(row, 30, date(2026, 6, 1), people["dave"].member_id)
    check = "/c/one/kpi/own_metrics/check"

    def told(who: LoggedIn, formula: str, unit: str = "count", **more: Any) -> str:
        with clock(NOW):
            answer = who.get(check, query_string={"formula": formula, "unit": unit, **more}, headers={"HX-Request": "true"})
        assert answer.status_code == 200
        return answer.text

    assert "<b>84</b>" in told(alice, "kpi.visits × 2")
    assert "<b>24</b>" in told(bob, "kpi.visits × 2")  # of what he may see
    assert "is undefined" not in told(alice, "kpi.visits")
    assert "undefined this quarter" in told(alice, "kpi.visits / crm.won_count")
    assert "The formula divides by zero" in told(alice, "kpi.visits / 0")
    assert "There is no metric kpi.nowhere." in told(alice, "kpi.nowhere")
    assert "goes in a circle" in told(alice, "kpi.visits + 1", metric=row.id)
    assert "cannot be read" in told(alice, "<script>alert(1)</script>") and "<script>" not in told(alice, "<script>x")
    assert "is tried at once" in told(alice, "")
    assert "The formula is good" in told(alice, "kpi.visits", unit="nonsense")


def cells(**amounts: Any) -> dict[str, Any]:
    return {name.replace("_", "-", 1) if name.startswith(("amount", "evidence", "version")) else name: v for name, v in amounts.items()}


def test_values_of_a_month_are_told_in_a_grid(one, people, alice) -> None:
    bob, dave = people["bob"].member_id, people["dave"].member_id
    with clock(NOW), one:
        row = metric()
        value(row, 7, date(2026, 5, 20), bob)
        number = row.id
    with clock(NOW):
        page = alice.get(f"{GRID}?metric={number}")
        assert "June 2026" in page.text and ">7<" in page.text.replace("Before: </span>7", ">7<")
        assert "Bob" in page.text and "Dave" in page.text and "Carol" not in page.text
        sent = {f"amount-{bob}": "12", f"evidence-{bob}": "Diary", f"amount-{dave}": "1.5", "amount-company": "100"}
        assert alice.post(f"{GRID}?metric={number}", data=sent).status_code == 303
        again = alice.post(f"{GRID}?metric={number}", data=sent | {f"version-{bob}": "1", f"version-{dave}": "1", "version-company": "1"})
        assert again.status_code == 303
        changed = sent | {f"amount-{bob}": "13", f"version-{bob}": "1", f"amount-{dave}": "", f"version-{dave}": "1"}
        assert alice.post(f"{GRID}?metric={number}", data=changed).status_code == 303
    with one:
        kept = {(v.owner_id, v.on_day.isoformat()): (v.amount // 10**6, v.evidence) for v in db.session.scalars(select(Value))}
        assert kept == {(bob, "2026-05-20"): (7, ""), (bob, "2026-06-15"): (13, "Diary"), (None, "2026-06-15"): (100, "")}


def test_what_is_wrong_in_a_grid_stands_beside_it_and_nothing_is_saved(one, people, alice) -> None:
    bob, dave = people["bob"].member_id, people["dave"].member_id
    with clock(NOW), one:
        row = metric()
        kept = value(row, 7, date(2026, 6, 1), bob)
        services.change_value(kept, {"amount": Decimal(8)})
        number = row.id
    with clock(NOW):
        refused = alice.post(f"{GRID}?metric={number}", data={f"amount-{bob}": "9", f"version-{bob}": "1", f"amount-{dave}": "3"})
        nonsense = alice.post(f"{GRID}?metric={number}", data={f"amount-{dave}": "many", f"evidence-{dave}": "x" * 501})
        assert alice.post(f"{GRID}?metric={number}", data={f"amount-{dave}": "5 €"}).status_code == 422
        assert alice.get(f"{GRID}?metric=99999").status_code == 404
        assert alice.get(f"{GRID}?metric={number}&day=nonsense").status_code == 200
        assert alice.get(f"{GRID}?metric={number}&day=9999-01-01").status_code == 200
    assert refused.status_code == nonsense.status_code == 422
    assert "in the meantime" in refused.text and 'value="9"' in refused.text and 'value="3"' in refused.text
    assert "is not a number" in nonsense.text and "At most 500 characters" in nonsense.text
    with one:
        assert [v.amount for v in db.session.scalars(select(Value))] == [8 * 10**6]


def test_a_rep_tells_their_own_values_alone(one, people, bob) -> None:
    me, dave = people["bob"].member_id, people["dave"].member_id
    with clock(NOW), one:
        number = metric().id
    with clock(NOW):
        page = bob.get(f"{GRID}?metric={number}").text
        sent = bob.post(f"{GRID}?metric={number}", data={f"amount-{me}": "4", f"amount-{dave}": "9", "amount-company": "9"})
    assert "Dave" not in page and "as a whole" not in page
    assert sent.status_code == 303
    with one:
        assert [(v.owner_id, v.amount) for v in db.session.scalars(select(Value))] == [(me, 4 * 10**6)]


def test_several_values_in_a_period_are_shown_and_left_alone(one, people, alice) -> None:
    bob = people["bob"].member_id
    with clock(NOW), one:
        row = metric()
        for amount in (1, 2):
            value(row, amount, date(2026, 6, 1 + amount), bob)
        number = row.id
    with clock(NOW):
        assert "2 values" in alice.get(f"{GRID}?metric={number}").text
        alice.post(f"{GRID}?metric={number}", data={f"amount-{bob}": "50"})
    with one:
        assert db.session.scalar(select(func.sum(Value.amount))) == 3 * 10**6


def test_without_a_told_metric_the_grid_says_what_to_do(alice) -> None:
    assert "No metric is told by people yet" in alice.get(GRID).text


def test_what_is_due_is_known_and_flagged(one, people, alice) -> None:
    bob, dave = people["bob"].member_id, people["dave"].member_id
    with clock("2026-03-02T10:00:00") as now, one:
        monthly, weekly, quiet = metric(), metric("Calls", cadence="week"), metric("Quiet", cadence="quarter")
        metric("Off", active=False)
        for owner in (bob, dave):
            value(monthly, 3, date(2026, 2, 27), owner)
        value(weekly, 1, date(2026, 3, 2), None)
        assert due() == [] or {d.metric.name for d in due()} <= {"Calls"}
        now.move_to("2026-03-31T10:00:00Z")
        value(monthly, 3, date(2026, 3, 31), bob)
        now.move_to("2026-04-01T10:00:00Z")
        found = {each.metric.name: each for each in due()}
        assert set(found) == {"Visits", "Calls", "Quiet"}
        assert (found["Visits"].missing, found["Visits"].last) == ([dave], date(2026, 3, 31))
        assert (found["Calls"].first, found["Calls"].last) == (date(2026, 3, 23), date(2026, 3, 29))
        assert found["Quiet"].missing == []
        value(monthly, 0, date(2026, 3, 31), dave)
        value(quiet, 1, date(2026, 3, 5), None)
        assert {each.metric.name for each in due()} == {"Calls"}
        db.session.get_one(Membership, dave).valid_to = date(2026, 4, 30)
        db.session.flush()
        now.move_to("2026-05-02T10:00:00Z")
        assert {each.metric.name: each.missing for each in due()}["Visits"] == [bob]
        number = monthly.id
    with clock("2026-05-02T10:00:00"):
        page = alice.get(f"{GRID}?metric={number}&day=2026-04-30").text
        assert "are due" in alice.get(METRICS).text
    assert "is due" in page or "are due" in page


def test_the_keeper_is_told_once_for_each_period(app, one, people) -> None:
    mona = people["mona"].member_id
    with clock("2026-01-20T10:00:00") as now, one:
        metric(keeper_id=mona)
        remind_values()
        assert told() == []
        now.move_to("2026-03-03T10:00:00Z")
        remind_values()
        remind_values()
        assert len(told()) == 1
        now.move_to("2026-04-03T10:00:00Z")
        remind_values()
        assert [(n.member_id, n.text.split(",")[0]) for n in told()] == [(mona, "Values are due: Visits")] * 2
        assert all("/kpi/values/grid?metric=" in n.url or n.url.startswith("kpi/values/grid") for n in told())


def told() -> list[Notice]:
    return list(db.session.scalars(select(Notice).order_by(Notice.id)))


def test_values_are_imported_from_a_file(app, one, people, alice, tmp_path) -> None:
    with clock(NOW), one:
        metric()
        metric("Cash", unit="money")
        metric("Share", unit="ratio")
    head, good = "Metric,Day,Value,Of,Evidence,Reference\n", (
        "Visits,2026-06-01,12,Bob,Diary,V-1\n"
        "visits,2026-06-02,3,Dave,,V-2\n"
        "Cash,2026-06-02,1234.56,Bob,Bank,V-3\n"
        "Share,2026-06-02,0.35,Bob,,V-4\n"
    )
    bad = "Nowhere,2026-06-02,3,Bob,,V-5\nVisits,2027-01-01,3,Bob,,V-6\nVisits,2026-06-02,many,Bob,,V-7\n"
    with clock(NOW):
        refused, taken, again = (_imported(app, tmp_path, text) for text in (head + good + bad, head + good, head + good.replace(",12,", ",15,")))
    assert {(e["line"], e["field"]) for e in refused["errors"]} == {(6, "metric_id"), (7, "on_day"), (8, "amount")}
    assert (taken["created"], again["updated"], again["unchanged"]) == (4, 1, 3)
    with clock(NOW), one:
        kept = {v.external_id: (v.amount, v.owner_id, v.source) for v in db.session.scalars(select(Value))}
        bob, dave = people["bob"].member_id, people["dave"].member_id
        assert kept == {"V-1": (15 * 10**6, bob, "import"), "V-2": (3 * 10**6, dave, "import"), "V-3": (123456, bob, "import"), "V-4": (350_000, bob, "import")}
        assert evaluate("kpi.visits", MetricQuery()).total.value == 18


def _imported(app: Any, folder: Any, text: str) -> dict[str, Any]:
    """What an import on the command line answers."""
    (folder / "values.csv").write_text(text)
    asked = ["import", "kpi.values", str(folder / "values.csv"), "--company", "one", "--match-key", "external_id", "--json"]
    output = app.test_cli_runner().invoke(args=asked).output
    assert "}" in output, output
    return json.loads(output[: output.rindex("}") + 1])


def test_the_page_of_an_import_takes_a_file(one, alice) -> None:
    with one:
        metric()
    sent = alice.post("/c/one/kpi/values/import", data={"file": (BytesIO(b"Metric,Value\nVisits,3\n"), "values.csv")}, content_type="multipart/form-data")
    assert sent.status_code == 303
    assert alice.get(sent.location).status_code == 200
