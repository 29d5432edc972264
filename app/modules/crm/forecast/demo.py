"""What reps of the demo company have said about open deals: dates put off, some again and again, and how sure they are."""

from __future__ import annotations

from datetime import timedelta

from flask import g
from sqlalchemy import select

from app.core.clock import noon, quarter_bounds
from app.core.db import db, utcnow
from app.core.demo import DemoPlan
from app.modules.crm import services
from app.modules.crm.models import BEST_CASE, COMMIT, OMITTED, OPEN, Deal, Stage

CHANGED = 70  # younger deals about which something was said by hand
OLD = 45  # days after which a deal has been put off or talked about
SURE = 45  # percent from which on a deal is a best case or more


def fill(plan: DemoPlan) -> None:
    """Slips of older open deals, and categories and probabilities that differ from those of the stage."""
    deals = list(db.session.scalars(select(Deal).where(Deal.state == OPEN, Deal.expected_close.is_not(None)).order_by(Deal.id)))
    chances = dict(db.session.execute(select(Stage.id, Stage.probability)).all())
    old = [deal for deal in deals if (plan.today - deal.opened_on).days > OLD]
    young = [deal for deal in deals if deal not in old]
    for deal in old + plan.random.sample(young, min(CHANGED, len(young))):
        g.actor_id = deal.owner_id  # reps keep their own forecast
        if not _slipped(plan, deal):
            _put_off(plan, deal)
        _say(plan, deal, chances[deal.stage_id])
    g.actor_id = None


def _slipped(plan: DemoPlan, deal: Deal) -> bool:
    """Half of the deals from before this quarter were expected in it and are not any more; whether this is one."""
    first, last = quarter_bounds(plan.today)
    if deal.opened_on >= first or plan.random.random() < 0.5:
        return False
    told = max(first, plan.today - timedelta(days=plan.random.randrange(2, 20)))
    hoped, now = first + timedelta(days=plan.random.randrange(30, 85)), last + timedelta(days=plan.random.randrange(5, 50))
    services.change_deal(deal, {"expected_close": hoped}, at=noon(deal.opened_on) + timedelta(hours=1), source="demo")
    services.change_deal(deal, {"expected_close": now}, at=min(noon(told), utcnow()), source="demo")
    return True


def _put_off(plan: DemoPlan, deal: Deal) -> None:
    """The date that is expected now came about step by step: up to three times it was put off by some weeks."""
    wanted = deal.expected_close
    age = (plan.today - deal.opened_on).days
    times = min(plan.random.choice((0, 1, 1, 2, 3)), age // 12)
    if not times or wanted is None:
        return
    days = [deal.opened_on + timedelta(days=round(age * (n + 1) / (times + 1))) for n in range(times)]
    first = wanted - timedelta(days=21 * times)
    services.change_deal(deal, {"expected_close": first}, at=max(noon(deal.opened_on) + timedelta(hours=1), deal.opened_at), source="demo")
    for n, day in enumerate(days, start=1):
        services.change_deal(deal, {"expected_close": first + timedelta(days=21 * n)}, at=noon(day), source="demo")


def _say(plan: DemoPlan, deal: Deal, usual: int) -> None:
    """Some days ago the rep was surer, or less sure, than the stage is; `usual` is its chance in percent."""
    said = plan.random.random()
    at = max(noon(plan.today - timedelta(days=plan.random.randrange(1, 9))), noon(deal.opened_on) + timedelta(hours=2))
    if at > utcnow():
        return
    if said < 0.3:
        likely = (COMMIT, BEST_CASE) if usual >= SURE else (BEST_CASE, OMITTED)
        services.change_deal(deal, {"category": plan.random.choice(likely)}, at=at, source="demo")
    elif said < 0.5:
        chance = max(5, min(95, usual + plan.random.choice((-15, -10, 10, 15))))
        services.change_deal(deal, {"probability": chance}, at=at, source="demo")
