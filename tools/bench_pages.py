"""The pages and gestures that are measured, and what is the least that each could cost."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from datetime import date
from functools import partial
from itertools import cycle
from typing import Any

from bench_goals import measured as goals
from bench_measure import WARM_UP, Raw, Sent, Timing, checked, joined, recording, timed
from bench_out import exported, searches
from bench_reports import pages as reports
from flask import Flask
from flask.testing import FlaskClient
from werkzeug.test import TestResponse

from app.core.access import require
from app.core.web import render

SLUG = "one"
BASE = f"/c/{SLUG}"
BOARD = f"{BASE}/crm/board"
EMPTY, NOTHING = f"{BASE}/bench/empty", f"{BASE}/bench/nothing"
FRAGMENT = {"HX-Request": "true", "HX-Current-URL": f"http://localhost{BOARD}"}
CARDS = 21  # of a column: those shown, and one that tells whether there are more
ROWS = 51  # of a list

NAMES = """
    LEFT JOIN contacts_account a ON a.company_id = d.company_id AND a.id = d.account_id
    LEFT JOIN core_membership m ON m.company_id = d.company_id AND m.id = d.owner_id
"""
HEADS = """
    SELECT s.name, s.probability, d.currency, count(*), sum(d.amount_minor)
    FROM crm_deal d JOIN crm_stage s ON s.company_id = d.company_id AND s.id = d.stage_id
    WHERE d.company_id = ? AND d.state = 'open' GROUP BY s.name, s.probability, d.currency
"""
# The rows first and their names afterwards, and no column that is not shown: SQLite sorts whole rows.
SHOWN = "d.id, d.company_id, d.version, d.name, d.account_id, d.stage_id, d.owner_id, d.amount_minor, d.currency"
COLUMN = f"""
    SELECT d.id, d.version, d.name, a.name, d.amount_minor, d.currency, m.name, d.expected_close, d.entered_on
    FROM (SELECT {SHOWN}, d.expected_close, d.entered_on FROM crm_deal d
          WHERE d.company_id = ? AND d.stage_id = ? AND d.state = 'open'
          ORDER BY d.entered_at DESC, d.id DESC LIMIT {CARDS}) d {NAMES}
"""  # noqa: S608  # no value from outside
LIST = f"""
    SELECT d.id, d.name, a.name, s.name, d.amount_minor, d.currency, d.expected_close, m.name
    FROM (SELECT {SHOWN}, d.expected_close FROM crm_deal d WHERE d.company_id = ? %s LIMIT {ROWS}) d
    LEFT JOIN crm_stage s ON s.company_id = d.company_id AND s.id = d.stage_id {NAMES}
"""  # noqa: S608  # no value from outside
OPEN_LIST = LIST % "AND d.state = 'open' ORDER BY d.entered_at DESC, d.id DESC"
WHOLE_LIST = LIST % "ORDER BY d.entered_at DESC, d.id DESC"
BY_AMOUNT = LIST % "ORDER BY d.amount_minor IS NULL, d.amount_minor DESC, d.id DESC"
DEAL = f"""
    SELECT d.*, a.name, m.name, s.name
    FROM crm_deal d JOIN crm_stage s ON s.company_id = d.company_id AND s.id = d.stage_id {NAMES}
    WHERE d.company_id = ? AND d.id = ?
"""  # noqa: S608  # no value from outside
LEDGER = """
    SELECT e.*, m.name FROM crm_deal_event e
    LEFT JOIN core_membership m ON m.company_id = e.company_id AND m.id = e.actor_id
    WHERE e.company_id = ? AND e.deal_id = ? ORDER BY e.at, e.id
"""
LOG = """
    SELECT c.* FROM core_change c WHERE c.company_id = ? AND c.table_name = 'crm_deal' AND c.row_id = ? ORDER BY c.id
"""
ACCOUNTS = f"""
    SELECT d.id, d.name, d.sector, d.city, d.country, d.employees, d.annual_revenue_minor, d.currency, m.name
    FROM (SELECT * FROM contacts_account d WHERE d.company_id = ? ORDER BY d.name_key, d.id LIMIT {ROWS}) d
    LEFT JOIN core_membership m ON m.company_id = d.company_id AND m.id = d.owner_id
