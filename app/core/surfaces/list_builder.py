"""Building a filter: a form whose rows are conditions, redrawn by the server whenever its shape changes.

The form sends the shape as a sequence of `b`: "(and" or "(or" opens a group, ")" closes it, a number is a condition,
whose field, operator and values are the sequence `c<number>`. No list argument has a hyphen or such a name.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Any

from flask import g, request, url_for
from sqlalchemy import select
from werkzeug.datastructures import MultiDict

from app.core import filtering, operators, relative_dates
from app.core.access import can
from app.core.db import db
from app.core.errors import BusinessError
from app.core.fields import Field
from app.core.filtering import Condition, Group
from app.core.i18n import _
from app.core.lookups import MOST_OPTIONS
from app.core.models import Rate
from app.core.operators import ME, MY_TEAM, NONE, OPERATORS
from app.core.resource import Resource
from app.core.tables import Listing
from app.core.web import redirect_to, render
from app.core.words import Words

SHAPE = "b"
# What the person did: "apply"; "add", "nest" or "dissolve" and the number of a group; "drop" a condition; or it chose
# another field ("clear") or operator ("redraw") in one.
ASKED = "do"
MOVE = "move"  # of the form for columns: "<column>:up" or "<column>:down"
_CONTROL = re.compile(r"c\d{1,4}")
MOST_PIECES = 400


@dataclass
class Row:
    """A condition as the form has it: perhaps without operator or values yet."""

    number: int
    name: str = ""
    op: str = ""
    values: list[str] = field(default_factory=list)
    error: str = ""


@dataclass
class Draft:
    """A group as the form has it."""

    number: int
    joiner: str = "and"
    parts: list[Row | Draft] = field(default_factory=list)


def filter_page(resource: Resource) -> Any:
    """The form for the filter of a list; "apply" leads to the list."""
    asked = request.args.get(ASKED, "")
    draft = read_draft(request.args) if SHAPE in request.args else None
    listing = Listing(resource, without_form(request.args))
    if draft is None:
        draft = _draft_of(listing.tree)
        asked = "" if draft.parts else "add-0"
    if asked == "apply":
        found = _checked(resource, draft)
        if found is not None:
            return redirect_to(url_for(resource.endpoint("list"), **listing.query_args(filter=filtering.write(found))))
    focus = _reshape(draft, asked)
    status = 422 if any(row.error for row in _rows(draft)) else 200
    return render("core/filter.html", "core/_filter.html", status=status, focus=focus, **_context(listing, draft))


# What plain forms send


def said_by_form(args: MultiDict) -> bool:
    """Whether an address holds what a form without script sends: a filter in pieces, columns one by one."""
    return SHAPE in args or MOVE in args or len(args.getlist("columns")) > 1


def without_form(args: MultiDict) -> MultiDict:
    """The arguments of the list alone."""
    return MultiDict((k, v) for k, v in args.items(multi=True) if k not in (SHAPE, ASKED, MOVE) and not _CONTROL.fullmatch(k))


def plain_args(resource: Resource, args: MultiDict) -> MultiDict:
    """The arguments that an address says, whichever form they were sent by. Raises `BusinessError`."""
    if not said_by_form(args):
        return args
    found = without_form(args)
    if SHAPE in args:
        found["filter"] = filtering.write(_group(resource, read_draft(args)))
    columns = list(dict.fromkeys(args.getlist("columns")))
    name, _sep, way = args.get(MOVE, "").rpartition(":")
    if name in columns:
        place = columns.index(name)
        columns.insert(max(0, place - 1) if way == "up" else place + 1, columns.pop(place))
    if columns:
        found["columns"] = ",".join(columns)
    return MultiDict((k, v) for k, v in found.items() if v or k == "filter")


def read_draft(args: MultiDict) -> Draft:
    """The shape that a form sent, whatever is in it. Raises `BusinessError` for one no form sends."""
    root = Draft(0)
    open_groups, made, started = [root], 0, False
    for piece in args.getlist(SHAPE)[:MOST_PIECES]:
        if piece in ("(and", "(or"):
            joiner = piece[1:]
            if not started:
                root.joiner, started = joiner, True
                continue
            made += 1
            inner = Draft(made, joiner)
            open_groups[-1].parts.append(inner)
            open_groups.append(inner)
        elif piece == ")":
            if len(open_groups) > 1:
                open_groups.pop()
        elif piece.isdecimal() and len(piece) <= 4:
            name, op, *values = [*args.getlist(f"c{piece}"), "", ""][: operators.MOST_VALUES + 2]
            open_groups[-1].parts.append(Row(int(piece), name, op, [v for v in values if v]))
    return root


# From the tree to the form, and back


def _draft_of(tree: Group) -> Draft:
    numbers = iter(range(10_000))
    groups = iter(range(1, 10_000))

    def made(node: Group, number: int) -> Draft:
        parts = [
            Row(next(numbers), p.typed.name, p.op, list(p.values)) if isinstance(p, Condition) else made(p, next(groups))
            for p in node.parts
        ]
        return Draft(number, node.joiner, parts)

    return made(tree, 0)


def _rows(draft: Draft) -> Iterator[Row]:
    for part in draft.parts:
        if isinstance(part, Row):
            yield part
        else:
            yield from _rows(part)


def _drafts(draft: Draft) -> Iterator[Draft]:
    yield draft
    for part in draft.parts:
        if isinstance(part, Draft):
            yield from _drafts(part)


def _reshape(draft: Draft, asked: str) -> str:
    """Change the shape as the person asked; returns where the cursor belongs then, such as "op-3"."""
    what, _sep, number = asked.partition("-")
    focus = ""
    for group in list(_drafts(draft)):
        if what in ("add", "nest") and str(group.number) == number:
            row = Row(max((r.number for r in _rows(draft)), default=-1) + 1)
            joiner = "or" if group.joiner == "and" else "and"
            group.parts.append(row if what == "add" else Draft(0, joiner, [row]))
            focus = f"field-{row.number}"
        elif what == "drop":
            group.parts = [p for p in group.parts if not (isinstance(p, Row) and str(p.number) == number)]
            focus = "add"
        elif what == "dissolve":
            group.parts = [p for p in group.parts if not (isinstance(p, Draft) and str(p.number) == number)]
            focus = "add"
    for row in _rows(draft):
        if what == "clear" and str(row.number) == number:
            row.op, row.values, focus = "", [], f"field-{number}"
        if what == "redraw" and str(row.number) == number:
            focus = f"op-{number}"
    for place, group in enumerate(_drafts(draft)):
        group.number = place
    return focus


def _checked(resource: Resource, draft: Draft) -> Group | None:
    """The tree of a form; None where a row says why it cannot be applied."""
    for row in _rows(draft):
        try:
            if (condition := _condition(resource, row)) is not None:
                condition.criterion(resource.model)
        except BusinessError as error:
            row.error = error.message
    return None if any(row.error for row in _rows(draft)) else _group(resource, draft)


def _group(resource: Resource, draft: Draft) -> Group:
    """The tree of a form; rows that are not filled in are left out. Raises `BusinessError`."""
    parts: list[Condition | Group] = []
    for part in draft.parts:
        if isinstance(part, Draft):
            inner = _group(resource, part)
            parts += [inner] if inner.parts else []
        elif (condition := _condition(resource, part)) is not None:
            parts.append(condition)
    return filtering.read(resource, filtering.write(Group(draft.joiner, tuple(parts))))


def _condition(resource: Resource, row: Row) -> Condition | None:
    typed = _field(resource, row.name)
    if typed is None:
        return None
    op = row.op if row.op in OPERATORS else operators.operators_of(typed)[0].name
    values = _values(typed, op, row.values)
    return Condition(typed, op, tuple(values)) if len(values) >= OPERATORS[op].least else None


def _values(typed: Field, op: str, given: list[str]) -> list[str]:
    """What the controls of a row say together."""
    sort, most = operators.sort_of(typed), OPERATORS[op].most
    if sort == "money" and given and re.fullmatch(r"[A-Z]{3}", given[-1]):
        *given, currency = given
        given = [v if currency == g.company.currency or v.endswith(currency) else f"{v} {currency}" for v in given]
    if sort in ("text", "exact") and most > 2:
        given = [piece.strip() for v in given for piece in v.split(";") if piece.strip()]
    return given[:most]


def _field(resource: Resource, name: str) -> Field | None:
    return next((f for f in filtering.filterable(resource) if f.name == name), None)


# What the template draws


def _context(listing: Listing, draft: Draft) -> dict[str, Any]:
    resource = listing.resource
    fields = filtering.filterable(resource)
    kept = {k: v for k, v in listing.query_args(filter=None).items() if k != "filter"}
    others = Words([condition for _name, condition in listing.simple])
    return {
        "resource": resource,
        "draft": draft,
        "is_row": lambda part: isinstance(part, Row),
        "fields": [(f.name, str(f.label)) for f in fields],
        "drawn": {row.number: _drawn(resource, row) for row in _rows(draft)},
        "kept": kept,
        "others": [others.of(condition) for _name, condition in listing.simple],
        "deepest": filtering.DEEPEST,
        "form_url": url_for(resource.endpoint("filter")),
        "count_url": url_for(resource.endpoint("count")),
        "back_url": url_for(resource.endpoint("list"), **listing.query_args()),
        "clear_url": url_for(resource.endpoint("list"), **listing.query_args(filter=None)),
    }


def _drawn(resource: Resource, row: Row) -> dict[str, Any]:
    """A row with its operators and the control for its values."""
    typed = _field(resource, row.name)
    if typed is None:
        return {"row": row, "operators": [], "control": None}
    offered = [o for o in operators.operators_of(typed) if o.name == row.op or not _seldom(typed, o.name)]
    op = row.op if row.op in {o.name for o in offered} else offered[0].name
    return {
        "row": row,
        "op": op,
        "operators": [(o.name, str(o.label)) for o in offered],
        "control": _control(typed, op, row.values) if OPERATORS[op].most else None,
        "label": str(typed.label),
    }


def _seldom(typed: Field, op: str) -> bool:
    """What only addresses say: the form has simpler words for it."""
    return operators.sort_of(typed) == "text" and op in ("exactly", "one-of", "none-of")


def _control(typed: Field, op: str, values: list[str]) -> dict[str, Any]:
    sort, many, two = operators.sort_of(typed), OPERATORS[op].most > 2, OPERATORS[op].most == 2
    control: dict[str, Any] = {"kind": sort, "many": many, "two": two, "values": [*values, "", ""], "chosen": set(values)}
    if sort == "lookup":
        control |= _choices_of(typed, values)
    elif sort == "choice":
        control["options"] = [(v, str(label)) for v, label in getattr(typed, "choices", ())]
    elif sort == "boolean":
        control["options"] = [("true", _("Yes")), ("false", _("No"))]
    elif sort == "date":
        control |= _periods(values, two)
    elif sort == "money":
        bare = [v for v in values if not re.fullmatch(r"[A-Z]{3}", v)]
        currency = operators.currency_of(bare, typed) if len(bare) == len(values) else values[-1]
        control |= {"values": [*(v.replace(currency, "").strip() for v in bare), "", ""], "currency": currency,
                    "currencies": _currencies(currency)}
    elif sort in ("text", "exact") and many:
        control["values"] = ["; ".join(values), "", ""]
    return control


def _choices_of(typed: Any, values: list[str]) -> dict[str, Any]:
    options = typed.options()
    known = {value for value, _label in options}
    special = [(ME, _("Me")), (MY_TEAM, _("My team"))] if typed.is_person else []
    missing = [v for v in values if v not in known and v not in (ME, MY_TEAM, NONE)]
    words = Words([Condition(typed, "one-of", tuple(missing))])
    searched = len(options) >= MOST_OPTIONS and can(typed.resource.permission("view"))
    return {
        "options": [*special, *((v, words.value(typed, v)) for v in missing), *options],
        "search_url": url_for(typed.resource.endpoint("options")) if searched else None,
    }


def _periods(values: list[str], two: bool) -> dict[str, Any]:
    """The periods by name, one that is not offered among them when it is chosen; and a date or period for each end."""
    named = [v for v in values if len(v) != 10 or not v[:4].isdigit()]
    offered = [*relative_dates.OFFERED, *(v for v in named if v not in relative_dates.OFFERED and _is_period(v))]
    dates = [v for v in values if v not in named]
    ends = [{"named": v in named and v in offered, "value": v} for v in [*values, "", ""][:2]] if two else []
    return {"options": [(v, relative_dates.label(v)) for v in offered], "values": [*dates, "", ""], "ends": ends}


def _is_period(text: str) -> bool:
    try:
        relative_dates.period(text)
    except (ValueError, OverflowError):
        return False
    return True


def _currencies(chosen: str) -> list[str]:
    known = set(db.session.scalars(select(Rate.currency).distinct())) | {g.company.currency, chosen}
    return [g.company.currency, *sorted(known - {g.company.currency})]
