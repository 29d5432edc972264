"""The way back of an import: what goes, what comes back, and what others have changed since."""

from __future__ import annotations

import json

import pytest
from sqlalchemy import func, select

from app.core.errors import Conflict
from app.core.importing import runs
from app.core.models import Membership, Team, Trash
from app.modules.contacts.models import Account, Contact
from app.modules.crm.models import Deal, DealEvent
from tests.core.import_desk import count, names


def test_taking_back_throws_away_what_was_made_and_puts_back_what_was_changed(desk, one):
    desk("contacts.accounts").bring_in("external_id,name,city,annual_revenue\nE1,Alfa,Vigo,10.50\n")
    accounts = desk("contacts.accounts")
    text = "external_id,name,city,annual_revenue\nE1,Alfa SL,,99\nE2,Beta,Soria,1\n"
    accounts.bring_in(text)
    plan = accounts.do(runs.reverting)
    assert (plan.created, plan.updated, plan.edited, plan.staying) == (1, 1, [], [])
    accounts.revert()
    with one as session:
        (row,) = session.scalars(select(Account))
        assert (row.name, row.city, row.annual_revenue_minor) == ("Alfa", "Vigo", 1050)
        thrown = session.scalars(select(Trash)).one()
        assert (thrown.title, thrown.why, thrown.group_id) == ("Beta", "reverted", f"import-{accounts.id}")
    again = desk("contacts.accounts").bring_in(text)
    assert (again.created, again.updated) == (1, 1)


def test_rows_edited_since_are_listed_and_left_unless_told_otherwise(desk, one):
    accounts = desk("contacts.accounts")
    accounts.bring_in("name\nAlfa\nBeta\n")
    with one as session:
        session.scalars(select(Account).filter_by(name="Beta")).one().city = "Soria"
    plan = accounts.do(runs.reverting)
    assert (plan.created, [(key, title) for _label, key, _id, title in plan.edited]) == (1, [("contacts.account", "Beta")])
    done = accounts.revert()
    assert (done["created"], [line[3] for line in done["edited"]], names(one)) == (1, ["Beta"], ["Beta"])
    with pytest.raises(Conflict, match="taken back already"):
        accounts.do(runs.start_revert)
    assert (accounts.revert(include_edited=True)["created"], names(one)) == (1, [])


def test_what_was_created_beside_goes_too_unless_others_use_it(desk, one):
    contacts = desk("contacts.contacts")
    contacts.upload("name,account\nAnn,Nueva\nBob,Otra\n")
    contacts.column("account", create=True)
    contacts.check()
    contacts.do(runs.start_publish)
    contacts.work()
    desk("contacts.contacts").bring_in("name,account\nCid,Otra\n")
    done = contacts.revert()
    assert [(line[3], line[4]) for line in done["staying"]] == [("Otra", "Other rows refer to it.")]
    assert (names(one), names(one, Contact)) == (["Otra"], ["Cid"])


def test_members_stay_and_are_listed_and_their_teams_with_them(desk, one):
    members = desk("admin.members")
    members.upload("name,team,manager\nEva,East,Max\n")
    members.map(constants={"create_missing": "yes"})
    assert members.check() == ("checked", "")
    members.do(runs.start_publish)
    members.work()
    done = members.revert()
    assert {(line[1], line[3]) for line in done["staying"]} == {("admin.member", "Eva"), ("admin.member", "Max"), ("admin.team", "East")}
    assert count(one, Membership, Membership.name.in_(["Eva", "Max"])) == 2
    assert count(one, Team, Team.name == "East") == 1


def test_a_deal_that_was_won_by_a_file_is_open_again(desk, one):
    desk("crm.deals").bring_in("external_id,name,amount,opened_on\nX,Deal,10,2025-01-07\n")
    deals = desk("crm.deals")
    deals.bring_in("external_id,stage_id,closed_on,amount\nX,Won,2025-02-01,20\n")
    assert count(one, Deal, Deal.state == "won") == 1
    deals.revert()
    with one as session:
        deal = session.scalars(select(Deal)).one()
        assert (deal.state, deal.amount_minor, deal.closed_on) == ("open", 1000, None)
        assert session.scalar(select(func.count(DealEvent.id))) >= 3


def test_an_import_of_the_command_line_is_taken_back_by_its_number(app, one, tmp_path):
    file = tmp_path / "accounts.csv"
    file.write_text("name\nAlfa\nBeta\n")
    words = ["import", "contacts.accounts", "--company", "one", "--json"]
    runner = app.test_cli_runner()
    report = json.loads(runner.invoke(args=[*words, str(file)]).stdout)
    assert (report["created"], names(one)) == (2, ["Alfa", "Beta"])
    with one as session:
        session.scalars(select(Account).filter_by(name="Beta")).one().city = "Soria"
    refused = runner.invoke(args=["import", "crm.deals", "--company", "one", "--revert", str(report["batch"])])
    assert (refused.exit_code, "There is no such import." in refused.output) == (1, True)
    done = json.loads(runner.invoke(args=[*words, "--revert", str(report["batch"])]).stdout)
    assert (done["created"], [line[3] for line in done["edited"]], names(one)) == (1, ["Beta"], ["Beta"])
    twice = runner.invoke(args=[*words, "--revert", str(report["batch"])])
    assert (twice.exit_code, "taken back already" in twice.output) == (1, True)
    assert runner.invoke(args=[*words, "--revert", str(report["batch"]), "--include-edited"]).exit_code == 0
    assert names(one) == []
