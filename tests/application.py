"""The application as tests and `make bench` want it."""

from __future__ import annotations

from collections.abc import Iterable
from importlib.util import find_spec
from pathlib import Path
from typing import Any

from flask import Flask, session
from flask.testing import FlaskClient
from flask_wtf.csrf import generate_csrf
from jinja2.bccache import Bucket, BytecodeCache

from app import create_app
from app.core import auth, migrate
from app.core.db import db
from config import Config
from tests.cast import Person, make_cast


class CompiledTemplates(BytecodeCache):
    """Templates compiled once a process: each test has an application of its own and would compile them again."""

    def __init__(self) -> None:
        self._kept: dict[str, bytes] = {}

    def load_bytecode(self, bucket: Bucket) -> None:
        if bucket.key in self._kept:
            bucket.bytecode_from_string(self._kept[bucket.key])

    def dump_bytecode(self, bucket: Bucket) -> None:
        self._kept[bucket.key] = bucket.bytecode_to_string()


TEMPLATES = CompiledTemplates()
EXTRA_MODULES = [name for name in ("tests.dummy_module",) if find_spec(name)]


def build_app(
    var_dir: Path, database_url: str, owner_url: str = "", *, modules: Iterable[str] = EXTRA_MODULES, **settings: Any
) -> Flask:
    """An application with cheap hashes and no rate limits; `modules` names packages to load beside the product's own."""
    config = Config(
        app_env="testing",
        var_dir=var_dir,
        database_url=database_url,
        migration_database_url=owner_url or database_url,
        secret_key="for tests and nothing else, 32 characters",
        quick_hashes=True,
        testing=True,
        **settings,
    )
    app = create_app(config.checked(), modules)
    app.jinja_env.bytecode_cache = TEMPLATES
    return app


def fill(app: Flask) -> None:
    """Migrate from zero and bring in the cast."""
    with app.app_context():
        migrate.upgrade()
        make_cast()
        db.engine.dispose()


def logged_in(app: Flask, person: Person) -> FlaskClient:
    """A client in which a person is logged in, with their CSRF token sent along."""
    client = app.test_client()
    with app.test_request_context("/login", method="POST"):
        auth.start_session(person.user_id, remember=False)
        token = generate_csrf()
        db.session.commit()
        cookie = dict(session)
    with client.session_transaction() as kept:
        kept.update(cookie)
    client.environ_base["HTTP_X_CSRFTOKEN"] = token
    return client
