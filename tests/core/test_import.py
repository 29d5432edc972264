"""Import in the browser and its engine: what is read, what is refused, and that it is all or nothing."""

from __future__ import annotations

from datetime import date
from decimal import Decimal

import pytest
from flask_babel import force_locale
from hypothesis import given
from hypothesis import strategies as st
from sqlalchemy import func, select

from app.core.db import db
from app.core.errors import BusinessError
from app.core.importing import engine, staging
from app.core.importing.checking import GoodRow
from app.core.importing.files import guard, read_table, unguard
from app.core.importing.mapping import plan_by_heading, plan_by_mapping, with_options
from app.core.importing.matching import New, SameFile
from app.core.importing.models import ImportBatch
from app.core.models import Change
from app.core.money import Money
from app.core.registry import registry
from app.modules.contacts.models import Account, Contact
from app.modules.crm.models import Deal, Stage

ACCOUNTS = "/c/one/contacts/accounts"
sqlite_only = pytest.mark.on("sqlite")


def bring_in(text, address="contacts.accounts", mapping=None, folder=None, **options):
    """Import a file's text in the present company; returns the report."""
    resource = registry.resource(address)
    table = read_table(text.encode())
    told = {k: options.pop(k) for k in ("accept_near", "create_missing", "on_match") if k in options}
    match_key = options.pop("match_key", "")
    if mapping is None:
        plan = plan_by_heading(resource, table.headings, match_key)
    else:
        plan = plan_by_mapping(resource, table.headings, mapping, folder)
    plan = with_options(plan, **told)
    if options.pop("dry_run", False):
        return engine.rehearse(plan, table)
    return engine.bring_in(plan, table, "file.csv", **options)


def names(model=Account):
    return sorted(db.session.scalars(select(model.name)))


# Files


@sqlite_only
@pytest.mark.parametrize(
    ("data", "sentence"),
    [
        (b"", "The file is empty."),
        (b" \r\n \n", "The file is empty."),
        (b"name\n", "no rows"),
        (b"name,name\na,b\n", "stands there twice"),
        (b"name,,city\na,b,c\n", "Column 2 has no heading"),
        (b"a,b\x00,c\n1,2,3\n", "not a text file"),
        (b"PK\x03\x04rest", "damaged or was cut off"),
        (b'name,city\n"open,here\nand on', "Line 2 cannot be read"),
        (b"name\n\x81\x8d\n", "neither in UTF-8 nor in Windows-1252"),
    ],
)
def test_a_file_that_is_none_gets_one_sentence(app, data, sentence):
    with app.test_request_context("/"), pytest.raises(BusinessError, match=sentence):
        read_table(data)


@sqlite_only
@pytest.mark.parametrize("delimiter", [",", ";", "\t", "|"])
def test_delimiters_and_encodings_are_found_out(app, delimiter):
    text = delimiter.join(["name", "city"]) + "\n" + delimiter.join(['"Peña, S.A."', "Cádiz"]) + "\n"
    with app.test_request_context("/"):
        for encoding in ("utf-8", "utf-8-sig", "cp1252"):
            table = read_table(text.encode(encoding))
            assert (table.headings, table.rows[0].cells) == (["name", "city"], ["Peña, S.A.", "Cádiz"])


@sqlite_only
def test_lines_are_counted_as_an_editor_shows_them(app):
    with app.test_request_context("/"):
        table = read_table(b'name,note\n\nA,"two\nlines"\nB,x\nC,x,y\n')
    assert [(row.line, bool(row.fault)) for row in table.rows] == [(3, False), (5, False), (6, True)]


@given(st.text(st.characters(exclude_categories=("Cs",)), max_size=12))
def test_formula_guard_is_undone_exactly(text):
    guarded = guard(text)
    assert unguard(guarded) == text
    assert guarded[:1] not in tuple("=+@\t\r")
    assert not guarded.startswith("-") or guarded.replace(".", "").lstrip("-").isdigit()