"""  # noqa: S608  # no value from outside
STAMP = "SELECT max(id) FROM core_change WHERE company_id = ?"


@dataclass
class Bench:
    """One filled database, an application on it, and who asks."""

    app: Flask
    raw: Raw
    admin: FlaskClient
    rep: FlaskClient
    me: int  # the admin's membership
    rep_id: int  # the rep's
    rounds: int
    empty: Timing | None = None  # the empty page, once it is known

    def __post_init__(self) -> None:
        self.company_id = self.raw.company_id
        self.stages = [row["id"] for row in self.raw.look_at(
            "SELECT id FROM crm_stage WHERE company_id = ? AND type = 'open' ORDER BY position", self.company_id)]  # fmt: skip
        deals = self.raw.look_at(
            "SELECT id FROM crm_deal WHERE company_id = ? AND state = 'open' AND stage_id <> ? AND amount_minor > 0 ORDER BY id",
            self.company_id, self.stages[-1])  # fmt: skip
        step = max(1, len(deals) // (4 * (self.rounds + WARM_UP)))
        self.deals: Iterator[int] = cycle([row["id"] for row in deals[::step]])

    # Reading

    def read(self, name: str, ask: Callable[[], TestResponse], floor: Callable[[], Any] | None, status: int = 200) -> Timing:
        """Time a page and its floor in turn."""
        found = Timing(name)
        with recording(self.app) as sent:
            checked(ask(), status)
        found.statements, found.rows = _count(sent), self.raw.replay(sent)
        for number in range(-WARM_UP, self.rounds):
            seconds, response = timed(ask)
            checked(response, status)
            least = timed(floor)[0] if floor else 0.0
            if number >= 0:
                found.taken.append(seconds)
                found.floor += [least] if floor else []
        return found

    def pages(self, asked: Mapping[str, tuple[str, tuple[tuple[Any, ...], ...]]], base: str) -> Iterator[Timing]:
        """Time pages of the admin, each name with its address within the company and the selects of its floor."""
        for name, (address, queries) in asked.items():
            found = self.read(name, partial(self.admin.get, f"{base}/{address}"), self.least(*queries) if queries else None)
            found.base = self.empty.median if self.empty else 0.0
            yield found

    def least(self, *queries: tuple[Any, ...]) -> Callable[[], int]:
        """The floor of a page: rows by hand-written SQL, joined into an escaped string."""

        def fetch() -> int:
            with self.raw.reading():
                return sum(len(joined(self.raw.rows(sql, self.company_id, *more))) for sql, *more in queries)

        return fetch

    # Writing

    def write(self, name: str, address: str, values: Callable[[dict[str, Any]], dict[str, Any]]) -> Timing:
        """Time a gesture on a deal; its floor is the very same statements by the raw driver, with commit.

        `address` may name the deal as `{id}`; `values` makes what is posted from the deal's row.
        """
        found = Timing(name)
        for number in range(-WARM_UP, self.rounds):
            deal_id = next(self.deals)
            deal = self.raw.look_at("SELECT * FROM crm_deal WHERE id = ?", deal_id)
            newest = self.raw.look_at("SELECT max(id) id FROM crm_deal WHERE company_id = ?", self.company_id)[0]["id"]
            spans = self.raw.look_at("SELECT * FROM crm_deal_span WHERE deal_id = ?", deal_id)
            ask = partial(self.admin.post, f"{BASE}/{address.format(id=deal_id)}", data=values(deal[0]), headers=FRAGMENT)
            with recording(self.app) as sent:
                seconds, response = timed(ask)
            checked(response, 200)
            self.raw.put_back("crm_deal", deal)
            self.raw.put_back("crm_deal_span", spans)
            self.raw.take_out("crm_deal_stage", newest)  # each once for a deal: the same again would be refused
            least, rows = timed(partial(self.raw.replay, sent))
            if number >= 0:
                found.taken.append(seconds)
                found.floor.append(least)
                found.statements, found.rows = _count(sent), rows
        return found

    def stage_after(self, stage_id: int) -> int:
        """The open stage that comes next."""
        return self.stages[self.stages.index(stage_id) + 1]


def _count(sent: list[Sent]) -> int:
    return len([s for s in sent if s.counts])


def add_empty_pages(app: Flask) -> None:
    """A page with nothing but the shell, and an answer with nothing at all, behind the same gate as all others."""
    page = app.jinja_env.from_string('{% extends "base.html" %}{% block main %}<h1>Empty</h1>{% endblock %}')
    views: dict[str, Callable[[], Any]] = {
        "empty": lambda: render(page),  # type: ignore[arg-type]  # Flask takes templates too
        "nothing": lambda: ("", 204),
    }
    for name, view in views.items():
        app.add_url_rule(f"/c/<company>/bench/{name}", f"bench_{name}", require("crm.deal.view")(view))


def reads(bench: Bench, day: date) -> Iterator[Timing]:
    """All pages on a day, which is today; floors of pages include the empty page, the floor of the poll the empty answer."""
    admin, rep, least = bench.admin, bench.rep, bench.least
    empty = bench.read("empty page", lambda: admin.get(EMPTY), None)
    nothing = bench.read("empty answer", lambda: admin.get(NOTHING), None, 204)
    bench.empty = empty
    yield empty
    yield nothing

    def page(name: str, client: FlaskClient, address: str, *queries: tuple[Any, ...]) -> Timing:
        found = bench.read(name, lambda: client.get(address), least(*queries))
        found.base = empty.median
        return found

    columns = [(COLUMN, stage_id) for stage_id in bench.stages]
    mine = [(_of_owner(COLUMN), stage_id, bench.rep_id) for stage_id in bench.stages]
    yield page("board", admin, BOARD, (HEADS,), *columns)
    yield page("board of a rep", rep, BOARD, (_of_owner(HEADS), bench.rep_id), *mine)
    yield _poll(bench, nothing)
    yield page("list of open deals", admin, f"{BASE}/crm/deals", (OPEN_LIST,))
    yield page("list of all deals", admin, f"{BASE}/crm/deals?view=all", (WHOLE_LIST,))
    yield page("all deals by amount", admin, f"{BASE}/crm/deals?view=all&sort=-amount", (BY_AMOUNT,))
    deal_id = next(bench.deals)
    yield page("deal page", admin, f"{BASE}/crm/deals/{deal_id}", (DEAL, deal_id), (LEDGER, deal_id), (LOG, deal_id))
    yield page("account list", admin, f"{BASE}/contacts/accounts", (ACCOUNTS,))
    yield from reports(bench, BASE, day, deal_id)
    yield from goals(bench, BASE, day)
    yield from searches(bench, BASE, empty)
    yield exported(bench, BASE, empty)


def _of_owner(sql: str) -> str:
    return sql.replace("d.state = 'open'", "d.state = 'open' AND d.owner_id = ?")


def _poll(bench: Bench, nothing: Timing) -> Timing:
    """The refresh of a board that has not changed."""
    first = bench.admin.get(BOARD).text
    stamp = first.partition('data-stamp="')[2].partition('"')[0]
    headers = {**FRAGMENT, "HX-PTag": stamp}
    found = bench.read("board, poll (304)", lambda: bench.admin.get(BOARD, headers=headers), bench.least((STAMP,)), 304)
    found.base = nothing.median
    return found


def writes(bench: Bench) -> Iterator[Timing]:
    """All gestures on deals, each on another deal every time."""
    yield bench.write("move a card", "crm/deals/{id}/move",
                      lambda deal: {"stage_id": bench.stage_after(deal["stage_id"]), "version": deal["version"]})  # fmt: skip
    yield bench.write("edit on the card", "crm/deals/{id}/card",
                      lambda deal: {**_same(deal), "amount": deal["id"] + 2, "version": deal["version"]})  # fmt: skip
    yield bench.write("edit on the deal page", "crm/deals/{id}/fields/amount",
                      lambda deal: {"amount": deal["id"] + 1, "version": deal["version"]})  # fmt: skip
    yield bench.write("quick create", "crm/board/quick",
                      lambda deal: {"stage": bench.stages[0], "name": f"New after {deal['id']}", "amount": 1000})  # fmt: skip


def _same(deal: dict[str, Any]) -> dict[str, Any]:
    """What the form on the card asks, unchanged."""
    return {name: deal[name] or "" for name in ("expected_close", "owner_id", "stage_id")}
