"""Which deals each figure counts and what it takes of them, from the definitions in docs/metrics, in plain Python."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from datetime import UTC, datetime, time, timedelta
from fractions import Fraction
from typing import Any

from tests.modules.crm.figure_world import Ask, Row

ALL = ("open", "won", "lost", "discarded")
COHORT = ("open", "won", "lost")


def keys(ask: Ask, s: Any, day: Any) -> dict[str, Any]:
    """What a deal is split by, of the moment asked for; of what the ledger does not track, of today."""
    world, deal = ask.world, ask.world.deals[s.id]
    account = world.accounts.get(s.account_id)
    usual = world.stages[s.stage_id].category
    return {
        "owner": s.whose, "team": s.in_team, "account": s.account_id, "product": deal.product, "stage": s.stage_id,
        "pipeline": s.pipeline_id, "month": day and world.month(day), "quarter": day and world.quarter(day), "source": deal.source_id,
        "medium": deal.medium_id, "campaign": deal.campaign_id, "segment": account and account.segment,
        "category": {"open": s.category or usual, "won": "closed"}.get(s.state), "state": s.state, "reason": s.reason_id,
        "last_stage": last_stage(ask, s), "competitor": None,
    }  # fmt: skip


def last_stage(ask: Ask, s: Any) -> Any:
    """The open stage in which a deal was last for any time, up to when it was closed: as far as is known today."""
    now = ask.world.state(s.id, ask.present, ask.present)
    if now is None:
        return None
    ends = [at for at, _stage, _state in now.path[1:]] + [None]
    stays = [(at, stage) for (at, stage, state), end in zip(now.path, ends, strict=True)
             if state == "open" and at != end and (s.closed_at is None or at <= s.closed_at)]
    return stays[-1][1] if stays else None


def ways(ask: Ask, s: Any) -> tuple[dict[str, Any], ...]:
    return tuple({"competitor": row.competitor_id} for row in ask.world.rivals[s.id]) or ({},)


def row(ask: Ask, s: Any, day: Any, **more: Any) -> Row:
    return Row(s.id, keys(ask, s, day), ways(ask, s), **more)


def flow(ask: Ask, s: Any, day: Any, **more: Any) -> Row:
    """A deal with what it was worth on the day it was closed."""
    left_out = "no_amount" if s.amount_minor is None else "no_rate" if s.worth is None else ""
    return row(ask, s, day, left_out=left_out, **more)


def snapshot(ask: Ask, s: Any, day: Any, weight: int = 100) -> Row:
    """A deal with what it is worth at the moment asked for, not rounded."""
    rate = ask.world.rate(s.currency, ask.today)
    left_out = "no_amount" if s.amount_minor is None else "no_rate" if rate is None else ""
    value = None if left_out else Fraction(s.amount_minor * weight, 100) * Fraction(rate)
    return row(ask, s, day, left_out=left_out, value=value)


def begun(*states: str) -> Callable[[Ask], Iterator[Any]]:
    return lambda ask: (s for s in ask.deals(*states) if ask.within(s.opened_on))


def closed(*states: str) -> Callable[[Ask], Iterator[Any]]:
    return lambda ask: (s for s in ask.deals(*states) if ask.within(s.closed_on))


def expected(ask: Ask) -> Iterator[Any]:
    return (s for s in ask.deals("open") if ask.within(s.expected_close))


def credited(ask: Ask) -> Iterator[Row]:
    """⌊amount × percents up to theirs ÷ 100⌋ less the same up to the one before."""
    for s in closed("won")(ask):
        upto, shares = 0, ask.world.credits[s.id]
        for share in shares:
            before, upto = upto, upto + share.percent
            mine = flow(ask, s, s.closed_on, value=s.worth and s.worth * upto // 100 - s.worth * before // 100)
            mine.keys |= {"owner": share.member_id, "team": ask.world.team(share.member_id, s.closed_on)}
            yield mine
        if not shares:
            yield flow(ask, s, s.closed_on, value=s.worth)


def velocity(ask: Ask) -> Iterator[Row]:
    for s in ask.deals(*COHORT):
        if (s.state == "open" and ask.world.stages[s.stage_id].qualified) or (s.state != "open" and ask.within(s.closed_on)):
            days = (s.closed_on - s.opened_on).days if s.closed_on else 0
            one = flow(ask, s, s.closed_on, terms={"state": s.state, "worth": s.worth, "days": days})
            one.left_out = one.left_out if s.state == "won" else ""
            yield one


def velocity_of(rows: list[Row]) -> Any:
    """Open × share won × average size ÷ mean cycle."""
    won = [r.terms for r in rows if r.terms["state"] == "won"]
    decided = sum(r.terms["state"] != "open" for r in rows)
    sizes = [w["worth"] for w in won if w["worth"] is not None]
    if not sizes or not sum(w["days"] for w in won):
        return None
    open_deals = sum(r.terms["state"] == "open" for r in rows)
    return open_deals * Fraction(len(won), decided) * Fraction(sum(sizes), len(sizes)) / Fraction(sum(w["days"] for w in won), len(won))


def reached(ask: Ask, s: Any, kinds: tuple[str, ...]) -> list[Any]:
    """The stages of its pipeline that a deal has reached: 4.1.8."""
    here = sorted((x for x in ask.world.stages.values() if x.pipeline_id == s.pipeline_id), key=lambda x: x.position)
    furthest = furthest_of(ask, s)
    first = next(x for x in here if x.type == "open")
    return [x for x in here if x.type in kinds and (s.state == "won" or (x.type == "open" and (x.position <= furthest or x is first)))]


def furthest_of(ask: Ask, s: Any) -> int:
    been = (ask.world.stages[stage] for _at, stage, _state in s.path)
    return max((x.position for x in been if x.type == "open" and x.pipeline_id == s.pipeline_id), default=-1)


def funnel(amounts: bool) -> Callable[[Ask], Iterator[Row]]:
    def rows(ask: Ask) -> Iterator[Row]:
        for s in begun(*COHORT)(ask):
            one = snapshot(ask, s, s.opened_on) if amounts else row(ask, s, s.opened_on)
            one.ways = tuple({**way, "stage": x.id} for way in one.ways for x in reached(ask, s, ("open", "won")))
            yield one

    return rows


def conversion(ask: Ask) -> Iterator[Row]:
    for s in begun(*COHORT)(ask):
        for x in reached(ask, s, ("open",)):
            further = s.state == "won" or furthest_of(ask, s) > x.position
            one = row(ask, s, s.opened_on, num=int(further), den=1)
            one.keys["stage"] = x.id
            yield one


def qualified(money: bool) -> Callable[[Ask], Iterator[Row]]:
    def rows(ask: Ask) -> Iterator[Row]:
        for s in ask.deals(*(COHORT if money else ALL)):
            entries = ((at, stage) for at, stage, state in s.path
                       if state == "won" or (state == "open" and ask.world.stages[stage].qualified))
            at, stage = next(entries, (None, None))
            if at is None:
                continue
            day, then = ask.world.day(at), ask.world.state(s.id, at, ask.known)
            if not ask.within(day):
                continue
            worth = ask.world.worth(then.amount_minor, then.currency, day)
            out = ("no_amount" if then.amount_minor is None else "no_rate" if worth is None else "") if money else ""
            one = row(ask, s, day, left_out=out, value=worth if money else None, num=int(s.state == "discarded"), den=1)
            one.keys |= {"owner": then.whose, "team": then.in_team, "stage": stage}
            yield one

    return rows


def to_minutes(seconds: int) -> int:
    """Durations are taken to the minute in the first two days, to the quarter of an hour after."""
    return seconds // 60 * 60 if seconds < 2 * 86400 else seconds // 900 * 900


def whole(start: datetime, end: datetime) -> int:
    return int(end.timestamp()) - int(start.timestamp())


def stays(ask: Ask) -> Iterator[Row]:
    """One row for a deal and an open stage: all its time there, from the day it came in first."""
    for s in ask.deals(*COHORT):
        total: dict[int, int] = {}
        first: dict[int, Any] = {}
        ends = [at for at, _stage, _state in s.path[1:]] + [ask.valid]
        for (at, stage, state), end in zip(s.path, ends, strict=True):
            first.setdefault(stage, at)
            if state == "open":
                total[stage] = total.get(stage, 0) + whole(at, end)
        for stage, seconds in total.items():
            day = ask.world.day(first[stage])
            if seconds and ask.within(day):
                running = s.state == "open" and s.stage_id == stage
                one = row(ask, s, day, seconds=to_minutes(seconds), running=running)
                one.keys["stage"] = stage
                yield one


def slippage(ask: Ask) -> Iterator[Row]:
    """Due when the period began; moved out when open at its end and expected later, or at no time."""
    zone = ask.world.zone
    assert ask.start
    assert ask.end
    begins = datetime.combine(ask.start, time.min, tzinfo=zone).astimezone(UTC) - timedelta(microseconds=1)
    ends = datetime.combine(ask.end, time.max, tzinfo=zone).astimezone(UTC)
    for s in ask.deals("open", at=min(begins, ask.valid)):
        if s.expected_close and ask.within(s.expected_close):
            then = ask.world.state(s.id, min(ends, ask.valid), ask.known)
            out = then.state == "open" and (then.expected_close is None or then.expected_close > ask.end)
            yield row(ask, s, s.expected_close, num=int(out), den=1)


def forecast(ask: Ask) -> Iterator[Row]:
    for s in expected(ask):
        one = snapshot(ask, s, s.expected_close)
        if one.keys["category"] != "omitted":
            yield one


def weighted(ask: Ask) -> Iterator[Row]:
    for s in expected(ask):
        usual = ask.world.stages[s.stage_id].probability
        yield snapshot(ask, s, s.expected_close, usual if s.probability is None else s.probability)


def cycle(s: Any) -> int:
    return (s.closed_on - s.opened_on).days


DEALS: dict[str, Callable[[Ask], Iterator[Row]]] = {
    "crm.deal_count": lambda a: (row(a, s, s.opened_on) for s in begun(*ALL)(a)),
    "crm.won_count": lambda a: (row(a, s, s.closed_on) for s in closed("won")(a)),
    "crm.lost_count": lambda a: (row(a, s, s.closed_on) for s in closed("lost")(a)),
    "crm.discarded_count": lambda a: (row(a, s, s.closed_on) for s in closed("discarded")(a)),
    "crm.won_amount": lambda a: (flow(a, s, s.closed_on, value=s.worth) for s in closed("won")(a)),
    "crm.lost_amount": lambda a: (flow(a, s, s.closed_on, value=s.worth) for s in closed("lost")(a)),
    "crm.credited_amount": credited,
    "crm.open_count": lambda a: (row(a, s, s.expected_close) for s in a.deals("open")),
    "crm.open_amount": lambda a: (snapshot(a, s, s.expected_close) for s in a.deals("open")),
    "crm.open_pipeline": lambda a: (snapshot(a, s, s.expected_close) for s in expected(a) if a.world.stages[s.stage_id].qualified),
    "crm.weighted_pipeline": weighted,
    "crm.category_forecast": forecast,
    "crm.win_rate": lambda a: (row(a, s, s.closed_on, num=s.state == "won", den=1) for s in closed("won", "lost")(a)),
    "crm.win_rate_value": lambda a: (flow(a, s, s.closed_on, num=(s.state == "won") and s.worth, den=s.worth) for s in closed("won", "lost")(a)),
    "crm.average_deal_size": lambda a: (flow(a, s, s.closed_on, num=s.worth, den=1) for s in closed("won")(a)),
    "crm.sales_cycle_days": lambda a: (row(a, s, s.closed_on, seconds=cycle(s)) for s in closed("won")(a)),
    "crm.sales_cycle_days_p90": lambda a: (row(a, s, s.closed_on, seconds=cycle(s)) for s in closed("won")(a)),
    "crm.sales_cycle_days_mean": lambda a: (row(a, s, s.closed_on, num=cycle(s), den=1) for s in closed("won")(a)),
    "crm.sales_velocity": velocity,
    "crm.created_win_rate": lambda a: (row(a, s, s.opened_on, num=s.state == "won", den=1) for s in begun(*COHORT)(a)),
    "crm.created_open_rate": lambda a: (row(a, s, s.opened_on, num=s.state == "open", den=1) for s in begun(*COHORT)(a)),
    "crm.funnel_reached": funnel(amounts=False),
    "crm.funnel_amount": funnel(amounts=True),
    "crm.stage_conversion": conversion,
    "crm.pipeline_created": qualified(money=True),
    "crm.discard_rate": qualified(money=False),
    "crm.time_in_stage_days": stays,
    "crm.time_in_stage_days_p90": stays,
    "crm.slippage": slippage,
}
