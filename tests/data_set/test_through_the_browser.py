"""The data set as a person brings it in by the browser: uploaded, its columns recognised and corrected, names decided by
a click, checked, imported, taken back and imported again. Every step runs as the worker would do it."""

from __future__ import annotations

import pytest
from sqlalchemy import func, select

from app.core import worker
from app.core.access import acting_as
from app.core.companies import create_user
from app.core.db import db
from app.core.importing import runs
from app.core.models import Change, Membership, Trash
from app.core.registry import registry
from app.core.tenancy import acting_for
from app.modules.contacts.models import Account
from app.modules.crm import ledger
from app.modules.crm.ledger import DealState
from app.modules.crm.models import TRASHED, VOIDED, Deal, DealEvent, DealSpan, Pipeline, Stage
from tests.data_set.test_crm_sales_opportunities import (
    DATA,
    _data_set,  # noqa: F401  # skips where the data set is not
    check_figures,
    company,  # noqa: F401  # a fixture
    figure,
    read,
    run,  # noqa: F401  # a fixture
    total,
)

PRODUCTS = ["GTX Basic", "GTX Pro", "MG Special", "MG Advanced", "GTX Plus Pro", "GTX Plus Basic", "GTK 500"]
STAGES = {
    "Prospecting": {"type": "open", "position": "1", "probability": "10", "qualified": "no"},
    "Engaging": {"type": "open", "position": "2", "probability": "40"},
    "Won": {"type": "won", "position": "3", "probability": "100"},
    "Lost": {"type": "lost", "position": "4"},
}


@pytest.fixture
def admin(app, company):  # noqa: F811  # the fixture
    """The administrator of the company, who presses the buttons."""
    with app.app_context():
        user = create_user("boss@hardware.example", "hardware", "admin", name="Boss")
        db.session.commit()
        user_id = getattr(user, "id", user)
        found = select(Membership.id).filter_by(company_id=company, user_id=user_id)
        return company, db.session.scalar(found, execution_options={"all_companies": True})


class Person:
    """Does with one file what a page would do, each step in a request of its own."""

    def __init__(self, app, who, address):
        self.app, self.who, self.resource = app, who, registry_resource(app, address)
        self.id = 0

    def do(self, act):
        with self.app.app_context(), acting_as(*self.who):
            batch = runs.batch(self.resource, self.id) if self.id else None
            return act(batch)

    def upload(self, file):
        self.id = self.do(lambda _none: runs.begin(self.resource, file, (DATA / file).read_bytes())).id
        return self.do(runs.preview)

    def work(self):
        worker.run_pending(self.app)
        return self.do(lambda batch: (batch.state, batch.error, runs.Report.read(batch.report)))

    def check(self, **changes):
        def act(batch):
            runs.set_mapping(batch, {**batch.plan, **changes})
            runs.start_check(batch)

        self.do(act)
        return self.work()

    def publish(self):
        self.do(runs.start_publish)
        state, error, report = self.work()
        assert (state, error) == ("done", "")
        return report

    def revert(self):
        self.do(runs.start_revert)
        state, error, report = self.work()
        assert (state, error) == ("reverted", "")
        return report


def registry_resource(app, address):
    with app.app_context():
        return registry.resource(address)


def columns_of(person):
    return person.do(lambda batch: dict(batch.plan["columns"]))


def bring_in_accounts(app, admin):
    accounts = Person(app, admin, "contacts.accounts")
    preview = accounts.upload("accounts.csv")
    fields = {h.heading: h.field for h in preview.headings}
    assert fields == {
        "account": "name", "sector": "sector", "year_established": "founded", "revenue": "annual_revenue",
        "employees": "employees", "office_location": "country", "subsidiary_of": "parent_id",
    }  # fmt: skip
    columns = columns_of(accounts)
    columns["revenue"]["factor"] = 1000000
    columns["sector"]["map"] = {"technolgy": "technology"}
    columns["office_location"]["map"] = {"Philipines": "Philippines"}
    state, error, report = accounts.check(columns=columns, match_key="name")
    assert (state, error, report.ok, report.created) == ("checked", "", 85, 85)
    accounts.publish()
    return accounts


def bring_in_members(app, admin):
    members = Person(app, admin, "admin.members")
    members.upload("sales_teams.csv")
    columns = {"sales_agent": "name", "manager": "manager", "regional_office": "team_parent"}
    constants = {"valid_from": "2016-01-01", "create_missing": True}
    state, _error, report = members.check(columns=columns, constants=constants, match_key="name")
    assert (state, report.created) == ("checked", 35)
    members.publish()
    return members


