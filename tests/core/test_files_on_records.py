"""Files on records: what is kept, what is refused, and that they are only ever saved, never shown."""

from __future__ import annotations

import io
import re
import zipfile

import pytest
from sqlalchemy import func, select
from werkzeug.datastructures import FileStorage, MultiDict
from werkzeug.test import encode_multipart

from app.core import attachments, merging
from app.core.db import db
from app.core.note_models import Attachment, AttachmentContent
from app.core.registry import registry
from app.core.writes import create
from app.modules.contacts.models import Account
from tests.conftest import Office
from tests.core.test_notes import FRAGMENT, URL, thing  # noqa: F401  # a fixture

PDF = b"%PDF-1.7\n%..."
PNG = b"\x89PNG\r\n\x1a\n...."


def office(part: str) -> bytes:
    packed = io.BytesIO()
    with zipfile.ZipFile(packed, "w") as archive:
        archive.writestr(part, "<x/>")
    return packed.getvalue()


def send(client, row: int, *files: tuple[bytes, str], headers=None):
    parts = MultiDict([("file", FileStorage(io.BytesIO(data), name)) for data, name in files])
    boundary, body = encode_multipart(parts)
    return client.post(f"{URL}/{row}/files", data=body, content_type=f"multipart/form-data; boundary={boundary}", headers=headers)


def put(row: int, data: bytes = b"text", name: str = "a.txt") -> Attachment:
    return attachments.add(registry.resource("dummy.thing"), row, FileStorage(io.BytesIO(data), name))


def count(one: Office, model=Attachment) -> int:
    with one:
        return db.session.scalar(select(func.count(model.id)))


def test_files_are_kept_listed_and_saved(one: Office, thing: int, client_of) -> None:  # noqa: F811
    bob = client_of("bob")
    answer = send(bob, thing, (PDF, "Oferta nº 7 – año 2026.pdf"), (b"a,b\n", "list.csv"))
    assert answer.status_code == 303
    page = bob.get(f"{URL}/{thing}/history?show=files").text
    assert "Oferta nº 7 – año 2026.pdf" in page and "<b>Bob</b> added a file" in page and "1 KB" in page
    address = re.findall(rf'href="({URL}/{thing}/files/\d+)" download', page)
    assert len(address) == 2
    found = bob.get(address[1] if bob.get(address[0]).data != PDF else address[0])
    assert found.data == PDF
    assert found.headers["Content-Disposition"] == (
        "attachment; filename=\"Oferta no 7  ano 2026.pdf\"; filename*=UTF-8''Oferta%20n%C2%BA%207%20%E2%80%93%20a%C3%B1o%202026.pdf"
    )
    assert found.headers["X-Content-Type-Options"] == "nosniff"
    assert found.headers["Cache-Control"] == "private, no-store"
    assert "sandbox" in found.headers["Content-Security-Policy"]


@pytest.mark.parametrize(("name", "data", "kind"), [
    ("page.html", b"<html><script>alert(1)</script>", "text/plain"),
    ("drawing.svg", b"<svg onload='alert(1)'/>", "text/plain"),
    ("photo.png", PNG, "image/png"),
    ("sheet.xlsx", office("xl/workbook.xml"), "application/vnd.openxmlformats-officedocument.spreadsheetml.sheet"),
    ("whatever", bytes(range(256)), "application/octet-stream"),
])  # fmt: skip
def test_nothing_is_ever_shown_in_the_browser(one: Office, thing: int, client_of, name, data, kind) -> None:  # noqa: F811
    with one:
        file = put(thing, data, name).id
    answer = client_of("bob").get(f"{URL}/{thing}/files/{file}")
    assert answer.mimetype == kind
    assert answer.headers["Content-Disposition"].startswith("attachment")


@pytest.mark.parametrize(("name", "data"), [
    ("nothing.txt", b""),
    ("big.bin", b"x" * (10 * 1024 * 1024 + 1)),
    ("report.pdf", b"MZ\x90\x00"),
    ("setup.exe", b"harmless"),
    ("invoice\u202efdp.exe", b"x"),
    ("report.pdf", b"<html>"),
    ("photo.jpg", PNG),
    ("letter.docx", office("xl/workbook.xml")),
    ("script", b"#!/bin/sh\n"),
])  # fmt: skip
def test_what_is_not_kept_is_said(one: Office, thing: int, client_of, name, data) -> None:  # noqa: F811
    answer = send(client_of("bob"), thing, (data, name))
    assert answer.status_code == 422
    assert name.replace("\u202e", "") in answer.text
    assert (count(one), count(one, AttachmentContent)) == (0, 0)


