"""The least that reports and pages of the day could cost: their rows and sums by hand-written SQL.

Sums are grouped as coarsely as they allow and no further than they need; months are sums of days, which are few. A
report's rates, medians and totals are arithmetic on these rows. `?` are the company and, where named, days.
"""

from __future__ import annotations

from collections.abc import Sequence
from datetime import date, timedelta
from typing import Any

Query = tuple[Any, ...]  # a select and what stands for its marks after the company
ROWS = 51  # of a list

SUMS = "count(*), count(d.amount_minor), count(d.company_minor), sum(d.company_minor)"
OF_KIND = "a.state = 'done' AND a.kind IN ('call', 'email', 'visit', 'meeting')"
NAMES = """
    LEFT JOIN contacts_account a ON a.company_id = d.company_id AND a.id = d.account_id
    LEFT JOIN core_membership m ON m.company_id = d.company_id AND m.id = d.owner_id
"""


def closed(key: str, start: date, end: date, states: str = "'won', 'lost'") -> Query:
    """Deals closed in a period by a key and outcome."""
    return (
        (f"SELECT {key}, d.state, {SUMS} FROM crm_deal d WHERE d.company_id = ? AND d.state IN ({states})"  # noqa: S608  # our own names
        f" AND d.closed_on BETWEEN ? AND ? GROUP BY {key}, d.state"), start.isoformat(), end.isoformat())  # fmt: skip


def began(key: str, start: date, end: date) -> Query:
    """Deals that began in a period by a key and what became of them."""
    return (
        (f"SELECT {key}, d.state, d.currency, sum(d.amount_minor), {SUMS} FROM crm_deal d WHERE d.company_id = ?"  # noqa: S608  # our own names
        f" AND d.state <> 'trashed' AND d.opened_on BETWEEN ? AND ? GROUP BY {key}, d.state, d.currency"),
        start.isoformat(), end.isoformat())  # fmt: skip


def reached(key: str, start: date, end: date) -> Query:
    """The deals of a cohort by the furthest open stage that each has been in, and a key."""
    return (
        f"""SELECT k, pipeline_id, state, furthest, currency, count(*), sum(amount_minor) FROM (
            SELECT d.id, {key} k, d.pipeline_id, d.state, d.currency, d.amount_minor, max(s.position) furthest
            FROM crm_deal d JOIN crm_deal_stage v ON v.company_id = d.company_id AND v.deal_id = d.id
            JOIN crm_stage s ON s.company_id = v.company_id AND s.id = v.stage_id AND s.type = 'open'
            WHERE d.company_id = ? AND d.state IN ('open', 'won', 'lost') AND d.opened_on BETWEEN ? AND ?
            GROUP BY d.id, {key}, d.pipeline_id, d.state, d.currency, d.amount_minor) r
        GROUP BY k, pipeline_id, state, furthest, currency""",  # noqa: S608  # our own names
        start.isoformat(), end.isoformat())  # fmt: skip


def qualified(start: date, end: date) -> Query:
    """What deals were worth when they came into their first qualified stage in a period."""
    return (
        """SELECT owner_id, currency, count(*), sum(amount_minor) FROM crm_deal_stage v WHERE v.company_id = ?
           AND v.entered_on BETWEEN ? AND ? AND v.stage_id IN (SELECT id FROM crm_stage WHERE qualified)
           GROUP BY owner_id, currency""", start.isoformat(), end.isoformat())  # fmt: skip


def stays(key: str, start: date, end: date) -> Query:
    """How many deals spent how many quarters of an hour in a stage, by outcome and a key."""
    return (
        f"""SELECT v.stage_id, {key}, v.state, v.seconds / 900, count(*) FROM crm_deal_stage v
            WHERE v.company_id = ? AND v.entered_on BETWEEN ? AND ? AND v.state IN ('open', 'won', 'lost')
            GROUP BY v.stage_id, {key}, v.state, v.seconds / 900""",  # noqa: S608  # our own names
        start.isoformat(), end.isoformat())  # fmt: skip


def cycles(start: date, end: date) -> Query:
    """How many deals were won on a day, by the day they began and the owner."""
    return (
        """SELECT d.closed_on, d.opened_on, d.credit_owner_id, count(*) FROM crm_deal d WHERE d.company_id = ?
           AND d.state = 'won' AND d.closed_on BETWEEN ? AND ? GROUP BY d.closed_on, d.opened_on, d.credit_owner_id""",
        start.isoformat(), end.isoformat())  # fmt: skip


