"""Rows with nasty but valid values for any resource, out as a file and in again: what `test_roundtrip` compares."""

from __future__ import annotations

from dataclasses import replace
from datetime import date, time, timedelta
from decimal import Decimal
from itertools import count
from typing import Any

from flask import g
from hypothesis import strategies as st
from sqlalchemy import select
from werkzeug.datastructures import MultiDict

from app.core.clock import today
from app.core.db import db
from app.core.exporting import Wish, pieces
from app.core.fields import DecimalField, neutral
from app.core.importing import engine
from app.core.importing.files import read_table
from app.core.importing.mapping import plan_by_heading
from app.core.money import Money
from app.core.registry import registry
from app.core.several import Several
from app.core.tables import Listing
from app.modules.kpi.narrowing import Narrowing

NASTY = (
    "=1+1", "'=1+1", "''@x", "+34 600", "-5", "-5,5", "-x", "@SUM(A1)", "'", "'quoted", 'say "hi", twice', "semi;colon",
    "pi|pe", "Ñandú & Söhne", "<script>alert(1)</script>", "日本 😀", "שלום عليكم", "\u202eevil", "#N/A", "#REF!", "_x0041_",
    "_x000D_", "12", "007", "1e5", "1.234", "1,5", "TRUE", "none", "null", "2026-03-04", "sep=;", "[#3]", "Acme [#3]", "Acme",
    "ACME", "Acme [#3] [#4]", "x\u2028y", "\u200bzero", "ﬁne", "İstanbul", "A\u0301", "=" * 40,
)  # fmt: skip
SITES = ("example.es", "https://example.es/a?b=c,d;e", "http://x.example", "https://example.es/#=1+1")
WORDS = st.text(st.characters(exclude_categories=("Cs", "Cc", "Cn", "Co")), min_size=1, max_size=8)
PARAGRAPHS = st.one_of(
    st.sampled_from(["=1\n+2\n\n- x\ttab", "a\r\nb\rc", "x" * 2000, "ñ😀" * 900, '"\n"', "last line\n;,|'"]),
    st.text(st.characters(exclude_categories=("Cs", "Cn", "Co"), exclude_characters="\x00"), max_size=40),
)
MONEY = st.builds(
    Money,
    st.one_of(st.sampled_from([0, 1, 10**15, 10**15 - 1, 999_999_999_999_999, 1234]), st.integers(0, 10**15)),
    st.sampled_from(["EUR", "EUR", "USD", "JPY", "KWD"]),
)
DATES = st.one_of(
    st.sampled_from([date(1900, 1, 1), date(1900, 2, 28), date(1900, 3, 1), date(2199, 12, 31), date(2026, 3, 4)]),
    st.dates(date(1900, 1, 1), date(2199, 12, 31)),
)
RATES = st.one_of(
    st.sampled_from([Decimal("1.0825"), Decimal("0.000000001"), Decimal("1.234"), Decimal("0.12345678901234567890123456")]),
    st.decimals(Decimal("0.001"), Decimal("1000000"), allow_nan=False, places=6),
)
SAMPLES = {
    "time": st.sampled_from([time(0, 0), time(9, 5), time(23, 59)]),
    "email": st.sampled_from(["ana@example.es", "o'brien+x@example.com", "_a.b@x-y.example"]),
    "phone": st.sampled_from(["+34 96 123 45 67", "961234567", "(96) 1234", "+1 555 1234 ext. 12", "0034961234567"]),
    "url": st.sampled_from([site for site in SITES if "//" in site]),
}
SHORT = {"crm.source", "crm.medium", "crm.campaign", "crm.competitor"}
OWN_NAMES = {"crm.activity_type", "crm.activity_outcome", "crm.email_template", "kpi.metric", "kpi.rule"}
SINGLE = {"admin.team", "admin.role", "crm.pipeline", "crm.stage", "crm.reason", *SHORT, *OWN_NAMES}  # their names are their own
TAKEN = SINGLE | {"admin.rate", "admin.holiday"}  # what is in the trash still keeps another one of the same from being made
MOST = 15
LEVELLED = {"kpi.objective"}  # what stands below what hangs on their level: tests of the vision
numbers = count(1)