def test_of_several_the_good_ones_are_kept(one: Office, thing: int, client_of) -> None:  # noqa: F811
    answer = send(client_of("bob"), thing, (PDF, "a.pdf"), (b"", "b.pdf"), headers=FRAGMENT)
    assert answer.status_code == 200
    assert "1 file was added." in answer.text and "“b.pdf” is empty." in answer.text
    assert count(one) == 1
    assert send(client_of("bob"), thing).status_code == 422


def test_a_record_holds_so_many(one: Office, thing: int, client_of) -> None:  # noqa: F811
    with one:
        for _each in range(attachments.MOST):
            put(thing)
    answer = send(client_of("bob"), thing, (PDF, "a.pdf"))
    assert answer.status_code == 422 and "50" in answer.text


@pytest.mark.parametrize(("given", "kept"), [
    ("../../etc/passwd", "passwd"),
    ("C:\\Users\\ana\\oferta.pdf", "oferta.pdf"),
    ("x" * 300 + ".pdf", "x" * 146 + ".pdf"),
    ("..", "file"),
    ("", "file"),
    ("a\r\nSet-Cookie: x=1.txt", "aSet-Cookie: x=1.txt"),
    ("оферта 見積もり.pdf", "оферта 見積もり.pdf"),
    ("invoice\u202efdp.txt", "invoicefdp.txt"),
])  # fmt: skip
def test_names_are_only_names(given: str, kept: str) -> None:
    assert attachments.safe_name(given) == kept


def test_one_deletes_ones_own_and_the_log_names_it(one: Office, thing: int, client_of) -> None:  # noqa: F811
    bob, mona, alice = client_of("bob"), client_of("mona"), client_of("alice")
    send(bob, thing, (PDF, "offer.pdf"), (b"x", "other.txt"))
    with one:
        first, second = db.session.scalars(select(Attachment.id).order_by(Attachment.id))
    assert mona.get(f"{URL}/{thing}/files/{first}").status_code == 200
    assert mona.get(f"{URL}/{thing}/files/{first}/remove").status_code == 403
    assert mona.post(f"{URL}/{thing}/files/{first}/remove").status_code == 403
    assert "offer.pdf" in bob.get(f"{URL}/{thing}/files/{first}/remove").text
    assert bob.post(f"{URL}/{thing}/files/{first}/remove").status_code == 303
    assert alice.post(f"{URL}/{thing}/files/{second}/remove").status_code == 303
    assert bob.get(f"{URL}/{thing}/files/{first}").status_code == 404
    page = bob.get(f"{URL}/{thing}").text
    assert "deleted a file" in page and "offer.pdf" in page
    assert count(one, AttachmentContent) == 0


def test_another_team_and_another_company_get_nothing(one: Office, two: Office, thing: int, client_of) -> None:  # noqa: F811
    with one:
        file = put(thing).id
    for name, address in (("dave", URL), ("carol", URL), ("carol", URL.replace("/one/", "/two/"))):
        for path in ("", f"/{file}", f"/{file}/remove"):
            assert client_of(name).get(f"{address}/{thing}/files{path}").status_code == 404, (name, path)
        assert send(client_of(name), thing, (PDF, "a.pdf")).status_code == 404
    with two:
        assert db.session.scalars(select(AttachmentContent.id)).all() == []


def test_a_file_of_one_record_is_none_of_another(one: Office, thing: int, people, client_of) -> None:  # noqa: F811
    with one:
        file = put(thing).id
        other = create(Account, {"name": "Acme", "owner_id": people["bob"].member_id}).id
    assert client_of("bob").get(f"/c/one/contacts/accounts/{other}/files/{file}").status_code == 404


@pytest.mark.filterwarnings("ignore::pytest.PytestUnraisableExceptionWarning")  # werkzeug drops the part it had begun
def test_an_upload_that_breaks_off_leaves_nothing(one: Office, thing: int, client_of) -> None:  # noqa: F811
    bob = client_of("bob")
    body = b'--x\r\nContent-Disposition: form-data; name="file"; filename="a.pdf"\r\n\r\n%PDF-1.7 and then'
    answer = bob.post(f"{URL}/{thing}/files", data=body, content_type="multipart/form-data; boundary=x")
    assert answer.status_code in (400, 422)
    assert count(one) == 0


def test_files_follow_a_merge_and_come_back(one: Office) -> None:
    with one:
        accounts = registry.resource("contacts.account")
        good, bad = (create(Account, {"name": name}) for name in ("Acme", "ACME S.L."))
        attachments.add(accounts, bad.id, FileStorage(io.BytesIO(PDF), "offer.pdf"))
        group = merging.merge(accounts, good.id, [bad.id], {}, {})
        assert [f.name for f in attachments.of(accounts, good.id)] == ["offer.pdf"]
        merging.unmerge(group)
        assert (attachments.of(accounts, good.id), len(attachments.of(accounts, bad.id))) == ([], 1)
