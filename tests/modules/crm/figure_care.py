"""Which activities, leads and accounts each figure counts, and how well deals are looked after, in plain Python."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from datetime import timedelta
from typing import Any

from tests.modules.crm.figure_deals import COHORT, DEALS, begun, row, to_minutes, whole
from tests.modules.crm.figure_world import Ask, Row

TOUCHES = ("call", "email", "visit", "meeting")
EVERY = (*TOUCHES, "task")


# Activities


def was_done(ask: Ask, a: Any) -> bool:
    return a.state == "done" and not ask.world.gone(a, ask.thrown) and a.done_at <= ask.valid and a.recorded_at <= ask.known


def was_planned(ask: Ask, a: Any) -> bool:
    """Still to do at that moment; what became of it later is known, what had been planned otherwise before is not."""
    if ask.world.gone(a, ask.thrown) or a.created_at > ask.valid:
        return False
    done_later = a.state == "done" and (a.done_at > ask.valid or a.recorded_at > ask.known)
    return a.state == "planned" or done_later or (a.state == "cancelled" and a.recorded_at is not None and a.recorded_at > ask.valid)


def activity(ask: Ask, a: Any, day: Any, who: Any, team: Any, **more: Any) -> Row:
    """One row, and a way for everybody who took part."""
    account, world = ask.world.accounts.get(a.account_id), ask.world
    found = {"kind": a.kind, "type": a.type_id, "outcome": a.outcome_id, "account": a.account_id, "segment": account and account.segment,
             "month": day and world.month(day), "quarter": day and world.quarter(day)}
    ways = [{"owner": who, "team": team}, *({"owner": m.member_id, "team": m.team_id} for m in world.took_part[a.id] if m.member_id != who)]
    return Row(more.pop("id", a.id), found, tuple(ways), **more)


def done(kinds: tuple[str, ...]) -> Callable[[Ask], Iterator[tuple[Any, Row]]]:
    def found(ask: Ask) -> Iterator[tuple[Any, Row]]:
        for a in ask.world.activities:
            if a.kind in kinds and was_done(ask, a) and ask.within(ask.world.day(a.done_at)):
                yield a, activity(ask, a, ask.world.day(a.done_at), a.done_by_id, a.team_id)

    return found


def planned(late: bool) -> Callable[[Ask], Iterator[Row]]:
    def rows(ask: Ask) -> Iterator[Row]:
        for a in ask.world.activities:
            if was_planned(ask, a) and ask.within(a.due_on) and (not late or (a.due_on and a.due_on < ask.today)):
                yield activity(ask, a, a.due_on, a.owner_id, None)

    return rows


def contacts(ask: Ask) -> Iterator[Row]:
    for a, one in done(TOUCHES)(ask):
        one.left_out = "" if a.outcome_id else "no_outcome"
        one.num, one.den = int(bool(a.outcome_id) and ask.world.outcomes[a.outcome_id].reached), 1
        yield one


def touched(ask: Ask) -> Iterator[Row]:
    for a, one in done(TOUCHES)(ask):
        if a.account_id:
            one.id = a.account_id
            yield one


def late_records(ask: Ask) -> Iterator[Row]:
    for a, one in done(TOUCHES)(ask):
        if a.told_after is None:  # a file did not say when it was told
            continue
        one.num, one.den = int((a.recorded_at - a.done_at).total_seconds() > ask.world.settings.late_hours * 3600), 1
        yield one


# Accounts


def account(a: Any, **more: Any) -> Row:
    return Row(a.id, {"owner": a.owner_id, "account": a.id, "segment": a.segment}, **more)


def reach(ask: Ask) -> Iterator[Row]:
    both_ways = {a.account_id for a, _one in done(TOUCHES)(ask) if a.outcome_id and ask.world.outcomes[a.outcome_id].reached}
    for a in ask.world.accounts.values():
        if a.target and not ask.world.gone(a, ask.thrown):
            yield account(a, num=int(a.id in both_ways), den=1)


def portfolio(kind: str) -> Callable[[Ask], Iterator[Row]]:
    def rows(ask: Ask) -> Iterator[Row]:
        last = min(ask.end, ask.today)  # type: ignore[type-var]  # of this fiscal quarter at least
        before_it, days = ask.start - timedelta(days=1), ask.world.settings.active_days  # type: ignore[operator]
        wins: dict[Any, list[Any]] = {}
        for s in ask.deals("won"):
            wins.setdefault(s.account_id, []).append(s.closed_on)
        for a in ask.world.accounts.values():
            if ask.world.gone(a, ask.thrown):
                continue
            bought = [day for day in wins.get(a.id, ()) if day <= last]
            was, is_ = (any(day - timedelta(days=days) < b <= day for b in bought) for day in (before_it, last))
            new = bool(bought) and min(bought) > before_it
            counted = {"active": is_, "new": is_ and new, "reactivated": is_ and not was and not new, "lost": was and not is_,
                       "growth": was or is_, "retention": was}[kind]
            if counted:
                yield account(a, num=is_ - was if kind == "growth" else int(is_), den=int(was))

    return rows


def kept_by(which: str) -> Callable[[Ask], Iterator[Row]]:
    """Who looked after an account on the day, from when on, until when: given away is the day after the last one."""

    def rows(ask: Ask) -> Iterator[Row]:
        for p in ask.world.portfolios:
            if ask.world.gone(ask.world.accounts[p.account_id], None):
                continue
            given = p.valid_to and p.valid_to + timedelta(days=1)
            held = p.valid_from <= ask.today and (p.valid_to is None or ask.today <= p.valid_to)
            day = {"held": p.valid_from, "taken": p.valid_from, "given": given}[which]
            if held if which == "held" else day and day <= ask.today and ask.within(day):
                yield Row(p.account_id, {"owner": p.member_id, "month": ask.world.month(day)})

    return rows


# Leads


def leads(which: str) -> Callable[[Ask], Iterator[Row]]:
    def rows(ask: Ask) -> Iterator[Row]:
        for x in ask.world.leads:
            if ask.world.gone(x, ask.thrown) or x.opened_at > ask.valid or x.created_at > ask.known:
                continue
            won = x.state == "converted" and x.converted_at <= ask.valid
            day = ask.world.day(x.converted_at) if which == "converted" and won else ask.world.day(x.opened_at)
            if ask.within(day) and (won or which != "converted"):
                found = {"owner": x.owner_id, "team": x.team_id, "source": x.source_id, "medium": x.medium_id, "campaign": x.campaign_id,
                         "product": x.product, "month": ask.world.month(day), "quarter": ask.world.quarter(day)}
                yield Row(x.id, found, num=int(won), den=1)

    return rows


# Care


def limits(ask: Ask) -> dict[int, int]:
    """Stage -> seconds within which nine of ten finished stays were over, as known today, of ten at least."""
    over: dict[int, list[int]] = {}
    for deal_id in ask.world.deals:
        s = ask.world.state(deal_id, ask.present, ask.present)
        stay: dict[int, int] = {}
        for (at, stage, state), (end, _stage, _state) in zip(s.path, s.path[1:], strict=False) if s else ():
            if state == "open":
                stay[stage] = stay.get(stage, 0) + whole(at, end)
        for stage, seconds in stay.items():
            if seconds:
                over.setdefault(stage, []).append(seconds)
    return {stage: sorted(all_)[-(-9 * len(all_) // 10) - 1] for stage, all_ in over.items() if len(all_) >= 10}


def problems(ask: Ask, s: Any, longest: dict[int, int], with_step: set[int]) -> list[str]:
    found = {
        "amount": s.amount_minor is None,
        "close_date": s.expected_close is None or s.expected_close < ask.today,
        "next_step": s.id not in with_step,
        "contact": not ask.world.committee[s.id],
        "stage_age": s.stage_id in longest and whole(s.path[-1][0], ask.valid) > longest[s.stage_id],
    }
    return [name for name, there in found.items() if there]


def checked(ask: Ask) -> Iterator[tuple[Any, list[str]]]:
    longest, with_step = limits(ask), {a.deal_id for a in ask.world.activities if was_planned(ask, a)}
    return ((s, problems(ask, s, longest, with_step)) for s in ask.deals("open"))


def hygiene(name: str = "") -> Callable[[Ask], Iterator[Row]]:
    def rows(ask: Ask) -> Iterator[Row]:
        for s, found in checked(ask):
            yield row(ask, s, s.expected_close, num=int(name not in found if name else not found), den=1)

    return rows


def with_problems(ask: Ask) -> Iterator[Row]:
    for s, found in checked(ask):
        if found:
            one = row(ask, s, s.expected_close)
            one.ways = tuple({**way, "problem": name} for way in one.ways for name in found)
            yield one


def first_contact(ask: Ask) -> Iterator[Row]:
    """From the beginning of a deal to the first touch; who waits has waited until it was closed, or until now."""
    for s in begun(*COHORT)(ask):
        touches = [a.done_at for a in ask.world.activities if a.deal_id == s.id and a.kind in TOUCHES and was_done(ask, a)]
        until = min(touches) if touches else s.closed_at or ask.valid
        yield row(ask, s, s.opened_on, seconds=to_minutes(max(0, whole(s.opened_at, until))), running=not touches)


CARE: dict[str, Callable[[Ask], Iterator[Row]]] = {
    "crm.activities_done": lambda a: (one for _a, one in done(EVERY)(a)),
    "crm.follow_ups": lambda a: (one for _a, one in done(TOUCHES)(a)),
    "crm.activities_planned": planned(late=False),
    "crm.activities_overdue": planned(late=True),
    "crm.effective_contact_rate": contacts,
    "crm.accounts_touched": touched,
    "crm.late_record_rate": late_records,
    "crm.target_account_reach": reach,
    **{f"crm.portfolio_{kind}": portfolio(kind) for kind in ("active", "new", "reactivated", "lost", "growth")},
    "crm.customer_retention": portfolio("retention"),
    "crm.leads_created": leads("created"),
    "crm.leads_converted": leads("converted"),
    "crm.lead_conversion": leads("share"),
    "crm.pipeline_hygiene": hygiene(),
    **{f"crm.hygiene_{name}": hygiene(name) for name in ("amount", "close_date", "next_step", "contact", "stage_age")},
    "crm.hygiene_problems": with_problems,
    "crm.first_contact_hours": first_contact,
    "contacts.portfolio_accounts": kept_by("held"),
    "contacts.accounts_taken_over": kept_by("taken"),
    "contacts.accounts_handed_over": kept_by("given"),
}
DEFINITIONS = {**DEALS, **CARE}
