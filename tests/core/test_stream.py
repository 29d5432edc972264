"""The stream of a record: every source, by kind, page by page, in a constant number of statements."""

from __future__ import annotations

import re
from datetime import UTC, datetime, timedelta
from io import BytesIO
from itertools import chain

import pytest
from flask import Flask
from flask.testing import FlaskClient
from sqlalchemy import insert
from werkzeug.datastructures import FileStorage

from app.core import attachments, notes
from app.core.db import db
from app.core.history import Entry
from app.core.hooks import Timeline
from app.core.models import Change
from app.core.registry import registry
from app.core.stream import PAGE, page
from app.core.writes import create
from app.modules.contacts.models import Account
from tests.conftest import Office
from tests.core.test_files_on_records import put
from tests.core.test_notes import FRAGMENT, URL, thing  # noqa: F401  # a fixture
from tools.bench_measure import recording

START = datetime(2026, 1, 1, 9, tzinfo=UTC)


def changes(one: Office, row: int, count: int, apart: timedelta = timedelta(minutes=7)) -> None:
    """Lines in the change log of a thing: "v0", "v1", … from old to new."""
    line = {"company_id": one.id, "table_name": "dummy_thing", "row_id": row, "action": "changed", "field": "name", "old": ""}
    with one:
        db.session.connection().execute(insert(Change.__table__), [{**line, "at": START + i * apart, "new": f"v{i}."} for i in range(count)])


def shown(text: str) -> list[str]:
    return re.findall(r"<ins>(v\d+)\.</ins>", text)


def earlier(text: str) -> str:
    found = re.search(r'id="stream-earlier"><a [^>]*href="([^"]+)"', text)
    return found[1].replace("&amp;", "&") if found else ""


def walk(client: FlaskClient, address: str, **headers: str) -> list[str]:
    found = []
    while address:
        text = client.get(address, headers=headers).text
        found += shown(text)
        address = earlier(text)
    return found


@pytest.mark.parametrize("apart", [timedelta(minutes=7), timedelta()])
def test_no_line_is_lost_between_pages(one: Office, thing: int, client_of, apart) -> None:  # noqa: F811
    changes(one, thing, 100, apart)
    bob = client_of("bob")
    expected = [f"v{i}" for i in range(100)]
    assert sorted(walk(bob, f"{URL}/{thing}"), key=lambda v: int(v[1:])) == expected
    if apart:
        assert walk(bob, f"{URL}/{thing}/history?show=changes") == expected[::-1]
        assert len(shown(bob.get(f"{URL}/{thing}/history?show=changes").text)) == PAGE - 1  # the newest is its creation


def test_earlier_ones_come_as_rows_alone(one: Office, thing: int, client_of) -> None:  # noqa: F811
    changes(one, thing, 70)
    bob = client_of("bob")
    first = bob.get(f"{URL}/{thing}/history", headers={**FRAGMENT, "HX-Target": "div#tab"}).text
    assert 'id="note-box"' in first
    more = bob.get(earlier(first), headers={**FRAGMENT, "HX-Target": "li#stream-earlier"}).text
    assert more.lstrip().startswith("<li") and "note-box" not in more
    part = bob.get(f"{URL}/{thing}/history?show=notes", headers={**FRAGMENT, "HX-Target": "section#stream"}).text
    assert part.lstrip().startswith("<section") and "note-box" not in part
    whole = bob.get(earlier(first)).text
    assert "<html" in whole and "Back to the newest" in whole


def test_filters_show_one_kind(one: Office, thing: int, client_of) -> None:  # noqa: F811
    bob = client_of("bob")
    with one:
        resource = registry.resource("dummy.thing")
        notes.add(resource, thing, "Only a note")
        put(thing, name="only-a-file.txt")
    found = {}
    for name in ("", "notes", "files", "changes", "activities", "mail", "nonsense"):
        text = bob.get(f"{URL}/{thing}/history?show={name}").text
        found[name] = ("Only a note" in text, "only-a-file" in text, "created this" in text)
    everything, nothing = (True, True, True), (False, False, False)
    assert found == {"": everything, "notes": (True, False, False), "files": (False, True, False), "changes": (False, False, True),
                     "activities": nothing, "mail": nothing, "nonsense": everything}


