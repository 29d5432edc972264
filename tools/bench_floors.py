"""The least that reports and pages of the day could cost: their rows and sums by hand-written SQL.

Sums are grouped as coarsely as they allow and no further than they need; months are sums of days, which are few. What
has an index of its own is read by it, in its order. A report's rates, medians and totals are arithmetic on these rows.
`?` are the company and, where named, days or months. CROSS JOIN is how SQLite is told which of two it has to begin with.
"""

from __future__ import annotations

from collections.abc import Sequence
from datetime import date, timedelta
from typing import Any

Query = tuple[Any, ...]  # a select and what stands for its marks after the company
ROWS = 51  # of a list

SUMS = "count(*), count(d.amount_minor), count(d.company_minor), sum(d.company_minor)"
OF_KIND = "a.state = 'done' AND a.kind <> 'task'"
OURS = "(SELECT id FROM core_company WHERE slug = 'one')"  # where the company is named again
OPEN_STAGE = "v.stage_id IN (SELECT id FROM crm_stage WHERE type = 'open')"
FURTHEST = """(
    SELECT max(s.position) FROM crm_deal_stage v CROSS JOIN crm_stage s WHERE v.company_id = d.company_id AND v.deal_id = d.{id}
    AND s.company_id = v.company_id AND s.id = v.stage_id AND s.type = 'open'{then})
"""
NAMES = """
    LEFT JOIN contacts_account a ON a.company_id = d.company_id AND a.id = d.account_id
    LEFT JOIN core_membership m ON m.company_id = d.company_id AND m.id = d.owner_id
"""


def _facts(then: str) -> tuple[str, str, str]:
    """The table of deals as they are, or of what they were at a moment; the criterion of that, and what their ids are called."""
    if not then:
        return "crm_deal", "", "id"
    held = f" AND d.known_to IS NULL AND d.valid_from <= '{then}' AND (d.valid_to IS NULL OR d.valid_to > '{then}')"
    return "crm_deal_span", held, "deal_id"


def closed(key: str, start: date, end: date, states: str = "'won', 'lost'", then: str = "") -> Query:
    """Deals closed in a period by a key and outcome."""
    table, held, _id = _facts(then)
    return (
        (f"SELECT {key}, d.state, {SUMS} FROM {table} d WHERE d.company_id = ? AND d.state IN ({states})"  # noqa: S608  # our own names
        f" AND d.closed_on BETWEEN ? AND ?{held} GROUP BY {key}, d.state"), start.isoformat(), end.isoformat())  # fmt: skip


def began(key: str, start: date, end: date) -> Query:
    """Deals that began in a period by a key and what became of them."""
    return (
        (f"SELECT {key}, d.state, d.currency, sum(d.amount_minor), {SUMS} FROM crm_deal d WHERE d.company_id = ?"  # noqa: S608  # our own names
        f" AND d.state <> 'trashed' AND d.opened_on BETWEEN ? AND ? GROUP BY {key}, d.state, d.currency"),
        start.isoformat(), end.isoformat())  # fmt: skip


def reached(key: str, start: date, end: date, then: str = "") -> Query:
    """The deals of a cohort by the furthest open stage that each has been in, and a key; who is won has reached all of them."""
    table, held, id_ = _facts(then)
    furthest = FURTHEST.format(id=id_, then=f" AND v.entered_at <= '{then}'" if then else "")
    return (
        f"""SELECT k, pipeline_id, state, furthest, currency, count(*), sum(amount_minor) FROM (
            SELECT {key} k, d.pipeline_id, d.state, d.currency, d.amount_minor, CASE WHEN d.state <> 'won' THEN {furthest} END furthest
            FROM {table} d WHERE d.company_id = ? AND d.state IN ('open', 'won', 'lost') AND d.opened_on BETWEEN ? AND ?{held}) r
        GROUP BY k, pipeline_id, state, furthest, currency""",  # noqa: S608  # our own names
        start.isoformat(), end.isoformat())  # fmt: skip


def qualified(start: date, end: date) -> Query:
    """What deals were worth when they came into their first qualified stage in a period."""
    return (
        """SELECT owner_id, currency, count(*), sum(amount_minor) FROM crm_deal_stage v WHERE v.company_id = ?
           AND v.entered_on BETWEEN ? AND ? AND v.stage_id IN (SELECT id FROM crm_stage WHERE qualified)
           AND v.after_id IN (SELECT id FROM crm_stage WHERE NOT qualified) GROUP BY owner_id, currency""", start.isoformat(), end.isoformat())  # fmt: skip


