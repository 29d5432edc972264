"""A record of a third-party module has notes, files and a stream without a line of its own."""

from __future__ import annotations

from sqlalchemy import select

from app.core.db import db
from app.core.note_models import Attachment
from app.core.registry import registry
from app.core.writes import create
from app.modules.contacts.models import Account
from tests.test_third_party import app, installed, visits_on  # noqa: F401  # fixtures


def test_visits_have_notes_and_files(app, visits_on, one, people, client_of):  # noqa: F811  # fixtures
    with one:
        account = create(Account, {"name": "Acme"}).id
        values = {"name": "Ver línea 3", "account_id": account, "day": None}
        visit = registry.resource("visits.visit").add(values).id
    alice = client_of("alice")
    url = f"/c/one/visits/visits/{visit}"
    assert alice.post(f"{url}/notes", data={"text": "Bring @Bob along"}).status_code == 303
    body = b'--x\r\nContent-Disposition: form-data; name="file"; filename="plan.txt"\r\n\r\nAt nine\r\n--x--\r\n'
    assert alice.post(f"{url}/files", data=body, content_type="multipart/form-data; boundary=x").status_code == 303
    page = alice.get(url).text
    assert "Bring <b" in page and "plan.txt" in page and "created this" in page
    with one:
        file = db.session.scalars(select(Attachment.id)).one()
    assert alice.get(f"{url}/files/{file}").data == b"At nine"
    assert client_of("carol").get(f"/c/two/visits/visits/{visit}/files/{file}").status_code == 404
