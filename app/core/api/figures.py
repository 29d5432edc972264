"""Figures, and who is asking."""

from __future__ import annotations

from datetime import date, datetime
from typing import Any

from flask import g, request

from app.core import metrics, tokens
from app.core.access import can
from app.core.api.body import answer
from app.core.api.problems import invalid
from app.core.clock import read_instant
from app.core.fields import Date
from app.core.i18n import _

ASKED = ("from", "to", "by", "as_of", "known_at")


def me() -> Any:
    """Whom the token stands for, in which company, and what they may do."""
    company = g.company
    return answer({
        "member_id": g.me.member_id,
        "name": g.me.name,
        "email": g.token.email,
        "role": g.me.role_key,
        "permissions": sorted(g.me.permissions),
        "company": {"slug": company.slug, "name": company.name, "timezone": company.timezone,
                    "currency": company.currency, "language": company.language},
        "token": tokens.described(g.token),
    })


def metrics_list() -> Any:
    """The figures that the person may see."""
    return answer({"items": [_described(m) for m in metrics.metrics().values() if can(m.permission)]})


def metric(metric_id: str) -> Any:
    """One figure, as commands and pages show it; of whose facts is a matter of permission."""
    return answer(metrics.evaluate(metric_id, _query()).plain())


def _described(asked: metrics.Metric) -> dict[str, Any]:
    return {
        "id": asked.id,
        "version": asked.version,
        "label": str(asked.label),
        "description": str(asked.describe),
        "row": asked.row,
        "unit": asked.unit,
        "shape": asked.shape,
        "direction": asked.direction,
        "grain": asked.grain,
        "resource": asked.resource,
        "basis": asked.basis,
        "currency_basis": asked.currency_basis,
        "by": list(asked.dimensions),
        "additive": [name for name in asked.dimensions if name in asked.additive],
    }


def _query() -> metrics.MetricQuery:
    """The question that the address asks. Raises `Problem` (422)."""
    if unknown := [name for name in request.args if name not in ASKED]:
        raise invalid({name[:60]: _("A figure takes no “%(name)s”.", name=name[:60]) for name in unknown})
    return metrics.MetricQuery(
        start=_day("from"),
        end=_day("to"),
        by=tuple(dict.fromkeys(name.strip() for name in request.args.get("by", "").split(",") if name.strip())),
        as_of=_instant("as_of"),
        known_at=_instant("known_at"),
    )


def _day(name: str) -> date | None:
    text = request.args.get(name, "")
    return _read_day(name, text) if text else None


def _instant(name: str) -> datetime | None:
    """An instant; a day stands for its end, and a time without zone is the company's."""
    text = request.args.get(name, "")
    if not text:
        return None
    try:
        found = read_instant(text.replace(" ", "+"))  # a plus that was not escaped
    except ValueError:
        raise invalid({name: _("“%(given)s” is neither a day nor an instant.", given=text[:60])}) from None
    return found if _is_sensible(name, found.date(), text) else None


def _read_day(name: str, text: str) -> date:
    try:
        found = datetime.strptime(text, "%Y-%m-%d").date()  # noqa: DTZ007  # a date has no zone
    except ValueError:
        raise invalid({name: _("“%(given)s” is not a date.", given=text[:60])}) from None
    _is_sensible(name, found, text)
    return found


def _is_sensible(name: str, day: date, text: str) -> bool:
    if not Date.EARLIEST <= day < Date.LATEST:
        raise invalid({name: _("“%(given)s” is too far in the past or the future.", given=text[:60])})
    return True
