"""A third-party module, found by entry point, has everything a resource has, and is gone where it is off."""

from __future__ import annotations

import importlib
import io
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest
from flask import Flask
from sqlalchemy import select

from app.core import lifecycle, migrate, worker
from app.core.db import db
from app.core.models import Change
from app.core.testing import MODULE_CHECKS
from tests.cast import Person
from tests.conftest import Addresses, Office, build_app

SOURCE = Path(__file__).parent / "third_party"
LONGEST = 30


@pytest.fixture(scope="module")
def installed(sqlite_template: Path, postgres_server: object, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Path]:
    """The package on the path with the metadata an installer would write: that is how entry points are found.

    The templates of other tests' databases are made before, so that they do not know the module.
    """
    metadata = tmp_path_factory.mktemp("site") / "vendimia_visits-1.0.dist-info"
    metadata.mkdir()
    (metadata / "METADATA").write_text("Metadata-Version: 2.1\nName: vendimia-visits\nVersion: 1.0\n")
    (metadata / "entry_points.txt").write_text("[vendimia.modules]\nvisits = visits\n")
    folders = [str(SOURCE), str(metadata.parent)]
    sys.path[:0] = folders
    importlib.invalidate_caches()
    yield SOURCE / "visits"
    for folder in folders:
        sys.path.remove(folder)


@pytest.fixture
def app(installed: Path, database: Addresses, tmp_path: Path) -> Iterator[Flask]:
    """The usual test application, with the module installed and migrated beside the others."""
    app = build_app(tmp_path / "var", database.url, database.owner_url)
    with app.app_context():
        migrate.upgrade()
        db.session.remove()
    yield app
    with app.app_context():
        db.session.remove()
        db.engine.dispose()


@pytest.fixture
def visits_on(one: Office) -> None:
    with one:
        lifecycle.enable("visits")


def test_it_is_small(installed: Path) -> None:
    lines = [line for path in installed.glob("*.py") for line in path.read_text().splitlines()]
    assert len(lines) <= LONGEST


@pytest.mark.on("sqlite")
@pytest.mark.parametrize("check", MODULE_CHECKS, ids=lambda c: c.__name__)
def test_it_passes_the_conformance_suite(app: Flask, check) -> None:
    check(app, app.extensions["registry"].modules["visits"])


def test_it_is_gone_for_a_company_that_has_it_off(app: Flask, visits_on, client_of) -> None:
    alice, carol = client_of("alice"), client_of("carol")
    assert alice.get("/c/one/visits/visits").status_code == 200
    assert "/c/one/visits/visits" in alice.get("/c/one/contacts/accounts").text
    assert carol.get("/c/two/visits/visits").status_code == 404
    assert "visits" not in carol.get("/c/two/contacts/accounts").text.lower()


def test_it_has_list_page_form_edit_in_place_and_change_log(app, visits_on, one: Office, people: dict[str, Person], client_of) -> None:
    alice = client_of("alice")
    account = alice.post("/c/one/contacts/accounts/new", data={"name": "Conservas del Turia"}).location.rsplit("/", 1)[1]
    answer = alice.post("/c/one/visits/visits/new", data={"name": "Ver línea 3", "account_id": account, "day": "2026-11-20"})
    assert answer.status_code == 303
    page = answer.location
    assert "Ver línea 3" in alice.get("/c/one/visits/visits").text
    shown = alice.get(page).text
    assert "Ver línea 3" in shown and "Conservas del Turia" in shown

    assert alice.post(f"{page}/fields/name", data={"name": "Medir línea 3", "version": "1"}).status_code == 303
    late = alice.post(f"{page}/edit", data={"name": "Otra cosa", "account_id": account, "version": "1"})
    assert late.status_code == 409
    assert "Medir línea 3" in late.text and "Otra cosa" in late.text

    wrong = alice.post("/c/one/visits/visits/new", data={"name": "", "account_id": account})
    assert wrong.status_code == 422
    history = alice.get(f"{page}/history").text
    assert "Alice" in history and "Medir línea 3" in history
    with one:
        logged = db.session.execute(select(Change.action, Change.old, Change.new).filter_by(table_name="visits_visit")).all()
    assert ("created", None, None) in logged
    assert ("changed", "Ver línea 3", "Medir línea 3") in logged


def test_it_imports_and_exports(app: Flask, visits_on, client_of) -> None:
    alice = client_of("alice")
    alice.post("/c/one/contacts/accounts/new", data={"name": "Conservas del Turia"})
    file = "Purpose,Account,Day\nVer línea 3,Conservas del Turia,2026-11-20\nMedir,conservas del turia,2026-11-21\n"
    batch = alice.post("/c/one/visits/visits/import", data={"file": (io.BytesIO(file.encode()), "visits.csv")}).location
    for step in ("check", "publish"):
        assert alice.post(f"{batch}/{step}").status_code == 303
        worker.run_pending(app)
    assert "2 rows were imported" in alice.get(batch).text
    exported = alice.get("/c/one/visits/visits/export?format=csv").get_data(as_text=True)
    assert exported.count("Conservas del Turia") == 2
    assert "2026-11-21" in exported
