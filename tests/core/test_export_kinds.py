"""Which columns a file has and how its values are written: what is seen or everything, for people or for programs."""

from __future__ import annotations

import csv
import io
from datetime import date

import openpyxl
import pytest
from sqlalchemy import select

from app.core import workbooks, writes
from app.core.db import db
from app.core.exporting import CHUNK
from app.core.fields import FieldError, neutral
from app.core.importing.files import read_table
from app.core.importing.mapping import plan_by_heading
from app.core.models import Membership, User
from app.core.registry import registry
from app.modules.contacts.models import Account
from tests.dummy_module.models import Thing
from tools.bench_measure import recording

pytestmark = pytest.mark.on("sqlite")
ACCOUNTS = "/c/one/contacts/accounts/export"
CONTACTS = "/c/one/contacts/contacts/export"
THINGS = "/c/one/dummy/things/export"


@pytest.fixture
def things(one):
    """Two things: one of many kinds of values, one of none."""
    with one:
        account = writes.create(Account, {"name": "Ünö; S.A."})
        writes.create(Thing, {
            "name": "=1+1", "account_id": account.id, "pieces": -0 + 12, "share": 45, "price_minor": 150050, "currency": "EUR",
            "day": date(2026, 3, 4), "colour": "red", "ready": True, "note": "a\nb", "mail": "a@b.es",
        })  # fmt: skip
        writes.create(Thing, {"name": "Second", "price_minor": 99, "currency": "USD", "ready": False, "day": date(1900, 1, 1)})


def speaks(one, language):
    with one:
        db.session.scalar(select(User).where(User.email == "alice@one.example")).language = language


def lines(answer, delimiter=","):
    assert answer.status_code == 200, answer.text
    return list(csv.reader(io.StringIO(answer.text.removeprefix("\ufeff")), delimiter=delimiter))


def sheet(answer):
    assert answer.status_code == 200
    assert answer.content_type.endswith("spreadsheetml.sheet")
    return list(openpyxl.load_workbook(io.BytesIO(answer.data)).active.iter_rows())


def test_what_is_seen_has_the_columns_of_the_list_in_their_order(one, things, client_of):
    client = client_of("alice")
    address = f"{ACCOUNTS}?format=csv&extent=seen"
    heads = lines(client.get(address))[0]
    assert heads[:3] == ["name", "sector", "city"]
    assert "id" not in heads
    assert lines(client.get(f"{address}&columns=name,country,sector"))[0] == ["name", "country", "sector"]
    assert lines(client.get(f"{ACCOUNTS}?format=csv&columns=name,country"))[0][:3] == ["id", "name", "parent_id"]
    assert client.get(f"{address}&columns=nonsense").status_code == 422


def test_a_column_of_another_module_goes_along_with_what_is_seen(one, things, client_of):
    heads, *rows = lines(client_of("alice").get(f"{ACCOUNTS}?format=csv&extent=seen&headings=labels"))
    assert rows[0][heads.index("Things")] == "1"


def test_a_spreadsheet_has_typed_cells(one, things, client_of):
    heads, first, second = sheet(client_of("alice").get(f"{THINGS}?format=xlsx&sort=id"))
    cells = dict(zip((c.value for c in heads), first, strict=True))
    assert {n: cells[n].value for n in ("id", "name", "pieces", "share", "price", "ready", "note", "colour")} == {
        "id": 1, "name": "=1+1", "pieces": 12, "share": 45, "price": 1500.5, "ready": True, "note": "a\nb", "colour": "red",
    }  # fmt: skip
    assert (cells["name"].data_type, cells["day"].is_date, cells["day"].value.date()) == ("s", True, date(2026, 3, 4))
    assert cells["account_id"].value == "Ünö; S.A."
    others = {head.value: cell.value for head, cell in zip(heads, second, strict=True)}
    assert (others["price"], others["day"], others["account_id"], others["ready"]) == ("0.99 USD", "1900-01-01", None, False)


