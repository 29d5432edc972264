"""The public data set of 8,800 opportunities goes in on the command line, and the figures come out as they are in the files.

    flask --app wsgi company create hardware --currency USD --timezone America/New_York --language en
    flask --app wsgi module enable crm --company hardware
    flask --app wsgi import contacts.accounts $D/accounts.csv --company hardware --mapping tests/data_set/accounts.json
    flask --app wsgi import admin.members $D/sales_teams.csv --company hardware --mapping tests/data_set/members.json
    flask --app wsgi import crm.deals $D/sales_pipeline.csv --company hardware --mapping tests/data_set/deals.json
    flask --app wsgi metric crm.won_amount --company hardware --by quarter

with D=../shared/data/crm_sales_opportunities; `--dry-run` says beforehand what each import would do. What is expected is
worked out below by plain Python over the files, and stands there as literal numbers besides.
"""

from __future__ import annotations

import csv
import json
import os
import signal
import subprocess
import sys
import time
from collections import Counter
from datetime import date
from decimal import Decimal
from pathlib import Path
from statistics import mean, median

import pytest
from sqlalchemy import NullPool, create_engine, func, select, text

from app.core.companies import create_company
from app.core.db import db
from app.core.models import Change, Membership, Team, TeamMember
from app.core.tenancy import acting_for
from app.modules.contacts.models import Account
from app.modules.crm.models import Deal, DealEvent, DealSpan

HERE = Path(__file__).resolve().parent
ROOT = HERE.parents[1]
DATA = ROOT.parent / "shared" / "data" / "crm_sales_opportunities"
SLUG = "hardware"
IMPORTS = (
    ("contacts.accounts", "accounts.csv", "accounts.json"),
    ("admin.members", "sales_teams.csv", "members.json"),
    ("crm.deals", "sales_pipeline.csv", "deals.json"),
)


@pytest.fixture(autouse=True)
def _data_set():
    if not DATA.is_dir():
        message = f"the data set is not at {DATA}"
        pytest.fail(message) if os.environ.get("CI") else pytest.skip(message)


def read(name):
    with (DATA / name).open(encoding="utf-8", newline="") as file:
        return list(csv.DictReader(file))


def day(text):
    if not text:
        return None
    month, number, year = (int(part) for part in text.split("/"))
    return date(year, month, number)


class Expected:
    """The figures, from the files alone."""

    def __init__(self):
        deals = read("sales_pipeline.csv")
        won = [d for d in deals if d["deal_stage"] == "Won"]
        amounts = [Decimal(d["close_value"]) for d in won]
        days = [(day(d["close_date"]) - day(d["engage_date"])).days for d in won]
        self.stages = Counter(d["deal_stage"] for d in deals)
        self.won_amount = sum(amounts)
        self.win_rate = Decimal(len(won)) / (len(won) + self.stages["Lost"])
        self.average = self.won_amount / len(won)
        self.cycle_mean, self.cycle_median = mean(days), median(days)
        self.no_account = Counter(d["deal_stage"] for d in deals if not d["account"])
        self.quarters = Counter()
        for deal, amount in zip(won, amounts, strict=True):
            closed = day(deal["close_date"])
            self.quarters[f"{closed.year}-Q{(closed.month + 2) // 3}"] += amount
        self.first_close = min(day(d["close_date"]) for d in won)
        managers = {a["sales_agent"]: a["manager"] for a in read("sales_teams.csv")}
        self.by_team = Counter(managers[d["sales_agent"]] for d in won)
        self.by_owner = Counter(d["sales_agent"] for d in won)
        self.by_product = Counter(d["product"].replace("GTXPro", "GTX Pro") for d in won)
        self.by_account = Counter(d["account"] for d in won)


def test_the_files_are_the_ones_we_know():
    expected = Expected()
    assert expected.stages == {"Won": 4238, "Lost": 2473, "Engaging": 1589, "Prospecting": 500}
    assert expected.won_amount == 10_005_534
    assert expected.quarters == {
        "2017-Q1": 1_134_672, "2017-Q2": 3_086_111, "2017-Q3": 2_982_255, "2017-Q4": 2_802_496,
    }  # fmt: skip
    assert round(expected.win_rate * 100, 2) == Decimal("63.15")
    assert round(expected.average, 2) == Decimal("2360.91")
    assert (round(expected.cycle_mean, 2), expected.cycle_median) == (51.78, 57)
    assert expected.no_account == {"Engaging": 1088, "Prospecting": 337}
    assert expected.first_close == date(2017, 3, 1)


@pytest.fixture
def company(app):
    """A fresh company with the CRM on."""
    with app.app_context():
        company_id = create_company(SLUG, "Hardware Inc.", "America/New_York", "USD", "en")
    assert app.test_cli_runner().invoke(args=["module", "enable", "crm", "--company", SLUG]).exit_code == 0
    return company_id