@sqlite_only
def test_staged_values_come_back_as_they_were(app):
    values = {
        "text": "Ñandú 'x'", "none": None, "yes": True, "day": date(2017, 3, 1), "money": Money(1234, "EUR"),
        "rate": Decimal("1.10"), "new": New("stage_id", "Won", New("pipeline_id", "Hardware")), "line": SameFile(7),
    }  # fmt: skip
    rows = [GoodRow(4, values, 12), GoodRow(6, dict.fromkeys(values))]
    assert list(staging.decode(staging.encode(list(values), rows))) == rows


# The engine


@sqlite_only
def test_every_error_says_line_column_and_why_and_nothing_is_imported(one):
    text = "name,employees,email,nonsense\nGood,12,a@example.com,\n,many,nobody,\nLong,-3,,\nToo,1,,,more\n"
    with one:
        report = bring_in(text)
        assert [(e.line, e.column, e.value) for e in report.errors] == [
            (3, "name", ""), (3, "employees", "many"), (3, "email", "nobody"), (4, "employees", "-3"), (5, "", ""),
        ]  # fmt: skip
        assert "5 columns, the heading line has 4" in report.errors[-1].message
        assert (report.rows, report.ok, report.created, report.imported, report.ignored) == (4, 1, 0, False, ["nonsense"])
        assert names() == []
        assert db.session.scalar(select(func.count(ImportBatch.id))) == 0


@sqlite_only
def test_good_rows_go_in_when_told_to_skip_errors(one):
    with one:
        report = bring_in("name,employees\nGood,12\nBad,many\n", skip_errors=True)
        assert (report.created, report.ok, report.imported) == (1, 1, True)
        assert names() == ["Good"]


def test_a_dry_run_says_the_same_and_writes_nothing(one):
    with one:
        before = db.session.scalar(select(func.max(Change.id)))
        report = bring_in("name,parent_id\nA,\nB,A\n", dry_run=True)
        assert (report.created, report.dry_run, report.imported) == (2, True, False)
    with one:
        assert names() == []
        assert db.session.scalar(select(func.max(Change.id))) == before
        assert not db.session.scalar(select(func.count(ImportBatch.id)))


@sqlite_only
def test_headings_are_names_or_labels_in_any_language(one):
    with one:
        labels = []
        for language, name in (("es", "name"), ("en", "city")):
            with force_locale(language):
                labels.append(str(registry.resource("contacts.account").field(name).label).upper())
        bring_in(f"{labels[0]};{labels[1]};employees\nTalleres Ría;Vigo;12\n")
        row = db.session.scalars(select(Account)).one()
        assert (row.name, row.city, row.employees) == ("Talleres Ría", "Vigo", 12)


@sqlite_only
def test_a_file_of_something_else_is_refused(one):
    with one, pytest.raises(BusinessError, match="No heading is known here"):
        bring_in("foo,bar\n1,2\n")


def test_importing_again_writes_nothing_and_a_changed_row_one_change(one):
    text = "external_id,name,employees,annual_revenue\nE1,Alfa,10,1500.50\nE2,Beta,20,\n"
    with one:
        assert bring_in(text, match_key="external_id").created == 2
    with one:
        before = db.session.scalar(select(func.max(Change.id)))
        again = bring_in(text, match_key="external_id")
        assert (again.created, again.updated, again.unchanged) == (0, 0, 2)
        assert db.session.scalar(select(func.max(Change.id))) == before
    with one:
        changed = bring_in(text.replace("E2,Beta,20", "E2,Beta,25"), match_key="external_id")
        assert (changed.updated, changed.unchanged) == (1, 1)
        new = db.session.scalars(select(Change).where(Change.id > before)).all()
        assert [(c.field, c.old, c.new) for c in new] == [("employees", "20", "25")]
        assert new[0].request_id.startswith("import-")
    with one:
        skipped = bring_in(text.replace("Beta", "Gamma"), match_key="external_id", on_match="skip")
        assert (skipped.skipped, names()) == (2, ["Alfa", "Beta"])


