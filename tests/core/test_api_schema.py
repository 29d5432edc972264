"""The API against its own document: whatever it is sent, it answers as it promised, and never with a 500."""

from __future__ import annotations

from typing import Any

import schemathesis
from flask import Flask
from flask.testing import FlaskClient
from hypothesis import HealthCheck, Phase, given, settings
from hypothesis import strategies as st
from schemathesis import GenerationMode
from schemathesis.checks import not_a_server_error
from schemathesis.specs.openapi.checks import (
    content_type_conformance,
    response_headers_conformance,
    response_schema_conformance,
    status_code_conformance,
)

from app.core.testing import Walk
from tests.conftest import Office
from tests.core.api_client import BASE, asking

EXAMPLES = 3  # of each operation, of each kind: what fits the document, and what does not
CHECKS = [not_a_server_error, status_code_conformance, content_type_conformance, response_headers_conformance,
          response_schema_conformance]  # fmt: skip
BOUNDED = settings(max_examples=EXAMPLES, deadline=None, database=None, derandomize=True, phases=[Phase.generate],
                   suppress_health_check=list(HealthCheck))  # fmt: skip


def test_every_operation_answers_as_the_document_says(app: Flask, one: Office, people) -> None:
    alice = asking(app, people["alice"])
    with one:
        rows = Walk(app).make_rows(people["alice"].member_id, "of alice")
    schema = schemathesis.openapi.from_wsgi(f"{BASE}/openapi.json", app, headers=_headers(alice))
    operations = [found.ok() for found in schema.get_all_operations()]
    assert len(operations) > 40
    last = [o for o in operations if o.method == "delete"]
    for operation in [o for o in operations if o not in last] + last:
        row_id = rows.get(operation.definition.raw["tags"][0])
        for mode in GenerationMode:
            _ask(operation, mode, row_id, alice)


def _ask(operation: Any, mode: GenerationMode, row_id: int | None, client: FlaskClient) -> None:
    @BOUNDED
    @given(case=operation.as_strategy(generation_mode=mode), existing=st.booleans())
    def asked(case: Any, existing: bool) -> None:
        if existing and row_id and "row_id" in (case.path_parameters or {}):
            case.path_parameters["row_id"] = row_id
            row = client.get(f"{BASE}{case.formatted_path}")
            if operation.method == "patch" and row.status_code == 200:
                case.headers["If-Match"] = row.headers["ETag"]  # else hardly one would get beyond the version
        case.call_and_validate(headers=_headers(client), checks=CHECKS)

    asked()


def _headers(client: FlaskClient) -> dict[str, str]:
    return {"Authorization": client.environ_base["HTTP_AUTHORIZATION"], "Accept-Encoding": "identity"}
