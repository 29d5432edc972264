"""The page of portfolios: how many accounts each member had, took over, handed over and has."""

from __future__ import annotations

from datetime import date, timedelta
from typing import Any

from flask import request

from app.core.access import require
from app.core.clock import end_of, today
from app.core.errors import BusinessError
from app.core.figures import FigureRow
from app.core.i18n import _
from app.core.metrics import MetricQuery, evaluate
from app.core.relative_dates import FIRST_YEAR, LAST_YEAR
from app.core.web import render


@require("contacts.account.view")
def portfolios() -> Any:
    """Portfolios over a period, this year unless asked otherwise."""
    now = today()
    start, end = _day("from") or now.replace(month=1, day=1), _day("to") or now
    if start > end:
        raise BusinessError(_("The period ends before it begins."), field="to")
    rows = _rows(start, end)
    total = {name: sum(row[name] for row in rows) for name in ("start", "taken", "given", "end")}
    return render("contacts/portfolios.html", "contacts/portfolios.html", rows=rows, total=total, start=start, end=end)


def _rows(start: date, end: date) -> list[dict[str, Any]]:
    """One row per member who had or has an account, by name."""
    period = MetricQuery(start=start, end=end, by=("owner",))
    asked = {
        "start": evaluate("contacts.portfolio_accounts", MetricQuery(as_of=end_of(start - timedelta(days=1)), by=("owner",))),
        "taken": evaluate("contacts.accounts_taken_over", period),
        "given": evaluate("contacts.accounts_handed_over", period),
        "end": evaluate("contacts.portfolio_accounts", MetricQuery(as_of=end_of(end), by=("owner",))),
    }
    found: dict[int, dict[str, Any]] = {}
    for name, figure in asked.items():
        for line in figure.rows:
            found.setdefault(line.keys["owner"], _empty(line))[name] = line.value
    return sorted(found.values(), key=lambda row: row["name"].casefold())


def _empty(line: FigureRow) -> dict[str, Any]:
    return {"owner_id": line.keys["owner"], "name": line.by["owner"] or "", "start": 0, "taken": 0, "given": 0, "end": 0}


def _day(name: str) -> date | None:
    given = request.args.get(name, "")
    if not given:
        return None
    try:
        found = date.fromisoformat(given)
    except ValueError:
        found = None
    if found is None or not FIRST_YEAR <= found.year < LAST_YEAR:
        raise BusinessError(_("“%(given)s” is not a date.", given=given[:40]), field=name)
    return found