def values(typed: Any) -> st.SearchStrategy[Any]:
    """Values that a field may hold: what its own reading makes of nasty text."""
    if typed.kind == "lookup":
        ids = sorted(ids_of(typed.target)) or [None]
        chosen = st.integers(0, MOST).map(lambda number: ids[number % len(ids)])  # however many there are by now, drawn alike
    elif typed.name == "members":
        return st.none()  # colleagues by name: tests of activities
    elif isinstance(typed, Several):
        chosen = st.sampled_from([parsed(typed, value) for value, _label in typed.choices])
    elif typed.name == "currency":
        chosen = st.just("USD")
    elif typed.kind in SAMPLES:
        chosen = SAMPLES[typed.kind]
    elif isinstance(typed, DecimalField):
        chosen = RATES
    elif typed.kind == "number":
        chosen = st.one_of(st.sampled_from([typed.least, typed.most]), st.integers(typed.least, typed.most))
    elif typed.kind == "choice":
        chosen = st.sampled_from([value for value, _label in typed.choices])
    elif typed.kind == "boolean":
        return st.booleans()
    elif typed.kind == "money":
        chosen = MONEY
    elif typed.kind == "date":
        chosen = DATES
    else:
        chosen = texts_of(typed)
    return chosen if typed.required else st.one_of(st.none(), chosen)


def texts_of(typed: Any) -> st.SearchStrategy[Any]:
    """What a field of text keeps of nasty texts, and of any where it takes any."""
    if isinstance(typed, Narrowing):
        some = ("pipeline: none", f"pipeline: {ids_of('crm.pipeline')[0]}; segment: none", "category: open, closed")
        return st.sampled_from([parsed(typed, text) for text in some])
    if typed.kind == "longtext":
        return PARAGRAPHS.map(lambda text: parsed(typed, text)).filter(lambda text: text is not None)
    known = [kept for text in (*NASTY, *SITES) if (kept := parsed(typed, text)) is not None]
    if parsed(typed, "words") is None:
        return st.sampled_from(known)
    return st.one_of(st.sampled_from(known), WORDS.map(lambda text: parsed(typed, text)).filter(lambda text: text is not None))


def parsed(typed: Any, text: str) -> Any:
    """A text as the field keeps it; None for what it refuses."""
    try:
        return typed.parse(text, neutral())
    except ValueError:
        return None


def ids_of(target: str) -> list[int]:
    resource = registry.resource(target)
    rows = select(resource.model.id)
    for criterion in resource.offered:
        rows = rows.where(criterion())
    return list(db.session.scalars(rows))


def columns_of(resource: Any) -> list[Any]:
    """Fields that go out and come in."""
    return [f for f in resource.fields if f.importable and f.exportable]


def rows(resource: Any, data: Any) -> list[dict[str, Any]]:
    """A few rows that the resource takes."""
    one = st.fixed_dictionaries({f.name: values(f) for f in columns_of(resource)})
    return [fitting(resource.key, row) for row in data.draw(st.lists(one, min_size=2, max_size=5))]


def fitting(key: str, row: dict[str, Any]) -> dict[str, Any]:
    """The row with what a module asks of its fields together."""
    number = next(numbers)
    if row.get("external_id"):
        row["external_id"] = f"{row['external_id'][:20]} {number}"
    if key in SINGLE:
        row["name"] = f"{row['name']} {number}"
    if key == "admin.member":
        row |= {"team": None, "team_parent": None, "manager": None, "valid_to": None}
    elif key == "admin.rate":
        row |= {"currency": "USD", "valid_from": date(2001, 1, 1) + timedelta(number)}
    elif key == "admin.holiday":
        row["day"] = date(2001, 1, 1) + timedelta(number)
    elif key.startswith("kpi."):
        row |= of_goals(key, row, number)
    elif key == "crm.deal":
        row |= deal(row)
    elif key == "crm.activity":
        row |= activity(row)
    elif key == "crm.lead":
        row["opened_on"] = min(row["opened_on"] or today(), today())
    elif key == "crm.campaign" and row["starts_on"] and row["ends_on"]:
        row["starts_on"], row["ends_on"] = sorted((row["starts_on"], row["ends_on"]))
    return row


def of_goals(key: str, row: dict[str, Any], number: int) -> dict[str, Any]:
    """What rows of the module of goals are together: figures that are there, days in their order, amounts of a sensible size."""
    size = {"target": Decimal(number) / 4, "low": None, "high": None}
    counted = {"metric": "crm.won_count", "direction": "up", "grade": row.get("grade") or "lagging", "weight": row.get("weight") or 0}
    member = row.get("owner_id") or ids_of("admin.member")[0]
    if key == "kpi.objective":
        return {"level": "objective", "parent_id": None, "position": row["position"] or 0, "active": True}
    if key == "kpi.metric":
        told = {"kind": "manual", "formula": None, "unit": "count", "direction": "up", "gathered": "sum", "cadence": "month"}
        return {**told, "name": f"Metric {number} {row['name'][:40]}"}
    if key == "kpi.value":
        return {"on_day": min(row["on_day"] or today(), today()), "amount": Decimal(number) / 4, "owner_id": member}
    if key == "kpi.goal":
        days = {"period": "other", "first_day": date(2027, 1, 1), "last_day": date(2027, 1, 1) + timedelta(number)}
        whose = {"scope": "member", "owner_id": member, "team_id": None, "parent_id": None}
        return {**size, **counted, **days, **whose, "cadence": row["cadence"] or "month", "name": f"{row['name'][:100]} {number}"}
    if key == "kpi.rule":
        days = {"starts_on": date(2027, 1, 1), "ends_on": None, "period": row["period"] or "month"}
        return {**size, **counted, **days, "audience": "members"}
    return {"owner_id": member}


