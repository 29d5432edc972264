"""Figures of portfolios: which accounts a member looks after, and which came and went."""

from __future__ import annotations

from datetime import date, timedelta
from typing import Any

from sqlalchemy import ColumnElement, Select, func, select

from app.core.access import valid_on
from app.core.clock import local_date
from app.core.db import utcnow
from app.core.errors import BusinessError
from app.core.i18n import _, _l
from app.core.metrics import Metric, MetricQuery
from app.core.sql_dates import month_key, next_day
from app.modules.contacts.models import Account, AccountOwner

SINCE, UNTIL = AccountOwner.valid_from, AccountOwner.valid_to


def _portfolio(query: MetricQuery) -> Select:
    """Accounts that had an owner on the day asked for."""
    return _counted(query, valid_on(AccountOwner, _day(query)), dated=SINCE)


def _taken(query: MetricQuery) -> Select:
    """Accounts that somebody began to look after within the period."""
    return _counted(query, *_within(SINCE, query, 0), dated=SINCE)


def _given(query: MetricQuery) -> Select:
    """Accounts that somebody ceased to look after: on the day after the last one."""
    return _counted(query, UNTIL.is_not(None), *_within(UNTIL, query, 1), dated=next_day(UNTIL))


def _day(query: MetricQuery) -> date:
    now = utcnow()
    return local_date(min(query.as_of or now, query.known_at or now))


def _within(column: Any, query: MetricQuery, lag: int) -> list[ColumnElement[bool]]:
    first, last = query.start, min(query.end or date.max, _day(query))
    found = [column <= last - timedelta(days=lag)]
    return [*found, column >= first - timedelta(days=lag)] if first else found


def _counted(query: MetricQuery, *criteria: ColumnElement[bool], dated: Any) -> Select:
    rows = select(AccountOwner.account_id).join(Account, Account.id == AccountOwner.account_id).where(*criteria)
    if query.scope is not None:
        rows = rows.where(AccountOwner.member_id.in_(sorted(query.scope)))
    keys = {"owner": AccountOwner.member_id, "month": month_key(dated)}
    for name, wanted in query.filters.items():
        if name not in keys:
            raise BusinessError(_("“%(given)s” is not one of: %(known)s.", given=name, known=", ".join(keys)), field=name)
        rows = rows.where(keys[name].in_(wanted if isinstance(wanted, (list, tuple, set, frozenset)) else [wanted]))
    return rows.add_columns(AccountOwner.member_id.label("d_owner"), month_key(dated).label("d_month"))


def _build(rows: Any) -> Any:
    def build(query: MetricQuery) -> Select:
        found = rows(query).subquery()
        keys = [found.c[f"d_{name}"] for name in query.by]
        return select(*keys, func.count().label("value"), func.count().label("n")).select_from(found).group_by(*keys)

    return build


def _drill(rows: Any) -> Any:
    return lambda query: rows(query).with_only_columns(AccountOwner.account_id)


def _metric(name: str, label: Any, describe: Any, rows: Any, **more: Any) -> Metric:
    splits = more["dimensions"]
    return Metric(id=f"contacts.{name}", label=label, describe=describe, row="R5", unit="count", build=_build(rows),
                  drill=_drill(rows), permission="contacts.account.view", grain="account", resource="contacts.account",
                  additive=frozenset(splits), **more)


METRICS = (
    _metric("portfolio_accounts", _l("Accounts in portfolios"),
            _l("Accounts that have an owner on the day asked for, by the owner of that day."), _portfolio,
            basis="snapshot", period=False, direction="none", dimensions=("owner",)),
    _metric("accounts_taken_over", _l("Accounts taken over"),
            _l("Accounts that a member began to look after in the period."), _taken,
            direction="none", dimensions=("owner", "month"), repeats=True),
    _metric("accounts_handed_over", _l("Accounts handed over"),
            _l("Accounts that a member ceased to look after in the period."), _given,
            direction="none", dimensions=("owner", "month"), repeats=True),
)  # fmt: skip