def test_names_match_whatever_case_and_accents(one):
    with one:
        bring_in("name\nConstrucciones Ávila\n")
        report = bring_in("name,city\nCONSTRUCCIONES AVILA,Ávila\n", match_key="name")
        assert (report.created, report.updated) == (0, 1)
        assert db.session.scalars(select(Account)).one().city == "Ávila"


@sqlite_only
def test_the_same_key_twice_in_a_file_is_an_error(one):
    with one:
        report = bring_in("external_id,name\nX,A\nX,B\n,C\n,D\n", match_key="external_id")
        assert [(e.line, e.field) for e in report.errors] == [(3, "external_id")]
        assert "line 2" in report.errors[0].message


def test_a_key_that_matches_several_rows_is_an_error(one):
    with one:
        bring_in("name\nTwin\nTwin\n")
        report = bring_in("name,city\nTwin,Vigo\n", match_key="name")
        assert "Several rows match" in report.errors[0].message


# Look-ups


def test_near_matches_are_reported_and_taken_only_when_told_to(one):
    with one:
        bring_in("name\nGTX Pro Systems\nOther\n")
        text = "name,account_id\nAnn,GTXPro Systems\nBob,GTXPro Systems\nCid,Nobody\n"
        report = bring_in(text, "contacts.contacts")
        assert [(n.given, n.match, n.count, n.taken) for n in report.near] == [("GTXPro Systems", "GTX Pro Systems", 2, False)]
        assert "Did you mean “GTX Pro Systems”?" in report.errors[0].message
        assert report.errors[2].message == "There is no “Nobody”."
        taken = bring_in(text.replace("Nobody", "other"), "contacts.contacts", accept_near=True)
        assert (taken.created, taken.near[0].taken) == (3, True)
        accounts = dict(db.session.execute(select(Account.name, Account.id)).all())
        assert [c.account_id for c in db.session.scalars(select(Contact).order_by(Contact.name))] == [
            accounts["GTX Pro Systems"], accounts["GTX Pro Systems"], accounts["Other"],
        ]  # fmt: skip


@sqlite_only
def test_a_known_list_guards_plain_columns(one, tmp_path):
    (tmp_path / "sectors.csv").write_text("sector,x\nMachine tools,1\nFood,2\n")
    mapping = {
        "columns": {
            "name": "name",
            "sector": {"field": "sector", "known_file": {"file": "sectors.csv", "column": "sector"}},
        }
    }
    with one:
        report = bring_in("name,sector\nA,MachineTools\nB,food\nC,Fishing\n", mapping=mapping, folder=tmp_path)
        assert [(e.line, e.message) for e in report.errors] == [
            (2, "There is no “MachineTools”. Did you mean “Machine tools”?"), (4, "There is no “Fishing”."),
        ]  # fmt: skip
        mapping["columns"]["sector"]["near"] = True
        report = bring_in("name,sector\nA,MachineTools\nB,food\n", mapping=mapping, folder=tmp_path)
        assert sorted(db.session.scalars(select(Account.sector))) == ["Food", "Machine tools"]


@sqlite_only
def test_two_rows_of_one_name_cannot_be_told_apart(one):
    with one:
        bring_in("name\nTwin\nTwin\n")
        report = bring_in("name,account_id\nAnn,Twin\n", "contacts.contacts")
        assert "several “Twin”" in report.errors[0].message


def test_missing_look_ups_are_created_once_when_told_to(one):
    with one:
        report = bring_in("name,account_id\nAnn,Nueva\nBob,NUEVA\n", "contacts.contacts", create_missing=True)
        assert report.made == [{"resource": "contacts.accounts", "name": "Nueva"}]
        assert names() == ["Nueva"]


