"""The application as tests and `make bench` want it."""

from __future__ import annotations

from collections.abc import Iterable
from importlib.util import find_spec
from pathlib import Path
from typing import Any

from flask import Flask, session
from flask.testing import FlaskClient
from flask_wtf.csrf import generate_csrf

from app import create_app
from app.core import auth, migrate
from app.core.db import db
from config import Config
from tests.cast import Person, make_cast

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
    return create_app(config.checked(), modules)


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
