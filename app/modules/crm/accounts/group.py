"""An account with all accounts below it: what they have bought and what is open with them, each and together."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import date
from typing import Any

from flask import g
from sqlalchemy import select

from app.core.clock import today
from app.core.db import db
from app.core.figures import Figure
from app.core.metrics import MetricQuery, evaluate, evaluate_together
from app.core.money import Money
from app.modules.contacts.public import Account, parents

OPEN = ("crm.open_amount", "crm.weighted_pipeline", "crm.open_count")
MOST = 200  # accounts of a group that are listed; the sums hold all of them


@dataclass(frozen=True)
class Line:
    """One account of a group; `depth` counts from the account that was asked for. Amounts in company currency."""

    id: int
    name: str
    depth: int
    won: Money
    won_before: Money
    open: Money
    weighted: Money
    deals: int


@dataclass(frozen=True)
class Group:
    """An account and those below it. `hidden` of them the reader may not open: they are in the sums, not in the lines."""

    lines: list[Line]
    total: Line
    hidden: int
    more: int
    since: date  # first day of the fiscal year
    excluded: int  # deals without a rate
    head: tuple[int, str] | None  # the account at the top, when it is another one


def below(account_id: int, tree: Mapping[int, int | None]) -> dict[int, int]:
    """The account and all accounts below it -> how far below, parents before children; `tree` maps accounts to parents.

    An account that is its own ancestor, as no rule admits but a restored row might bring, is counted once.
    """
    children: dict[int, list[int]] = {}
    for child, parent in tree.items():
        if parent is not None:
            children.setdefault(parent, []).append(child)
    found: dict[int, int] = {}
    ahead = [(account_id, 0)]
    while ahead:
        here, depth = ahead.pop()
        if here not in found:
            found[here] = depth
            ahead += [(child, depth + 1) for child in sorted(children.get(here, ()), reverse=True)]
    return found


def top(account_id: int, tree: Mapping[int, int | None]) -> int:
    """The account at the head of the group that an account belongs to."""
    seen = {account_id}
    here = account_id
    while (parent := tree.get(here)) is not None and parent not in seen:
        seen.add(parent)
        here = parent
    return here


def group_of(account_id: int) -> Group:
    """The group below an account, with the figures the reader may see. Nine statements, however large it is."""
    tree = parents()
    depths = below(account_id, tree)
    head_id = top(account_id, tree)
    names = {row.id: row.name for row in db.session.execute(select(Account.id, Account.name).where(Account.id.in_({*depths, head_id})))}
    year, before = _years()
    ids = list(depths)
    split, whole = _figures(ids, ("account",), year, before), _figures(ids, (), year, before)
    seen = [i for i in ids if i in names]
    return Group(
        lines=[_line(i, names[i], depths[i], split) for i in seen[:MOST]],
        total=_line(None, "", 0, whole),
        hidden=len(ids) - len(seen),
        more=max(0, len(seen) - MOST),
        since=year[0],
        excluded=sum(whole["open"].excluded.values()) + sum(whole["won"].excluded.values()),
        head=(head_id, names[head_id]) if head_id != account_id and head_id in names else None,
    )


def _years() -> tuple[tuple[date, date], tuple[date, date]]:
    """The fiscal year until today, and the same days of the one before."""
    now, month = today(), g.company.fiscal_year_start
    first = date(now.year if now.month >= month else now.year - 1, month, 1)
    last = now if (now.month, now.day) != (2, 29) else now.replace(day=28)
    return (first, now), (first.replace(year=first.year - 1), last.replace(year=last.year - 1))


def _figures(ids: list[int], by: tuple[str, ...], year: tuple[date, date], before: tuple[date, date]) -> dict[str, Figure]:
    filters = {"account": ids}
    amounts, weighted, count = evaluate_together(OPEN, MetricQuery(by=by, filters=filters), named=False)
    return {
        "won": evaluate("crm.won_amount", MetricQuery(start=year[0], end=year[1], by=by, filters=filters)),
        "won_before": evaluate("crm.won_amount", MetricQuery(start=before[0], end=before[1], by=by, filters=filters)),
        "open": amounts,
        "weighted": weighted,
        "deals": count,
    }


def _line(account_id: int | None, name: str, depth: int, figures: Mapping[str, Figure]) -> Line:
    nothing = Money(0, g.company.currency)
    values: dict[str, Any] = {}
    for key, figure in figures.items():
        row = next((r for r in figure.rows if r.keys.get("account") == account_id), None)
        values[key] = (row.value if row else None) or (0 if key == "deals" else nothing)
    return Line(account_id or 0, name, depth, **values)
