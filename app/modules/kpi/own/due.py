"""Values that are due: what nobody has told yet of a period that is over, and the reminder of it."""

from __future__ import annotations

from collections.abc import Collection, Sequence
from dataclasses import dataclass
from datetime import date, timedelta
from functools import partial

from sqlalchemy import select

from app.core.access import valid_on
from app.core.clock import local_date, today
from app.core.db import db
from app.core.formats import day
from app.core.i18n import _
from app.core.models import Membership
from app.core.notices import Message, notify_all
from app.core.relative_dates import around
from app.modules.kpi.own.models import MANUAL, OwnMetric, Value
from app.modules.kpi.settings.queries import settings

ONE_DAY = timedelta(days=1)
LOOKS_BACK = 3  # periods: who told a value in one of them is expected to tell one again
EVERYBODYS = {"all_rows": True}


@dataclass(frozen=True)
class Due:
    """That values of a metric are missing for its last period; `missing` are the members who told some in the periods before,
    None among them for the company as a whole. Of a metric that nobody ever told, a value of anybody is missing."""

    metric: OwnMetric
    first: date
    last: date
    missing: Sequence[int | None]


def period_before(day: date, cadence: str) -> tuple[date, date]:
    """The last period of a cadence that is over on a day."""
    return around(around(day, cadence)[0] - ONE_DAY, cadence)


def due(on: date | None = None) -> list[Due]:
    """What is missing of told metrics that are in use, by name; three statements, however many there are."""
    at = on or today()
    told = select(OwnMetric).where(OwnMetric.active, OwnMetric.kind == MANUAL).order_by(OwnMetric.name_key)
    rows = list(db.session.scalars(told, execution_options=EVERYBODYS))
    if not rows:
        return []
    since = min(_begun(row.cadence, at) for row in rows)
    asked = select(Value.metric_id, Value.on_day, Value.owner_id).where(Value.on_day >= since).distinct()
    values: dict[int, list[tuple[date, int | None]]] = {}
    for metric_id, on_day, owner_id in db.session.execute(asked, execution_options=EVERYBODYS):
        values.setdefault(metric_id, []).append((on_day, owner_id))
    here = {None, *db.session.scalars(select(Membership.id).where(valid_on(Membership, at)), execution_options=EVERYBODYS)}
    return [found for row in rows if (found := _missing(row, values.get(row.id, []), at, here))]


def _begun(cadence: str, at: date) -> date:
    """Where the periods begin that are looked back on."""
    first = period_before(at, cadence)[0]
    for _period in range(LOOKS_BACK):
        first = period_before(first, cadence)[0]
    return first


def _missing(row: OwnMetric, values: Sequence[tuple[date, int | None]], at: date, here: Collection[int | None]) -> Due | None:
    first, last = period_before(at, row.cadence)
    if local_date(row.created_at) > last and not any(on_day <= last for on_day, _owner in values):
        return None  # it was not there yet
    done = {owner for on_day, owner in values if first <= on_day <= last}
    before = {owner for on_day, owner in values if _begun(row.cadence, at) <= on_day < first}
    missing = sorted((before - done) & set(here), key=lambda owner: owner or 0)
    return Due(row, first, last, missing) if missing or not done else None


def remind_values() -> None:
    """Tell who answers for a metric that values are missing, once for each period of it."""
    mail = settings().alerts
    notify_all([
        Message(
            member_ids=[each.metric.keeper_id], text=partial(_sentence, each), icon="pencil-plus", mail=mail,
            url=f"kpi/values/grid?metric={each.metric.id}&day={each.last.isoformat()}",
            key=f"kpi.due:{each.metric.id}:{each.last.isoformat()}",
        )
        for each in due() if each.metric.keeper_id is not None
    ])  # fmt: skip


def _sentence(missing: Due) -> str:
    return _("Values are due: %(metric)s, %(first)s – %(last)s", metric=missing.metric.name, first=day(missing.first), last=day(missing.last))
