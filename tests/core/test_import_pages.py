"""The pages of an import, without a script: what a browser would post is read from the forms that the pages show."""

from __future__ import annotations

import io

import pytest
from sqlalchemy import select, update

from app.core import lifecycle, worker
from app.core.db import db
from app.core.importing.models import ImportBatch
from app.core.models import Membership, Role, Trash
from app.core.registry import registry
from app.modules.contacts.models import Account, Contact
from app.modules.crm.models import Deal, Pipeline, Stage
from tests.core.importer import ACCOUNTS, Forms, Import
from tests.core.test_statements import Counter

CONTACTS, DEALS = "/c/one/contacts/contacts", "/c/one/crm/deals"
sqlite_only = pytest.mark.on("sqlite")


@pytest.fixture
def bring(app, client_of):
    """Upload a file as one of the cast."""
    return lambda who, text, address=ACCOUNTS, **more: Import(app, client_of(who), text, address, **more)


def names(model=Account):
    return sorted(db.session.scalars(select(model.name)))


def test_a_file_goes_in_and_is_taken_back(one, bring, client_of):
    it = bring("mona", "name,city\nA,Vigo\nB,Lugo\n")
    assert it.uploaded.status_code == 303
    assert "2 of 2 columns are imported" in it.text
    checked = it.check()
    assert "The file is good. Nothing has been imported yet." in checked
    with one:
        assert names() == []
    done = it.publish()
    assert "2 rows were imported" in done
    with one:
        assert names() == ["A", "B"]
    assert "2 rows it created go to the trash." in it.client.get(f"{it.page}/revert").text
    assert it.client.post(f"{it.page}/revert", data={}).status_code == 303
    assert "The import was reverted" in it.work()
    assert "2 rows are in the trash." in it.text
    with one:
        assert names() == []
        assert len(db.session.scalars(select(Trash)).all()) == 2
    assert "Reverted" in client_of("mona").get(f"{ACCOUNTS}/import").text


@sqlite_only
@pytest.mark.parametrize(
    ("data", "sentence"), [(b"", "The file is empty."), (b"name\n", "no rows"), (b"\x00\x01\x02", "file")]
)
def test_a_file_that_cannot_be_read_is_answered_beside_its_field(bring, data, sentence):
    answer = bring("mona", data).uploaded
    assert answer.status_code == 422
    beside = answer.text.split('id="file-error"')[1].split("</div>")[0]
    assert sentence in beside
    assert "hidden" not in beside.split(">")[0]
    assert 'aria-invalid="true"' in answer.text


@sqlite_only
def test_nothing_chosen_is_said_and_too_much_is_refused(client_of, app):
    client = client_of("mona")
    assert "Choose a file first." in client.post(f"{ACCOUNTS}/import", data={}).text
    app.config["MAX_CONTENT_LENGTH"] = 1000
    large = client.post(f"{ACCOUNTS}/import", data={"file": (io.BytesIO(b"a" * 2000), "a.csv")})
    assert large.status_code == 413


def test_an_import_is_seen_by_who_brought_it_and_by_admins(bring, client_of, people):
    it = bring("alice", "name\nA\n")
    for method, step in (("get", ""), ("post", "/mapping"), ("post", "/check"), ("post", "/publish"), ("post", "/cancel"),
                         ("get", "/revert"), ("post", "/revert"), ("post", "/decide"), ("get", "/errors")):
        assert getattr(client_of("mona"), method)(f"{it.page}{step}").status_code == 404
        assert getattr(client_of("bob"), method)(f"{it.page}{step}").status_code == 403
        assert getattr(client_of("carol"), method)(f"{it.page}{step}").status_code == 404
    assert it.client.get(it.page.replace("accounts", "contacts")).status_code == 404
    assert it.client.get(f"{ACCOUNTS}/import/none").status_code == 404
    assert "file.csv" not in client_of("mona").get(f"{ACCOUNTS}/import").text
    of_mona = bring("mona", "name\nB\n")
    assert "This import was started by Mona." in client_of("alice").get(of_mona.page).text


