"""Search and export: what is measured of them, and what is the least that each could cost."""

from __future__ import annotations

import csv
import io
from collections.abc import Iterator
from functools import partial
from typing import TYPE_CHECKING

from bench_measure import Timing
from werkzeug.test import TestResponse

if TYPE_CHECKING:
    from bench_pages import Bench

EXPORTED = """
    SELECT d.*, a.name, c.name, s.name, m.name, p.name, t.name, r.name FROM crm_deal d
    LEFT JOIN contacts_account a ON a.company_id = d.company_id AND a.id = d.account_id
    LEFT JOIN contacts_contact c ON c.company_id = d.company_id AND c.id = d.contact_id
    LEFT JOIN crm_stage s ON s.company_id = d.company_id AND s.id = d.stage_id
    LEFT JOIN core_membership m ON m.company_id = d.company_id AND m.id = d.owner_id
    LEFT JOIN crm_pipeline p ON p.company_id = d.company_id AND p.id = d.pipeline_id
    LEFT JOIN core_team t ON t.company_id = d.company_id AND t.id = d.team_id
    LEFT JOIN crm_reason r ON r.company_id = d.company_id AND r.id = d.reason_id
    WHERE d.company_id = ? AND d.state = 'open' ORDER BY d.entered_at DESC, d.id DESC
"""
WORD = "palletiser"  # begins the name of every eighth deal and account
SHOWN = 5  # rows of each record type that the palette shows
LISTED = 51
DEALS = f"""
    SELECT d.id, d.name, a.name FROM
        (SELECT * FROM crm_deal d WHERE d.company_id = ? AND d.id IN (@) ORDER BY d.id DESC LIMIT {SHOWN}) d
    LEFT JOIN contacts_account a ON a.company_id = d.company_id AND a.id = d.account_id
"""  # noqa: S608  # no value from outside
ACCOUNTS = f"""
    SELECT d.id, d.name, d.city FROM contacts_account d WHERE d.company_id = ? AND d.id IN (@) ORDER BY d.id DESC LIMIT {SHOWN}
"""  # noqa: S608  # no value from outside
LIST = f"""
    SELECT d.id, d.name, a.name, s.name, d.amount_minor, d.currency, d.expected_close, m.name
    FROM (SELECT * FROM crm_deal d WHERE d.company_id = ? AND d.state = 'open' AND d.id IN (@)
          ORDER BY d.entered_at DESC, d.id DESC LIMIT {LISTED}) d
    LEFT JOIN crm_stage s ON s.company_id = d.company_id AND s.id = d.stage_id
    LEFT JOIN contacts_account a ON a.company_id = d.company_id AND a.id = d.account_id
    LEFT JOIN core_membership m ON m.company_id = d.company_id AND m.id = d.owner_id
"""  # noqa: S608  # no value from outside


def searches(bench: Bench, base: str, empty: Timing) -> Iterator[Timing]:
    """A list with a search, and the palette over everything."""
    asked = {
        "list, searched": (f"{base}/crm/deals?q={WORD}", (_of_words(bench, LIST, "crm_deal"),)),
        "search everything": (
            f"{base}/admin/search?q={WORD}&palette=1",
            (_of_words(bench, DEALS, "crm_deal"), _of_words(bench, ACCOUNTS, "contacts_account")),
        ),
    }
    for name, (address, queries) in asked.items():
        timing = bench.read(name, partial(bench.admin.get, address), bench.least(*((q,) for q in queries)))
        timing.base = empty.median
        yield timing


def _of_words(bench: Bench, sql: str, table: str) -> str:
    """A select whose rows the index of words knows by a word that begins with `WORD`."""
    index = f'"_words_{table}"'
    if bench.raw.kind == "postgresql":
        ids = f"SELECT * FROM {index}($${WORD}:*$$::tsquery, NULL, NULL)"  # noqa: S608  # no value from outside
    else:
        ids = f"SELECT rowid FROM {index} WHERE {index} MATCH '{WORD}*'"  # noqa: S608  # no value from outside
    return sql.replace("@", ids)


def exported(bench: Bench, base: str, empty: Timing) -> Timing:
    """All open deals with all their fields as CSV; the floor writes the same rows as CSV."""

    def plain() -> int:
        with bench.raw.reading():
            text = io.StringIO()
            csv.writer(text).writerows(bench.raw.rows(EXPORTED, bench.company_id))
            return len(text.getvalue())

    address = f"{base}/crm/deals/export?format=csv"
    timing = bench.read("export of open deals", lambda: _whole(bench.admin.get(address)), plain)
    timing.base = empty.median
    return timing


def _whole(response: TestResponse) -> TestResponse:
    """An answer with all that it streams."""
    response.get_data()
    return response
