"""A small company whose reports can be counted by hand, and how the tests of reports read them."""

from __future__ import annotations

import re
from dataclasses import dataclass
from datetime import date
from html import unescape
from html.parser import HTMLParser
from typing import Any

from flask.testing import FlaskClient

from app.core.clock import noon
from app.core.db import db
from app.modules.contacts.public import Account
from app.modules.crm import services
from app.modules.crm.models import Deal
from tests.modules.crm.making import euros, reason, stage

URL = "/c/one/crm/reports"
FIGURES = "/c/one/admin/figures"  # the records behind one


@dataclass(frozen=True)
class Sale:
    """A deal as plain Python knows it: `path` are the open stages it went through by position, `end` what became of it."""

    name: str
    owner: str
    amount: int
    begun: date
    path: tuple[int, ...]
    end: str = "open"
    closed: date | None = None


SALES = (
    Sale("Press", "bob", 1000, date(2025, 1, 5), (1, 2, 3), "won", date(2025, 2, 3)),
    Sale("Oven", "bob", 3000, date(2025, 1, 12), (1, 2), "lost", date(2025, 3, 2)),
    Sale("Mill", "bob", 2000, date(2025, 2, 2), (1, 2, 3, 4), "won", date(2025, 3, 10)),
    Sale("Pump", "dave", 5000, date(2025, 1, 20), (1, 3), "won", date(2025, 3, 5)),
    Sale("Belt", "dave", 700, date(2025, 2, 10), (1,), "lost", date(2025, 2, 20)),
    Sale("Tank", "dave", 900, date(2025, 3, 3), (1, 2)),
    Sale("Fan", "bob", 400, date(2024, 10, 1), (1, 2, 3), "won", date(2024, 11, 20)),
    Sale("Twin", "bob", 100, date(2025, 1, 8), (1,), "discarded", date(2025, 1, 9)),
)
Q1 = {"period__gte": "2025-01-01", "period__lte": "2025-03-31"}


def tell(people: dict[str, Any], sales: tuple[Sale, ...] = SALES) -> dict[str, int]:
    """Tell the deals to the company of this context; their ids by name."""
    account = Account(name="Acme", owner_id=people["bob"].member_id)
    db.session.add(account)
    db.session.flush()
    return {sale.name: _tell(sale, people[sale.owner].member_id, account.id).id for sale in sales}


def _tell(sale: Sale, owner_id: int, account_id: int) -> Deal:
    values = {"name": sale.name, "amount": euros(sale.amount), "owner_id": owner_id, "account_id": account_id}
    deal = services.create_deal(values, at=noon(sale.begun), source="import")
    for place, position in enumerate(sale.path[1:], start=1):
        day = sale.begun.replace(day=sale.begun.day + place)
        services.move_deal(deal, stage(position), version=deal.version, at=noon(day), source="import")
    if sale.closed:
        why = reason(sale.end) if sale.end != "won" else None
        services.move_deal(deal, stage(sale.end), version=deal.version, at=noon(sale.closed), reason=why, source="import")
    return deal


class _Tables(HTMLParser):
    """The tables of a page: heading of the part -> rows of texts; links by text of the row and column."""

    def __init__(self) -> None:
        super().__init__()
        self.found: dict[str, list[list[str]]] = {}
        self.links: dict[tuple[str, int, int], str] = {}
        self.heading = ""
        self.inside = ""

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        given = dict(attrs)
        if tag == "h2":
            self.inside, self.heading = "h2", ""
        elif tag == "table":
            self.found.setdefault(self.heading, [])
        elif tag == "tr" and self.heading in self.found:
            self.found[self.heading].append([])
        elif tag in ("td", "th") and self.heading in self.found:
            self.found[self.heading][-1].append("")
            self.inside = tag
        elif tag == "a" and self.inside in ("td", "th"):
            rows = self.found[self.heading]
            self.links[self.heading, len(rows) - 1, len(rows[-1]) - 1] = given.get("href") or ""

    def handle_endtag(self, tag: str) -> None:
        if tag in ("h2", "td", "th"):
            self.inside = ""

    def handle_data(self, data: str) -> None:
        if self.inside == "h2":
            self.heading += data.strip()
        elif self.inside:
            rows = self.found[self.heading]
            rows[-1][-1] = f"{rows[-1][-1]} {data.strip()}".strip()


def tables(client: FlaskClient, report: str, **args: Any) -> dict[str, list[list[str]]]:
    """The tables of a report by their titles, headings first, as a person reads them."""
    return read(client, report, **args).found


def read(client: FlaskClient, report: str, **args: Any) -> _Tables:
    answer = client.get(f"{URL}/{report}", query_string={**Q1, **args})
    assert answer.status_code == 200, answer.text[:2000]
    parser = _Tables()
    parser.feed(answer.text)
    for part in re.findall(r'hx-get="([^"]*[?&;]part=[^"]*)" hx-trigger="load"', answer.text):
        loaded = client.get(unescape(part), headers={"HX-Request": "true"})
        assert loaded.status_code == 200, loaded.text[:2000]
        assert "<html" not in loaded.text
        parser.feed(loaded.text)
    return parser


def column(rows: list[list[str]], name: str) -> dict[str, str]:
    """A column of a table by the first cell of each row."""
    place = rows[0].index(name)
    return {row[0]: row[place] for row in rows[1:]}
