"""The page of records counts and lists exactly what stands behind a figure, whatever way it finds them."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import date
from typing import Any

import pytest
from sqlalchemy import select

from app.core import trash
from app.core.access import in_place_of
from app.core.db import db, utcnow
from app.core.metrics import Metric, MetricQuery, drill, metrics
from app.core.models import Membership
from app.core.reports.drilling import Drill
from app.modules.contacts.public import Account
from app.modules.crm.activities.models import Activity
from app.modules.crm.models import Deal
from app.modules.crm.trash import hide_deals
from tests.modules.crm.test_metrics_all import filled

PERIOD: dict[str, Any] = {"start": date(2026, 2, 1), "end": date(2026, 5, 10)}


@pytest.fixture
def world(one, people) -> Iterator[Any]:
    """The small company of all metrics, some of whose rows have been thrown away."""
    with filled(one, people) as session:
        for model, hide in ((Account, None), (Deal, hide_deals), (Activity, None)):
            title = "subject" if model is Activity else "name"
            trash.put(model, title, session.scalars(select(model.id).order_by(model.id)).all()[::5], hide=hide)
        session.flush()
        yield session


def all_of_them() -> dict[str, Metric]:
    return {name: metric for name, metric in metrics().items() if metric.resource}


def questions(name: str) -> Iterator[MetricQuery]:
    yield from (MetricQuery(), MetricQuery(**PERIOD), MetricQuery(as_of=utcnow(), **PERIOD))
    dimensions = metrics()[name].dimensions
    owners = db.session.scalars(select(Membership.id).order_by(Membership.id).limit(3)).all()
    if "owner" in dimensions:
        yield MetricQuery(filters={"owner": list(owners)})
    if "stage" in dimensions:
        yield MetricQuery(filters={"stage": [2, 3]})


def test_as_many_are_counted_as_there_are(world) -> None:
    hidden = set()
    for name, metric in all_of_them().items():
        for query in questions(name):
            found = Drill(metric, query)
            ids = set(world.scalars(drill(name, query)))
            assert found.everything == len(ids), (name, query)
            listing = found.listing()
            assert found.seen(listing) == listing.count() == len(world.scalars(listing.select(listing.resource.model.id)).all()), (name, query)
            assert listing.count() <= found.everything
            if listing.count() < found.everything:
                hidden.add(name)
    assert "crm.accounts_touched" in hidden  # with accounts that lie in the trash by now


@pytest.mark.parametrize("who", ["bob", "alice"])
def test_whoever_is_confined_sees_theirs_and_how_many_more_there_are(world, people, who: str) -> None:
    hidden = 0
    with in_place_of(world.get_one(Membership, people[who].member_id)):
        for name, metric in all_of_them().items():
            found = Drill(metric, MetricQuery(**PERIOD))
            listing = found.listing()
            rows = world.scalars(listing.select(listing.resource.model.id)).all()
            assert found.seen(listing) == len(rows), name
            assert found.everything == len(set(world.scalars(drill(name, found.query)))), name
            hidden += found.everything - len(rows)
    assert hidden


def test_what_was_done_is_listed_by_the_day_it_was_done_on_the_latest_first(world) -> None:
    found = Drill(metrics()["crm.follow_ups"], MetricQuery(**PERIOD))
    rows, _following, _previous = found.listing().page(Activity.done_on)
    days = [row.done_on for row in rows]
    assert len(days) > 5
    assert days == sorted(days, reverse=True)
