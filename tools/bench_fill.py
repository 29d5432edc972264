"""Fills a database for `make bench`: deals, and around them all that a company of that size has."""

from __future__ import annotations

from dataclasses import dataclass
from time import perf_counter

import bench_activities
import bench_data
import bench_life
from bench_data import DAYS, Place, company_of
from sqlalchemy import func, select

from app.core.db import db
from app.core.tenancy import acting_for
from app.modules.contacts.models import Account
from app.modules.crm.models import Deal
from tests.application import build_app

QUIET = {"all_rows": True, "with_trash": True}
LEADS = 0.2  # for a deal


@dataclass(frozen=True)
class Size:
    """How much there is for each deal."""

    events: int = 10
    activities: int = 10


def grow(place: Place, count: int, seed: int, size: Size) -> None:
    """Add deals to a database and what goes with them. Run in a process of its own."""
    start = perf_counter()
    app = build_app(place.var_dir, place.url, place.owner_url, modules=())
    company_id = company_of(app)
    with app.app_context(), acting_for(company_id):
        deal, account = (1 + (db.session.scalar(select(func.max(m.id)), execution_options=QUIET) or 0) for m in (Deal, Account))
    with app.app_context():
        bench_data.add_deals(company_id, count, seed)
    if size.events:
        with app.app_context():
            bench_life.change_deals(company_id, deal, seed, size.events)
            bench_life.make_groups(company_id, account)
            bench_life.add_parts(company_id, deal, seed)
            bench_life.add_leads(company_id, deal, int(count * LEADS), seed, DAYS)
            told = bench_life.check(company_id)
            bench_activities.add_activities(company_id, count * size.activities, seed)
        print(f"{place.kind}: {told}, {count * size.activities:,} more activities: {perf_counter() - start:.0f} s", flush=True)
