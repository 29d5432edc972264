"""Filters of lists: every operator as plain Python over the rows says it, on both databases; what is damaged is refused."""

from __future__ import annotations

import json
from collections.abc import Callable
from contextlib import suppress
from datetime import date
from decimal import Decimal
from typing import Any
from urllib.parse import parse_qsl

import pytest
from flask import Flask
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from sqlalchemy import select
from werkzeug.datastructures import MultiDict

from app.core import filtering, letters, operators, relative_dates, writes
from app.core.db import db, fold
from app.core.errors import BusinessError
from app.core.money import minor_units
from app.core.tables import Listing
from tests.conftest import Office
from tests.dummy_module.hooks import thing
from tests.dummy_module.models import Thing

URL = "/c/one/dummy/things"
NAMES = ["Ñandú", "nandu rojo", "Straße 7", "100% [x]", "a_b\\c", "Ωmega"]
MAILS = [None, "", "Álvaro@EXAMPLE.com", "alvaro@example.com", "it's_50%@x.es", "cafe\u0301@x.es", "İstanbul ß"]
WORDS = ["", "ñandú", "NANDU", "alvaro", "ÁLVARO@example.COM", "%", "_", "\\", "[", "ss", "ß", "e\u0301", "é", "i", " ", "7", "ω", "cafe"]


@pytest.fixture
def things(one: Office, people: dict) -> list[int]:
    """40 things in which every field is empty somewhere."""
    owners = [people[name].member_id for name in ("alice", "bob", "dave", "mona")]
    rows = [
        {
            "name": NAMES[n % len(NAMES)],
            "mail": MAILS[n % len(MAILS)],
            "pieces": None if n % 4 == 0 else n % 6,
            "share": None if n % 5 == 0 else n * 2,
            "price_minor": None if n % 6 == 0 else n * 100,
            "currency": (None if n % 6 == 0 else ("EUR", "USD")[n % 2]),
            "day": None if n % 7 == 0 else date(2026, 1 + n % 12, 1 + n % 28),
            "colour": (None, "red", "green")[n % 3],
            "ready": n % 2 == 0,
            "owner_id": None if n % 8 == 0 else owners[n % 4],
            "note": None,
        }
        for n in range(40)
    ]
    with one:
        return writes.bulk_insert(Thing, rows)


# Plain Python: what a row has to be for a condition to hold


def _text(row: Any, name: str, op: str, values: list[str]) -> bool:
    value = getattr(row, name)
    if op == "exactly":
        return value == values[0]
    if value is None:
        return False
    # A column with a folded twin is compared folded; others letter by letter.
    plain: Callable[[str], Any] = fold if name == "name" else lambda text: "".join(letters.letters(text))
    text, wanted = plain(value), [plain(v) for v in values]
    if op in ("is", "one-of"):
        return text in wanted
    return wanted[0] in text if op == "contains" else text.startswith(wanted[0])


def _ordered(value: Any, op: str, first: Any, last: Any) -> bool:
    if value is None:
        return False
    return {
        "is": first <= value <= last, "more": value > first, "at-least": value >= first, "less": value < first,
        "at-most": value <= first, "between": first <= value <= last, "before": value < first, "after": value > last,
        "from": value >= first, "until": value <= last,
    }[op]  # fmt: skip


def _money(row: Any, op: str, values: list[str]) -> bool:
    pairs = [(v.partition(" ")[0], v.partition(" ")[2] or "EUR") for v in values]
    minors = [minor_units(Decimal(number), currency) for number, currency in pairs]
    return row.currency == pairs[0][1] and _ordered(row.price_minor, op, minors[0], minors[-1])


def holds(row: Any, name: str, op: str, values: list[str]) -> bool:
    """Whether a condition holds for a row."""
    typed = thing.field(name)
    sort = operators.sort_of(typed)
    if op in ("empty", "not-empty"):
        value = getattr(row, typed.attributes[0])
        return (value is None or (sort == "text" and value == "")) == (op == "empty")
    if op in operators.NEGATED:
        return not holds(row, name, operators.NEGATED[op], values)
    if sort == "text":
        return _text(row, name, op, values)
    if sort == "money":
        return _money(row, op, values)
    if sort == "date":
        periods = [relative_dates.period(v) for v in values]
        return _ordered(row.day, op, periods[0][0], periods[-1][1])
    if sort == "number":
        return _ordered(getattr(row, name), op, int(values[0]), int(values[-1]))
    value = getattr(row, name)
    if sort == "boolean":
        return value == (values[0] == "true")
    return (None if value is None else str(value)) in [None if v == "none" else v for v in values]


def judged(row: Any, tree: Any) -> bool:
    if isinstance(tree, list):
        return holds(row, tree[0], tree[1], tree[2:])
    joiner, parts = next(iter(tree.items()))
    if not parts:
        return True
    return (all if joiner == "and" else any)(judged(row, part) for part in parts)


# Trees


