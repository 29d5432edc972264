"""Migrations from zero, what they leave on PostgreSQL, and what is refused."""

from __future__ import annotations

import shutil
from collections.abc import Iterator
from pathlib import Path

import pytest
from flask import Flask
from sqlalchemy import Connection, create_engine, inspect, text
from sqlalchemy.exc import DBAPIError, ProgrammingError

from app.core import migrate
from app.core.db import db
from app.core.models import OUTSIDE_RLS
from app.core.registry import registry
from tests.application import build_app
from tests.conftest import Addresses

ROOT = Path(__file__).resolve().parents[2]


@pytest.fixture
def web(database: Addresses) -> Iterator[Connection]:
    """A bare connection as the web role: what a hole in the first wall would have in its hands."""
    engine = create_engine(database.url)
    with engine.connect() as connection:
        yield connection
    engine.dispose()


def scoped(app: Flask) -> list[str]:
    """Tables that row-level security must guard: those with a company, of the modules this application has."""
    with app.app_context():
        installed = {"core", *registry.modules}
    tables = [t for t in db.metadata.tables.values() if "company_id" in t.columns]
    return sorted(t.name for t in tables if t.name.split("_")[0] in installed and t.name not in OUTSIDE_RLS)


def test_a_migrated_database_has_every_table_and_no_revision_to_come(app: Flask) -> None:
    with app.app_context():
        tables = {name for name in db.metadata.tables if name.split("_")[0] in {"core", *registry.modules}}
        assert tables <= set(inspect(db.engine).get_table_names())
        assert migrate.is_current()


def test_a_database_that_misses_a_module_says_which_revisions(app: Flask, database: Addresses) -> None:
    with app.app_context(), migrate.connected(database.owner_url) as connection:
        connection.execute(text("DELETE FROM alembic_version"))
        pending = migrate.pending_revisions(connection)
        connection.rollback()
        with_tables = {name for name in registry.modules if any(t.startswith(f"{name}_") for t in db.metadata.tables)}
        assert {f"{name}_0001" for name in {"core", *with_tables}} <= pending


def test_upgrading_twice_changes_nothing(app: Flask) -> None:
    with app.app_context():
        migrate.upgrade()
        assert migrate.is_current()


@pytest.mark.on("postgres")
def test_every_table_of_a_company_is_behind_row_level_security(app: Flask, web: Connection) -> None:
    closed = web.scalars(
        text("SELECT tablename FROM pg_policies JOIN pg_class ON relname = tablename WHERE relrowsecurity")
    )
    assert sorted(closed) == scoped(app)


@pytest.mark.on("postgres")
def test_without_a_company_the_web_role_sees_no_row_of_any(app: Flask, web: Connection) -> None:
    seen = {table: web.scalar(text(f"SELECT count(*) FROM {table}")) for table in scoped(app)}
    assert seen == dict.fromkeys(scoped(app), 0)


@pytest.mark.on("postgres")
def test_the_web_role_sees_and_writes_the_chosen_company_alone(one, two, web: Connection) -> None:
    web.execute(text("SELECT set_config('app.company_id', :id, true)"), {"id": str(one.id)})
    assert set(web.scalars(text("SELECT DISTINCT company_id FROM core_role"))) == {one.id}
    assert web.execute(text("UPDATE core_role SET name = 'x' WHERE company_id = :id"), {"id": two.id}).rowcount == 0
    with pytest.raises(ProgrammingError, match="row-level security"):
        web.execute(text("UPDATE core_role SET company_id = :id"), {"id": two.id})


@pytest.mark.on("postgres")
def test_the_web_role_owns_nothing_and_changes_no_structure(app: Flask, web: Connection) -> None:
    assert web.scalar(text("SELECT count(*) FROM pg_class WHERE relowner = current_user::regrole")) == 0
    assert web.execute(text("SELECT rolsuper, rolbypassrls FROM pg_roles WHERE rolname = current_user")).one() == (False, False)
    for statement in ("DROP TABLE core_role", "CREATE TABLE own (id int)", "DELETE FROM alembic_version"):
        with pytest.raises(DBAPIError):
            web.execute(text(statement))
        web.rollback()


@pytest.mark.on("postgres")
def test_the_check_names_a_table_that_lost_its_policy(app: Flask, database: Addresses) -> None:
    with app.app_context():
        with migrate.connected(database.owner_url) as connection, connection.begin():
            connection.execute(text("ALTER TABLE core_role DISABLE ROW LEVEL SECURITY"))
        with pytest.raises(migrate.Drift, match="core_role"):
            migrate.check()
        migrate.protect()
        migrate.check()


def test_two_files_with_one_revision_id_are_an_error(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    package = tmp_path / "twice"
    (package / "migrations").mkdir(parents=True)
    (package / "__init__.py").touch()
    (package / "manifest.py").write_text(
        'from app.core.manifest import Manifest\n\nmanifest = Manifest(name="twice", label="Twice")\n'
    )
    original = next((ROOT / "migrations" / "versions").glob("core_0001_*.py"))
    shutil.copy(original, package / "migrations" / "core_0001_again.py")
    monkeypatch.syspath_prepend(tmp_path)
    app = build_app(tmp_path / "var", f"sqlite:///{tmp_path / 'x.sqlite3'}", modules=["twice"])
    with app.app_context(), pytest.raises(UserWarning, match="more than once"):
        migrate.upgrade()


@pytest.mark.on("sqlite")
def test_migrating_a_file_that_does_not_exist_yet_makes_its_folder(tmp_path: Path) -> None:
    app = build_app(tmp_path / "new" / "var", f"sqlite:///{tmp_path / 'new' / 'var' / 'x.sqlite3'}")
    with app.app_context():
        migrate.upgrade()
        assert migrate.is_current()
        db.engine.dispose()