def stays(key: str, start: date, end: date) -> Query:
    """How many deals spent how many quarters of an hour in a stage, by outcome and a key."""
    return (
        f"""SELECT v.stage_id, {key}, v.state, v.seconds / 900, count(*) FROM crm_deal_stage v
            WHERE v.company_id = ? AND {OPEN_STAGE} AND v.entered_on BETWEEN ? AND ? AND v.state IN ('open', 'won', 'lost')
            GROUP BY v.stage_id, {key}, v.state, v.seconds / 900""",  # noqa: S608  # our own names
        start.isoformat(), end.isoformat())  # fmt: skip


def stays_then(start: date, then: str) -> Query:
    """The same as far as it had come by a moment, by what the deals were then; that it is cut off there is arithmetic."""
    won, lost, discarded = (
        f"""v.deal_id IN (SELECT d.deal_id FROM crm_deal_span d WHERE d.state = '{state}' AND d.company_id = {OURS}
            AND d.closed_on >= '{start}'{_facts(then)[1]})"""  # noqa: S608  # our own names
        for state in ("won", "lost", "discarded")
    )
    return (
        f"""SELECT stage_id, won, lost, spent, count(*) FROM (
            SELECT v.stage_id, {won} won, {lost} lost, v.seconds / 900 spent FROM crm_deal_stage v
            WHERE v.company_id = ? AND {OPEN_STAGE} AND v.entered_on >= ? AND v.entered_at <= '{then}' AND NOT {discarded}) r
        GROUP BY stage_id, won, lost, spent""",  # noqa: S608  # our own names
        start.isoformat())  # fmt: skip


def cycles(start: date, end: date, then: str = "", key: str = "1") -> Query:
    """How many deals were won on a day, by the day they began and a key."""
    table, held, _id = _facts(then)
    return (
        f"""SELECT d.closed_on, d.opened_on, {key}, count(*) FROM {table} d WHERE d.company_id = ?
           AND d.state = 'won' AND d.closed_on BETWEEN ? AND ?{held} GROUP BY d.closed_on, d.opened_on, {key}""",  # noqa: S608
        start.isoformat(), end.isoformat())  # fmt: skip


def lost_from(start: date, end: date, then: str = "") -> Query:
    """Deals lost in a period by reason and the open stage in which they were last."""
    table, held, id_ = _facts(then)
    return (
        f"""SELECT reason_id, stage_id, count(*), sum(company_minor) FROM (
            SELECT d.reason_id, d.company_minor, (SELECT v.stage_id FROM crm_deal_stage v CROSS JOIN crm_stage s
                WHERE v.company_id = d.company_id AND v.deal_id = d.{id_} AND v.entered_at < d.closed_at
                AND s.company_id = v.company_id AND s.id = v.stage_id AND s.type = 'open' ORDER BY v.entered_at DESC, v.id DESC LIMIT 1) stage_id
            FROM {table} d WHERE d.company_id = ? AND d.state = 'lost' AND d.closed_on BETWEEN ? AND ?{held}) r
        GROUP BY reason_id, stage_id""",  # noqa: S608  # our own names
        start.isoformat(), end.isoformat())  # fmt: skip


def rivals(start: date, end: date, then: str = "") -> Query:
    """Deals lost in a period by competitor."""
    table, held, id_ = _facts(then)
    return (
        f"""SELECT c.competitor_id, count(*), sum(d.company_minor) FROM {table} d
            LEFT JOIN crm_deal_competitor c ON c.company_id = d.company_id AND c.deal_id = d.{id_}
            WHERE d.company_id = ? AND d.state = 'lost' AND d.closed_on BETWEEN ? AND ?{held} GROUP BY c.competitor_id""",  # noqa: S608
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
        f"""SELECT k, first, latest, before, count(*) FROM (
            SELECT {key} k, first, latest, before FROM (
                SELECT account_id, min(closed_on) first, max(closed_on) latest, max(CASE WHEN closed_on < '{start}' THEN closed_on END) before
                FROM (SELECT +account_id account_id, closed_on FROM crm_deal WHERE company_id = ? AND state = 'won') d GROUP BY account_id) b
            JOIN contacts_account a ON a.id = b.account_id) k
        GROUP BY k, first, latest, before""",  # noqa: S608  # our own names
    )


def done(key: str, start: date, end: date) -> Query:
    """Follow-ups of the months of a period by kind, outcome and a key."""
    return (
        f"""SELECT {key}, a.kind, a.outcome_id, sum(a.n) FROM (
            SELECT done_month, done_by_id, kind, outcome_id, type_id, team_id, count(*) n FROM crm_activity a
            WHERE a.company_id = ? AND {OF_KIND} AND a.done_month BETWEEN ? AND ?
            GROUP BY done_month, done_by_id, kind, outcome_id, type_id, team_id) a
        GROUP BY {key}, a.kind, a.outcome_id""",  # noqa: S608  # our own names
        *month_keys(start, end))  # fmt: skip


