"""Imports as jobs: what a person may ask of a batch, and what the worker makes of it."""

from __future__ import annotations

import csv
import io
from datetime import timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st
from openpyxl import load_workbook
from sqlalchemy import select, update

from app.core import jobs
from app.core.db import utcnow
from app.core.errors import BusinessError, Conflict, NotFound
from app.core.importing import detecting, runs, staging
from app.core.importing.models import ImportBatch, ImportEffect, ImportFault, ImportFile, ImportRow
from app.core.models import Change, Job, Role
from app.modules.contacts.models import Account, Contact
from app.modules.crm.models import Deal, Pipeline, Stage
from tests.core.import_desk import count, names

sqlite_only = pytest.mark.on("sqlite")


# From the upload to the rows


def test_a_file_is_checked_and_published_by_the_worker_in_the_name_of_who_asked(desk, one, people):
    accounts = desk("contacts.accounts", "mona")
    preview = accounts.upload("name;city;employees\nAlfa;Vigo;10\nBeta;Lugo;20\n")
    assert [(h.heading, h.field, h.samples[0]) for h in preview.headings] == [
        ("name", "name", "Alfa"), ("city", "city", "Vigo"), ("employees", "employees", "10"),
    ]  # fmt: skip
    assert (preview.rows, preview.match_keys[0][0]) == (2, "external_id")
    accounts.do(runs.start_check)
    assert accounts.do(lambda batch: batch.state) == "checking"
    assert accounts.work() == ("checked", "")
    assert (accounts.report.created, accounts.report.ok, names(one)) == (2, 2, [])
    accounts.do(runs.start_publish)
    assert accounts.work() == ("done", "")
    assert names(one) == ["Alfa", "Beta"]
    with one as session:
        made = session.scalars(select(Change).filter_by(table_name="contacts_account")).all()
        assert {c.actor_id for c in made} == {people["mona"].member_id}
        assert {c.request_id for c in made} == {f"import-{accounts.id}"}
    assert (count(one, ImportRow), count(one, ImportFile)) == (0, 1)


def test_what_is_wrong_is_found_by_field_and_word_and_comes_back_as_a_file(desk, one):
    accounts = desk("contacts.accounts")
    lines = [f"A{n};{'many' if n % 2 else n};=x{n}" for n in range(120)]
    accounts.upload("name;employees;note\n" + "\n".join(lines) + "\n;5;nameless\n")
    assert accounts.check() == ("checked", "")
    page = accounts.do(runs.errors)
    assert (page.total, len(page.items), page.pages) == (61, 50, 2)
    assert {f: n for f, _heading, n in page.fields} == {"employees": 60, "name": 1}
    assert accounts.do(runs.errors, field="name").items[0].line == 122
    assert accounts.do(runs.errors, q="MANY", page=9).page == 2
    with pytest.raises(BusinessError, match="61 rows have errors"):
        accounts.do(runs.start_publish)
    name, kind, data = accounts.do(lambda batch: (*runs.error_file(batch)[:2], b"".join(runs.error_file(batch)[2])))
    assert (name, kind.partition(";")[0]) == ("file-errors.csv", "text/csv")
    rows = list(csv.reader(io.StringIO(data.decode("utf-8-sig")), delimiter=";"))
    assert rows[0] == ["name", "employees", "note", "Reason for refusal"]
    assert (len(rows), rows[1][:3], "not a number" in rows[1][3]) == (62, ["A1", "many", "'=x1"], True)
    accounts.do(runs.start_publish, skip_errors=True)
    assert accounts.work() == ("done", "")
    assert len(names(one)) == 60
    mended = data.decode("utf-8-sig").replace("many", "7").replace(";5;nameless", "Z;5;nameless")
    again = desk("contacts.accounts").bring_in(mended.encode())
    assert (again.created, again.ignored) == (61, ["Reason for refusal"])


@sqlite_only
def test_errors_of_a_spreadsheet_come_back_as_one(desk):
    from openpyxl import Workbook  # noqa: PLC0415  # for this test alone

    book = Workbook()
    for row in (["name", "employees"], ["A", "many"], ["B", 3]):
        book.active.append(row)
    stream = io.BytesIO()
    book.save(stream)
    accounts = desk("contacts.accounts")
    accounts.upload(stream.getvalue(), "cuentas.xlsx")
    accounts.check()
    name, _kind, data = accounts.do(lambda batch: (*runs.error_file(batch)[:2], b"".join(runs.error_file(batch)[2])))
    rows = list(load_workbook(io.BytesIO(data)).active.values)
    assert (name, len(rows), rows[1][:2]) == ("cuentas-errors.xlsx", 2, ("A", "many"))