@sqlite_only
def test_a_module_that_is_off_takes_no_files(one, bring):
    it = bring("mona", "name\nA\n", DEALS)
    with one:
        lifecycle.disable("crm")
    assert it.client.get(it.page).status_code == 404
    assert bring("mona", "name\nA\n", DEALS).uploaded.status_code == 404


# Columns


@sqlite_only
def test_what_is_wrong_with_a_column_stands_beside_it_and_nothing_typed_is_lost(bring):
    it = bring("mona", "name,town,size\nA,Vigo,3\n")
    answer = it.post("mapping", **{"field-1": "name", "field-2": "employees", "factor-2": "1000"})
    assert answer.status_code == 422
    row = answer.text.split('id="column-1"')[1].split("</tr>")[0]
    assert "“Name” is filled by another column already." in row
    assert '<option value="name" selected>' in row
    assert '<option value="employees" selected>' in answer.text.split('id="column-2"')[1]
    assert it.post("mapping", **{"field-1": "nope"}).status_code == 422
    assert 'value="employees" selected' not in it.text  # what is wrong is not kept


@sqlite_only
def test_a_needed_field_without_a_column_is_named(bring):
    it = bring("mona", "ort,employees\nVigo,3\n")
    assert "New rows also need: Name." in it.text
    assert "New rows also need" not in it.post("mapping", **{"field-0": "name"}).text
    filled = it.post("mapping", **{"field-0": "", "extra-field-0": "name", "extra-value-0": "In {ort}"})
    assert "New rows also need" not in filled.text
    assert "1" in it.check()
    it.publish()
    assert "1 row was imported" in it.text


def test_values_are_replaced_multiplied_and_filled_in(one, bring):
    it = bring("mona", "name,sector,revenue\nA,technolgy,1.5\nB,food,2\n")
    page = it.text
    place = page.split('value="technolgy"')[0].rsplit('name="given-', 1)[1].split('"')[0]
    it.check(**{f"value-{place}": "technology", "factor-2": "1000000", "extra-field-0": "country", "extra-value-0": "Spain"})
    it.publish()
    with one:
        rows = db.session.execute(select(Account.sector, Account.annual_revenue_minor, Account.country).order_by(Account.name))
        assert [tuple(r) for r in rows] == [("technology", 150_000_000, "Spain"), ("food", 200_000_000, "Spain")]


def test_the_order_of_dates_is_shown_and_may_be_changed(one, bring):
    it = bring("mona", "name,closing,stage_id\nA,03/04/2026,Contact\nB,05/06/2026,Contact\n", DEALS)
    page = it.post("mapping", **{"field-1": "expected_close"}).text
    assert "Which order is it?" in page
    assert "03/04/2026 is Mar 4, 2026" in page
    assert "03/04/2026 is Apr 3, 2026" in page
    it.check(dates="mdy")
    assert "2 rows" in it.text
    it.post("mapping", do="check", dates="dmy")
    it.work()
    it.publish()
    with one:
        assert [d.isoformat() for d in db.session.scalars(select(Deal.expected_close).order_by(Deal.name))] == ["2026-04-03", "2026-06-05"]


def test_existing_rows_are_found_by_the_key_that_was_picked(one, bring):
    first = bring("mona", "name,city\nA,Vigo\n")
    first.check()
    first.publish()
    again = bring("mona", "name,city\nA,Lugo\n")
    assert "1" in again.check(match_key="name", on_match="skip")
    assert "there is nothing to import" in again.text
    assert "/publish" not in again.text
    again.check(match_key="name", on_match="update")
    again.publish()
    with one:
        assert db.session.scalars(select(Account.city)).all() == ["Lugo"]
    back = again.client.get(f"{again.page}/revert").text
    assert "1 row it changed gets its old values back." in back