def check_deals(app, admin):
    deals = Person(app, admin, "crm.deals")
    preview = deals.upload("sales_pipeline.csv")
    assert {h.heading: h.field for h in preview.headings} == {
        "opportunity_id": "external_id", "sales_agent": "owner_id", "product": "product", "account": "account_id",
        "deal_stage": "stage_id", "engage_date": "opened_on", "close_date": "closed_on", "close_value": "amount",
    }  # fmt: skip
    closing = preview.headings[6]
    assert (closing.ambiguous_dates, closing.date_formats[0][0], preview.ask) == (2641, "mdy", [])
    assert deals.do(lambda batch: batch.plan["templates"]) == {"name": "{product} – {account}"}
    columns = columns_of(deals)
    columns["product"]["known"] = PRODUCTS
    columns["deal_stage"]["create"] = STAGES
    constants = {
        "pipeline_id": {"value": "Hardware", "create": True},
        "opened_stage_id": {"value": "Engaging", "create": {"Engaging": STAGES["Engaging"]}},
    }
    state, error, report = deals.check(columns=columns, constants=constants)
    assert (state, error) == ("checked", "")
    given = sum(d["product"] == "GTXPro" for d in read("sales_pipeline.csv"))
    assert report.rows - report.ok == given
    (near,) = deals.do(runs.near)
    assert (near.column, near.given, near.match, near.taken, near.count) == ("product", "GTXPro", "GTX Pro", False, given)
    page = deals.do(lambda batch: runs.errors(batch, field="product", q="gtxpro", page=2))
    assert (page.total, len(page.items), page.fields) == (given, 50, [("product", "product", given)])
    deals.do(lambda batch: runs.decide(batch, [runs.Decision("product", "GTXPro", "take")]))
    state, error, report = deals.work()
    assert (state, error, report.ok, report.created) == ("checked", "", 8800, 8800)
    return deals


def books(app, company_id):
    """How many lines ledger, spans and change log have; they only ever grow."""
    with app.app_context(), acting_for(company_id):
        return [db.session.scalar(select(func.count()).select_from(t)) for t in (DealEvent, DealSpan, Change)]


def check_ledger(app, company_id):
    """Replay, projection and spans say the same of every deal; what is in the trash counts nowhere."""
    with app.app_context(), acting_for(company_id):
        everything = {"all_rows": True, "with_trash": True}
        events, believed = {}, {}
        for event in db.session.scalars(select(DealEvent).order_by(DealEvent.id)):
            events.setdefault(event.deal_id, []).append(event)
        for span in db.session.scalars(select(DealSpan).where(DealSpan.known_to.is_(None)).order_by(DealSpan.valid_from)):
            believed.setdefault(span.deal_id, []).append(ledger.Span(span.valid_from, span.valid_to, DealState.of(span)))
        thrown = set(db.session.scalars(select(Trash.row_id).where(Trash.table_name == "crm_deal")))
        deals = db.session.scalars(select(Deal), execution_options=everything).all()
        for deal in deals:
            told = ledger.replay(events[deal.id])
            assert ledger.spans(events[deal.id]) == believed.get(deal.id, [])
            if deal.id in thrown:
                assert (deal.state, told) == (TRASHED, None)
                assert sum(e.kind == VOIDED for e in events[deal.id]) * 2 == len(events[deal.id])
            else:
                assert told == DealState.of(deal)
        return len(deals), len(thrown)


def test_uploaded_decided_imported_taken_back_and_imported_again(app, run, admin):  # noqa: F811
    company_id = admin[0]
    accounts = bring_in_accounts(app, admin)
    bring_in_members(app, admin)
    deals = check_deals(app, admin)
    assert total(run, "deal_count") == 0
    report = deals.publish()
    assert (report.created, report.batch) == (8800, deals.id)
    check_figures(run)
    before = books(app, company_id)
    plan = deals.do(runs.reverting)
    assert (plan.created, plan.updated, plan.edited) == (8800 + 5, 0, [])

    reverted = deals.revert()
    assert total(run, "deal_count") == 0
    assert figure(run, "won_amount")[0]["value"] in (None, "0.00", "0")
    assert check_ledger(app, company_id) == (8800, 8800)
    events, spans, changes = books(app, company_id)
    assert (events, spans) == (before[0] * 2, before[1])  # voided one by one, and nothing erased
    assert changes > before[2]
    with app.app_context(), acting_as(*admin):
        assert db.session.scalar(select(func.count(Account.id))) == 85
        # The stages stay: what lies in the trash needs them when it comes back.
        assert {s.name for s in db.session.scalars(select(Stage).join(Pipeline).where(Pipeline.name == "Hardware"))} == set(STAGES)
    staying = dict(deals.do(lambda batch: batch.report["reverted"]))["staying"]
    assert {title for _label, _key, _id, title, _why in staying} == {"Hardware", *STAGES}
    assert reverted.created == 8800

    again = check_deals(app, admin)
    again.publish()
    check_figures(run)
    assert check_ledger(app, company_id) == (17600, 8800)
    refused = accounts.do(runs.reverting)
    assert refused.created == 85
