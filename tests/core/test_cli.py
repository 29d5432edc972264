"""The command line: what each command does, and that a failure is one sentence and an exit status."""

from __future__ import annotations

import json
import subprocess
import sys
from datetime import UTC, datetime

import pytest
from sqlalchemy import select

from app.core import lifecycle
from app.core.db import db
from app.core.models import Company, Job, Membership, User
from app.modules.contacts.models import Account
from app.modules.crm.models import Deal

COMMANDS = (
    "company create", "db check", "db revision", "db upgrade", "demo load", "export", "import", "metric",
    "module disable", "module enable", "module list", "module purge", "module scaffold", "token create",
    "user create", "worker",
)  # fmt: skip


@pytest.fixture
def run(app):
    """Run a command as `flask …` would; `fails` gives the one sentence it fails with."""

    class Run:
        def __call__(self, *words):
            result = app.test_cli_runner().invoke(args=words)
            assert result.exit_code == 0, (result.output, result.exception)
            return result.stdout

        def fails(self, *words):
            result = app.test_cli_runner().invoke(args=words)
            assert result.exit_code != 0
            assert "Traceback" not in result.output
            return result.stderr.strip()

    return Run()


@pytest.mark.on("sqlite")
@pytest.mark.parametrize("command", COMMANDS)
def test_every_command_explains_itself(run, command):
    assert len(run(*command.split(), "--help")) > 100


@pytest.mark.on("sqlite")
def test_there_is_no_command_but_these(app):
    ours = {name: command for name, command in app.cli.commands.items() if name not in ("run", "shell", "routes", "limiter")}
    found = {f"{n} {verb}" for n, c in ours.items() for verb in getattr(c, "commands", ())}
    found |= {n for n, c in ours.items() if not hasattr(c, "commands")}
    assert found == set(COMMANDS)


def test_a_company_and_its_first_admin(run, app):
    run("company", "create", "acme", "--name", "Acme", "--timezone", "America/New_York", "--currency", "USD", "--language", "en")
    link = run("user", "create", "ann@acme.example", "--company", "acme", "--role", "admin", "--print-link").strip()
    assert "/invite/" in link
    token = link.partition("/invite/")[2]
    assert app.test_client().get(f"/invite/{token}").status_code == 200
    run("user", "create", "bob@acme.example", "--company", "acme", "--role", "rep", "--name", "Bob B", "--send-link")
    with app.app_context():
        company = db.session.scalars(select(Company).filter_by(slug="acme")).one()
        assert (company.name, company.currency, company.timezone) == ("Acme", "USD", "America/New_York")
        assert db.session.scalars(select(User.name).filter_by(email="bob@acme.example")).one() == "Bob B"
        assert db.session.scalars(select(Job).filter_by(name="core.mail")).first() is not None


@pytest.mark.on("sqlite")
@pytest.mark.parametrize(
    ("words", "sentence"),
    [
        ("company create one", "already a company"),
        ("company create Bad_Slug", "cannot stand in addresses"),
        ("company create x1 --currency XXY", "no currency"),
        ("company create x1 --timezone Mars/North", "no time zone"),
        ("user create nobody --company one --role rep", "not a mail address"),
        ("user create a@b.example --company none --role rep", "There is no company “none”"),
        ("user create a@b.example --company one --role king", "There is no role “king”"),
        ("user create a@b.example --company one --role rep --send-link --print-link", "Choose one of"),
        ("module enable nope --company one", "There is no module nope"),
        ("module disable contacts --company one", "always on"),
        ("module purge contacts --yes", "is needed by"),
        ("module scaffold Bad_Name", "cannot name a module"),
        ("db revision nope -m x", "There is no module nope"),
        ("metric crm.nope --company one", "There is no metric crm.nope"),
        ("metric crm.won_count --company one --from 31/12/2017", "--from must be a date"),
        ("metric crm.won_count --company one --from 2017-02-01 --to 2017-01-01", "ends before it begins"),
        ("metric crm.won_count --company one --by colour", "not one of"),
        ("metric crm.won_count --company one --as-of yesterday", "--as-of must be"),
        ("import crm.nothing /etc/hostname --company one", "There is no resource crm.nothing"),
        ("import contacts.accounts /nowhere --company one", "does not exist"),
        ("export crm.deals --company none", "There is no company"),
        ("export crm.deals --company one --filter colour=red", "is not filtered by “colour”"),
        ("export crm.deals --company one --output /nowhere/x.csv", "No such file"),
    ],
)
def test_failure_is_one_sentence(run, words, sentence):
    assert sentence in run.fails(*words.split())


def test_modules_are_switched_for_one_company(run, one, two):
    run("module", "disable", "crm", "--company", "one")
    with one:
        assert not lifecycle.is_enabled("crm")
    with two:
        assert lifecycle.is_enabled("crm")
    listed = run("module", "list", "--company", "one")
    assert [line.split()[0] for line in listed.splitlines() if "CRM" in line] == ["off"]
    run("module", "enable", "crm", "--company", "one")
    assert "on   crm" in run("module", "list", "--company", "one")


