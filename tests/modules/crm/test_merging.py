"""Merging accounts moves the whole past of their deals; merging deals keeps the ledger of the one that stays."""

from __future__ import annotations

import random
from contextlib import suppress

import pytest
from sqlalchemy import select

from app.core import merging
from app.core.db import db
from app.core.errors import BusinessError, Conflict
from app.core.metrics import MetricQuery, evaluate
from app.core.registry import registry
from app.core.writes import create
from app.modules.contacts.models import Account
from app.modules.crm import ledger
from app.modules.crm.models import Deal, DealEvent, DealSpan
from app.modules.crm.services import change_deal, undo
from tests.modules.crm.making import all_figures, clock, euros, make_deal, move

METRICS = ("crm.won_amount", "crm.won_count", "crm.deal_count", "crm.open_pipeline")
STILL = {"with_trash": True, "all_rows": True}


def accounts(*names: str) -> list[Account]:
    return [create(Account, {"name": name}) for name in names]


def merge(winner: Account, *losers: Account) -> str:
    return merging.merge(registry.resource("contacts.account"), winner.id, [row.id for row in losers], {}, {})


def by_account(**asked) -> dict:
    """Metric and account -> value and n."""
    found = {}
    for name in METRICS:
        for row in evaluate(name, MetricQuery(by=("account",), **asked)).rows:
            found[name, row.keys["account"]] = (getattr(row.value, "minor", row.value), row.n)
    return found


def check_ledger() -> None:
    """Replay, the spans believed now and the deals say the same, deal by deal."""
    for deal in db.session.scalars(select(Deal)):
        events = db.session.scalars(select(DealEvent).where(DealEvent.deal_id == deal.id)).all()
        assert ledger.replay(events) == ledger.DealState.of(deal)
        spans = select(DealSpan).where(DealSpan.deal_id == deal.id, DealSpan.known_to.is_(None)).order_by(DealSpan.valid_from)
        found = [ledger.Span(s.valid_from, s.valid_to, ledger.DealState.of(s)) for s in db.session.scalars(spans)]
        assert found == ledger.spans(events)
        for span in db.session.scalars(select(DealSpan).where(DealSpan.deal_id == deal.id)):
            then = ledger.replay(events, as_of=span.valid_from, known_at=span.known_from)
            assert then.account_id == span.account_id


def added(figures: dict, *account_ids: int) -> dict:
    """The figures of several accounts summed."""
    sums: dict = {}
    for (name, account_id), (amount, n) in figures.items():
        if account_id in account_ids:
            before = sums.get(name)
            sums[name] = (before[0] + amount, before[1] + n) if before else (amount, n)
    return sums


def test_figures_by_account_add_up_on_the_winner_for_the_past_as_well(one):
    with one, clock("2026-01-10T10:00") as time:
        good, bad, other = accounts("Acme", "ACME S.L.", "Other")
        for account in (good, bad, other):
            make_deal(account_id=account.id, amount=euros(100 * account.id))
            won = make_deal(account_id=account.id, amount=euros(7 * account.id))
            time.shift(3600)
            move(won, "won")
        time.move_to("2026-03-01T10:00+00:00")
        then, now = by_account(as_of=None), by_account()
        past = by_account(known_at=ledger_time())
        total = all_figures()
        group = merge(good, bad)
        assert added(by_account(), good.id) == added(now, good.id, bad.id)
        assert added(by_account(), bad.id) == {}
        assert added(by_account(known_at=ledger_time()), good.id) == added(past, good.id, bad.id)
        assert added(by_account(), other.id) == added(then, other.id)
        assert all_figures() == total
        check_ledger()
        merging.unmerge(group)
        assert by_account() == now
        assert by_account(known_at=ledger_time()) == past
        check_ledger()


def ledger_time():
    return max(db.session.scalars(select(DealEvent.recorded_at)))


