"""Databases, the application on each of them, and the cast.

A test that takes `app` runs twice: on SQLite and on PostgreSQL under a role that owns nothing. Every test gets a fresh
copy of a database that was migrated from zero and holds the cast (`tests/cast.py`). To stay on one database:
`@pytest.mark.on("sqlite")` or `pytestmark = pytest.mark.on("postgres")`.

Arrange in `with one:`, then call outside of it: a client called inside an open app context would share its session.
"""

from __future__ import annotations

import fcntl
import os
import shutil
from collections.abc import Callable, Iterator
from contextlib import ExitStack
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import pytest
from flask import Flask
from flask.testing import FlaskClient
from sqlalchemy import NullPool
from sqlalchemy.orm import Session

from app.core.db import db
from app.core.tenancy import acting_for
from tests import pg
from tests.application import build_app, fill, logged_in
from tests.cast import Person, everybody
from tests.core.post_office import PostOffice, serving

SERVER = pytest.StashKey[pg.Databases]()
STACK = pytest.StashKey[ExitStack]()


# One server a session: the controller of the parallel workers starts it, or a lone process when a test first asks.


def _start_server(config: pytest.Config) -> pg.Databases:
    if SERVER not in config.stash:
        config.stash[STACK] = ExitStack()
        config.stash[SERVER] = config.stash[STACK].enter_context(pg.server())
    return config.stash[SERVER]


@pytest.hookimpl(optionalhook=True)
def pytest_configure_node(node: Any) -> None:
    databases = _start_server(node.config)
    node.workerinput["postgres"] = (databases.admin_url, databases.prefix)


def pytest_unconfigure(config: pytest.Config) -> None:
    if STACK in config.stash:
        config.stash[STACK].close()


def pytest_sessionfinish(session: pytest.Session) -> None:
    """In CI a skipped test is a failed run: there, nothing may be missing."""
    reporter = session.config.pluginmanager.get_plugin("terminalreporter")
    if os.environ.get("CI") and reporter and reporter.stats.get("skipped"):
        reporter.write_line("CI skips nothing: see the list of skipped tests.", red=True)
        session.exitstatus = pytest.ExitCode.TESTS_FAILED


@pytest.fixture(scope="session")
def postgres_server(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> pg.Databases:
    """The server with the template filled."""
    given = getattr(request.config, "workerinput", {}).get("postgres")
    databases = pg.Databases(*given) if given else _start_server(request.config)
    var_dir = tmp_path_factory.mktemp("template")
    databases.make_template(lambda web, owner: fill(build_app(var_dir, web, owner)))
    return databases


@pytest.fixture(scope="session")
def sqlite_template(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A filled SQLite file, made once for all workers."""
    base = tmp_path_factory.getbasetemp()
    shared = base.parent if os.environ.get("PYTEST_XDIST_WORKER") else base
    template = shared / "template.sqlite3"
    with (shared / "template.lock").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        if not template.exists():
            making = shared / "making.sqlite3"
            fill(build_app(shared, f"sqlite:///{making}"))
            making.rename(template)
    return template


@dataclass(frozen=True)
class Addresses:
    """Where a test's database is, for the web role and for its owner (the same on SQLite)."""

    kind: str
    url: str
    owner_url: str


def pytest_generate_tests(metafunc: pytest.Metafunc) -> None:
    """Both databases, unless the test is marked `on` one; browser tests are on SQLite when they say nothing."""
    if "database" not in metafunc.fixturenames:
        return
    marked = metafunc.definition.get_closest_marker("on")
    usual = ("sqlite",) if "browser" in metafunc.definition.path.parts else ("sqlite", "postgres")
    kinds = marked.args if marked else usual
    marks = {"sqlite": (), "postgres": (pytest.mark.postgres,)}
    metafunc.parametrize("database", [pytest.param(kind, marks=marks[kind]) for kind in kinds], indirect=True)


@pytest.fixture(scope="session")
def home(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder of this process, where its database and its `var/` always lie at the same place."""
    return tmp_path_factory.mktemp("home")


@pytest.fixture
def database(request: pytest.FixtureRequest, home: Path) -> Addresses:
    """A fresh database with the cast."""
    if request.param == "sqlite":
        template = request.getfixturevalue("sqlite_template")
        for used in home.glob("test.sqlite3*"):
            used.unlink()
        url = f"sqlite:///{shutil.copyfile(template, home / 'test.sqlite3')}"
        return Addresses("sqlite", url, url)
    databases: pg.Databases = request.getfixturevalue("postgres_server")
    worker = os.environ.get("PYTEST_XDIST_WORKER", "main")
    name = databases.copy(f"{databases.prefix}_{worker}")
    return Addresses("postgres", databases.url(pg.WEB, name), databases.url(pg.OWNER, name))


APPS: dict[str, Flask] = {}


def _build(database: Addresses, home: Path) -> Flask:
    """SQLite without a pool: a request of the last test's browser that is still under way would put a connection to
    the file that is gone into it, and the next test would see two databases in turn."""
    options = {"poolclass": NullPool} if database.kind == "sqlite" else {}
    return build_app(home / "var", database.url, database.owner_url, engine_options=options)


@pytest.fixture
def app(database: Addresses, home: Path) -> Iterator[Flask]:
    """The application on a fresh database, once on SQLite and once on PostgreSQL.

    Built once a process and database, since building it costs more than most tests; settings that a test changes are
    put back, and an application to which a test added routes is not used again.
    """
    app = APPS.pop(database.kind, None) or _build(database, home)
    app._got_first_request = False  # a test may add routes before its first request
    own, settings, routes = app.config["VENDIMIA"], dict(app.config), len(app.view_functions)
    of_own = dict(vars(own))
    yield app
    with app.app_context():
        db.session.remove()
        db.engine.dispose()
    shutil.rmtree(home / "var", ignore_errors=True)
    app.config.clear()
    app.config.update(settings)
    vars(own).update(of_own)
    if len(app.view_functions) == routes:
        APPS[database.kind] = app


@pytest.fixture
def office(app: Flask) -> Iterator[PostOffice]:
    """A post office that takes the letters of the application."""
    with serving(PostOffice()) as office:
        app.config["VENDIMIA"].smtp_url = office.url
        yield office


@dataclass
class Office:
    """A company to arrange in and to look at: `with one as session: …`, as nobody, committed at the end."""

    app: Flask
    id: int
    slug: str
    _open: list[ExitStack] = field(default_factory=list)

    def __enter__(self) -> Session:
        stack = ExitStack()
        stack.enter_context(self.app.app_context())
        entered = stack.enter_context(acting_for(self.id))
        self._open.append(stack)
        return entered

    def __exit__(self, *failure: object) -> None:
        self._open.pop().__exit__(*failure)


@pytest.fixture
def people(app: Flask) -> dict[str, Person]:
    """The cast by first name: `people["alice"].member_id`."""
    with app.app_context():
        return everybody()


@pytest.fixture
def one(app: Flask, people: dict[str, Person]) -> Office:
    return Office(app, people["alice"].company_id, "one")


@pytest.fixture
def two(app: Flask, people: dict[str, Person]) -> Office:
    return Office(app, people["carol"].company_id, "two")


@pytest.fixture
def client_of(app: Flask, people: dict[str, Person]) -> Callable[[str], FlaskClient]:
    """A client in which one of the cast is logged in, with their CSRF token sent along: `client_of("bob")`."""

    return lambda name: logged_in(app, people[name])


@pytest.fixture
def anonymous(app: Flask) -> FlaskClient:
    """A client in which nobody is logged in."""
    return app.test_client()
