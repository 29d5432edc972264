"""What the board puts together: order, pages, marks of a card, filters."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from datetime import date, timedelta
from typing import Any

import pytest
from sqlalchemy import select

from app.core.db import db
from app.core.models import Membership, Team
from app.modules.contacts.models import Account
from app.modules.crm import board, services
from app.modules.crm.board import Board, BoardColumn
from app.modules.crm.board_filters import BoardFilters, presets
from app.modules.crm.models import Deal, Pipeline, Stage
from tests.modules.crm.making import clock, euros, make_deal, move, stage

NOW = "2026-03-10T11:00:00"


@contextmanager
def looking(one: Any, now: str = NOW) -> Iterator[Any]:
    """The board is looked at from company One, the clock standing still."""
    with clock(now) as traveller, one, one.app.test_request_context("/c/one/crm/board"):
        yield traveller


def shown(shown: dict[int, int] | None = None, **args: str) -> Board:
    return board.board_of(BoardFilters.of(args), shown)


def first(found: Board) -> BoardColumn:
    return found.columns[0]


def names(column: BoardColumn) -> list[str]:
    return [card.name for card in column.cards]


def test_the_columns_are_the_open_stages_of_the_first_pipeline(one) -> None:
    with looking(one):
        found = shown()
        open_stages = db.session.scalars(select(Stage.name).where(Stage.type == "open").order_by(Stage.position)).all()
        assert [c.name for c in found.columns] == open_stages
        assert [s.type for s in found.closing] == ["won", "lost", "discarded"]
        assert not found.any_deal


def test_the_newest_in_a_stage_stands_on_top(one) -> None:
    with looking(one) as traveller:
        early = make_deal(name="early")
        traveller.shift(60)
        make_deal(name="late")
        traveller.shift(60)
        move(early, 2)
        assert names(first(shown())) == ["late"]
        traveller.shift(60)
        move(early, 1)
        assert names(first(shown())) == ["early", "late"]


def test_pages_of_a_column_join_without_gap_or_repeat(one) -> None:
    with looking(one) as traveller:
        for n in range(47):
            make_deal(name=f"deal {n:02}")
            traveller.shift(60 if n % 3 else 0)  # some entered at the very same instant
        found = shown()
        column, seen = first(found), names(first(found))
        assert (len(seen), column.count) == (20, 47)
        while column.more_url:
            after = column.more_url.split("after=")[1].split("&")[0].replace("%2B", "+").replace("%3A", ":").replace("%7E", "~")
            _board, column = board.more_of(found.filters, first(found).id, after)
            seen += names(column)
        assert seen == sorted(seen, reverse=True)
        assert len(set(seen)) == 47


def test_a_refresh_gives_back_as_many_cards_as_were_shown(one) -> None:
    with looking(one):
        for n in range(30):
            make_deal(name=f"deal {n}")
        column_id = first(shown()).id
        assert len(first(shown({column_id: 27})).cards) == 27
        assert first(shown({column_id: 27})).more_url
        assert len(first(shown({column_id: 30})).cards) == 30
        assert first(shown({column_id: 30})).more_url is None


def test_sums_are_those_of_the_cards(one) -> None:
    with looking(one):
        make_deal(amount=euros(1000))
        make_deal(amount=None)
        move(make_deal(amount=euros(3000)), "won")
        found = shown()
        assert (first(found).count, first(found).sum, first(found).weighted) == (2, euros(1000), euros(100))
        assert (found.total["count"], found.total["sum"]) == (2, euros(1000))


@pytest.mark.parametrize(
    ("days", "kind"), [(-1, "bad"), (0, "warn"), (7, "warn"), (8, "ok"), (None, "none")]
)
def test_the_expected_close_is_marked_by_how_near_it_is(one, days: int | None, kind: str) -> None:
    with looking(one):
        make_deal(expected_close=None if days is None else date(2026, 3, 10) + timedelta(days=days))
        assert first(shown()).cards[0].close_kind == kind


def test_a_deal_rots_after_the_days_of_its_stage(one) -> None:
    with looking(one) as traveller:
        make_deal()
        traveller.shift(timedelta(days=21))
        assert not first(shown()).cards[0].rotten
        traveller.shift(timedelta(days=1))
        card = first(shown()).cards[0]
        assert card.rotten and card.age == "22 d" and "21 are usual" in card.age_title


def test_filters_choose_cards_and_sums_alike(one, people) -> None:
    with looking(one):
        account = Account(name="Ácme")
        db.session.add(account)
        db.session.flush()
        bob, dave = people["bob"].member_id, people["dave"].member_id
        make_deal(name="Válvula", owner_id=bob, account_id=account.id, expected_close=date(2026, 3, 1))
        make_deal(name="Bomba", owner_id=dave, expected_close=date(2026, 4, 2))
        north = db.session.scalar(select(Team.id).where(Team.name == "North"))
        chosen = {
            "owner_id": (str(dave), "Bomba"),
            "team": (str(north), "Válvula"),
            "account_id": (str(account.id), "Válvula"),
            "q": ("valv", "Válvula"),
            "close": ("overdue", "Válvula"),
            "expected_close__gte": ("2026-04-01", "Bomba"),
        }
        for name, (value, expected) in chosen.items():
            found = shown(**{name: value})
            assert (name, names(first(found))) == (name, [expected])
            assert first(found).count == 1
        assert names(first(shown(account_id="none"))) == ["Bomba"]


def test_the_periods_are_those_of_the_calendar(one) -> None:
    with looking(one, "2026-12-31T12:00:00"):
        found = {name: (first, last) for name, (_label, first, last) in presets().items()}
    assert found == {
        "overdue": (None, date(2026, 12, 30)),
        "month": (date(2026, 12, 1), date(2026, 12, 31)),
        "next": (date(2027, 1, 1), date(2027, 1, 31)),
        "quarter": (date(2026, 10, 1), date(2026, 12, 31)),
    }


def test_a_second_pipeline_has_a_board_of_its_own(one) -> None:
    with looking(one):
        service = Pipeline(name="Service", position=2)
        db.session.add(service)
        db.session.flush()
        db.session.add(Stage(name="Call", pipeline_id=service.id, type="open", position=1))
        db.session.flush()
        make_deal(name="sale")
        services.create_deal({"name": "repair", "pipeline_id": service.id})
        assert names(first(shown())) == ["sale"]
        found = shown(pipeline=str(service.id))
        assert (found.pipeline["name"], names(first(found)), found.total["count"]) == ("Service", ["repair"], 1)


def test_the_card_of_a_closed_or_hidden_deal_is_none(one) -> None:
    with looking(one):
        deal = make_deal(name="Pump")
        heads = board.heads_of(BoardFilters.of({}))
        assert board.card_of(heads, deal.id).name == "Pump"
        assert board.card_of(board.heads_of(BoardFilters.of({"q": "other"})), deal.id) is None
        move(deal, "won")
        assert board.card_of(heads, deal.id) is None


def test_the_stamp_changes_with_names_of_people_too(one, people) -> None:
    with looking(one):
        make_deal()
        before = board.stamp()
        db.session.get_one(Membership, people["bob"].member_id).name = "Robert"
        db.session.flush()
        assert board.stamp() != before
        deal = db.session.scalars(select(Deal)).one()
        before = board.stamp()
        move(deal, stage(2).position)
        assert board.stamp() != before
