"""What the tests of the CRM arrange with."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from datetime import UTC, date, datetime
from typing import Any

import time_machine
from flask import Flask
from flask.testing import FlaskClient
from sqlalchemy import event, select

from app.core.clock import noon
from app.core.db import db
from app.core.figures import Figure
from app.core.metrics import MetricQuery, evaluate
from app.core.models import Rate
from app.core.money import Money
from app.modules.crm import services
from app.modules.crm.activities.models import OF_ACTIVITY, Activity, ActivityMember
from app.modules.crm.models import Deal, Reason, Stage


def at(text: str) -> datetime:
    """An instant from ISO text without zone, meant as UTC."""
    return datetime.fromisoformat(text).replace(tzinfo=UTC)


@contextmanager
def clock(text: str) -> Iterator[Any]:
    """The time stands still at an instant (UTC); `.move_to` and `.shift` turn the clock."""
    with time_machine.travel(at(text), tick=False) as traveller:
        yield traveller


class LoggedIn:
    """Somebody who logs in when they ask for something: at the time that the clock of a test shows then."""

    def __init__(self, client_of: Callable[[str], FlaskClient], name: str) -> None:
        self.client_of, self.name = client_of, name

    def get(self, path: str, **options: Any) -> Any:
        return self.client_of(self.name).get(path, **options)

    def post(self, path: str, **options: Any) -> Any:
        return self.client_of(self.name).post(path, **options)


@contextmanager
def statements() -> Iterator[list[str]]:
    """The SQL statements sent meanwhile."""
    sent: list[str] = []

    def note(_connection: Any, _cursor: Any, statement: str, *_more: Any) -> None:
        sent.append(statement)

    event.listen(db.engine, "before_cursor_execute", note)
    try:
        yield sent
    finally:
        event.remove(db.engine, "before_cursor_execute", note)


@contextmanager
def statements_of(app: Flask) -> Iterator[list[str]]:
    """The SQL statements that requests send meanwhile, from outside of any app context."""
    with app.app_context():
        engine = db.engine
    sent: list[str] = []

    def note(_connection: Any, _cursor: Any, statement: str, *_more: Any) -> None:
        sent.append(statement)

    event.listen(engine, "before_cursor_execute", note)
    try:
        yield sent
    finally:
        event.remove(engine, "before_cursor_execute", note)


def euros(amount: int) -> Money:
    return Money(amount * 100, "EUR")


def stage(kind_or_position: str | int) -> Stage:
    """A stage of the default pipeline: by type when it is a word, by position when it is a number."""
    query = select(Stage).order_by(Stage.position)
    if isinstance(kind_or_position, int):
        return db.session.scalars(query.where(Stage.position == kind_or_position)).one()
    return db.session.scalars(query.where(Stage.type == kind_or_position)).first()


def reason(kind: str) -> Reason:
    return db.session.scalars(select(Reason).where(Reason.kind == kind).order_by(Reason.id)).first()


def make_deal(**values: Any) -> Deal:
    """A deal of 1,000 euros, begun on `on` (a date) or now."""
    on: date | None = values.pop("on", None)
    return services.create_deal({"name": "Press line", "amount": euros(1000), **values}, at=noon(on) if on else None)


def move(deal: Deal, where: str | int, **more: Any) -> Any:
    """Move a deal to a stage of a type or position, with the reason it needs."""
    to = stage(where)
    if to.type in ("lost", "discarded"):
        more.setdefault("reason", reason(to.type))
    return services.move_deal(deal, to, version=deal.version, **more)


def rate(currency: str, day: date, value: Any) -> None:
    db.session.add(Rate(currency=currency, valid_from=day, rate=value))
    db.session.flush()


def figure(name: str, **query: Any) -> Figure:
    return evaluate(f"crm.{name}", MetricQuery(**query))


def value(name: str, **query: Any) -> Any:
    """The value of a figure that is not split."""
    return figure(name, **query).total.value


def check_who_took_part() -> int:
    """Who took part repeats of each activity what it says, in whichever way it was written; returns how many rows do."""
    db.session.flush()
    taking_part = select(Activity, ActivityMember).join(ActivityMember, ActivityMember.activity_id == Activity.id)
    rows = db.session.execute(taking_part, execution_options={"all_rows": True, "with_trash": True, "populate_existing": True}).all()
    for activity, member in rows:
        told = {name: getattr(activity, name) for name in OF_ACTIVITY.values()}
        assert {name: getattr(member, column) for column, name in OF_ACTIVITY.items()} == told, activity.subject
    return len(rows)


FIGURES = (
    *("deal_count", "won_count", "won_amount", "lost_count", "discarded_count", "open_count", "open_amount"),
    *("open_pipeline", "weighted_pipeline", "win_rate", "win_rate_value", "average_deal_size"),
    *("sales_cycle_days", "sales_cycle_days_mean"),
)


def all_figures(**query: Any) -> dict[str, Any]:
    """Every figure, split by owner and month, in comparable form."""
    found = {}
    for name in FIGURES:
        plain = figure(name, by=("owner", "month", "stage"), **query).plain()
        found[name] = (plain["rows"], plain["excluded"])
    return found
