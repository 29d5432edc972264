"""Connections: a web role that row-level security would not hold is refused; SQLite writers do not lose updates."""

from __future__ import annotations

from pathlib import Path

import pytest
from flask import Flask
from sqlalchemy import text

from app.core.db import db
from config import BadConfig
from tests import pg
from tests.conftest import Addresses, build_app


@pytest.mark.on("postgres")
@pytest.mark.parametrize("role", [pg.OWNER, "postgres"])
def test_a_role_that_could_look_over_the_wall_is_refused(database: Addresses, tmp_path: Path, role: str) -> None:
    url = database.url.replace(pg.WEB, role)
    assert url != database.url
    with pytest.raises(BadConfig, match="row-level security would not confine it"):
        build_app(tmp_path, url, database.owner_url)


@pytest.mark.on("sqlite")
def test_reading_requests_do_not_take_the_writer(app: Flask) -> None:
    with app.test_request_context(method="GET"):
        assert db.session.scalar(text("select 1")) == 1
        with app.test_request_context(method="POST"):
            assert db.session.scalar(text("select 1")) == 1


@pytest.mark.on("postgres")
def test_statements_are_planned_for_what_they_ask_and_not_compiled(app: Flask) -> None:
    """On a connection that has been given back and taken again too."""
    for _turn in range(2):
        with app.app_context():
            assert db.session.scalar(text("show plan_cache_mode")) == "force_custom_plan"
            assert db.session.scalar(text("show jit")) == "off"
            assert db.session.scalar(text("show random_page_cost")) == "1.1"
            assert db.session.scalar(text("show max_parallel_workers_per_gather")) == "0"
            db.session.rollback()