def _condition(name: str, values: st.SearchStrategy[str]) -> st.SearchStrategy[list[str]]:
    def filled(op: operators.Operator) -> st.SearchStrategy[list[str]]:
        most = min(op.most, 3)
        return st.lists(values, min_size=op.least, max_size=most).map(lambda found: [name, op.name, *found])

    return st.sampled_from(operators.operators_of(thing.field(name))).flatmap(filled)


def _money_condition() -> st.SearchStrategy[list[str]]:
    def filled(currency: str) -> st.SearchStrategy[list[str]]:
        return _condition("price", st.integers(0, 45).map(lambda n: f"{n}{currency}"))

    return st.sampled_from(["", " USD", " EUR"]).flatmap(filled)


DAYS = ["2026-03-04", "2026-12-31", "today", "this-month", "last-month", "this-year", "next-30-days", "last-quarter"]
CONDITIONS = st.one_of(
    _condition("name", st.sampled_from([w for w in WORDS if fold(w)])),
    _condition("mail", st.sampled_from(WORDS)),
    _condition("pieces", st.integers(-2, 8).map(str)),
    _condition("share", st.integers(-2, 90).map(str)),
    _condition("day", st.sampled_from(DAYS)),
    _condition("colour", st.sampled_from(["red", "green", "none"])),
    _condition("ready", st.sampled_from(["true", "false"])),
    _condition("owner_id", st.sampled_from(["none", "1", "2", "3", "999"])),
    _money_condition(),
)
TREES = st.recursive(
    CONDITIONS, lambda inner: st.builds(lambda j, p: {j: p}, st.sampled_from(["and", "or"]), st.lists(inner, max_size=4)), max_leaves=12
)


def _depth(tree: Any) -> int:
    return 0 if isinstance(tree, list) else 1 + max((_depth(p) for p in next(iter(tree.values()))), default=0)


def _no_empty_group(tree: Any) -> bool:
    """An empty group is left out, which plain Python here does not do."""
    return isinstance(tree, list) or (bool(p := next(iter(tree.values()))) and all(map(_no_empty_group, p)))


@settings(suppress_health_check=list(HealthCheck), max_examples=100, deadline=None)
@given(tree=TREES.map(lambda t: {"and": [t]}).filter(lambda t: _depth(t) <= filtering.DEEPEST and _no_empty_group(t)))
def test_a_tree_of_conditions_chooses_the_rows_that_plain_python_does(things, one: Office, tree: dict) -> None:
    with one:
        rows = db.session.scalars(select(Thing)).all()
        listing = Listing(thing, MultiDict({"filter": json.dumps(tree)}))
        assert set(db.session.scalars(listing.select(Thing.id))) == {row.id for row in rows if judged(row, tree)}
        assert filtering.read(thing, filtering.write(listing.tree)) == listing.tree


def _ids(**args: str) -> set[int]:
    return set(db.session.scalars(Listing(thing, MultiDict(args)).select(Thing.id)))


def test_single_arguments_mean_the_same_as_conditions(things, one: Office) -> None:
    with one:
        for args, tree in [
            ({"colour": "red,green"}, ["colour", "one-of", "red", "green"]),
            ({"day": "this-year"}, ["day", "is", "this-year"]),
            ({"pieces__gte": "3"}, ["pieces", "at-least", "3"]),
            ({"price__lte": "20 USD"}, ["price", "at-most", "20 USD"]),
            ({"owner_id": "none"}, ["owner_id", "empty"]),
            ({"mail": "alvaro@example.com"}, ["mail", "exactly", "alvaro@example.com"]),
        ]:
            assert _ids(**args) == _ids(filter=json.dumps({"and": [tree]})) != set()


def test_me_and_my_team_are_whoever_asks(things, client_of, one: Office, people) -> None:
    def count(who: str, value: str) -> str:
        tree = json.dumps({"and": [["owner_id", "is", value]]})
        return client_of(who).get(f"{URL}/count", query_string={"filter": tree}).text.split()[0]

    with one:
        bobs = len(_ids(owner_id=str(people["bob"].member_id)))
        monas = len(_ids(owner_id=str(people["mona"].member_id)))
    assert count("bob", "me") == str(bobs)
    assert count("mona", "me") == str(monas)
    assert count("mona", "my-team") == str(bobs + monas)