@pytest.fixture
def run(app):
    """Run a command; gives what it printed."""

    def invoke(*words):
        result = app.test_cli_runner().invoke(args=words)
        assert result.exit_code == 0, result.output
        return result.stdout

    return invoke


def arguments(resource, file, mapping):
    return ["import", resource, str(DATA / file), "--company", SLUG, "--mapping", str(HERE / mapping), "--json"]


def figure(run, name, *options):
    """Rows of a metric as the command prints them."""
    return json.loads(run("metric", f"crm.{name}", "--company", SLUG, "--json", *options))["rows"]


def total(run, name, *options):
    (row,) = figure(run, name, *options)
    return row["value"]


def split(run, name, by, *options):
    return {row["by"][by]: row["value"] for row in figure(run, name, "--by", by, *options)}


def check_figures(run):
    """Everything the issue names, read back by the metric command."""
    expected = Expected()
    assert total(run, "deal_count") == 8800
    assert total(run, "won_count") == expected.stages["Won"]
    assert Decimal(total(run, "won_amount")) == expected.won_amount
    assert total(run, "lost_count") == expected.stages["Lost"]
    assert split(run, "open_count", "stage") == {"Engaging": 1589, "Prospecting": 500}
    assert total(run, "win_rate") == pytest.approx(float(expected.win_rate), abs=1e-6)
    assert Decimal(total(run, "average_deal_size")) == round(expected.average, 2)
    assert total(run, "sales_cycle_days_mean") == pytest.approx(expected.cycle_mean, abs=1e-6)
    assert total(run, "sales_cycle_days") == expected.cycle_median
    quarters = {q: Decimal(v) for q, v in split(run, "won_amount", "quarter").items()}
    assert quarters == expected.quarters


def test_the_data_set_goes_in_and_its_figures_come_out(app, run, company):
    for words in IMPORTS:
        dry = json.loads(run(*arguments(*words), "--dry-run"))
        assert dry["errors"] == []
        report = json.loads(run(*arguments(*words)))
        assert report["imported"]
        assert (report["errors"], report["created"]) == ([], report["rows"])
        assert dry["created"] == report["created"]
    (near,) = report["near"]
    assert (near["given"], near["match"], near["taken"]) == ("GTXPro", "GTX Pro", True)
    assert near["count"] == sum(d["product"] == "GTXPro" for d in read("sales_pipeline.csv"))
    check_figures(run)
    expected = Expected()
    first = ["--from", "2017-01-01", "--to", "2017-03-31"]
    assert Decimal(total(run, "won_amount", *first)) == expected.quarters["2017-Q1"]
    assert total(run, "won_count", "--to", "2017-02-28") == 0
    split_twice = figure(run, "deal_count", "--by", "account,stage")
    without = {row["by"]["stage"]: row["value"] for row in split_twice if row["by"]["account"] is None}
    assert without == expected.no_account
    assert split(run, "won_count", "team") == expected.by_team
    assert split(run, "won_count", "owner") == expected.by_owner
    assert split(run, "won_count", "product") == expected.by_product
    assert split(run, "won_count", "account") == expected.by_account
    check_rows(company, app)
    check_second_run(app, run, company)


def check_rows(company, app):
    """Accounts, people, teams and the ledger behind the figures."""
    with app.app_context(), acting_for(company):
        accounts = {a.name: a for a in db.session.scalars(select(Account))}
        names = {a.id: a.name for a in accounts.values()}
        files = {a["account"]: a for a in read("accounts.csv")}
        assert len(accounts) == 85
        assert {n: names.get(a.parent_id, "") for n, a in accounts.items()} == {
            n: a["subsidiary_of"] for n, a in files.items()
        }
        assert {n: a.annual_revenue_minor for n, a in accounts.items()} == {
            n: int(Decimal(a["revenue"]) * 1_000_000 * 100) for n, a in files.items()
        }
        assert "technolgy" not in {a.sector for a in accounts.values()}
        check_people()
        for events, state in ((2, "won"), (2, "lost"), (1, "open")):
            with_so_many = (
                select(DealEvent.deal_id).group_by(DealEvent.deal_id).having(func.count() == events).scalar_subquery()
            )
            here = select(func.count(Deal.id)).where(Deal.state == state)
            assert db.session.scalar(here) == db.session.scalar(here.where(Deal.id.in_(with_so_many)))
        assert set(db.session.scalars(select(DealEvent.source).distinct())) == {"import"}
        known = {d["opportunity_id"]: d for d in read("sales_pipeline.csv")}
        rows = select(Deal.external_id, Deal.opened_on, Deal.closed_on, Deal.name, Deal.product)
        for key, opened, closed, name, product in db.session.execute(rows):
            row = known[key]
            assert closed == day(row["close_date"])
            assert opened == (day(row["engage_date"]) or opened)
            assert name == " – ".join(part for part in (product, row["account"]) if part)


