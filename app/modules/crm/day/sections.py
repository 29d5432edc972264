"""The sections of "my day" as their templates show them: texts, ways to act, the way to all rows."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import date, timedelta
from typing import Any

from flask import url_for
from sqlalchemy import Row, select

from app.core import lookups
from app.core.access import can
from app.core.clock import today
from app.core.db import db, utcnow
from app.core.formats import clock, colour, day, initials, money
from app.core.i18n import _, _n
from app.core.money import Money
from app.core.registry import registry
from app.modules.crm.activities.models import CALL
from app.modules.crm.activities.queries import next_of_deals
from app.modules.crm.activities.resources import ICONS
from app.modules.crm.day import queries
from app.modules.crm.day.queries import CLOSING, DEALS, LATE, LEADS, LOOSE, MOST, ROTTING, SHOWN, TODAY, Found
from app.modules.crm.day.whose import Whose
from app.modules.crm.models import LOST, WON
from app.modules.crm.settings.queries import settings

SECTION_ICONS = {LATE: "alert-circle", TODAY: "sun", CLOSING: "calendar-due", ROTTING: "hourglass-low",
                 LOOSE: "circle-dashed", LEADS: "user-plus"}


@dataclass
class Section:
    """A section: its rows, how many there are in all, where all of them can be seen."""

    name: str
    label: str
    hint: str
    url: str  # of the section alone
    count: int
    rows: list[dict[str, Any]] = field(default_factory=list)
    all_url: str | None = None

    @property
    def icon(self) -> str:
        return SECTION_ICONS[self.name]

    @property
    def is_deals(self) -> bool:
        return self.name in DEALS

    @property
    def steps(self) -> list[dict[str, str]]:
        """To which days an activity is put off by one tap."""
        now = today()
        return [
            {"key": "day", "day": (now + timedelta(days=1)).isoformat(), "label": _("+1 d"), "title": _("Put off until tomorrow")},
            {"key": "week", "day": (now + timedelta(days=7)).isoformat(), "label": _("+1 wk"), "title": _("Put off by a week")},
        ]


def names() -> list[str]:
    """The sections that the person may see, in order."""
    deals = DEALS if can("crm.deal.view") else ()
    return [LATE, TODAY, *deals, *([LEADS] if _has_leads() else [])]


def _has_leads() -> bool:
    return settings().uses_leads and can("crm.lead.view") and any(r.key == "crm.lead" for r in registry.resources())


def section(name: str, whose: Whose, everything: bool = False) -> Section:
    """A section; `everything` shows up to 200 rows. The number of statements does not grow with them."""
    limit = MOST if everything else SHOWN
    found = queries.section(name, whose, limit)
    label, hint = _labels()[name]
    make = {LATE: _activities, TODAY: _activities, LEADS: _leads}.get(name, _deals)
    url = url_for("crm.day", section=name, who=whose.arg, all="1" if everything else None)
    more = _all_url(name, whose) if found.count > len(found.rows) else None
    return Section(name, label, hint, url, found.count, make(found, whose), more)


def _labels() -> dict[str, tuple[str, str]]:
    """Name -> heading and what it means."""
    return {
        LATE: (_("Late"), _("Planned for a day that has passed")),
        TODAY: (_("Today"), _("Planned for today")),
        CLOSING: (_("Closing this week"), _("Open deals whose expected close is this week or has passed")),
        ROTTING: (_("Rotting"), _("In their stage for longer than is usual there")),
        LOOSE: (_("Without a next step"), _("Open deals for which nothing is planned")),
        LEADS: (_("New leads"), _("Nobody has worked on them yet")),
    }


def _all_url(name: str, whose: Whose) -> str:
    """Where all rows are: the list with the same filter, or the section alone where no list can filter so."""
    owner = whose.owner
    now = today()
    if name in (LATE, TODAY):
        last = now - timedelta(days=1) if name == LATE else now
        first = None if name == LATE else now.isoformat()
        return url_for("crm.activity_list", state="planned", owner_id=owner, due_on__gte=first, due_on__lte=last.isoformat())
    if name == CLOSING:
        return url_for("crm.deal_list", state="open", owner_id=owner, expected_close__lte=queries.week_end(now).isoformat())
    if name == LEADS:
        return url_for("crm.lead_list", state="new", owner_id=owner)
    return url_for("crm.day", section=name, who=whose.arg, all="1")


def _ways(endpoint: str, argument: str) -> str:
    """Address of something done to a row, with "{}" in place of its id; made once for all rows."""
    return url_for(endpoint, **{argument: 0}).replace("/0", "/{}")  # type: ignore[arg-type]  # ids are the only ints


def _owner(whose: Whose, row: Row[Any], members: dict[int, str]) -> dict[str, Any] | None:
    name = None if whose.is_me else members.get(row.owner_id or 0)
    return {"name": name, "initials": initials(name), "colour": colour(row.owner_id)} if name else None


# Activities


def _activities(found: Found, whose: Whose) -> list[dict[str, Any]]:
    rows = found.rows
    accounts = lookups.labels("contacts.account", {r.account_id for r in rows})
    deals = lookups.labels("crm.deal", {r.deal_id for r in rows})
    people = lookups.labels("contacts.contact", {r.contact_id for r in rows})
    leads = lookups.labels("crm.lead", {r.lead_id for r in rows}) if _has_leads() else {}
    members = {} if whose.is_me else lookups.labels(lookups.MEMBER, {r.owner_id for r in rows})
    phones = _phones({r.contact_id for r in rows if r.kind == CALL})
    record = _ways("crm.activity_record", "row_id")
    edit = can("crm.activity.edit")
    ways = {name: _ways(f"crm.activity_{name}", "activity_id") for name in ("complete", "reschedule")} if edit else {}
    form = _ways("crm.activity_edit", "row_id") if edit else ""
    deal_url, account_url = _ways("crm.deal_record", "row_id"), _ways("contacts.account_record", "row_id")
    now, texts = utcnow(), _When()
    return [
        {
            "id": f"activity-{r.id}", "version": r.version, "icon": ICONS[r.kind], "kind": r.kind, "title": r.subject,
            "url": record.format(r.id), "when": texts.of(r), "late": r.due_on < texts.today or bool(r.due_at and r.due_at < now),
            "account": accounts.get(r.account_id or 0, ""), "account_url": account_url.format(r.account_id),
            "deal": deals.get(r.deal_id or 0, ""), "deal_url": deal_url.format(r.deal_id),
            "person": people.get(r.contact_id or 0) or leads.get(r.lead_id or 0, ""), "phone": phones.get(r.contact_id or 0, ""),
            "place": r.place, "owner": _owner(whose, r, members), "edit_url": f"{form.format(r.id)}?stay=1" if edit else "",
            "time": r.due_time or "", **{f"{name}_url": way.format(r.id) for name, way in ways.items()},
        }
        for r in rows
    ]  # fmt: skip


def _phones(ids: set[int | None]) -> dict[int, str]:
    """Numbers to call, by person."""
    if not ids - {None}:
        return {}
    person = registry.resource("contacts.contact").model
    rows = db.session.execute(select(person.id, person.phone).where(person.id.in_(ids), person.phone.is_not(None)))
    return {row.id: row.phone for row in rows}


class _When:
    """When an activity is due, in few words; sentences looked up once."""

    def __init__(self) -> None:
        self.today = today()
        self._late: dict[int, str] = {}

    def of(self, row: Row[Any]) -> str:
        time = clock(row.due_at)
        days = (self.today - row.due_on).days
        if days <= 0:
            return time
        if days not in self._late:
            self._late[days] = _n("%(num)d day late", "%(num)d days late", days)
        return self._late[days]


# Deals


def _deals(found: Found, whose: Whose) -> list[dict[str, Any]]:
    rows = found.rows
    accounts = lookups.labels("contacts.account", {r.account_id for r in rows})
    members = {} if whose.is_me else lookups.labels(lookups.MEMBER, {r.owner_id for r in rows})
    steps = next_of_deals([r.id for r in rows])
    closing = queries.closing_stages({r.pipeline_id for r in rows})
    edit, texts = can("crm.deal.edit"), _DealTexts()
    ways = {name: _ways(endpoint, "deal_id") for name, endpoint in _deal_ways(edit).items()}
    record = _ways("crm.deal_record", "row_id")
    log = url_for("crm.activity_log", deal_id=0)[:-1] if can("crm.activity.create") else ""
    plan = url_for("crm.activity_new", stay=1, deal_id=0)[:-1] if can("crm.activity.create") else ""
    account_url, step_url = _ways("contacts.account_record", "row_id"), _ways("crm.activity_record", "row_id")
    close = url_for("crm.deal_close", deal_id=0, stage_id=0) if edit else ""
    made = []
    for r in rows:
        step = steps.get(r.id)
        ends = {kind: closing.get((r.pipeline_id, kind)) for kind in (WON, LOST)} if edit else {}
        made.append({
            "id": f"deal-{r.id}", "deal_id": r.id, "version": r.version, "title": r.name, "url": record.format(r.id),
            "account": accounts.get(r.account_id or 0, ""), "account_url": account_url.format(r.account_id),
            "amount": "" if r.amount_minor is None else money(Money(r.amount_minor, r.currency)),
            "stage": r.stage, "probability": r.probability, **texts.close(r), **texts.age(r),
            "step": step, "step_url": step_url.format(step.activity_id) if step else "",
            "step_day": day(step.due_on) if step else "", "step_icon": ICONS[step.kind] if step else "",
            "owner": _owner(whose, r, members), "log_url": f"{log}{r.id}" if log else "", "plan_url": f"{plan}{r.id}" if plan else "",
            **{f"{kind}_url": close.replace("/0/close/0", f"/{r.id}/close/{stage}") for kind, stage in ends.items() if stage},
            **{f"{name}_url": way.format(r.id) for name, way in ways.items()},
        })  # fmt: skip
    return made


def _deal_ways(edit: bool) -> dict[str, str]:
    return {"card": "crm.deal_card", "postpone": "crm.day_postpone"} if edit else {}


class _DealTexts:
    """Expected close and days in the stage of a deal, in few words."""

    def __init__(self) -> None:
        self.today = today()
        self._no_date, self._short, self._late = _("No date"), _("%(n)s d"), _("%(n)s d late")
        self._usual = _("%(n)s days in this stage, %(limit)s are usual")
        self._in_stage = _("%(n)s days in this stage")

    def close(self, row: Row[Any]) -> dict[str, Any]:
        if row.expected_close is None:
            return {"close": self._no_date, "close_title": self._no_date, "close_late": False}
        late = (self.today - row.expected_close).days
        shown = day(row.expected_close)
        return {"close": self._late % {"n": late} if late > 0 else shown, "close_title": shown, "close_late": late > 0}

    def age(self, row: Row[Any]) -> dict[str, Any]:
        days = (self.today - row.entered_on).days
        rotten = row.rotting_days is not None and days > row.rotting_days
        title = (self._usual if rotten else self._in_stage) % {"n": days, "limit": row.rotting_days}
        return {"age": self._short % {"n": days}, "age_title": title, "rotten": rotten}


# Leads


def _leads(found: Found, whose: Whose) -> list[dict[str, Any]]:
    members = {} if whose.is_me else lookups.labels(lookups.MEMBER, {r.owner_id for r in found.rows})
    record, now = _ways("crm.lead_record", "row_id"), today()
    log = url_for("crm.activity_log", lead_id=0)[:-1] if can("crm.activity.create") else ""
    convert = _ways("crm.lead_convert", "lead_id") if can("crm.lead.edit") else ""
    return [
        {
            "id": f"lead-{r.id}", "title": r.name, "url": record.format(r.id), "organisation": r.organisation or "",
            "phone": r.phone or "", "when": _since(r.opened_on, now), "owner": _owner(whose, r, members),
            "log_url": f"{log}{r.id}" if log else "", "convert_url": convert.format(r.id),
        }
        for r in found.rows
    ]  # fmt: skip


def _since(opened: date, now: date) -> str:
    days = (now - opened).days
    return _("today") if days <= 0 else _n("%(num)d day ago", "%(num)d days ago", days)


def sections(whose: Whose, only: str = "") -> Sequence[Section]:
    """All sections, or one with all its rows."""
    shown = [name for name in names() if not only or name == only]
    return [section(name, whose, everything=bool(only)) for name in shown]