@pytest.mark.on("sqlite")
def test_first_time_data_speaks_the_companys_language(run, app, one):
    run("company", "create", "es", "--language", "es")
    run("module", "enable", "crm", "--company", "es")
    assert "Ganado" in run("export", "crm.stages", "--company", "es")


def test_import_export_and_metric(run, one, tmp_path):
    file = tmp_path / "deals.csv"
    file.write_text("name,stage_id,opened_on,closed_on,amount\nA,Won,2017-01-10,2017-02-10,1000.50\nB,Won,2017-01-10,2017-04-10,10\n")
    dry = run("import", "crm.deals", str(file), "--company", "one", "--dry-run")
    assert "would be created 2" in dry
    with one:
        assert db.session.scalars(select(Deal)).all() == []
    report = json.loads(run("import", "crm.deals", str(file), "--company", "one", "--match-key", "name", "--json"))
    assert (report["created"], report["imported"], report["errors"]) == (2, True, [])
    with one:
        created = db.session.scalars(select(Deal).order_by(Deal.name)).first()
        assert created.opened_on.isoformat() == "2017-01-10"
    assert run("metric", "crm.won_amount", "--company", "one").startswith("1010.50 EUR")
    split = json.loads(run("metric", "crm.won_amount", "--company", "one", "--by", "quarter", "--json"))
    assert [(r["by"]["quarter"], r["value"]) for r in split["rows"]] == [("2017-Q1", "1000.50"), ("2017-Q2", "10.00")]
    first = run("metric", "crm.won_count", "--company", "one", "--from", "2017-01-01", "--to", "2017-03-31")
    assert first.split()[0] == "1"
    assert run("metric", "crm.open_count", "--company", "one", "--as-of", "2017-03-01").split()[0] == "1"
    before = datetime.now(UTC).replace(year=2020).isoformat()
    assert run("metric", "crm.won_count", "--company", "one", "--known-at", before).split()[0] == "0"
    out = tmp_path / "out.csv"
    run("export", "crm.deals", "--company", "one", "--output", str(out), "--filter", "q=a", "--filter", "view=won")
    assert [line.split(",")[1] for line in out.read_text("utf-8-sig").splitlines()] == ["name", "A"]
    everything = json.loads(run("export", "crm.deals", "--company", "one", "--format", "json"))
    assert {d["name"]: d["amount"] for d in everything} == {"A": "1000.50", "B": "10.00"}


@pytest.mark.on("sqlite")
def test_an_import_with_errors_says_them_and_fails(run, one, tmp_path):
    file = tmp_path / "accounts.csv"
    file.write_text("name,employees\nA,1\nB,many\n")
    result = run.fails("import", "contacts.accounts", str(file), "--company", "one")
    assert result == "Error: 1 of 2 rows have errors; nothing was imported."
    mapping = tmp_path / "mapping.json"
    mapping.write_text("{not json")
    assert "not valid JSON" in run.fails("import", "contacts.accounts", str(file), "--company", "one", "--mapping", str(mapping))
    said = run("import", "contacts.accounts", str(file), "--company", "one", "--skip-errors")
    assert "line 3, employees: “many” is not a number." in said
    with one:
        assert db.session.scalars(select(Account.name)).all() == ["A"]


def test_members_come_in_with_their_teams(run, one, tmp_path):
    file = tmp_path / "members.csv"
    file.write_text("name,manager,team_parent,create_missing\nZoe,Max,East,yes\n")
    run("import", "admin.members", str(file), "--company", "one", "--match-key", "name")
    with one:
        assert set(db.session.scalars(select(Membership.name))) >= {"Zoe", "Max"}
    again = run("import", "admin.members", str(file), "--company", "one", "--match-key", "name")
    assert "unchanged 1" in again


@pytest.mark.on("sqlite")
def test_a_scaffolded_module_works(run, app, tmp_path):
    run("module", "scaffold", "visits", "--into", str(tmp_path))
    folder = tmp_path / "vendimia-visits"
    assert "already" in run.fails("module", "scaffold", "visits", "--into", str(tmp_path))
    assert sum(len(f.read_text().splitlines()) for f in folder.rglob("*.py")) <= 45
    code = (
        "import sys; sys.path.insert(0, sys.argv[1])\n"
        "from app import create_app; from config import Config\n"
        "app = create_app(Config(var_dir=__import__('pathlib').Path(sys.argv[1])).checked(), ['vendimia_visits'])\n"
        "print(sorted(r.rule for r in app.url_map.iter_rules() if r.endpoint == 'visits.entry_list'))\n"
    )
    done = subprocess.run([sys.executable, "-c", code, str(folder)], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "['/c/<company>/visits/entries']"


@pytest.mark.on("sqlite")
@pytest.mark.parametrize("when", ["0001-01-01T00:00+14:00", "9999-12-31T23:59-12:00", "yesterday", "2017-13-01"])
def test_an_instant_that_is_none_is_a_sentence(run, when):
    said = run.fails("metric", "crm.won_count", "--company", "one", "--from", "2017-01-01", "--to", "2017-12-31", "--as-of", when)
    assert "must be a day or an instant" in said