def test_rows_that_exist_are_changed_skipped_or_made_again_as_the_key_says(desk, one):
    desk("contacts.accounts").bring_in("external_id,name,city\nE1,Alfa,Vigo\n")
    text = "external_id,name,city\nE1,Alfa,Lugo\nE2,Beta,Soria\n"
    skipped = desk("contacts.accounts").bring_in(text, on_match="skip")
    assert (skipped.created, skipped.skipped) == (1, 1)
    changed = desk("contacts.accounts").bring_in(text, match_key="name")
    assert (changed.updated, changed.unchanged, changed.created) == (1, 1, 0)
    made = desk("contacts.accounts").bring_in("name,city\nAlfa,Soria\n", match_key="")
    assert (made.created, names(one)) == (1, ["Alfa", "Alfa", "Beta"])


# Names


def test_near_and_missing_names_are_decided_one_by_one_or_all_at_once(desk, one):
    desk("contacts.accounts").bring_in("name\nGTX Pro Systems\nOther\n")
    contacts = desk("contacts.contacts")
    contacts.upload("name,account\nAnn,GTXPro Systems\nBob,Nobody\nCid,Nadie\nDan,Nobody\n")
    contacts.check()
    assert [(n.column, n.given, n.match, n.count) for n in contacts.do(runs.near)] == [("account", "GTXPro Systems", "GTX Pro Systems", 1)]
    missing = contacts.do(runs.missing)
    assert [(m.heading, m.name, m.count, m.may_create, m.needs) for m in missing] == [
        ("account", "Nobody", 2, True, []), ("account", "Nadie", 1, True, []),
    ]  # fmt: skip
    decisions = [
        runs.Decision("account", "GTXPro Systems", "take"), runs.Decision("account", "Nobody", "create"),
        runs.Decision("account", "Nadie", "map", to="Other"),
    ]  # fmt: skip
    contacts.do(runs.decide, decisions)
    assert contacts.work() == ("checked", "")
    contacts.do(runs.start_publish)
    contacts.work()
    with one as session:
        where = dict(session.execute(select(Contact.name, Account.name).join(Account, Account.id == Contact.account_id)).all())
    assert where == {"Ann": "GTX Pro Systems", "Bob": "Nobody", "Cid": "Other", "Dan": "Nobody"}
    assert contacts.report.made == [{"resource": "contacts.accounts", "name": "Nobody"}]


def test_a_stage_is_made_within_a_new_pipeline_with_the_type_that_was_said(desk, one):
    deals = desk("crm.deals")
    deals.upload("name,deal_stage\nD,Firma\n")
    deals.map(constants={"pipeline_id": {"value": "Segundo", "create": True}})
    assert deals.check() == ("checked", "")
    (missing,) = deals.do(runs.missing)
    assert [(name, len(choices)) for name, _label, choices in missing.needs] == [("type", 4)]
    deals.do(runs.decide, [runs.Decision("deal_stage", "Firma", "create", values={"type": "open"})])
    assert deals.work() == ("checked", "")
    deals.do(runs.start_publish)
    deals.work()
    with one as session:
        found = session.execute(select(Pipeline.name, Stage.name, Stage.type).join(Pipeline).join(Deal, Deal.stage_id == Stage.id)).one()
    assert tuple(found) == ("Segundo", "Firma", "open")


def test_who_may_not_create_what_is_missing_cannot_do_it_by_a_file(desk, one, people):
    with one as session:
        role = session.scalars(select(Role).filter_by(key="rep")).one()
        role.permissions = [p for p in role.permissions if p != "contacts.account.create"] + ["contacts.contact.import"]
    contacts = desk("contacts.contacts", "bob")
    contacts.upload("name,account_id\nAnn,Nueva\n")
    contacts.column("account_id", create=True)
    contacts.check()
    assert (contacts.report.ok, contacts.do(runs.missing)[0].may_create) == (0, False)


# Dates and numbers


@sqlite_only
def test_dates_are_decided_by_all_columns_of_the_file_together(desk):
    deals = desk("crm.deals")
    preview = deals.upload("name,expected_close,opened_on\nA,3/4/2017,2/1/2017\nB,5/6/2017,25/1/2017\n")
    assert [h.date_formats[0][0] for h in preview.headings[1:]] == ["dmy", "dmy"]
    assert (preview.headings[1].ambiguous_dates, preview.headings[2].ambiguous_dates, preview.ask) == (2, 1, [])
    unsure = desk("crm.deals").upload("name,expected_close\nA,3/4/2017\n")
    assert ([f for f, _label, _example in unsure.headings[1].date_formats], unsure.ask) == (["dmy", "mdy"], ["date_format"])
    assert [example for _f, _label, example in unsure.headings[1].date_formats] == ["2017-04-03", "2017-03-04"]


