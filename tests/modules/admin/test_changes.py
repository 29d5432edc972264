"""The change log page: what it tells, to whom, and its filters."""

from __future__ import annotations

import re

import pytest
from sqlalchemy import insert, select

from app.core import changelog, lifecycle, notes, writes
from app.core.db import Base, db, utcnow
from app.core.decisions import NOT_DECIDED
from app.core.models import Change, Company, Role
from app.core.money import Money
from app.core.registry import registry
from app.core.tenancy import acting_for
from app.modules.contacts.models import Account
from app.modules.crm import services
from app.modules.crm.models import Deal
from app.modules.crm.parts.models import DealCredit, DealLine
from app.modules.crm.settings.queries import decisions as crm_settings
from tests.conftest import Office
from tools.bench_measure import recording

LOG = "/c/one/admin/changes"


@pytest.fixture
def log(client_of):
    """The lines as somebody sees them: `[(who, record, what, before, after)]`."""

    def lines(query: str = "", who: str = "alice") -> list[tuple[str, ...]]:
        response = client_of(who).get(f"{LOG}?{query}")
        assert response.status_code == 200, response.text
        rows = re.findall(r"<tr>\s*<td class=\"v-log-at\">.*?</tr>", response.text, re.DOTALL)
        return [_texts(row) for row in rows]

    return lines


def _texts(row: str) -> tuple[str, ...]:
    cells = re.findall(r"<td class=\"v-log-\w+\">(.*?)</td>", row, re.DOTALL)
    return tuple(" ".join(re.sub("<.*?>", "", cell).split()) for cell in cells[1:])


@pytest.fixture
def pump(one: Office, people) -> int:
    """Made by bob, renamed by alice and given an amount."""
    with one.app.app_context(), acting_for(one.id, people["bob"].member_id):
        account = writes.create(Account, {"name": "José SA"}).id
        deal = services.create_deal({"name": "Pump", "account_id": account, "external_id": "X-1"}).id
    with one.app.app_context(), acting_for(one.id, people["alice"].member_id):
        row = db.session.get_one(Deal, deal)
        registry.resource("crm.deal").change(row, {"name": "Pump 2", "amount": Money.of(1500, "EUR"), "account_id": None})
    return deal


def test_it_tells_who_changed_what_from_what_to_what(log, pump: int) -> None:
    deals = log("kind=crm.deal")
    assert set(deals) == {
        ("Alice", "Deal: Pump 2", "Was changed: Name", "Pump", "Pump 2"),
        ("Alice", "Deal: Pump 2", "Was changed: Amount", "–", "€1,500"),
        ("Alice", "Deal: Pump 2", "Was changed: Account", "José SA", "–"),
        ("Bob", "Deal: Pump 2", "Was created", "", ""),
    }
    assert deals[-1][2] == "Was created"  # newest first


def test_the_record_is_linked_while_it_can_be_opened(client_of, one: Office, pump: int) -> None:
    alice = client_of("alice")
    link = f'<a href="/c/one/crm/deals/{pump}">Pump 2</a>'
    assert link in alice.get(f"{LOG}?kind=crm.deal").text
    with one:
        registry.resource("crm.deal").remove([pump])
    text = alice.get(f"{LOG}?kind=crm.deal").text
    assert link not in text
    assert "Pump 2" in text
    assert "Was thrown away" in text


@pytest.mark.parametrize(
    ("query", "wanted"),
    [
        ("kind=crm.deal&field=name", {"Was changed: Name"}),
        ("kind=crm.deal&action=created", {"Was created"}),
        ("kind=crm.deal&day__gte=2200-01-01", None),
        ("kind=crm.deal&day__lte=2001-01-01", set()),
        ("kind=crm.deal&day__gte=2001-01-01&action=created", {"Was created"}),
        ("kind=crm.deal&who=none", set()),
        ("kind=crm.deal&record=999999", set()),
    ],
)
def test_filters(log, client_of, pump: int, query: str, wanted: set[str] | None) -> None:
    if wanted is None:
        assert client_of("alice").get(f"{LOG}?{query}").status_code == 422
    else:
        assert {line[2] for line in log(query)} == wanted


def test_the_filters_by_person_and_record(log, people, pump: int) -> None:
    assert {line[0] for line in log(f"who={people['bob'].member_id}")} == {"Bob"}
    assert {line[0] for line in log("who=none")} == {"The system"}
    assert len(log(f"kind=crm.deal&record={pump}")) == 4


@pytest.mark.parametrize("query", ["kind=crm.nothing", "who=x", "day__gte=soon", "day__gte=0001-01-01", "before=x", "kind=crm.deal&record=-1"])
def test_a_filter_that_is_none_is_refused_with_a_sentence(client_of, query: str) -> None:
    response = client_of("alice").get(f"{LOG}?{query}")
    assert response.status_code == 422
    assert "is not a" in response.text


def test_pages_go_on_where_the_last_one_ended(log, client_of, one: Office) -> None:
    with one:
        lines = [{"company_id": one.id, "table_name": "contacts_account", "row_id": n, "action": "created", "request_id": "", "at": utcnow()} for n in range(1, 121)]
        db.session.connection().execute(insert(Change.__table__), lines)
    seen, query = [], "kind=contacts.account"
    while query:
        seen += [line[1] for line in log(query)]
        following = re.search(r'href="/c/one/admin/changes\?([^"]*before=\d+)"', client_of("alice").get(f"{LOG}?{query}").text)
        query = following[1].replace("&amp;", "&") if following else ""
    assert seen == [f"Account: #{n}" for n in range(120, 0, -1)]