def test_what_happens_between_merge_and_unmerge_follows_the_ledger(one):
    with one:
        with clock("2026-01-10T10:00") as time:
            good, bad = accounts("Acme", "ACME S.L.")
            moved, given, thrown = (make_deal(name=name, account_id=bad.id) for name in ("Moved", "Given", "Thrown"))
            time.shift(3600)
            group = merge(good, bad)
            time.shift(3600)
            move(moved, 3)
            change_deal(given, {"account_id": None}, source="web")
            time.shift(3600)
            change_deal(given, {"account_id": good.id}, source="web")
            time.shift(3600)
            deal = registry.resource("crm.deal")
            deal.remove([thrown.id])
            time.shift(3600)
            deal.bring_back([thrown.id])
            check_ledger()
            time.shift(3600)
            merging.unmerge(group)
            check_ledger()
            found = {d.name: d.account_id for d in db.session.scalars(select(Deal))}
        assert found == {"Moved": bad.id, "Given": good.id, "Thrown": bad.id}


@pytest.mark.parametrize("seed", range(6))
def test_replay_spans_and_deals_agree_after_any_order_of_merges(one, seed):
    chance = random.Random(seed)
    with one, clock("2026-01-10T10:00") as time:
        firms = accounts("A", "B", "C")
        ids = [a.id for a in firms]
        deals = [make_deal(name=f"D{n}", account_id=chance.choice(ids)).id for n in range(4)]
        groups: list[str] = []
        for _step in range(14):
            time.shift(60)
            _step_of(chance, ids, deals, groups)
            check_ledger()


def _step_of(chance: random.Random, ids: list[int], deals: list[int], groups: list[str]) -> None:
    resource = registry.resource("crm.deal")
    deal = db.session.scalar(select(Deal).where(Deal.id == chance.choice(deals)))
    what = chance.choice(("move", "account", "trash", "merge", "unmerge", "past"))
    alive = db.session.scalars(select(Account.id).where(Account.id.in_(ids))).all()
    if what == "merge" and len(alive) > 1:
        winner, loser = chance.sample(alive, 2)
        groups.append(merging.merge(registry.resource("contacts.account"), winner, [loser], {}, {}))
    elif what == "unmerge" and groups:
        merging.unmerge(groups.pop())
    elif deal is None:
        resource.bring_back(deals)
    elif what == "move":
        with suppress(BusinessError):  # it may be there already
            move(deal, chance.choice((1, 2, 3)))
    elif what == "account":
        change_deal(deal, {"account_id": chance.choice([*alive, None])}, source="web")
    elif what == "past":
        last = db.session.scalars(select(DealEvent).where(DealEvent.deal_id == deal.id, DealEvent.kind == "changed").order_by(DealEvent.id.desc())).first()
        if last is not None and last.voids_id is None:
            _taken_back(deal, last)
    elif what == "trash":
        resource.remove([deal.id])


def _taken_back(deal: Deal, event: DealEvent) -> None:
    with suppress(BusinessError, Conflict):  # not the last gesture, or longer ago than a minute
        undo(deal, event.id)


def test_the_loser_of_two_deals_leaves_the_figures_with_its_own_ledger_and_comes_back(one):
    with one:
        first = make_deal(name="Press", amount=euros(100))
        second = make_deal(name="Press again", amount=euros(250))
        move(second, "won")
        ids, before = (first.id, second.id), all_figures()
        events = select(DealEvent.deal_id, DealEvent.id).where(DealEvent.kind != "voided").order_by(DealEvent.id)
        told = db.session.execute(events).all()
        group = merging.merge(registry.resource("crm.deal"), ids[0], [ids[1]], {"name": "Press again"}, {})
        assert [d.name for d in db.session.scalars(select(Deal))] == ["Press again"]
        assert db.session.execute(events).all() == told
        assert sum(row.n for row in evaluate("crm.deal_count", MetricQuery()).rows) == 1
        check_ledger()
        merging.unmerge(group)
        check_ledger()
        assert all_figures() == before
        assert [d.name for d in db.session.scalars(select(Deal).order_by(Deal.id))] == ["Press", "Press again"]
