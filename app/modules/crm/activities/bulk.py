"""Many activities at once, for imports and demo data: the same columns as one by one, set-based."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from datetime import date, datetime, timedelta
from typing import Any
from uuid import uuid4

from sqlalchemy import select

from app.core.changelog import actor_id
from app.core.chunks import chunks
from app.core.clock import today
from app.core.db import db, utcnow
from app.core.errors import BusinessError
from app.core.i18n import _
from app.core.models import TeamMember
from app.core.registry import registry
from app.core.writes import bulk_insert
from app.modules.crm.activities import links, times
from app.modules.crm.activities.models import (
    CANCELLED,
    DONE,
    OF_ACTIVITY,
    PLANNED,
    Activity,
    ActivityMember,
    ActivityOutcome,
    ActivityType,
)
from app.modules.crm.models import Deal
from app.modules.crm.settings.queries import settings

CHUNK = 500
WHATEVER = {"all_rows": True, "with_trash": True}
EMPTY: dict[str, Any] = {
    "due_on": None, "due_time": None, "due_at": None, "done_on": None, "done_month": None, "done_time": None, "done_at": None, "recorded_at": None,
    "told_after": None, "done_by_id": None, "outcome_id": None, "outcome_note": "", "remind_at": None, "reminded_at": None,
    "remind_minutes": None, "repeat": None, "repeat_until": None, "series_id": "", "repeat_from": None,
}


def import_activities(rows: Sequence[Mapping[str, Any]], source: str = "import") -> list[int]:
    """Create activities, done ones of the past as well; returns their ids in order.

    A row has `type_id` and, all optional, the other fields of an activity; `done_on` (or `state`) says that it was done,
    `recorded_at` (an instant) when that was told. What is planned without a day is due when its type says. No events are
    published. The activities are what `plan`, `log` and `cancel` would have made of them.
    Raises `BusinessError` for the first row with which something is wrong; nothing is written then.
    """
    made = _Plan(rows, source)
    ids = bulk_insert(Activity, made.activities)
    members = [{**line, "activity_id": ids[index]} for index, line in made.members]
    bulk_insert(ActivityMember, members)
    return ids


class _Plan:
    """The rows of both tables, worked out before anything is written; what many of them need is read once."""

    def __init__(self, rows: Sequence[Mapping[str, Any]], source: str) -> None:
        self.activities: list[dict[str, Any]] = []
        self.members: list[tuple[int, dict[str, Any]]] = []
        self._now, self._today, self._source = utcnow(), today(), source
        self._actor_id = actor_id()
        self._types = {t.id: t for t in db.session.scalars(select(ActivityType))}
        self._outcomes = {o.id: o for o in db.session.scalars(select(ActivityOutcome))}
        contact = registry.resource("contacts.contact").model
        self._deals = _known(Deal, ("account_id", "contact_id"), (row.get("deal_id") for row in rows))
        people = [*(row.get("contact_id") for row in rows), *(contact_id for _account, contact_id in self._deals.values())]
        self._accounts = _known(contact, ("account_id",), people)
        self._teams = Teams()
        self._days: dict[date, bool] = {}
        for index, row in enumerate(rows):
            self._add(index, row)

    def _add(self, index: int, row: Mapping[str, Any]) -> None:
        kind = self._types.get(row.get("type_id") or 0)
        if kind is None:
            raise BusinessError(_("What kind of activity is it?"), field="type_id")
        owner_id = row.get("owner_id") or kind.default_owner_id or self._actor_id
        state = self._state(row)
        line = {
            **EMPTY,
            "type_id": kind.id,
            "kind": kind.kind,
            "subject": row.get("subject") or kind.subject or kind.name,
            "note": (row.get("note") or "") if state == DONE else kind.note if row.get("note") is None else row["note"],
            "minutes": kind.default_minutes if row.get("minutes") is None else row["minutes"],
            "place": row.get("place") or "",
            "external_id": row.get("external_id"),
            "owner_id": owner_id,
            "source": self._source,
            "state": state,
            "members": self._take_part(row, owner_id),
            **self._links(row),
        }
        self._due(line, row, kind)
        if state != PLANNED:
            self._result(line, row)
        line["team_id"] = self._teams.on(line["done_by_id"] or owner_id, line["done_on"] or self._today)
        self.activities.append(line)
        for member_id in filter(None, line["members"].split(",")):
            team_id = self._teams.on(int(member_id), line["done_on"]) if line["done_on"] else None
            beside = {column: line[name] for column, name in OF_ACTIVITY.items()}
            self.members.append((index, {"member_id": int(member_id), "team_id": team_id, **beside}))

    def _state(self, row: Mapping[str, Any]) -> str:
        state = row.get("state") or (DONE if row.get("done_on") or row.get("done_at") else PLANNED)
        if state != DONE and row.get("done_on"):
            raise BusinessError(_("Only what is done has a day on which it was done."), field="done_on")
        return state

    def _take_part(self, row: Mapping[str, Any], owner_id: int | None) -> str:
        given = row.get("members")
        return links.members_text(given, owner_id) if given else ""

    def _links(self, row: Mapping[str, Any]) -> dict[str, int | None]:
        found = {name: row.get(name) for name in links.LINKS}
        if found["deal_id"]:
            account_id, contact_id = self._deals.get(found["deal_id"], (None, None))
            if found["account_id"] and account_id and found["account_id"] != account_id:
                raise BusinessError(_("This deal is another account's."), field="deal_id")
            found["account_id"] = found["account_id"] or account_id
            found["contact_id"] = found["contact_id"] or contact_id
        if found["contact_id"] and not found["account_id"]:
            found["account_id"] = self._accounts.get(found["contact_id"], (None,))[0]
        return found

    def _due(self, line: dict[str, Any], row: Mapping[str, Any], kind: ActivityType) -> None:
        day, at = row.get("due_on"), times.clock_of(row.get("due_time"))
        if day is None and line["state"] == PLANNED:
            day = times.after_working_days(self._today, kind.default_days)
        if day is None:
            return
        self._check(day, "due_on")
        line["due_on"] = day
        if at is not None:
            line["due_time"], line["due_at"] = times.clock_text(at), times.instant(day, at)
        if line["state"] == PLANNED:
            self._ahead(line, row)

    def _ahead(self, line: dict[str, Any], row: Mapping[str, Any]) -> None:
        """Reminder and rhythm of what is to be done."""
        if line["due_at"]:
            minutes = row.get("remind_minutes", settings().remind_minutes)
            line["remind_minutes"] = minutes
            line["remind_at"] = None if minutes is None else line["due_at"] - timedelta(minutes=minutes)
        if repeat := row.get("repeat"):
            until = row.get("repeat_until")
            if until is None:
                raise BusinessError(_("Until when is it to be repeated?"), field="repeat_until")
            self._check(until, "repeat_until")
            line |= {"repeat": repeat, "repeat_until": until, "series_id": str(uuid4()), "repeat_from": line["due_on"]}

    def _result(self, line: dict[str, Any], row: Mapping[str, Any]) -> None:
        """What came of it: when it was done and told, by whom, and the outcome."""
        line["outcome_note"] = row.get("outcome_note") or ""
        cancelled = line["state"] == CANCELLED
        if outcome_id := row.get("outcome_id"):
            outcome = self._outcomes.get(outcome_id)
            if outcome is None or not links.fits(outcome, line["kind"], cancelled=cancelled):
                name = outcome.name if outcome else outcome_id
                raise BusinessError(_("The outcome “%(name)s” does not fit here.", name=name), field="outcome_id")
            line["outcome_id"] = outcome_id
        told: datetime | None = row.get("recorded_at")
        line["recorded_at"] = told or self._now
        if cancelled:
            return
        given = row if row.get("done_on") or row.get("done_at") else {**row, "done_on": min(line["due_on"] or self._today, self._today)}
        line |= times.done_columns(given)
        line["done_by_id"] = row.get("done_by_id") or line["owner_id"]
        line["told_after"] = times.hours_between(line["done_at"], told)  # a file that does not say is no late record

    def _check(self, day: date, field: str) -> None:
        if day not in self._days:
            times.check_day(day, field, now=self._today)
            self._days[day] = True


class Teams:
    """Who was in which team when, read once."""

    def __init__(self) -> None:
        self._dated: dict[int, list[tuple[date, date | None, int]]] = {}
        self._known: dict[tuple[int | None, date], int | None] = {}
        for row in db.session.scalars(select(TeamMember).order_by(TeamMember.valid_from.desc())):
            self._dated.setdefault(row.member_id, []).append((row.valid_from, row.valid_to, row.team_id))

    def on(self, member_id: int | None, day: date) -> int | None:
        """The team a member was in on a day."""
        key = (member_id, day)
        if key not in self._known:
            dated = self._dated.get(member_id or 0, ())
            fitting = (team for start, end, team in dated if start <= day and (end is None or day <= end))
            self._known[key] = next(fitting, None)
        return self._known[key]


def _known(model: Any, columns: Sequence[str], ids: Iterable[int | None]) -> dict[int, tuple[Any, ...]]:
    """Columns of rows by id, whoever sees them: what is linked has been chosen already."""
    found: dict[int, tuple[Any, ...]] = {}
    for chunk in chunks(sorted({row_id for row_id in ids if row_id}), CHUNK):
        rows = select(model.id, *(getattr(model, name) for name in columns)).where(model.id.in_(chunk))
        found.update({row[0]: tuple(row[1:]) for row in db.session.execute(rows, execution_options=WHATEVER)})
    return found
