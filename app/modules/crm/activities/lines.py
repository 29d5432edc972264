"""The activities of a record, as its tab and its timeline show them."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime
from typing import Any

from flask import url_for
from sqlalchemy import Row, func, select

from app.core.access import can
from app.core.clock import local_date, noon, today
from app.core.db import db
from app.core.formats import day
from app.core.history import Entry
from app.core.i18n import _l, _n
from app.core.lookups import MEMBER, labels
from app.modules.crm.activities.models import (
    CALL,
    CANCELLED,
    DONE,
    EMAIL,
    MEETING,
    PLANNED,
    TASK,
    VISIT,
    Activity,
)
from app.modules.crm.activities.queries import is_late_record, state_of
from app.modules.crm.activities.resources import ICONS

MOST_OPEN, MOST_DONE = 50, 50
# What somebody did, as a sentence without its subject.
TOLD = {
    CALL: _l("called: %(subject)s"),
    EMAIL: _l("wrote: %(subject)s"),
    VISIT: _l("visited: %(subject)s"),
    MEETING: _l("met: %(subject)s"),
    TASK: _l("did: %(subject)s"),
}
CALLED_OFF = _l("cancelled: %(subject)s")
HOURS = 48  # up to here hours are said, then days
COLUMNS = (
    Activity.id, Activity.version, Activity.kind, Activity.subject, Activity.note, Activity.state, Activity.due_on,
    Activity.due_time, Activity.place, Activity.minutes, Activity.owner_id, Activity.done_on, Activity.done_time, Activity.done_at,
    Activity.done_by_id, Activity.outcome_id, Activity.outcome_note, Activity.recorded_at, Activity.told_after,
    Activity.source, Activity.deal_id, Activity.account_id, Activity.contact_id, Activity.repeat,
)
# With the source, which is in no index: SQLite would else read all of one that has the rest, and not the rows by their ids.
LATE = (Activity.id, Activity.state, Activity.done_on, Activity.recorded_at, Activity.told_after, Activity.source)


def of_record(link: str, row_id: int) -> dict[str, Any]:
    """The context of the tab: what is to be done, the first due first, then what was done, the last first.

    `link` is the column that refers to the record. Statements: two, and one for each kind of names.
    """
    mine = getattr(Activity, link) == row_id
    where: dict[str, Any] = {link: row_id}
    ahead = select(*COLUMNS).where(mine, Activity.state == PLANNED)
    ahead = ahead.order_by(Activity.due_on, Activity.due_at.nulls_last(), Activity.id).limit(MOST_OPEN)
    planned = list(db.session.execute(ahead))
    done = _past(link, row_id, MOST_DONE)
    names = _Names([*planned, *done], link)
    contacts = [row for row in done if row.state == DONE]
    return {
        "link": link,
        "planned": [names.line(row) for row in planned],
        "done": [names.line(row) for row in done],
        "first": names.line(planned[0]) if planned else None,
        "latest": names.line(contacts[0]) if contacts else None,
        "again_url": url_for(f"crm.{link.removesuffix('_id')}_activities", **where),
        "log_url": url_for("crm.activity_log", **where) if can("crm.activity.create") else None,
        "plan_url": url_for("crm.activity_new", **where) if can("crm.activity.create") else None,
        "all_url": url_for("crm.activity_list", view="all", **where),
        "more": len(done) == MOST_DONE or len(planned) == MOST_OPEN,
        "may_edit": can("crm.activity.edit"),
    }


def told(link: str, row_id: int, before: datetime | None, limit: int) -> list[Entry]:
    """What was done with a record, or did not take place, as entries of its timeline: the newest before an instant."""
    # What was sent from here is told by the mail itself.
    others = (Activity.source != "mail",) if can("crm.mail.view") else ()
    rows = _past(link, row_id, limit, before, *others)
    names = _Names(rows, link)
    base = url_for("crm.activity_record", row_id=0)[:-1]
    entries = []
    for row in rows:
        line = names.line(row)
        entries.append(
            Entry(
                at=row.done_at or row.recorded_at or noon(row.due_on or today()),
                who=line["who"],
                text=str(CALLED_OFF if row.state == CANCELLED else TOLD[row.kind]) % {"subject": row.subject},
                icon=line["icon"],
                meta=[(name, fact) for name, fact in (("circle-check", line["outcome"]), ("clock", line["late"])) if fact],
                kind="activity",
                body="\n".join(text for text in (row.outcome_note, row.note) if text),
                url=f"{base}{row.id}",
            )
        )
    return entries


def late_text(row: Any) -> str:
    """How long after it was done an activity was told, where that is long: "logged 3 days later"."""
    if row.state != DONE or not is_late_record(row):
        return ""
    hours = row.told_after or 0
    if hours < HOURS:
        return _n("logged %(num)d hour later", "logged %(num)d hours later", hours)
    days = (local_date(row.recorded_at) - row.done_on).days
    return _n("logged %(num)d day later", "logged %(num)d days later", days)


def late_of(ids: Sequence[int]) -> dict[int, str]:
    """For the list: how long after it was done an activity was told, for those where that is long."""
    rows = select(*LATE).where(Activity.id.in_(list(ids)))
    return {row.id: text for row in db.session.execute(rows) if (text := late_text(row))}


def _past(link: str, row_id: int, most: int, before: datetime | None = None, *criteria: Any) -> list[Row]:
    rows = select(*COLUMNS).where(getattr(Activity, link) == row_id, Activity.state != PLANNED, *criteria)
    last = func.coalesce(Activity.done_at, Activity.recorded_at)
    if before is not None:
        rows = rows.where(last < before)
    return list(db.session.execute(rows.order_by(last.desc(), Activity.id.desc()).limit(most)))


class _Names:
    """Names that the lines of a page need, each kind of them asked for once."""

    def __init__(self, rows: Sequence[Row], link: str) -> None:
        self._now = today()
        self._people = labels(MEMBER, {i for row in rows for i in (row.owner_id, row.done_by_id)})
        self._outcomes = labels("crm.activity_outcome", {row.outcome_id for row in rows})
        others = {"deal_id": "crm.deal", "contact_id": "contacts.contact", "account_id": "contacts.account"}
        self._linked = {
            name: (labels(key, {getattr(row, name) for row in rows}), url_for(f"{key}_record", row_id=0)[:-1])
            for name, key in others.items()
            if name != link and not (name == "account_id" and link in ("deal_id", "contact_id"))
        }

    def line(self, row: Row) -> dict[str, Any]:
        """A row as the templates show it."""
        linked = [
            {"name": names[getattr(row, name)], "url": f"{base}{getattr(row, name)}"}
            for name, (names, base) in self._linked.items()
            if getattr(row, name) in names
        ]
        done = row.state == DONE
        return {
            "id": row.id,
            "version": row.version,
            "subject": row.subject,
            "icon": ICONS[row.kind],
            "state": row.state,
            "when": state_of(row.due_on, self._now) if row.state == PLANNED and row.due_on else "",
            "day": day(row.done_on if done else row.due_on),
            "time": (row.done_time if done else row.due_time) or "",
            "who": self._people.get((row.done_by_id if done else None) or row.owner_id, ""),
            "outcome": self._outcomes.get(row.outcome_id, ""),
            "text": row.outcome_note or row.note,
            "late": late_text(row),
            "linked": linked,
            "repeats": bool(row.repeat),
        }
