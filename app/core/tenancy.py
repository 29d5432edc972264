"""One company per app context; every ORM statement is confined to it, and to the rows its reader may see.

Two walls: the listeners here, and row-level security on PostgreSQL (`app.core.migrate.confine`). Composite foreign
keys (`same_company`) close what neither sees: a reference to a row of another company.
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

from flask import Flask, current_app, g
from sqlalchemy import bindparam, event, literal, select, text
from sqlalchemy.orm import Session, with_loader_criteria
from sqlalchemy.orm.session import ORMExecuteState
from sqlalchemy.sql.visitors import iterate

from app.core.db import Base, CompanyScoped, Id, Versioned, db
from app.core.models import Company, Trash


class NoCompany(RuntimeError):
    """A company's rows were touched where no company was chosen."""


class WrongCompany(RuntimeError):
    """A row of another company was about to be written."""


def current_company_id() -> int:
    """The company of this app context. Raises `NoCompany` where none was chosen."""
    try:
        return g.company_id
    except (AttributeError, RuntimeError):
        raise NoCompany("choose a company first: acting_for(company_id)") from None


def choose_company(company: Company) -> None:
    """Fix the company of this app context; it cannot change, for the session remembers rows."""
    if g.setdefault("company_id", company.id) != company.id:
        raise WrongCompany("one app context, one company: use acting_for()")
    g.company = company
    if db.session.registry.has() and db.session().in_transaction():
        _tell_postgres(None, None, db.session.connection())


@contextmanager
def acting_for(company_id: int, member_id: int | None = None) -> Iterator[Session]:
    """One unit of work for one company in a session of its own (commands, jobs, tests); commits at its end.

    `member_id` is who the change log names; record rules are not applied.
    """
    with current_app._get_current_object().app_context():  # type: ignore[attr-defined]  # LocalProxy API
        company = db.session.get(Company, company_id)
        if company is None:
            raise NoCompany(f"no company {company_id}")
        g.actor_id = member_id
        choose_company(company)
        yield db.session()
        db.session.commit()


# One shared option with a parameter read at execution: an option per request would miss the statement cache.
_company = bindparam("current_company_id", callable_=current_company_id, type_=Id)
_WALL = with_loader_criteria(CompanyScoped, lambda cls: cls.company_id == _company, include_aliases=True)


def _present(cls: Any) -> Any:
    """Criterion: the row does not lie in the trash. A model whose own columns say so brings a `__present__`."""
    own = getattr(cls, "__present__", None)
    if own is not None:
        return own()
    column = getattr(cls, "id", None)
    table = getattr(cls, "__tablename__", "")  # the mixin itself, which SQLAlchemy tries once, has none
    thrown = select(literal(1)).where(Trash.company_id == _company, Trash.table_name == table, Trash.row_id == column)
    return ~thrown.correlate_except(Trash).exists()


_PRESENT = with_loader_criteria(Versioned, _present, include_aliases=True, track_closure_variables=False)


def scoped_tables() -> frozenset:
    """All tables whose rows belong to a company."""
    return frozenset(m.local_table for m in Base.registry.mappers if issubclass(m.class_, CompanyScoped))


def _names_scoped(statement: Any) -> bool:
    tables = scoped_tables()
    return any(getattr(part, "table", part) in tables for part in iterate(statement) if hasattr(part, "__hash__"))


def _confine(state: ORMExecuteState) -> None:
    if state.is_column_load or state.execution_options.get("all_companies"):
        return
    if "company_id" not in g:
        if _names_scoped(state.statement):
            current_company_id()
        return
    if not state.is_orm_statement:
        # A statement on bare tables carries no mapper: criteria would not reach it.
        if not state.execution_options.get("bulk_checked") and _names_scoped(state.statement):
            raise WrongCompany("statements on bare tables skip the rules: name the mapped class")
        return
    if state.is_insert or (state.is_update and isinstance(state.parameters, list)):
        raise WrongCompany("bulk writes skip the rules: use app.core.writes.bulk_insert")
    # For every statement: `state.all_mappers` knows the top level only and would miss subqueries.
    options = [_WALL]
    if not state.execution_options.get("with_trash"):
        options.append(_PRESENT)
    if not state.execution_options.get("all_rows"):
        options += g.get("row_rules", ())
    state.statement = state.statement.options(*options)


def _stamp(session: Session, _context: Any, _instances: Any) -> None:
    for row in session.new:
        if isinstance(row, CompanyScoped) and row.company_id is None:
            row.company_id = current_company_id()
    for row in {*session.new, *session.dirty, *session.deleted}:
        if isinstance(row, CompanyScoped) and "company_id" in g and row.company_id != g.company_id:
            raise WrongCompany(f"{type(row).__name__} belongs to company {row.company_id}")


def _tell_postgres(_session: Any, _transaction: Any, connection: Any) -> None:
    if connection.dialect.name == "postgresql":
        company_id = g.get("company_id") if current_app else None
        connection.execute(text("select set_config('app.company_id', :id, true)"), {"id": str(company_id or "")})


def company_by_slug(slug: str) -> Company | None:
    """The company of an address; companies are looked up before isolation begins."""
    return db.session.scalar(select(Company).filter_by(slug=slug))


def init_app(app: Flask) -> None:
    if not event.contains(Session, "do_orm_execute", _confine):
        event.listen(Session, "do_orm_execute", _confine)
        event.listen(Session, "before_flush", _stamp)
        event.listen(Session, "after_begin", _tell_postgres)