def test_numbers_are_read_as_the_whole_file_writes_them(desk, one):
    deals = desk("crm.deals")
    preview = deals.upload("name;amount\nA;1.500\nB;2.300,50\nC;1.200 USD\n")
    assert preview.headings[1].number_formats[0][0] == ","
    deals.check()
    deals.do(runs.start_publish)
    deals.work()
    with one as session:
        amounts = {n: (m, c) for n, m, c in session.execute(select(Deal.name, Deal.amount_minor, Deal.currency))}
    assert amounts == {"A": (150000, "EUR"), "B": (230050, "EUR"), "C": (120000, "USD")}


@given(st.dates(), st.sampled_from(["%d/%m/%Y", "%d.%m.%Y", "%m/%d/%Y", "%Y-%m-%d"]))
def test_a_date_is_read_back_in_the_order_it_was_written(day, pattern):
    if day.year >= 1000:
        order = {"d": "dmy", "m": "mdy", "Y": "ymd"}[pattern[1]]
        assert detecting.date_parts(day.strftime(pattern), order) == day


@given(st.decimals(-(10**9), 10**9, places=2), st.sampled_from([("{:,.2f}", "."), ("{:.2f}", ".")]))
def test_a_number_is_read_back_with_its_decimal_sign(value, written):
    pattern, sign = written
    text = pattern.format(value)
    assert detecting.neutral_number(text, sign) == f"{value:.2f}"
    spanish = text.translate(str.maketrans(",.", ".,"))
    assert detecting.neutral_number(spanish, ",") == f"{value:.2f}"


# Saved mappings


def test_a_mapping_is_kept_under_a_name_and_used_for_the_next_file(desk, one, two):
    accounts = desk("contacts.accounts")
    accounts.upload("firma,ort\nAlfa,Vigo\n")
    accounts.map(columns={"firma": "name", "ort": "city"})
    mapping_id = accounts.do(runs.save_mapping, "  Alemania ")
    assert accounts.do(runs.save_mapping, "Alemania") == mapping_id
    other = desk("contacts.accounts", "mona")
    other.upload("Firma,plz\nBeta,1\n")
    assert other.do(lambda batch: runs.mappings(other.resource)) == [(mapping_id, "Alemania")]
    other.do(runs.use_mapping, mapping_id)
    assert other.do(lambda batch: batch.plan["columns"]) == {"Firma": "name"}
    contacts = desk("contacts.contacts")
    contacts.upload("name\nAnn\n")
    with pytest.raises(NotFound):
        contacts.do(runs.use_mapping, mapping_id)
    other.do(lambda _batch: runs.forget_mapping(mapping_id))
    with pytest.raises(NotFound):
        other.do(runs.use_mapping, mapping_id)
    with pytest.raises(BusinessError, match="A name of at most 80"):
        other.do(runs.save_mapping, "  ")


# Stopped, repeated, refused


def test_what_nobody_comes_back_for_is_swept(desk, one):
    old, done = desk("contacts.accounts"), desk("contacts.accounts")
    old.upload("name\nAlfa\n")
    done.bring_in("name\nBeta\n")
    with one as session:
        staging.begin("contacts.account", "cut-off.csv", "digest")
        session.execute(update(ImportBatch).values(touched_at=utcnow() - timedelta(days=31)))
    new = desk("contacts.accounts")
    new.upload("name\nGamma\n")
    with one as session:
        assert set(session.scalars(select(ImportBatch.id))) == {done.id, new.id}
        assert set(session.scalars(select(ImportFile.batch_id))) == {new.id}
    with pytest.raises(NotFound, match="kept no longer"):
        done.do(runs.table_of)


def test_a_cancelled_check_stops_and_leaves_nothing_staged(desk, one):
    accounts = desk("contacts.accounts")
    accounts.upload("name\nAlfa\n")
    accounts.do(runs.start_check)
    accounts.do(runs.cancel)
    assert accounts.work() == ("cancelled", "")
    assert (count(one, ImportRow), count(one, ImportFault)) == (0, 0)
    with pytest.raises(Conflict, match="cancelled"):
        accounts.do(runs.start_publish)
    assert accounts.check() == ("checked", "")
    accounts.do(runs.start_publish)
    accounts.do(runs.cancel)
    assert accounts.work() == ("cancelled", "")
    assert (names(one), count(one, ImportRow), count(one, ImportEffect)) == ([], 0, 0)