def check_people():
    teams = {t.name: t for t in db.session.scalars(select(Team))}
    members = {m.id: m for m in db.session.scalars(select(Membership))}
    assert len(members) == 35 + 6
    assert {m.user_id for m in members.values()} == {None}
    assert {m.valid_from for m in members.values()} == {date(2016, 1, 1)}
    where = {members[place.member_id].name: place for place in db.session.scalars(select(TeamMember))}
    for agent in read("sales_teams.csv"):
        team = teams[agent["manager"]]
        assert where[agent["sales_agent"]].team_id == team.id
        assert where[agent["sales_agent"]].valid_from == date(2016, 1, 1)
        assert members[team.manager_id].name == agent["manager"]
        assert team.parent_id == teams[agent["regional_office"]].id


def check_second_run(app, run, company):
    with app.app_context(), acting_for(company):
        before = [db.session.scalar(select(func.max(table.id))) for table in (Change, DealEvent, DealSpan)]
    for words in IMPORTS:
        report = json.loads(run(*arguments(*words)))
        assert (report["created"], report["updated"], report["unchanged"]) == (0, 0, report["rows"])
    with app.app_context(), acting_for(company):
        assert before == [db.session.scalar(select(func.max(table.id))) for table in (Change, DealEvent, DealSpan)]


# Killed


def environment(database, tmp_path):
    """What a process of its own needs to work on the test's database."""
    return {
        "PATH": os.environ["PATH"],
        "APP_ENV": "testing",
        "VAR_DIR": str(tmp_path / "var"),
        "DATABASE_URL": database.url,
        "MIGRATION_DATABASE_URL": database.owner_url,
        "SECRET_KEY": "for tests and nothing else, 32 characters",
    }


def start(database, tmp_path, words):
    command = [sys.executable, "-m", "flask", "--app", "wsgi", *words]
    return subprocess.Popen(
        command, cwd=ROOT, env=environment(database, tmp_path), stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL
    )


class Watcher:
    """Looks at the database past the application, without ever asking for SQLite's writer."""

    def __init__(self, url):
        self.engine = create_engine(url, poolclass=NullPool)

    def ask(self, question):
        with self.engine.connect() as connection:
            return connection.scalar(text(question))

    def staged(self):
        """Rows that wait, in chunks of a thousand."""
        return self.ask("SELECT count(*) FROM core_import_row") * 1000

    def publishing(self):
        return self.ask("SELECT count(*) FROM core_import_batch WHERE state = 'publishing'")

    def deals(self):
        return self.ask("SELECT count(*) FROM crm_deal")


def kill_when(process, ready, pause=0.0):
    """SIGKILL a process `pause` seconds after `ready()`; False when it ended by itself before."""
    deadline = time.monotonic() + 120
    while time.monotonic() < deadline:
        if process.poll() is not None:
            return False
        if ready():
            time.sleep(pause)
            ended = process.poll() is not None
            process.send_signal(signal.SIGKILL)
            process.wait()
            return not ended
        time.sleep(0.005)
    raise AssertionError("the import neither ended nor got there")


def test_killed_at_any_moment_and_run_again_gives_the_same_figures(app, run, company, database, tmp_path):
    """Killed while it stages and while it publishes, an import leaves nothing; the run that gets through gives all."""
    for words in IMPORTS[:2]:
        run(*arguments(*words))
    with app.app_context():
        db.session.remove()
        db.engine.dispose()
    watch = Watcher(database.owner_url)
    deals = arguments(*IMPORTS[2])
    moments = [
        (lambda: watch.staged() >= 1000, 0.0),
        (lambda: watch.staged() >= 5000, 0.0),
        (watch.publishing, 0.0),
        (watch.publishing, 0.3),
        (watch.publishing, 0.6),
    ]
    killed = 0
    for ready, pause in moments:
        before = watch.deals()
        killed += kill_when(start(database, tmp_path, deals), ready, pause)
        assert watch.deals() in (before, 8800)
    assert killed >= 4
    report = json.loads(run(*deals))
    assert (report["created"] + report["unchanged"], report["updated"]) == (8800, 0)
    assert watch.deals() == 8800
    assert watch.staged() == 0
    assert watch.ask("SELECT count(*) FROM core_import_batch WHERE state <> 'done'") == 0
    assert watch.ask("SELECT count(*) FROM crm_pipeline WHERE name = 'Hardware'") == 1
    check_figures(run)