def test_only_those_with_the_permission_see_it(client_of) -> None:
    assert {who: client_of(who).get(LOG).status_code for who in ("alice", "mona", "bob")} == {"alice": 200, "mona": 403, "bob": 403}


def test_another_company_is_not_told(log, client_of, pump: int) -> None:
    assert client_of("alice").get("/c/two/admin/changes").status_code == 404
    assert "Pump" not in client_of("carol").get("/c/two/admin/changes").text


def test_somebody_who_sees_some_rows_is_told_of_those_alone(log, one: Office, pump: int, people) -> None:
    with one as session:
        services.create_deal({"name": "Of dave", "owner_id": people["dave"].member_id})
        role = session.scalars(select(Role).filter_by(key="rep")).one()
        role.permissions = [*role.permissions, "admin.changes.view"]
    seen = {line[1] for line in log("", "bob")}
    assert "Deal: Pump 2" in seen
    assert not [record for record in seen if "Of dave" in record or record.startswith("Role")]
    assert "Deal: Of dave" in {line[1] for line in log("kind=crm.deal")}


def test_what_belongs_to_a_module_that_is_off_is_not_told(log, one: Office, client_of, pump: int) -> None:
    with one:
        for name in ("dummy", "crm"):
            lifecycle.disable(name)
    assert not [line for line in log() if "Pump" in line[1]]
    assert client_of("alice").get(f"{LOG}?kind=crm.deal").status_code == 422


@pytest.fixture
def credited(one: Office, pump: int, people) -> int:
    """The pump has a share of bob's, a line and a note."""
    with one.app.app_context(), acting_for(one.id, people["alice"].member_id):
        writes.create(DealCredit, {"deal_id": pump, "member_id": people["bob"].member_id, "percent": 100, "upto": 100})
        writes.create(DealLine, {"deal_id": pump, "position": 1, "name": "Assembly", "quantity": 1, "price_minor": 100, "total_minor": 100})
        notes.add(registry.resource("crm.deal"), pump, "Called")
    return pump


def test_what_is_no_record_goes_by_the_records_it_belongs_to(log, client_of, credited: int) -> None:
    assert [line[1] for line in log("action=created&kind=crm_deal_credit")] == ["Share of a deal&#39;s credit: Pump 2 · Bob"]
    assert [line[1] for line in log("action=created&kind=crm_deal_line")] == ["Line of a deal: Pump 2 · Assembly"]
    assert [line[1] for line in log("action=created&kind=core_note")] == ["Note: Pump 2"]
    assert f'<a href="/c/one/crm/deals/{credited}">Pump 2 · Bob</a>' in client_of("alice").get(f"{LOG}?kind=crm_deal_credit").text


def test_names_that_the_reader_may_not_see_are_not_told_by_what_belongs_to_them(log, one: Office, credited: int) -> None:
    with one as session:
        session.get_one(Deal, credited).owner_id = None
        role = session.scalars(select(Role).filter_by(key="rep")).one()
        role.permissions = [p for p in [*role.permissions, "admin.changes.view"] if p != "crm.deal.view"]
    assert [line[1] for line in log("action=created&kind=crm_deal_line", "bob")] == [f"Line of a deal: #{_only_line(one)}"]


def _only_line(one: Office) -> int:
    with one as session:
        return session.scalars(select(DealLine.id)).one()


def test_whatever_is_logged_has_a_name_people_know(app) -> None:
    modules = app.extensions["registry"].modules
    known = {r.model for m in modules.values() for r in m.hooks.resources}
    there = [m.class_ for m in Base.registry.mappers if m.local_table.name.split("_")[0] in {"core", *modules}]
    logged = [model for model in there if changelog.is_logged(model) and model not in known]
    assert len(logged) > 20
    assert [model.__name__ for model in logged if not hasattr(model, "__called__")] == []


def test_every_setting_that_is_logged_has_the_label_of_its_form(app) -> None:
    modules = app.extensions["registry"].modules.values()
    told = {model: {f.name for f in fields} for m in modules for model, fields in m.hooks.settings.items()}
    tables = {m.class_: {c.name for c in m.local_table.columns} for m in Base.registry.mappers if m.local_table.name.endswith("_settings")}
    assert len(tables) == 3  # of the CRM, of goals, and of the module that uses every hook
    assert {model: columns - NOT_DECIDED for model, columns in tables.items()} == told


def test_settings_are_told_as_their_form_has_them(log, one: Office) -> None:
    with one as session:
        session.get_one(Company, one.id).language = "es"
    for values, version in (({"active_days": 365}, 0), ({"active_days": 90, "uses_leads": False}, 1)):
        with one:
            crm_settings.change(values, version)
    told = {line[2:] for line in log("kind=crm_settings")}
    assert ("Se cambió: Días que una cuenta sigue activa después de comprar", "365", "90") in told
    assert ("Se cambió: Trabajar con prospectos", "Sí", "No") in told


def test_the_statements_do_not_grow_with_the_lines(app, one: Office, client_of, people) -> None:
    def sent() -> int:
        client = client_of("alice")
        with recording(app) as statements:
            assert client.get(f"{LOG}?kind=crm.deal").status_code == 200
        return len([s for s in statements if s.counts])

    def more(times: int) -> None:
        with one:
            for _number in range(times):
                deal = services.create_deal({"name": "Pump", "owner_id": people["bob"].member_id})
                registry.resource("crm.deal").change(deal, {"owner_id": people["dave"].member_id})

    more(1)
    few = sent()
    more(15)
    assert sent() == few