def first_contacts(start: date, end: date) -> Query:
    """When the deals that began in a period were first spoken of with the customer."""
    return (
        f"""SELECT d.credit_owner_id, d.opened_at, d.closed_at, (SELECT min(a.done_at) FROM crm_activity a
            WHERE a.company_id = d.company_id AND a.deal_id = d.id AND {OF_KIND})
            FROM crm_deal d WHERE d.company_id = ? AND d.state <> 'trashed' AND d.opened_on BETWEEN ? AND ?""",  # noqa: S608
        start.isoformat(), end.isoformat())  # fmt: skip


def buyers(key: str, start: date) -> Query:
    """How many accounts have bought, by when first, last and last before the period, and a key."""
    return (
        f"""WITH d AS (SELECT account_id, closed_on FROM crm_deal WHERE company_id = ? AND state = 'won')
        SELECT k, first, latest, before, count(*) FROM (
            SELECT {key} k, min(d.closed_on) first, max(d.closed_on) latest, max(CASE WHEN d.closed_on < ? THEN d.closed_on END) before
            FROM d JOIN contacts_account a ON a.id = d.account_id GROUP BY d.account_id, {key}) b
        GROUP BY k, first, latest, before""",  # noqa: S608  # our own names
        start.isoformat())  # fmt: skip


def done(key: str, start: date, end: date) -> Query:
    """Follow-ups of a period by kind, outcome and a key."""
    return (
        (f"SELECT {key}, a.kind, a.outcome_id, count(*) FROM crm_activity a WHERE a.company_id = ? AND {OF_KIND}"  # noqa: S608
        f" AND a.done_on BETWEEN ? AND ? GROUP BY {key}, a.kind, a.outcome_id"), start.isoformat(), end.isoformat())  # fmt: skip


def shared(key: str, start: date, end: date) -> Query:
    """Follow-ups of a period by colleague who took part."""
    return (
        (f"SELECT {key}, a.kind, a.outcome_id, count(*) FROM crm_activity_member p JOIN crm_activity a ON a.company_id = p.company_id"  # noqa: S608
        f" AND a.id = p.activity_id WHERE p.company_id = ? AND {OF_KIND} AND a.done_on BETWEEN ? AND ? GROUP BY {key}, a.kind, a.outcome_id"),
        start.isoformat(), end.isoformat())  # fmt: skip


def with_accounts(start: date, end: date) -> Query:
    """Which accounts were spoken with in a period, by whom."""
    return (
        (f"SELECT a.account_id, a.done_by_id, count(*) FROM crm_activity a WHERE a.company_id = ? AND {OF_KIND}"  # noqa: S608
        " AND a.done_on BETWEEN ? AND ? GROUP BY a.account_id, a.done_by_id"), start.isoformat(), end.isoformat())  # fmt: skip


