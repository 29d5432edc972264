"""Somebody who asks the API with a token."""

from __future__ import annotations

from typing import Any

from flask import Flask
from flask.testing import FlaskClient

from app.core import tokens
from app.core.db import db
from tests.cast import Person

BASE = "/api/v1"


def token_for(app: Flask, person: Person, company: str = "", **options: Any) -> str:
    """A new key of a person for their company."""
    with app.app_context():
        key = tokens.issue(person.user_id, company or person.company, "tests", **options)
        db.session.commit()
    return key


def asking_with(app: Flask, key: str) -> FlaskClient:
    client = app.test_client()
    client.environ_base["HTTP_AUTHORIZATION"] = f"Bearer {key}"
    return client


def asking(app: Flask, person: Person, **options: Any) -> FlaskClient:
    """A client that sends a new token of a person, and no cookie."""
    return asking_with(app, token_for(app, person, **options))


def errors(answer: Any) -> dict[str, str]:
    """What a problem says is wrong with which field."""
    assert answer.content_type == "application/problem+json", answer.text
    return {error["field"]: error["detail"] for error in answer.json["errors"]}


def made(client: Any, address: str, **values: Any) -> dict[str, Any]:
    """A new row, by the API itself."""
    answer = client.post(address, json=values)
    assert answer.status_code == 201, answer.text
    return answer.json