def test_rows_of_an_export_are_found_by_their_id_but_not_those_of_others(one, bring, people):
    with one:
        made = registry.resource("crm.deal").add_many([{"name": n, "owner_id": people[w].member_id} for n, w in (("A", "bob"), ("B", "dave"))])
        mine, theirs = getattr(made, "ids", made)
        role = db.session.scalars(select(Role).filter_by(key="rep")).one()
        role.permissions = [*role.permissions, "crm.deal.import"]
    it = bring("bob", f"id,name\n{mine},Mine now\n{theirs},Taken over\n", DEALS)
    page = it.check(match_key="id")
    assert "Import 1 row and leave out the others" in page
    it.publish()
    with one:
        assert names(Deal) == ["B", "Mine now"]


@sqlite_only
def test_a_mapping_is_kept_used_and_forgotten(bring):
    it = bring("mona", "what,where\nA,Vigo\n")
    assert it.post("mapping", do="save", mapping_name="").status_code == 422
    assert it.post("mapping", do="save", mapping_name="Fairs", **{"field-0": "name", "field-1": "city"}).status_code == 303
    other = bring("mona", "what,where\nB,Lugo\n")
    saved = other.text.split('id="saved"')[1].split('<option value="')[1].split('"')[0]
    assert other.client.post(f"{other.page}/mapping", data={"do": "use", "mapping": saved}).status_code == 303
    assert "2 of 2 columns are imported" in other.text
    other.client.post(f"{other.page}/mapping", data={"do": "forget", "mapping": saved})
    assert 'id="saved"' not in other.text
    gone = other.client.post(f"{other.page}/mapping", data={"do": "use", "mapping": saved}, follow_redirects=True)
    assert "There is no such mapping." in gone.text


# Checked


def test_errors_are_listed_filtered_paged_and_downloaded(one, bring):
    rows = "".join(f"Good {n},{n},x@example.com\n" for n in range(3)) + "".join(f"Bad {n},many {n},\n" for n in range(60))
    it = bring("mona", "name,employees,email\n" + rows + "Last,1,nobody\n")
    page = it.check(**{"field-1": "employees", "field-2": "email"})
    assert "Import 3 rows and leave out the others" in page
    assert "Page 1 of 2" in page
    assert "“many 0” is not a number." in page
    only = it.client.get(f"{it.page}?field=email").text
    assert "nobody" in only and "many 0" not in only
    found = it.client.get(f"{it.page}?q=many+41").text
    assert "many 41" in found and "many 42" not in found
    assert "No error matches this filter." in it.client.get(f"{it.page}?q=zzz").text
    assert "many 59" in it.client.get(f"{it.page}?field=employees&page=2").text
    file = it.client.get(f"{it.page}/errors")
    assert "attachment" in file.headers["Content-Disposition"]
    lines = file.get_data(as_text=True).splitlines()
    assert len(lines) == 62
    assert "not a number" in lines[1]
    assert "3 rows were imported" in it.publish()
    with one:
        assert names() == ["Good 0", "Good 1", "Good 2"]


def test_names_that_almost_match_are_taken_or_left_one_by_one_or_all(one, bring):
    accounts = bring("mona", "name\nGTX Pro Systems\nOther company\n")
    accounts.check()
    accounts.publish()
    text = "name,account\nAnn,GTXPro Systems\nBob,Other compny\nCid,Nobody\n"
    it = bring("mona", text, CONTACTS)
    page = it.check()
    assert "Take “GTX Pro Systems”" in page
    assert "Not there yet: account" in page
    nothing = it.post("decide", do="apply")
    assert "Choose what to do with at least one of the names." in it.client.get(nothing.location).text
    assert it.post("decide", do="take").status_code == 303
    page = it.work()
    assert "Take “" not in page
    assert "Nobody" in page
    form = Forms(page).forms[f"{it.page}/decide"]
    key = next(name.removeprefix("given-") for name, value in form.items() if value == "Nobody")
    it.post("decide", do="apply", **{f"action-{key}": "map", f"to-{key}": "Other company"})
    assert "The file is good." in it.work()
    it.publish()
    with one:
        chosen = db.session.execute(select(Contact.name, Account.name).join(Account, Contact.account_id == Account.id).order_by(Contact.name))
        assert [tuple(c) for c in chosen] == [("Ann", "GTX Pro Systems"), ("Bob", "Other company"), ("Cid", "Other company")]