def test_a_spaniards_file_is_one_that_spanish_excel_opens(one, things, client_of):
    speaks(one, "es")
    answer = client_of("alice").get(f"{THINGS}?format=csv&style=local&headings=labels&sort=id")
    heads, first, second = lines(answer, ";")
    named = dict(zip(heads, first, strict=True))
    assert (named["Price"], named["Day"], named["Ready"], named["Account"]) == ("1500,50", "2026-03-04", "Sí", "Ünö; S.A.")
    assert "0,99 USD" in second


def test_headings_in_any_language_are_found_again(one, client_of):
    with one:
        resource = registry.resource("contacts.account")
        known = {f.name for f in resource.fields}
        resource.add({"name": "A"})
    for language in ("en", "es"):
        speaks(one, language)
        data = client_of("alice").get(f"{ACCOUNTS}?format=csv&headings=labels").data
        with one:
            plan = plan_of(resource, data)
            assert ({c.name for c in plan.columns}, plan.ignored) == (known, ["id"])


def plan_of(resource, data):
    return plan_by_heading(resource, read_table(data).headings)


def test_labels_that_would_be_read_as_another_field_give_way_to_names(one, client_of):
    heads = lines(client_of("alice").get("/c/one/admin/members/export?format=csv&headings=labels"))[0]
    assert len(set(heads)) == len(heads)
    assert "team_id" in heads
    assert "Team (name)" in heads


def test_names_that_are_not_unique_point_to_their_row(one, client_of):
    with one:
        first, second, digits = writes.bulk_insert(Account, [{"name": name} for name in ("Acme", "ácme", "12")])
        for number, account_id in enumerate((first, second, digits)):
            registry.resource("contacts.contact").add({"name": f"P{number}", "account_id": account_id})
    client = client_of("alice")
    heads, *rows = lines(client.get(f"{CONTACTS}?format=csv&sort=name"))
    assert [row[heads.index("account_id")] for row in rows] == [f"Acme [#{first}]", f"ácme [#{second}]", f"12 [#{digits}]"]
    heads, *rows = lines(client.get(f"{CONTACTS}?format=csv&extent=seen&sort=name"))
    assert [row[heads.index("account_id")] for row in rows] == ["Acme", "ácme", "12"]
    plain = client.get(f"{CONTACTS}?format=json&sort=name").json
    assert [(row["account_id"], row["account"]) for row in plain] == [(first, "Acme"), (second, "ácme"), (digits, "12")]


def test_a_name_that_points_to_its_row_is_understood_wherever_names_are(one):
    with one:
        first, second, digits = writes.bulk_insert(Account, [{"name": name} for name in ("Acme", "ácme", "12")])
        typed = registry.resource("contacts.contact").field("account_id")
        assert typed.parse(f"Acme [#{second}]", neutral()) == second
        assert typed.parse(f"ACME [#{first}]", neutral()) == first
        assert typed.parse(f"12 [#{digits}]", neutral()) == digits
        assert typed.parse(f"12 [#{digits + 7}]", neutral()) == digits  # from another company: the name alone says it
        for wrong in (f"Acme [#{digits}]", "Acme [#999]", "Acme"):
            with pytest.raises(FieldError):
                typed.parse(wrong, neutral())


def test_a_name_in_the_trash_is_not_taken_for_one_that_is_not(one, client_of):
    with one:
        resource = registry.resource("contacts.account")
        gone, _left = writes.bulk_insert(Account, [{"name": "Acme"}, {"name": "Acme"}])
        registry.resource("contacts.contact").add({"name": "P", "account_id": gone})
    with one:
        resource.remove([gone])
    heads, row = lines(client_of("alice").get(f"{CONTACTS}?format=csv"))
    assert row[heads.index("account_id")] in (f"Acme [#{gone}]", "")


def test_json_has_amounts_with_their_currency(one, things, client_of):
    first, second = client_of("alice").get(f"{THINGS}?format=json&sort=id").json
    assert (first["price"], first["currency"], first["ready"], first["day"]) == ("1500.50", "EUR", True, "2026-03-04")
    assert (second["price"], second["currency"], second["account_id"], second["account"]) == ("0.99", "USD", None, None)