def activity(row: dict[str, Any]) -> dict[str, Any]:
    """An activity is to be done on a day within reach, or was done by its owner; links that agree with each other."""
    done = row["state"] == "done"
    owner = row["owner_id"] or ids_of("admin.member")[0]
    near = today() + timedelta((row["due_on"] or today()).toordinal() % 300)
    past = today() - timedelta(1 + (row["done_on"] or today()).toordinal() % 300)
    planned = {"state": "planned", "due_on": near, "done_on": None, "done_time": None, "done_by_id": None, "outcome_note": None}
    finished = {"state": "done", "due_on": past, "done_on": past, "done_time": row["done_time"] or time(12), "done_by_id": owner}
    alone = dict.fromkeys(("contact_id", "deal_id", "lead_id", "outcome_id", "repeat", "repeat_until", "due_time", "remind_minutes"))
    return {**alone, "owner_id": owner, "subject": row["subject"] or "Call", "minutes": row["minutes"] or 15, **(finished if done else planned)}


def deal(row: dict[str, Any]) -> dict[str, Any]:
    """What a deal's dates and reason must be for its stage to make sense."""
    model = registry.resource("crm.stage").model
    stage = db.session.get(model, row["stage_id"] or ids_of("crm.stage")[0])
    days = sorted(min(row[name] or today(), today()) for name in ("opened_on", "closed_on"))
    closed = stage.type != "open"
    reasons = registry.resource("crm.reason").model
    fits = db.session.scalars(select(reasons.id).where(reasons.kind == stage.type).order_by(reasons.id)).all()
    return {
        "stage_id": stage.id, "pipeline_id": stage.pipeline_id, "opened_on": days[0],
        "closed_on": days[1] if closed else None, "reason_id": fits[0] if fits else None,
        "reason_note": row["reason_note"] if fits else None,
    }  # fmt: skip


def add(resource: Any, data: Any) -> list[int]:
    """New rows; where rows can stand below others of their kind, some of them do."""
    ids = [row_id for row in rows(resource, data) for row_id in resource.add_many([row])]
    own = next((f for f in resource.fields if f.kind == "lookup" and f.target == resource.key), None)
    if own and resource.key not in LEVELLED:
        row = db.session.get(resource.model, ids[-1])
        resource.change(row, {own.name: ids[0]})
    return ids


def kept(resource: Any, ids: list[int]) -> list[str]:
    """The rows as values, in no order that means anything; what refers to one of them says what that one is."""
    typed = [f for f in columns_of(resource) if f.attributes]
    own = {f.name for f in typed if f.kind == "lookup" and f.target == resource.key}
    found = db.session.scalars(select(resource.model).where(resource.model.id.in_(ids))).all()
    told = {row.id: {f.name: f.of(row) or None for f in typed if f.name not in own} for row in found}
    referring = ({name: told.get(getattr(row, name), getattr(row, name)) for name in own} for row in found)
    return sorted(repr((told[row.id], others)) for row, others in zip(found, referring, strict=True))


def written(resource: Any, ids: list[int], wish: Wish, language: str) -> bytes:
    """The rows as a file, in order of id."""
    g.language = language
    args = MultiDict({**(dict.fromkeys(resource.views[0].args, "") if resource.views else {}), "sort": "id"})
    return b"".join(pieces(Listing(resource, args, criteria=[resource.model.id.in_(ids)]), wish))


def read(resource: Any, data: bytes, wish: Wish, language: str, match_key: str = "") -> Any:
    """The report of bringing a file in."""
    g.language = "en"  # whoever brings it in need not speak the language of whoever made it
    table = read_table(data)
    plan = plan_by_heading(resource, table.headings, match_key)
    if wish.format == "csv" and wish.style == "local" and language == "es":
        plan.columns = [replace(c, number_format=",") if c.field.numeric else c for c in plan.columns]
    return engine.bring_in(plan, table, "file")