def test_what_is_missing_is_created_with_what_it_needs(one, bring):
    it = bring("alice", "name,stage\nA,Won deal\nB,Lead\n", DEALS)
    page = it.check(**{"extra-field-0": "pipeline_id", "extra-value-0": "Fairs", "extra-create-0": "1", "field-1": "stage_id"})
    group = page.split("Not there yet: stage")[1].split('value="create:')[1].split('"')[0]
    it.post("decide", do=f"create:{group}")
    page = it.work()
    assert "The file is good." in page
    assert "Fairs" in page
    it.publish()
    with one:
        made = db.session.execute(select(Stage.name, Stage.type).join(Pipeline).where(Pipeline.name == "Fairs").order_by(Stage.name))
        assert [tuple(row) for row in made] == [("Lead", "open"), ("Won deal", "won")]


# Under way, over, and what cannot be done any more


def test_a_job_under_way_is_asked_after_and_answered_only_when_it_has_moved(one, bring):
    it = bring("mona", "name\nA\n")
    it.post("mapping", do="check")
    answer = it.client.get(it.page)
    assert "<progress" in answer.text
    assert 'hx-trigger="every 1s"' in answer.text
    tag = answer.headers["HX-PTag"]
    asked = {"HX-Request": "true", "HX-PTag": tag}
    assert it.client.get(it.page, headers=asked).status_code == 304
    with one:
        db.session.execute(update(ImportBatch).values(done=1, rows=4))
    moved = it.client.get(it.page, headers=asked)
    assert moved.status_code == 200
    assert 'value="1"' in moved.text and 'max="4"' in moved.text
    assert "Being checked: 25 %" in moved.text
    assert "<html" not in moved.text
    it.work()
    assert it.client.get(it.page, headers=asked).status_code == 200


def test_what_cannot_be_stopped_any_more_offers_no_button(one, bring, database):
    it = bring("mona", "name\nA\n")
    it.check()
    it.post("publish")
    assert "Waiting for its turn" in it.text
    assert "Stop the import" in it.text
    with one:
        db.session.execute(update(ImportBatch).values(tries=1))
    assert "Under way" in it.text
    assert ("Stop the import" in it.text) == (database.kind == "postgres")


def test_what_was_stopped_goes_on_from_its_columns(one, bring):
    it = bring("mona", "name\nA\n")
    it.post("mapping", do="check")
    assert it.client.post(f"{it.page}/cancel").status_code == 303
    assert "The import was cancelled" in it.work()
    assert "Go on with this file" in it.text
    assert "Columns" in it.client.get(f"{it.page}?step=columns").text
    it.check()
    assert "1 row was imported" in it.publish()
    late = it.client.post(f"{it.page}/cancel", follow_redirects=True)
    assert "This file was imported already." in late.text
    twice = it.client.post(f"{it.page}/publish", follow_redirects=True)
    assert "This file was imported already." in twice.text
    with one:
        assert names() == ["A"]


@sqlite_only
@pytest.mark.parametrize(
    ("state", "sentence"),
    [
        ("publishing", "The rows are being imported"),
        ("reverting", "The import is being reverted"),
        ("failed", "The disk was full."),
        ("cancelled", "The file is still here"),
        ("done", "The disk was full."),
    ],
)
def test_every_state_says_what_it_is_and_what_comes_next(one, bring, state, sentence):
    it = bring("mona", "name\nA\n")
    with one:
        db.session.execute(update(ImportBatch).values(state=state, error="The disk was full."))
    assert sentence in it.text
    assert it.client.get(f"{ACCOUNTS}/import").status_code == 200


@sqlite_only
def test_a_value_for_all_rows_that_is_not_there_fails_with_its_name(bring):
    it = bring("alice", "name\nA\n", DEALS)
    page = it.check(**{"extra-field-0": "pipeline_id", "extra-value-0": "Nowhere"})
    assert "The import has failed" in page
    assert "There is no “Nowhere”." in page
    assert "There is no “Nowhere”." in it.client.get(f"{it.page}?step=columns").text
    it.check(**{"extra-value-0": "Sales"})