NESTED = '{"and":[' * 5 + '["name","is","x"]' + "]}" * 5
DAMAGED = [
    "x", "[]", "{}", "null", "1", '{"and":1}', '{"xor":[]}', '{"and":[1]}', '{"and":[[]]}', '{"and":[["name"]]}', '{"and":[],"or":[]}',
    '{"and":[["nobody","is","1"]]}', '{"and":[["name","near","1"]]}', '{"and":[["name","is"]]}', '{"and":[["name","is",null]]}',
    '{"and":[["name","is",["x"]]]}', '{"and":[["name","is","\\u0000"]]}', '{"and":[["name","is","\\ud800"]]}', '{"and":[["\\ud800","is","x"]]}',
    '{"and":[["pieces","more","many"]]}', '{"and":[["pieces","more","1e99999999"]]}', '{"and":[["pieces","more",NaN]]}',
    '{"and":[["pieces","between","1"]]}', '{"and":[["price","at-least","5 XXX5"]]}', '{"and":[["price","between","5 EUR","6 USD"]]}',
    '{"and":[["day","is","soon"]]}', '{"and":[["day","is","99999-days-ago"]]}', '{"and":[["day","is","last-0-days"]]}',
    '{"and":[["day","is","9999-12-31"]]}', '{"and":[["colour","is","blue"]]}', '{"and":[["ready","is","perhaps"]]}',
    '{"and":[["owner_id","is","1 or 1=1"]]}', '{"and":[["account_id","is","me"]]}', '{"and":[["owner_id","is","99999999999999999999"]]}',
    '{"and":[["company_id","is","1"]]}', NESTED, "[" * 3000, json.dumps({"and": [["name", "is", "x"]] * 51}), '{"and":[["name","is","' + "x" * 9000 + '"]]}',
]  # fmt: skip


def test_a_damaged_filter_is_refused_with_a_sentence(client_of) -> None:
    alice = client_of("alice")
    for text in DAMAGED:
        answer = alice.get(f"{URL}/count", query_string={"filter": text})
        assert answer.status_code == 422, text
        assert "Traceback" not in answer.text
    assert alice.get(URL, query_string={"filter": DAMAGED[0]}).status_code == 422


@pytest.mark.on("sqlite")
@settings(suppress_health_check=list(HealthCheck), max_examples=100, deadline=None)
@given(text=st.recursive(st.text(max_size=8) | st.integers() | st.none() | st.booleans(), lambda i: st.lists(i, max_size=4) | st.dictionaries(
    st.sampled_from(["and", "or", "x"]), i, max_size=2)).map(json.dumps))
def test_no_filter_breaks_a_list(app: Flask, one: Office, text: str) -> None:
    with one, suppress(BusinessError):
        assert Listing(thing, MultiDict({"filter": text})).count() >= 0


# The form


def test_the_form_works_without_script(things, client_of) -> None:
    alice = client_of("alice")
    page = alice.get(f"{URL}/filter")
    assert page.status_code == 200
    tokens = [("b", "(or"), ("b", "0"), ("c0", "colour"), ("c0", "is"), ("c0", "red"), ("b", "(and"), ("b", "1"), ("c1", "pieces"), ("c1", "at-least"),
              ("c1", "3"), ("b", "2"), ("c2", "day"), ("c2", "is"), ("c2", ""), ("c2", "2026-03-03"), ("b", ")"), ("b", "3"), ("c3", "")]
    sent = alice.get(f"{URL}/filter", query_string=[*tokens, ("do", "apply"), ("sort", "day")])
    assert sent.status_code == 303
    wanted = {"or": [["colour", "is", "red"], {"and": [["pieces", "at-least", "3"], ["day", "is", "2026-03-03"]]}]}
    args = dict(parse_qsl(sent.location.partition("?")[2]))
    assert json.loads(args.pop("filter")) == wanted
    assert args == {"sort": "day"}
    assert alice.get(sent.location).status_code == 200
    plain = alice.get(URL, query_string=tokens)
    assert plain.status_code == 303
    assert json.loads(dict(parse_qsl(plain.location.partition("?")[2]))["filter"]) == wanted
    counted = alice.get(f"{URL}/count", query_string=tokens).text
    assert counted.split()[0] == alice.get(f"{URL}/count?{sent.location.partition('?')[2]}").text.split()[0]


def test_the_form_says_what_is_wrong_and_loses_nothing(client_of) -> None:
    alice = client_of("alice")
    bad = alice.get(f"{URL}/filter", query_string=[("b", "(and"), ("b", "0"), ("c0", "day"), ("c0", "is"), ("c0", "soon"), ("do", "apply")])
    assert bad.status_code == 422
    assert "is not a date" in bad.text
    more = alice.get(f"{URL}/filter", query_string=[("b", "(and"), ("b", "0"), ("c0", "name"), ("c0", "is"), ("c0", "Ñandú"), ("do", "nest-0")])
    assert 'value="Ñandú"' in more.text
    assert more.text.count('value="(or" selected') == 1
    dropped = alice.get(f"{URL}/filter", query_string=[("b", "(and"), ("b", "0"), ("c0", "name"), ("c0", "is"), ("c0", "Ñandú"), ("do", "drop-0")])
    assert "Ñandú" not in dropped.text


def test_a_chip_names_rows_only_to_those_who_may_see_them(things, client_of, one: Office) -> None:
    own = client_of("alice").post("/c/one/contacts/accounts/new", data={"name": "Secret Ltd"}).location.rsplit("/", 1)[1]
    tree = json.dumps({"and": [["account_id", "is", own]]})
    assert "Secret Ltd" in client_of("alice").get(URL, query_string={"filter": tree}).text
    carols = client_of("carol").get("/c/two/dummy/things", query_string={"filter": tree})
    assert "Secret Ltd" not in carols.text
    assert f"#{own}" in carols.text