def shared(key: str, start: date, end: date) -> Query:
    """Follow-ups of the months of a period by colleague who took part: of these there are few."""
    return (
        f"""SELECT {key}, p.kind, p.outcome_id, count(*) FROM crm_activity_member p
        WHERE p.company_id = ? AND p.done_month BETWEEN ? AND ? AND p.kind <> 'task' GROUP BY {key}, p.kind, p.outcome_id""",  # noqa: S608  # our own names
        *month_keys(start, end))  # fmt: skip


def touched(start: date, end: date) -> Query:
    """How many accounts were spoken with in a period."""
    return (
        f"""SELECT count(*) FROM contacts_account d WHERE d.company_id = ? AND EXISTS (SELECT 1 FROM crm_activity a
        WHERE a.company_id = d.company_id AND a.account_id = d.id AND {OF_KIND} AND a.done_on BETWEEN ? AND ?)""",  # noqa: S608
        start.isoformat(), end.isoformat())  # fmt: skip


def touched_by(start: date, end: date) -> Query:
    """How many accounts each has spoken with in the months of a period, alone or with a colleague."""
    months = month_keys(start, end)
    return (
        f"""SELECT k, count(*) FROM (
            SELECT a.done_by_id k, a.account_id FROM crm_activity a WHERE a.company_id = ? AND {OF_KIND} AND a.done_month BETWEEN ? AND ?
            UNION SELECT p.member_id, p.account_id FROM crm_activity_member p
            WHERE p.company_id = {OURS} AND p.done_month BETWEEN ? AND ? AND p.kind <> 'task') x
        GROUP BY k""", *months, *months)  # noqa: S608  # fmt: skip


PLANNED: Query = (
    ("SELECT a.owner_id, a.due_on, a.kind, count(*) FROM crm_activity a WHERE a.company_id = ? AND a.state = 'planned'"
    " GROUP BY a.owner_id, a.due_on, a.kind"),
)
UNTOUCHED: Query = (
    f"""SELECT d.id, d.name, d.owner_id, d.segment, (SELECT max(a.done_on) FROM crm_activity a
        WHERE a.company_id = d.company_id AND a.account_id = d.id AND {OF_KIND}) last
        FROM contacts_account d WHERE d.company_id = ? ORDER BY 5 LIMIT 200""",  # noqa: S608  # no value from outside
)
COMPETITORS = """
    SELECT c.id, c.winner, c.note, k.name FROM crm_deal_competitor c
    JOIN crm_competitor k ON k.company_id = c.company_id AND k.id = c.competitor_id WHERE c.company_id = ? AND c.deal_id = ?
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
OWN_NO_STEP = NO_STEP.replace("AND NOT EXISTS", "AND d.owner_id = ? AND NOT EXISTS").replace("BY d.amount", "BY +d.amount")  # own ones first
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
ACCOUNT = """
    SELECT d.*, m.name FROM contacts_account d LEFT JOIN core_membership m ON m.company_id = d.company_id AND m.id = d.owner_id
    WHERE d.company_id = ? AND d.id = ?
"""
ACCOUNT_STREAM = STREAM.replace("x.deal_id", "x.account_id")
ACCOUNT_EVENTS = """
    SELECT e.at, e.actor_id, e.kind, e.state, e.amount_minor, e.currency, e.reason_id, d.name FROM crm_deal d CROSS JOIN crm_deal_event e
    WHERE d.company_id = ? AND d.account_id = ? AND e.company_id = d.company_id AND e.deal_id = d.id ORDER BY e.at DESC, e.id DESC LIMIT 51
"""
ACCOUNT_LOG = """
    SELECT c.* FROM core_change c WHERE c.company_id = ? AND c.table_name = 'contacts_account' AND c.row_id = ? ORDER BY c.id DESC LIMIT 51
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


def month_keys(start: date, end: date) -> tuple[int, int]:
    """The first and the last month of a period, as they stand in a column."""
    first, last = (each.year * 12 + each.month - 1 for each in (start, end))
    return first, last


def day_texts(*days: date) -> Sequence[str]:
    return [each.isoformat() for each in days]


def a_year_back(end: date) -> date:
    """The first day of the twelve months that a course by month shows."""
    return (end - timedelta(days=364)).replace(day=1)