def test_rows_edited_since_are_listed_before_it_is_taken_back(one, bring):
    it = bring("mona", "name,city\nA,Vigo\nB,Lugo\n")
    it.check()
    it.publish()
    with one:
        account = db.session.scalars(select(Account).filter_by(name="A")).one()
        registry.resource("contacts.account").change(account, {"city": "Ourense"})
        account_id = account.id
    page = it.client.get(f"{it.page}/revert").text
    assert "1 row was edited since:" in page
    assert f'href="{ACCOUNTS}/{account_id}"' in page
    it.client.post(f"{it.page}/revert", data={"edited": "leave"})
    page = it.work()
    assert "1 row was left as it is" in page
    with one:
        assert names() == ["A"]
    assert "What was changed since is lost." in it.client.get(f"{it.page}/revert").text
    it.client.post(f"{it.page}/revert", data={"edited": "revert"})
    it.work()
    with one:
        assert names() == []


def test_who_may_no_longer_import_is_told_so(one, bring, people):
    it = bring("mona", "name\nA\n")
    it.check()
    it.post("publish")
    with one:
        nothing = Role(key="nothing", name="Nothing", permissions=[], scopes={})
        db.session.add(nothing)
        db.session.flush()
        db.session.get_one(Membership, people["mona"].member_id).role_id = nothing.id
    worker.run_pending(it.app)
    with one:
        assert names() == []
    assert it.client.get(it.page).status_code == 403


@sqlite_only
def test_the_template_has_every_heading(client_of):
    answer = client_of("mona").get(f"{ACCOUNTS}/import?template=1")
    assert answer.text.lstrip("\ufeff").startswith("name,parent_id,sector")
    assert "attachment" in answer.headers["Content-Disposition"]


def test_pages_ask_the_database_as_often_for_many_rows_as_for_few(app, bring, client_of):
    counts = []
    for rows in (3, 120):
        it = bring("alice", "name,account\n" + "".join(f"P{n},Unknown {n}\n" for n in range(rows)), CONTACTS)
        counter = Counter(app, client_of("alice"))
        columns = counter.get(it.page)
        it.check()
        counts.append((columns, counter.get(it.page), counter.get(f"{CONTACTS}/import")))
    assert counts[0] == counts[1]


def test_taking_back_leaves_what_was_given_away_and_changed(one, bring, people):
    with one:
        role = db.session.scalars(select(Role).filter_by(key="rep")).one()
        role.permissions = [*role.permissions, "crm.deal.import"]
    it = bring("bob", "name\nMine\nGiven\n", DEALS)
    it.check()
    it.publish()
    with one:
        given = db.session.scalars(select(Deal).where(Deal.name == "Given")).one()
        registry.resource("crm.deal").change(given, {"name": "Secret of Dave", "owner_id": people["dave"].member_id})
    asked = it.client.get(f"{it.page}/revert").text
    assert "Secret of Dave" not in asked
    assert "1 row was edited since and is no longer yours to see; it stays." in asked
    assert it.client.post(f"{it.page}/revert", data={"edited": "revert"}).status_code == 303
    assert "no longer yours to see" in it.work()
    with one:
        assert names(Deal) == ["Secret of Dave"]


@sqlite_only
def test_who_may_not_create_brings_in_changes_alone(one, bring, people):
    with one:
        role = db.session.scalars(select(Role).filter_by(key="rep")).one()
        role.permissions = [*(p for p in role.permissions if p != "crm.deal.create"), "crm.deal.import"]
        mine = registry.resource("crm.deal").add({"name": "Mine", "owner_id": people["bob"].member_id}).id
    it = bring("bob", f"id,name\n{mine},Mine now\n,New\n", DEALS)
    assert "you may not create any" in it.check(match_key="id")
    it.publish()
    with one:
        assert names(Deal) == ["Mine now"]
