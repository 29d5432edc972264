"""Every installed module honours the contract of the module API; so does the dummy module, which uses every hook."""

from __future__ import annotations

import dataclasses
from pathlib import Path

import pytest
from flask import Flask

from app.core.hooks import Hooks
from app.core.testing import MODULE_CHECKS
from app.core.testing.modules import check_template
from tests.conftest import build_app
from tests.dummy_module.hooks import hooks as dummy_hooks

ROOT = Path(__file__).resolve().parents[1]
NAMES = ("admin", "contacts", "crm", "dummy", "kpi")


@pytest.fixture(scope="module")
def installed(tmp_path_factory: pytest.TempPathFactory) -> Flask:
    """The application without a database: these checks read code."""
    folder = tmp_path_factory.mktemp("conformance")
    return build_app(folder, f"sqlite:///{folder / 'none.sqlite3'}")


@pytest.mark.parametrize("check", MODULE_CHECKS, ids=lambda c: c.__name__)
@pytest.mark.parametrize("name", NAMES)
def test_module(installed: Flask, name: str, check) -> None:
    check(installed, installed.extensions["registry"].modules[name])


def test_all_installed_modules_are_checked(installed: Flask) -> None:
    assert set(installed.extensions["registry"].modules) == set(NAMES)


def test_the_dummy_module_uses_every_hook() -> None:
    unused = [f.name for f in dataclasses.fields(Hooks) if getattr(dummy_hooks, f.name) == getattr(Hooks(), f.name)]
    assert unused == []


@pytest.mark.parametrize("path", sorted((ROOT / "templates").rglob("*.html")), ids=lambda p: str(p.relative_to(ROOT)))
def test_shared_template(installed: Flask, path: Path) -> None:
    check_template(installed, path)