PLANNED: Query = (
    ("SELECT a.owner_id, a.due_on, a.kind, count(*) FROM crm_activity a WHERE a.company_id = ? AND a.state = 'planned'"
    " GROUP BY a.owner_id, a.due_on, a.kind"),
)
UNTOUCHED: Query = (
    f"""SELECT d.id, d.name, d.owner_id, d.segment, (SELECT max(a.done_on) FROM crm_activity a
        WHERE a.company_id = d.company_id AND a.account_id = d.id AND {OF_KIND}) last
        FROM contacts_account d WHERE d.company_id = ? ORDER BY 5 LIMIT 200""",  # noqa: S608  # no value from outside
)
LOST_FROM = """
    SELECT d.reason_id, v.stage_id, count(*), sum(d.company_minor) FROM crm_deal d
       JOIN crm_deal_stage v ON v.company_id = d.company_id AND v.deal_id = d.id
       WHERE d.company_id = ? AND d.state = 'lost' AND d.closed_on BETWEEN ? AND ?
       AND v.entered_at = (SELECT max(w.entered_at) FROM crm_deal_stage w JOIN crm_stage s ON s.company_id = w.company_id AND s.id = w.stage_id
                           WHERE w.company_id = d.company_id AND w.deal_id = d.id AND s.type = 'open')
       GROUP BY d.reason_id, v.stage_id
"""
RIVALS = """
    SELECT c.competitor_id, count(*), sum(d.company_minor) FROM crm_deal d
    LEFT JOIN crm_deal_competitor c ON c.company_id = d.company_id AND c.deal_id = d.id
    WHERE d.company_id = ? AND d.state = 'lost' AND d.closed_on BETWEEN ? AND ? GROUP BY c.competitor_id
"""
LEADS = """
    SELECT l.source_id, l.state, l.converted_on, count(*) FROM crm_lead l
    WHERE l.company_id = ? AND l.opened_on BETWEEN ? AND ? GROUP BY l.source_id, l.state, l.converted_on
"""
OPEN_BY_MONTH: Query = (
    """SELECT d.expected_close, d.stage_id, d.category, d.probability, d.currency, count(*), sum(d.amount_minor)
       FROM crm_deal d WHERE d.company_id = ? AND d.state = 'open'
       GROUP BY d.expected_close, d.stage_id, d.category, d.probability, d.currency""",
)
CARDS = f"""
    SELECT d.id, d.name, a.name, d.amount_minor, d.currency, m.name, d.expected_close FROM crm_deal d {NAMES}
    WHERE d.company_id = ? AND d.state = 'open' AND d.expected_close BETWEEN ? AND ? ORDER BY d.expected_close, d.id LIMIT 40
"""  # noqa: S608  # no value from outside
TO_DO = f"""
    SELECT d.id, d.subject, d.kind, d.due_on, a.name, m.name FROM crm_activity d {NAMES}
    WHERE d.company_id = ? AND d.state = 'planned' AND d.due_on <= ? ORDER BY d.due_on, d.id LIMIT {ROWS}
"""  # noqa: S608  # no value from outside
OWN_TO_DO = TO_DO.replace("AND d.due_on", "AND d.owner_id = ? AND d.due_on")
NO_STEP = f"""
    SELECT d.id, d.name, a.name, d.amount_minor, d.currency, d.expected_close FROM crm_deal d {NAMES}
    WHERE d.company_id = ? AND d.state = 'open' AND NOT EXISTS (SELECT 1 FROM crm_activity n
    WHERE n.company_id = d.company_id AND n.deal_id = d.id AND n.state = 'planned') ORDER BY d.amount_minor DESC LIMIT {ROWS}
"""  # noqa: S608  # no value from outside
OWN_NO_STEP = NO_STEP.replace("AND NOT EXISTS", "AND d.owner_id = ? AND NOT EXISTS")
AGENDA = f"""
    SELECT d.id, d.subject, d.kind, d.state, d.due_on, d.due_at, d.done_on, d.done_at, a.name, m.name FROM crm_activity d {NAMES}
    WHERE d.company_id = ? AND ((d.state = 'planned' AND d.due_on BETWEEN ? AND ?) OR (d.state = 'done' AND d.done_on BETWEEN ? AND ?))
    ORDER BY d.due_on, d.due_at, d.id LIMIT 1001
"""  # noqa: S608  # no value from outside
OWN_AGENDA = AGENDA.replace("? AND ((", "? AND d.owner_id = ? AND ((")
ACTIVITIES = f"""
    SELECT d.id, d.subject, d.kind, d.state, d.due_on, d.done_on, a.name, m.name
    FROM (SELECT * FROM crm_activity d WHERE d.company_id = ? AND d.state = 'planned' ORDER BY d.due_on, d.id LIMIT {ROWS}) d {NAMES}
"""  # noqa: S608  # no value from outside
LEAD_LIST = f"""
    SELECT d.id, d.name, d.organisation, d.state, d.opened_on, m.name
    FROM (SELECT * FROM crm_lead d WHERE d.company_id = ? AND d.state = 'new' ORDER BY d.opened_on DESC, d.id DESC LIMIT {ROWS}) d {NAMES}
"""  # noqa: S608  # no value from outside
GROUP = """
    SELECT a.id, a.name, d.state, d.currency, count(*), sum(d.amount_minor), sum(d.company_minor), max(d.closed_on)
    FROM contacts_account a LEFT JOIN crm_deal d ON d.company_id = a.company_id AND d.account_id = a.id
    WHERE a.company_id = ? AND (a.id = ? OR a.parent_id = ?) GROUP BY a.id, a.name, d.state, d.currency
"""
STREAM = """
    SELECT * FROM (SELECT 'a', x.subject, x.done_at, x.id FROM crm_activity x WHERE x.company_id = ? AND x.deal_id = ?
    ORDER BY x.done_at DESC LIMIT 51) s
"""
WON_ROWS = f"""
    SELECT d.id, d.name, a.name, d.amount_minor, d.currency, d.closed_on, m.name
    FROM (SELECT * FROM crm_deal d WHERE d.company_id = ? AND d.state = 'won' AND d.closed_on BETWEEN ? AND ?
          ORDER BY d.entered_at DESC, d.id DESC LIMIT {ROWS}) d {NAMES}
"""  # noqa: S608  # no value from outside
DONE_ROWS = f"""
    SELECT d.id, d.subject, d.kind, d.done_on, a.name, m.name
    FROM (SELECT * FROM crm_activity d WHERE d.company_id = ? AND d.state = 'done' AND d.kind <> 'task' AND d.done_on BETWEEN ? AND ?
          ORDER BY d.done_on DESC, d.id DESC LIMIT {ROWS}) d {NAMES}
"""  # noqa: S608  # no value from outside


def day_texts(*days: date) -> Sequence[str]:
    return [each.isoformat() for each in days]


def a_year_back(end: date) -> date:
    """The first day of the twelve months that a course by month shows."""
    return (end - timedelta(days=364)).replace(day=1)
