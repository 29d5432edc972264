"""Values as JSON: how each kind of field is written, read and described. One place for all three.

Amounts and rates are decimals as text, since JSON numbers lose digits in most programs; look-ups are ids; dates are ISO.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from datetime import date, datetime
from decimal import Decimal
from typing import Any

from app.core.db import Versioned
from app.core.fields import Boolean, DecimalField, Field, FieldError, MoneyField, Reading, neutral
from app.core.i18n import _, _l
from app.core.ids import whole
from app.core.lookups import Lookup
from app.core.money import currencies
from app.core.resource import Resource

DECIMAL = r"^-?[0-9]{1,28}(\.[0-9]{1,12})?$"
DAY = r"^[0-9]{4}-[0-9]{2}-[0-9]{2}$"
OWN = ("id", "version", "created_at", "updated_at")  # what Vendimia keeps of every row

EXPECTED = {
    "id": _l("an id (a whole number) is expected"),
    "integer": _l("a whole number is expected"),
    "decimal": _l('a decimal as text, such as "1234.56", is expected'),
    "date": _l('a date as text, such as "2026-03-31", is expected'),
    "boolean": _l("true or false is expected"),
    "text": _l("text is expected"),
}


def shape(typed: Field) -> str:
    """Which JSON a field is: "id", "integer", "decimal", "date", "boolean" or "text"."""
    if isinstance(typed, Lookup):
        return "id"
    if isinstance(typed, (MoneyField, DecimalField)):
        return "decimal"
    return {"number": "integer", "date": "date", "boolean": "boolean"}.get(typed.kind, "text")


# Rows out


def fields_of(resource: Resource) -> list[Field]:
    """The fields that an answer carries."""
    return [f for f in resource.fields if f.exportable]


def currency_names(resource: Resource) -> list[str]:
    """Names under which the currencies of amounts stand."""
    amounts = [f for f in resource.fields if isinstance(f, MoneyField)]
    return list(dict.fromkeys(f.currency for f in amounts))


def columns_of(resource: Resource) -> list[str]:
    """Columns of the model that an answer is made from, the id aside."""
    own = OWN[1:] if issubclass(resource.model, Versioned) else ()
    return [n for n in dict.fromkeys([*own, *(a for f in fields_of(resource) for a in f.attributes)]) if n != "id"]


def as_json(resource: Resource, row: Any) -> dict[str, Any]:
    """A row of a resource, or any object with its columns, as the API gives it."""
    versioned = issubclass(resource.model, Versioned)
    found: dict[str, Any] = {"id": row.id}
    if versioned:
        found["version"] = row.version
    for typed in fields_of(resource):
        found[typed.name] = plain(typed.of(row))
        if isinstance(typed, MoneyField):
            found[typed.currency] = getattr(row, typed.currency)
    if versioned:
        found |= {"created_at": plain(row.created_at), "updated_at": plain(row.updated_at)}
    return found


def plain(value: Any) -> Any:
    """A value of a field as JSON."""
    if value is None or isinstance(value, (bool, int, str)):
        return value
    if isinstance(value, (date, datetime)):
        return value.isoformat()
    if isinstance(value, Decimal):
        return format(value, "f")
    return format(value.amount, "f")  # Money


# Rows in


def read_values(
    resource: Resource, given: Mapping[str, Any], row: Any = None
) -> tuple[dict[str, Any], dict[str, str]]:
    """Values by field name for what was sent, and what is wrong by name; `row` is the row that is to change."""
    known = {f.name: f for f in resource.fields if f.editable and (f.creatable or row is not None)}
    money = currency_names(resource)
    values: dict[str, Any] = {}
    wrong = _currency_errors(resource, given, row)
    for name, raw in given.items():
        if name in money and name not in known:
            continue
        if name not in known:
            wrong[name] = _why_not(resource, name)
            continue
        try:
            values[name] = read(known[name], raw, _currency(known[name], given, row), row)
        except FieldError as error:
            wrong.setdefault(name, str(error))
    if row is None:
        _complete(known, values, wrong)
    return values, wrong


def read(typed: Field, raw: Any, currency: str, row: Any = None) -> Any:
    """The value that was sent for a field. Raises `FieldError`."""
    if raw is None and not isinstance(typed, Boolean):
        return typed.parse(None, neutral())
    kind = shape(typed)
    if kind in ("integer", "id") and isinstance(raw, Decimal) and raw == raw.to_integral_value() and raw.adjusted() < 20:
        raw = int(raw)
    _check_type(kind, raw)
    if isinstance(typed, Lookup):
        if row is not None and typed.of(row) == raw:
            return raw  # left as it is: what a row refers to may be hidden from the person, or no longer on offer
        if whole(str(raw)) is None:
            raise FieldError(_("There is no “%(given)s”.", given=str(raw)[:40]))
    elif typed.kind == "choice" and raw not in _choices(typed):
        raise FieldError(_("“%(given)s” is not one of: %(known)s.", given=raw[:60], known=", ".join(_choices(typed))))
    elif kind == "text" and len(raw) > (longest := getattr(typed, "longest", len(raw))):
        raise FieldError(_("At most %(n)s characters, please; this has %(given)s.", n=longest, given=len(raw)))
    return typed.parse(str(raw), Reading(currency=currency))


def _check_type(kind: str, raw: Any) -> None:
    wanted: Any = {"integer": int, "id": int, "boolean": bool}.get(kind, str)
    good = type(raw) is wanted
    if good and kind in ("decimal", "date"):
        good = re.fullmatch(DECIMAL if kind == "decimal" else DAY, raw) is not None and not raw.endswith("\n")
    if not good:
        raise FieldError(_("Wrong type: %(expected)s.", expected=EXPECTED[kind]))


def _choices(typed: Field) -> list[str]:
    return [value for value, _label in getattr(typed, "choices", ())]


def _currency(typed: Field, given: Mapping[str, Any], row: Any) -> str:
    """In which currency an amount was sent: the one beside it, else the row's, else the company's."""
    if not isinstance(typed, MoneyField):
        return neutral().currency
    said = given.get(typed.currency)
    if isinstance(said, str) and said in currencies():
        return said
    return (getattr(row, typed.currency) if row is not None else None) or neutral().currency


def _currency_errors(resource: Resource, given: Mapping[str, Any], row: Any) -> dict[str, str]:
    """What is wrong with the currencies that were sent."""
    wrong = {}
    for name in currency_names(resource):
        if name not in given or any(f.name == name for f in resource.fields):
            continue
        amounts = [f.name for f in resource.fields if isinstance(f, MoneyField) and f.currency == name]
        now = getattr(row, name, None) or neutral().currency
        if not isinstance(given[name], str):
            wrong[name] = _("Wrong type: %(expected)s.", expected=EXPECTED["text"])
        elif given[name] not in currencies():
            wrong[name] = _("There is no currency “%(code)s”.", code=given[name][:10])
        elif given[name] != now and not any(given.get(amount) is not None for amount in amounts):
            wrong[name] = _("Send the amount together with its currency.")
    return wrong


def _why_not(resource: Resource, name: str) -> str:
    if name in OWN or any(f.name == name for f in resource.fields if f.exportable):
        return _("This cannot be set.")
    return _("There is no field “%(name)s”.", name=name[:60])


def _complete(known: Mapping[str, Field], values: dict[str, Any], wrong: dict[str, str]) -> None:
    """What a new row has besides what was sent: defaults, and a refusal for what is needed."""
    for name, typed in known.items():
        if name in values or name in wrong:
            continue
        if typed.default:
            values[name] = typed.default()
        elif typed.required:
            wrong[name] = _("This field is needed.")
