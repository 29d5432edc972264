"""Both walls: no statement, however built, reads or writes a row of another company."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest
from flask import Flask
from sqlalchemy import delete, exists, func, insert, select, text, union_all, update
from sqlalchemy.exc import DBAPIError, IntegrityError
from sqlalchemy.orm import aliased

from app.core import writes
from app.core.db import db
from app.core.models import Company
from app.core.tenancy import NoCompany, WrongCompany, choose_company
from app.modules.contacts.models import Account, Contact
from tests.conftest import Office


@pytest.fixture
def accounts(one: Office, two: Office) -> dict[str, int]:
    """Three accounts in One, two in Two; the first of each has a person. Name -> id."""
    found = {}
    for office, names in ((one, ("a1", "a2", "a3")), (two, ("b1", "b2"))):
        with office:
            for name in names:
                found[name] = writes.create(Account, {"name": name}).id
            writes.create(Contact, {"name": f"person of {names[0]}", "account_id": found[names[0]]})
    return found


def _subquery() -> Any:
    inner = select(Account.id).subquery()
    return select(func.count()).select_from(inner)


def _deep() -> Any:
    inner = select(Account.id).subquery()
    middle = select(inner.c.id).subquery()
    return select(func.count()).select_from(select(middle.c.id).subquery())


COUNTS: dict[str, Callable[[], Any]] = {
    "count": lambda: select(func.count(Account.id)),
    "count from": lambda: select(func.count()).select_from(Account),
    "subquery": _subquery,
    "subquery in a subquery": _deep,
    "cte": lambda: select(func.count()).select_from(select(Account.id).cte()),
    "alias": lambda: select(func.count(aliased(Account).id)),
    "union": lambda: select(func.count()).select_from(union_all(select(Account.id), select(Account.id).where(Account.id < 0)).subquery()),
    "in": lambda: select(func.count(Account.id)).where(Account.id.in_(select(Account.id))),
    "scalar subquery": lambda: select(select(func.count(Account.id)).scalar_subquery()).select_from(Account).limit(1),
}


@pytest.mark.parametrize("shape", COUNTS)
def test_reads_are_confined_however_nested(accounts, one: Office, two: Office, shape: str) -> None:
    with one:
        assert db.session.scalar(COUNTS[shape]()) == 3
    with two:
        assert db.session.scalar(COUNTS[shape]()) == 2


def test_joins_and_exists_are_confined(accounts, one: Office) -> None:
    with one:
        rows = db.session.execute(select(Account.name).join(Contact, Contact.account_id == Account.id)).scalars().all()
        assert rows == ["a1"]
        has_people = exists().where(Contact.account_id == Account.id)
        assert db.session.scalars(select(Account.name).where(has_people)).all() == ["a1"]


def test_a_row_of_another_company_is_not_found_by_its_id(accounts, one: Office) -> None:
    with one:
        assert db.session.get(Account, accounts["b1"]) is None
        assert db.session.get(Account, accounts["a1"]).name == "a1"


def test_updates_and_deletes_are_confined(accounts, one: Office, two: Office) -> None:
    with one:
        db.session.execute(update(Account).values(city="Here"))
        db.session.execute(delete(Contact).where(Contact.id > 0))
    with two:
        assert db.session.scalars(select(Account.city).distinct()).all() == [None]
        assert db.session.scalar(select(func.count(Contact.id))) == 1


@pytest.mark.parametrize("statement", [lambda: select(Account.__table__), lambda: insert(Account), lambda: update(Account.__table__).values(city="x")],
                         ids=["select of a table", "orm bulk insert", "update of a table"])
def test_statements_that_skip_the_rules_are_refused(accounts, one: Office, statement) -> None:
    with one, pytest.raises(WrongCompany):
        db.session.execute(statement(), [{"name": "x"}] if statement().is_insert else None)


def test_rows_of_another_company_cannot_be_added_or_changed(accounts, one: Office, two: Office) -> None:
    with one:
        db.session.add(Account(name="smuggled", company_id=two.id))
        with pytest.raises(WrongCompany):
            db.session.flush()
        db.session.rollback()
        db.session.scalars(select(Account)).first().company_id = two.id
        with pytest.raises(WrongCompany):
            db.session.flush()
        db.session.rollback()
    with pytest.raises(WrongCompany), one:
        writes.bulk_insert(Account, [{"name": "x", "company_id": two.id}])


def test_a_reference_to_a_row_of_another_company_is_refused_by_the_database(accounts, one: Office) -> None:
    with pytest.raises(IntegrityError), one:
        writes.create(Contact, {"name": "spy", "account_id": accounts["b1"]})


def test_without_a_company_nothing_of_a_company_is_read(app: Flask, accounts) -> None:
    with app.app_context(), pytest.raises(NoCompany):
        db.session.scalars(select(Account)).all()


def test_a_context_cannot_change_its_company(one: Office, two: Office) -> None:
    with one, pytest.raises(WrongCompany):
        choose_company(db.session.get(Company, two.id))


@pytest.mark.on("postgres")
def test_the_second_wall_holds_without_the_first(accounts, one: Office, two: Office) -> None:
    """The driver, told which company it is, sees and writes that company's rows alone."""
    with one:
        connection = db.session.connection()
        assert connection.execute(text("select count(*) from contacts_account")).scalar() == 3
        changed = connection.execute(text("update contacts_account set city = 'x' where name like 'b%'"))
        assert changed.rowcount == 0
    with pytest.raises(DBAPIError, match="row-level security"), one:
        db.session.connection().execute(
            text("insert into contacts_contact (company_id, name, name_key, search_key, version, created_at, updated_at)"
                 " values (:c, 'x', 'x', 'x', 1, now(), now())"),
            {"c": two.id},
        )


@pytest.mark.on("postgres")
def test_without_a_company_the_database_shows_nothing(app: Flask, accounts) -> None:
    with app.app_context():
        assert db.session.connection().execute(text("select count(*) from contacts_account")).scalar() == 0