@pytest.mark.parametrize("before", ["x", "-1", "9" * 18, "9" * 40, "0", "%00"])
def test_an_odd_place_to_begin_is_no_error(thing: int, client_of, before) -> None:  # noqa: F811
    assert client_of("bob").get(f"{URL}/{thing}/history?before={before}").status_code in (200, 400)


def test_statements_do_not_grow(app: Flask, one: Office, thing: int, client_of) -> None:  # noqa: F811
    bob = client_of("bob")

    def count(address: str) -> int:
        with recording(app) as sent:
            assert bob.get(address).status_code == 200
        return len([s for s in sent if s.counts])

    resource = registry_of(app, "dummy.thing")
    with one:
        notes.add(resource, thing, "A note")
        attachments.add(resource, thing, upload())
    few = count(f"{URL}/{thing}/history")
    changes(one, thing, 200)
    with one:
        for i in range(40):
            notes.add(resource, thing, f"Note {i}")
            attachments.add(resource, thing, upload())
    assert count(f"{URL}/{thing}/history") == few


def registry_of(app: Flask, key: str):
    return app.extensions["registry"].resource(key)


def upload() -> FileStorage:
    return FileStorage(BytesIO(b"text"), "a.txt")


# Sources


def entries(count: int, kind: str, apart: int = 60) -> list[Entry]:
    return [Entry(at=START + timedelta(seconds=i * apart), who="", text=f"{kind}{i}", kind=kind) for i in range(count)]


def source(all_of_them: list[Entry]):
    def newest(before, limit):
        found = sorted((e for e in all_of_them if before is None or e.at < before), key=lambda e: e.at, reverse=True)
        return found[:limit]

    return newest


def pages(*sources, kind: str = "") -> list[list[str]]:
    found, before = [], None
    while True:
        part, more = page([((), s) for s in sources], kind, before)
        found.append([e.text for e in part])
        if not more:
            return found
        before = part[-1].at


def test_sources_are_merged_by_time() -> None:
    found = pages(source(entries(45, "note", 60)), source(entries(45, "mail", 61)))
    assert [len(p) for p in found] in ([30, 30, 30], [31, 31, 28], [31, 30, 29], [30, 31, 29])
    assert sorted(chain(*found)) == sorted([f"note{i}" for i in range(45)] + [f"mail{i}" for i in range(45)])


def test_what_happened_at_one_instant_stays_together() -> None:
    found = pages(source([*entries(20, "note"), *entries(80, "mail", 0)]))
    assert sorted(chain(*found)) == sorted([f"note{i}" for i in range(20)] + [f"mail{i}" for i in range(80)])


def test_a_source_of_several_kinds_is_asked_until_a_page_is_full() -> None:
    found = pages(source([*entries(60, "note", 1), *[e for e in entries(100, "mail", 60) if e.at > START + timedelta(hours=1)]]), kind="note")
    assert sorted(chain(*found)) == sorted(f"note{i}" for i in range(60))


def test_a_function_of_the_row_alone_is_a_source_too() -> None:
    old = Timeline(resource="x.y", permission="x.y.view", entries=lambda row_id: entries(5, f"of {row_id} "))
    new = Timeline(resource="x.y", permission="x.y.view", entries=lambda row_id, before, limit: source(entries(5, "new"))(before, limit))
    assert [e.text for e in old.newest(7, START + timedelta(minutes=2), 1)] == ["of 7 1", "of 7 0"]
    assert [e.text for e in new.newest(7, START + timedelta(minutes=2), 1)] == ["new1"]


def test_modules_tell_of_records_of_others(one: Office, people, client_of) -> None:
    with one:
        account = create(Account, {"name": "Acme", "owner_id": people["bob"].member_id}).id
    assert f"looked at account {account}" in client_of("bob").get(f"/c/one/contacts/accounts/{account}").text
