"""What a field can be compared with, kind by kind, and the criterion that each comparison is.

A row without a value is not what anything is: "is not", "is none of" and "does not contain" take it in.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from decimal import Decimal, InvalidOperation
from typing import Any

from flask import g
from sqlalchemy import and_, false, not_, or_

from app.core import letters, relative_dates, tags
from app.core.access import team_mates
from app.core.changelog import actor_id
from app.core.db import fold
from app.core.errors import BusinessError
from app.core.fields import Field, FieldError, neutral
from app.core.i18n import _, _l
from app.core.ids import whole
from app.core.money import Money

NONE = "none"  # as a value: rows where the field is empty
ME = "me"  # as a value of a field that holds a person: the person who asks
MY_TEAM = "my-team"  # and: that person, and everybody in their teams and the teams below
MOST_VALUES = 50
LONGEST_VALUE = 200
LARGEST, DIGITS = 10**15, 15


@dataclass(frozen=True)
class Operator:
    """A comparison: how it reads, and how many values it takes."""

    name: str
    label: Any
    least: int = 1
    most: int = 1


OPERATORS = {
    o.name: o
    for o in (
        Operator("is", _l("is")),
        Operator("is-not", _l("is not")),
        Operator("one-of", _l("is one of"), most=MOST_VALUES),
        Operator("none-of", _l("is none of"), most=MOST_VALUES),
        Operator("contains", _l("contains")),
        Operator("contains-not", _l("does not contain")),
        Operator("begins", _l("begins with")),
        Operator("exactly", _l("is exactly")),
        Operator("more", _l("is more than")),
        Operator("at-least", _l("is at least")),
        Operator("less", _l("is less than")),
        Operator("at-most", _l("is at most")),
        Operator("before", _l("is before")),
        Operator("after", _l("is after")),
        Operator("from", _l("is on or after")),
        Operator("until", _l("is on or before")),
        Operator("between", _l("is between"), least=2, most=2),
        Operator("has", _l("include")),
        Operator("has-not", _l("do not include")),
        Operator("empty", _l("is empty"), least=0, most=0),
        Operator("not-empty", _l("is not empty"), least=0, most=0),
    )
}
NEGATED = {"is-not": "is", "none-of": "one-of", "contains-not": "contains", "has-not": "has"}
_SET = ("is", "is-not", "one-of", "none-of", "empty", "not-empty")
_TEXT = ("contains", "contains-not", "is", "is-not", "begins", "one-of", "none-of", "exactly", "empty", "not-empty")
_AMOUNT = ("at-least", "at-most", "more", "less", "between", "is", "is-not", "empty", "not-empty")
BY_SORT: dict[str, tuple[str, ...]] = {
    "lookup": _SET,
    "choice": _SET,
    "boolean": ("is", "is-not", "empty", "not-empty"),
    "date": ("is", "is-not", "before", "after", "from", "until", "between", "empty", "not-empty"),
    "money": _AMOUNT,
    "number": _AMOUNT,
    "exact": _SET,
    "tags": ("has", "has-not", "empty", "not-empty"),
    "text": _TEXT,
}


def sort_of(typed: Field) -> str:
    """Which operators a field takes: a key of `BY_SORT`."""
    if typed.kind == "number" and not typed.ordered:
        return "exact"
    return typed.kind if typed.kind in BY_SORT else "text"


def operators_of(typed: Field) -> list[Operator]:
    return [OPERATORS[name] for name in BY_SORT[sort_of(typed)]]


def criterion(model: Any, typed: Field, op: str, values: Sequence[str]) -> Any:
    """The criterion that a comparison is. Raises `BusinessError` for an operator or a value the field does not take."""
    sort = sort_of(typed)
    _check(typed, sort, op, values)
    column = getattr(model, typed.attributes[0])
    if op in ("empty", "not-empty"):
        return _emptiness(column, sort, op)
    try:
        found = _MAKERS[sort](model, typed, column, NEGATED.get(op, op), values)
    except FieldError as error:
        raise BusinessError(_("%(field)s: %(problem)s", field=typed.label, problem=error), field=typed.name) from None
    if op not in NEGATED:
        return found
    return not_(found) if _takes_none(typed, sort, values) else or_(not_(found), column.is_(None))


def _takes_none(typed: Field, sort: str, values: Sequence[str]) -> bool:
    """Whether the values name the empty rows."""
    choices = {value for value, _label in getattr(typed, "choices", ())}
    return sort in ("lookup", "choice") and NONE in values and NONE not in choices


def _check(typed: Field, sort: str, op: str, values: Sequence[str]) -> None:
    if op not in BY_SORT[sort]:
        raise BusinessError(_("“%(field)s” cannot be compared by “%(op)s”.", field=typed.label, op=op[:40]), field=typed.name)
    if any(len(v) > LONGEST_VALUE for v in values):
        raise BusinessError(_("What “%(field)s” is compared with is too long.", field=typed.label), field=typed.name)
    if not OPERATORS[op].least <= len(values) <= OPERATORS[op].most:
        raise BusinessError(
            _("“%(field)s %(op)s” needs another number of values.", field=typed.label, op=OPERATORS[op].label), field=typed.name
        )


def _emptiness(column: Any, sort: str, op: str) -> Any:
    if sort in ("text", "tags"):
        return or_(column.is_(None), column == "") if op == "empty" else and_(column.is_not(None), column != "")
    return column.is_(None) if op == "empty" else column.is_not(None)


def folded_column(model: Any, typed: Field) -> Any | None:
    """The folded twin of a text column, where the model keeps one of that column alone."""
    key = f"{typed.name}_key"
    alone = getattr(model, "__folded__", {}).get(key) == (typed.name,)
    return getattr(model, key) if alone else None


def _text(model: Any, typed: Field, column: Any, op: str, values: Sequence[str]) -> Any:
    if op == "exactly":
        return column == values[0]
    key = folded_column(model, typed)
    if key is None:
        return or_(*(letters.matches(column, v, whole=op in ("is", "one-of"), start=op == "begins") for v in values))
    folded = [fold(v) for v in values]
    if op == "contains":
        return key.contains(folded[0], autoescape=True)
    return key.startswith(folded[0], autoescape=True) if op == "begins" else key.in_(folded)


def _lookup(_model: Any, typed: Field, column: Any, op: str, values: Sequence[str]) -> Any:
    ids: set[int | None] = set()
    for value in values:
        ids |= _members(typed, value) if value in (ME, MY_TEAM) else {_id(typed, value)}
    return _among(column, ids)


def _members(typed: Any, value: str) -> set[int | None]:
    """The person who asks, or their teams; nobody where no person asks."""
    if not typed.is_person:
        raise BusinessError(_("“%(given)s” is not a valid filter.", given=value), field=typed.name)
    asking = actor_id()
    if asking is None:
        return set()
    return {asking} if value == ME else set(team_mates(asking))


def _id(typed: Field, value: str) -> int | None:
    if value == NONE:
        return None
    found = whole(value)
    if found is None:
        raise BusinessError(_("“%(given)s” is not a valid filter.", given=value[:40]), field=typed.name)
    return found


def _among(column: Any, values: set[Any]) -> Any:
    """One of the values, None among them or not."""
    known = {v for v in values if v is not None}
    found = column.in_(known) if len(known) > 1 else column == known.pop() if known else false()
    return or_(column.is_(None), found) if None in values else found


def _choice(_model: Any, typed: Field, column: Any, op: str, values: Sequence[str]) -> Any:
    known = {value for value, _label in getattr(typed, "choices", ())}
    for value in values:
        if value not in known and value != NONE:
            raise BusinessError(_("“%(given)s” is not a valid filter.", given=value[:40]), field=typed.name)
    return _among(column, {v if v in known else None for v in values})


def _boolean(_model: Any, typed: Field, column: Any, op: str, values: Sequence[str]) -> Any:
    if values[0] not in ("1", "true", "0", "false"):
        raise BusinessError(_("“%(given)s” is not a valid filter.", given=values[0][:40]), field=typed.name)
    return column.is_(values[0] in ("1", "true"))


def whole_number(value: str) -> int:
    """A number as an address has it. Raises `FieldError`."""
    try:
        number = Decimal(value.strip())
        # An exponent of millions is a few characters to type and gigabytes to work out.
        if number.is_finite() and number.adjusted() <= DIGITS and number == number.to_integral_value() and abs(number) <= LARGEST:
            return int(number)
    except InvalidOperation:
        pass
    raise FieldError(_("“%(given)s” is not a whole number.", given=value[:40]))


def _number(_model: Any, typed: Field, column: Any, op: str, values: Sequence[str]) -> Any:
    return _compared(column, op, [whole_number(v) for v in values])


def _exact(_model: Any, typed: Field, column: Any, op: str, values: Sequence[str]) -> Any:
    return column.in_([typed.read(v, neutral()) for v in values])


def _tags(_model: Any, typed: Field, column: Any, op: str, values: Sequence[str]) -> Any:
    """One whole tag; a value with a comma is none."""
    return tags.carries(column, values[0]) if values[0].strip() and "," not in values[0] else false()


def amounts(typed: Field, values: Sequence[str]) -> list[Money]:
    """The amounts of a comparison, which is made in one currency. Raises `FieldError`."""
    found = [typed.read(v, neutral()) for v in values]
    if len({m.currency for m in found}) > 1:
        raise FieldError(_("Both amounts need the same currency."))
    return found


def _money(model: Any, typed: Field, column: Any, op: str, values: Sequence[str]) -> Any:
    """Only rows in the currency of the amount are compared: nothing is converted."""
    wanted = amounts(typed, values)
    currency = getattr(model, typed.attributes[1])
    # Never unknown, for it is also negated: a row without a currency has no amount in this one.
    here = and_(currency.is_not(None), currency == wanted[0].currency, column.is_not(None))
    return and_(here, _compared(column, op, [m.minor for m in wanted]))


def _compared(column: Any, op: str, values: Sequence[Any]) -> Any:
    first, last = values[0], values[-1]
    compare: dict[str, Callable[[], Any]] = {
        "is": lambda: column == first,
        "more": lambda: column > first,
        "at-least": lambda: column >= first,
        "less": lambda: column < first,
        "at-most": lambda: column <= first,
        "between": lambda: and_(column >= first, column <= last),
    }
    return compare[op]()


def _date(_model: Any, typed: Field, column: Any, op: str, values: Sequence[str]) -> Any:
    try:
        periods = [relative_dates.period(v.strip()) for v in values]
    except ValueError:
        raise BusinessError(_("“%(given)s” is not a date.", given=", ".join(values)[:60]), field=typed.name) from None
    except OverflowError:
        raise BusinessError(_("“%(given)s” is too far in the past or the future.", given=values[0]), field=typed.name) from None
    first, last = periods[0][0], periods[-1][1]
    compare: dict[str, Callable[[], Any]] = {
        "is": lambda: and_(column >= first, column <= last),
        "before": lambda: column < first,
        "after": lambda: column > last,
        "from": lambda: column >= first,
        "until": lambda: column <= last,
        "between": lambda: and_(column >= first, column <= last),
    }
    return compare[op]()


_MAKERS: dict[str, Callable[..., Any]] = {
    "lookup": _lookup,
    "choice": _choice,
    "boolean": _boolean,
    "date": _date,
    "money": _money,
    "number": _number,
    "exact": _exact,
    "tags": _tags,
    "text": _text,
}


def currency_of(values: Sequence[str], typed: Field) -> str:
    """The currency in which an amount is compared; the company's where the values name none."""
    try:
        return amounts(typed, values[:1])[0].currency
    except (FieldError, IndexError):
        return g.company.currency