def test_rows_of_the_same_file_may_refer_to_each_other(one):
    with one:
        report = bring_in("name,parent_id\nLeaf,Branch\nBranch,Root\nRoot,\n")
        assert report.created == 3
        rows = {a.name: a for a in db.session.scalars(select(Account))}
        assert rows["Leaf"].parent_id == rows["Branch"].id
        assert rows["Branch"].parent_id == rows["Root"].id


def test_a_circle_is_refused_with_its_lines(one):
    with one:
        report = bring_in("name,parent_id\nA,B\nB,A\nC,\n")
        assert sorted(e.line for e in report.errors) == [2, 3]
        assert names() == []
        bring_in("name,parent_id\nA,\nB,A\n")
        report = bring_in("name,parent_id\nA,B\n", match_key="name")
        assert [(e.line, e.field) for e in report.errors] == [(2, "parent_id")]


def test_a_row_whose_parent_has_errors_does_not_go_in_without_it(one):
    with one:
        report = bring_in("name,parent_id,employees\nChild,Parent,\nParent,,many\n", skip_errors=True)
        assert sorted(e.line for e in report.errors) == [2, 3]
        assert (report.created, report.ok, names()) == (0, 0, [])


def test_a_stage_is_found_within_its_pipeline(one):
    with one:
        create = {"P": {"type": "open"}, "Won": {"type": "won"}}
        mapping = {
            "columns": {"name": "name", "stage": {"field": "stage_id", "within": "pipeline_id", "create": create}},
            "constants": {"pipeline_id": {"value": "Second", "create": True}},
        }
        report = bring_in("name,stage\nD,P\n", "crm.deals", mapping)
        assert [m["name"] for m in report.made] == ["Second", "P"]
        again = bring_in("name,stage,pipeline\nE,p,Second\n", "crm.deals")
        assert not again.errors
        stages = db.session.scalars(select(Stage).join(Deal, Deal.stage_id == Stage.id)).all()
        assert {s.name for s in stages} == {"P"}


@sqlite_only
@pytest.mark.parametrize(
    ("mapping", "sentence"),
    [
        ({"columns": {"nope": "name"}}, "does not have"),
        ({"columns": {"name": "nope"}}, "no field “nope”"),
        ({"columns": {"name": "name"}, "surplus": 1}, "nothing is known of “surplus”"),
        ({"columns": {"name": {"field": "name", "colour": 1}}}, "nothing is known of “colour”"),
        ({"columns": {"name": "name"}, "constants": {"name": "x"}}, "filled twice"),
        ({"columns": {"name": "name"}, "match_key": "external_id"}, "no column of the file gives it"),
        ({"columns": {"name": {"field": "name", "create": True}}}, "is for look-ups"),
        ({"columns": {"name": "name"}, "templates": {"city": "{town}"}}, "that the file does not have"),
        ({"columns": {"name": {"field": "name", "factor": "much"}}}, "is not a number"),
        ({"resource": "crm.deals", "columns": {"name": "name"}}, "The mapping is for crm.deals"),
        ({"columns": []}, "must be a JSON object"),
    ],
)
def test_a_mapping_that_cannot_be_meant_is_refused(one, tmp_path, mapping, sentence):
    with one, pytest.raises(BusinessError, match=sentence):
        bring_in("name\nA\n", mapping=mapping, folder=tmp_path)


def test_rules_that_only_the_module_knows_name_the_row(one):
    """The bulk function refuses a whole list; the report still says which rows it was."""
    lines = [f"Deal {n},Won,2017-03-01,2017-04-01,10" for n in range(20)]
    lines[13] = "Deal 13,Won,2017-03-01,2017-02-01,10"
    with one:
        text = "\n".join(["name,stage_id,opened_on,closed_on,amount", *lines]) + "\n"
        for options in ({"dry_run": True}, {}):
            report = bring_in(text, "crm.deals", **options)
            assert [(e.line, e.field) for e in report.errors] == [(15, "closed_on")]
        assert names(Deal) == []