def test_a_choice_is_read_in_the_language_of_whoever_wrote_it(one):
    with one:
        state = registry.resource("crm.deal").field("state")
        assert [state.parse(text, neutral()) for text in ("Ganado", "Won", "won")] == ["won"] * 3
        with pytest.raises(FieldError):
            state.parse("Gewonnen", neutral())


@pytest.mark.parametrize("kind", ["csv", "xlsx", "json"])
def test_statements_grow_with_chunks_and_not_with_rows(one, client_of, kind):
    def sent(rows):
        with one:
            owner = db.session.scalar(select(Membership.id).limit(1))
            writes.bulk_insert(Account, [{"name": f"Account {n}", "owner_id": owner, "parent_id": None} for n in range(rows)])
        with recording(one.app) as told:
            assert len(client.get(f"{ACCOUNTS}?format={kind}").data) > rows * 10
        return len([s for s in told if s.counts])

    client = client_of("alice")
    few, many = sent(CHUNK), sent(4_500)
    assert many == few


def test_more_rows_than_a_sheet_holds_are_refused(one, things, client_of, monkeypatch):
    monkeypatch.setattr(workbooks, "MOST_ROWS", 1)
    answer = client_of("alice").get(f"{THINGS}?format=xlsx")
    assert answer.status_code == 422
    assert "holds at most 1 rows" in answer.text


def test_text_that_xml_cannot_hold_does_not_break_the_file(one, client_of):
    with one:
        writes.bulk_insert(Account, [{"name": "a\x0bb_x0041_", "note": "#N/A"}])
    row = sheet(client_of("alice").get(f"{ACCOUNTS}?format=xlsx"))[1]
    assert row[1].value in ("a\ufffdb_x005F_x0041_", "a\ufffdb_x0041_")
    assert [cell.data_type for cell in row if cell.value == "#N/A"] == ["s"]


def test_the_page_asks_which_file_and_keeps_the_filters(one, things, client_of):
    client = client_of("alice")
    page = client.get(f"{THINGS}?colour=red&sort=-name")
    assert page.status_code == 200
    assert "<html" in page.text
    for part in ('name="colour" value="red"', 'name="sort" value="-name"', 'value="xlsx"', 'value="seen"', "1 row"):
        assert part in page.text
    part = client.get(THINGS, headers={"HX-Request": "true"})
    assert "<html" not in part.text
    assert 'class="v-form"' in part.text


@pytest.mark.parametrize("wrong", ["format=pdf", "format=csv&extent=half", "format=csv&headings=none", "format=csv&style=odd"])
def test_a_kind_of_file_that_is_none_is_refused_with_those_there_are(one, client_of, wrong):
    answer = client_of("alice").get(f"{ACCOUNTS}?{wrong}")
    assert answer.status_code == 422
    assert "can be" in answer.text


def test_who_may_not_export_gets_neither_page_nor_file(one, client_of):
    for tail in ("", "?format=csv", "?format=xlsx", "?format=json"):
        assert client_of("bob").get(f"/c/one/admin/members/export{tail}").status_code == 403


def test_the_command_writes_every_kind_of_file(app, one, things, tmp_path):
    def run(*words):
        return app.test_cli_runner().invoke(args=("export", "dummy.things", "--company", "one", *words))

    for kind in ("csv", "xlsx", "json"):
        out = tmp_path / f"out.{kind}"
        assert run("--format", kind, "--output", str(out)).exit_code == 0
        shown = run("--format", kind)
        assert shown.exit_code == 0
        if kind == "json":
            assert out.read_bytes() == shown.stdout_bytes
        else:
            with one:
                assert [row.cells[1] for row in read_table(out.read_bytes()).rows] == ["=1+1", "Second"]
                assert read_table(shown.stdout_bytes).rows == read_table(out.read_bytes()).rows
    assert not list(tmp_path.glob("*.part"))


def test_no_spreadsheet_is_written_to_a_terminal(app, one, monkeypatch):
    monkeypatch.setattr("click.testing._NamedTextIOWrapper.isatty", lambda _stdout: True, raising=False)
    result = app.test_cli_runner().invoke(args=("export", "dummy.things", "--company", "one", "--format", "xlsx"))
    assert result.exit_code == 1
    assert "give --output FILE" in result.stderr