def test_a_job_done_twice_has_one_effect(desk, one, app):
    accounts = desk("contacts.accounts")
    accounts.upload("name\nAlfa\n")
    accounts.check()
    accounts.do(runs.start_publish)
    with one as session:
        payload = session.scalars(select(Job.payload).where(Job.name == "core.import_publish")).one()
        jobs.enqueue("core.import_publish", payload)
    assert accounts.work() == ("done", "")
    assert names(one) == ["Alfa"]
    with pytest.raises(Conflict, match="imported already"):
        accounts.do(runs.start_publish)
    with pytest.raises(Conflict, match="imported already"):
        accounts.do(runs.cancel)
    with pytest.raises(Conflict, match="imported already"):
        accounts.map(match_key="")


def test_a_file_over_which_worker_after_worker_dies_fails_with_a_sentence(desk, one):
    accounts = desk("contacts.accounts")
    accounts.upload("name\nAlfa\n")
    accounts.do(runs.start_check)
    with one as session:
        session.execute(update(ImportBatch).values(tries=5))
    state, error = accounts.work()
    assert (state, "died over this file" in error) == ("failed", True)
    assert accounts.check() == ("checked", "")


def test_what_changed_since_the_check_is_said_and_nothing_is_imported(desk, one):
    accounts = desk("contacts.accounts")
    accounts.upload("external_id,name\nE1,Alfa\nE2,Beta\n")
    accounts.map(match_key="")
    accounts.check()
    desk("contacts.accounts").bring_in("external_id,name\nE2,Other\n")
    accounts.do(runs.start_publish)
    state, error = accounts.work()
    assert (state, "Something has changed" in error, names(one)) == ("checked", True, ["Other"])
    assert [e.line for e in accounts.do(runs.errors).items] == [3]


def test_the_right_to_import_is_asked_again_by_the_worker(desk, one):
    accounts = desk("contacts.accounts", "mona")
    accounts.upload("name\nAlfa\n")
    accounts.do(runs.start_check)
    with one as session:
        role = session.scalars(select(Role).filter_by(key="manager")).one()
        role.permissions = [p for p in role.permissions if p != "contacts.account.import"]
    assert accounts.work() == ("failed", "You may no longer import here.")


def test_a_batch_is_its_owners_and_the_administrators_alone(desk, one, people, app):
    mine = desk("contacts.accounts", "mona")
    mine.upload("name\nAlfa\n")
    others = {("alice", "contacts.accounts"): True, ("bob", "contacts.accounts"): False, ("carol", "contacts.accounts"): False,
              ("mona", "contacts.contacts"): False}  # fmt: skip
    for (who, address), sees in others.items():
        other = desk(address, who)
        other.id = mine.id
        if sees:
            assert other.do(lambda batch: batch.rows) == 1
        else:
            with pytest.raises(NotFound):
                other.do(runs.preview)


@sqlite_only
@pytest.mark.parametrize(
    ("data", "sentence"),
    [(b"", "empty"), (b"\x00\x01\x02", "not a text file"), (b"name,name\na,b\n", "stands there twice"), (b"name\n", "no rows")],
)
def test_a_file_that_is_none_is_refused_and_leaves_no_batch(desk, one, data, sentence):
    accounts = desk("contacts.accounts")
    with pytest.raises(BusinessError, match=sentence):
        accounts.upload(data)
    assert count(one, ImportBatch) == 0


@sqlite_only
@pytest.mark.parametrize(
    ("change", "field", "sentence"),
    [
        ({"columns": {"name": "nope"}}, "name", "no field “nope”"),
        ({"columns": {"other": "name"}}, "other", "does not have"),
        ({"match_key": "external_id"}, "match_key", "no column of the file gives it"),
        ({"resource": "crm.deals"}, None, "The mapping is for crm.deals"),
        ({"columns": {"name": {"field": "name", "known_file": {"file": "/etc/passwd", "column": "x"}}}}, "name", "for the command line"),
        ({"columns": {"name": {"field": "name", "date_format": "xyz"}}}, "name", "no way to write dates"),
        ({"columns": {"name": {"field": "name", "number_format": ";"}}}, "name", "point or a comma"),
        ({"columns": {"name": {"field": "name", "known": "x"}}}, "name", "must be a list"),
    ],
)
def test_a_mapping_that_cannot_be_meant_is_refused_beside_its_column(desk, change, field, sentence):
    accounts = desk("contacts.accounts")
    accounts.upload("name\nAlfa\n")
    with pytest.raises(BusinessError, match=sentence) as refused:
        accounts.map(**change)
    assert refused.value.field == field
    assert accounts.do(lambda batch: batch.plan["columns"]) == {"name": {"field": "name"}}
