"""What the calendar pages are made of: the days that are shown, their names, and the ways on."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date, timedelta
from functools import lru_cache
from typing import Any

from babel.dates import format_date, format_interval, format_skeleton
from flask import url_for

from app.core.access import can
from app.core.clock import today
from app.core.errors import BusinessError
from app.core.formats import long_day
from app.core.i18n import _, language
from app.modules.crm.activities.resources import ICONS, KIND_LABELS
from app.modules.crm.calendar.grid import LANES, LANES_IN_A_WEEK, Day, fill, week_of, weeks_of_month
from app.modules.crm.calendar.queries import MOST, events_between
from app.modules.crm.day.whose import Whose, choices

DAY, WEEK, MONTH = "day", "week", "month"
VIEWS = (DAY, WEEK, MONTH)
FIRST_YEAR, LAST_YEAR = 1970, 2200


@dataclass
class Page:
    """A calendar page."""

    view: str
    day: date
    whose: Whose

    def __post_init__(self) -> None:
        self.today = today()
        dates = self._dates()
        self.days = [self._day(each) for each in dates]
        events, self.cut = events_between(dates[0], dates[-1], self.whose)
        fill(self.days, events, LANES_IN_A_WEEK if self.view == WEEK else LANES)
        self.may_edit = can("crm.activity.edit")
        self.may_plan = can("crm.activity.create")
        self.title = self._title(dates)
        self.most = MOST

    def _dates(self) -> list[date]:
        if self.view == MONTH:
            return [each for week in weeks_of_month(self.day) for each in week]
        return week_of(self.day) if self.view == WEEK else [self.day]

    def _day(self, on: date) -> Day:
        code = language()
        inside = self.view != MONTH or on.month == self.day.month
        return Day(on, _name(on.weekday(), code), str(on.day), long_day(on, self.today), on == self.today, inside)

    def _title(self, dates: list[date]) -> str:
        code = language()
        if self.view == DAY:
            return long_day(self.day, self.today)
        if self.view == WEEK:
            return format_interval(dates[0], dates[-1], skeleton="yMMMd", locale=code)
        text = format_skeleton("yMMMM", self.day, locale=code)
        return text[:1].upper() + text[1:]

    # Ways on

    def url(self, **more: Any) -> str:
        """The address of this page, or of one that differs in `view`, `day` or `who`."""
        view, day = more.get("view", self.view), more.get("day", self.day)
        who = more.get("who", self.whose.arg)
        return url_for("crm.calendar", view=view, date=day.isoformat() if day != self.today else None, who=who)

    @property
    def weeks(self) -> list[list[Day]]:
        return [self.days[n : n + 7] for n in range(0, len(self.days), 7)]

    @property
    def agenda(self) -> list[Day]:
        """Days with something in them, for narrow screens; of a month those of the month."""
        return [d for d in self.days if d.inside and (d.whole or d.placed)]

    @property
    def previous_url(self) -> str:
        return self.url(day=self._step(-1))

    @property
    def next_url(self) -> str:
        return self.url(day=self._step(1))

    @property
    def today_url(self) -> str:
        return self.url(day=self.today)

    def _step(self, by: int) -> date:
        if self.view != MONTH:
            return self.day + timedelta(days=by * (7 if self.view == WEEK else 1))
        first = self.day.replace(day=1)
        return (first - timedelta(days=1)).replace(day=1) if by < 0 else (first + timedelta(days=31)).replace(day=1)

    @property
    def views(self) -> list[dict[str, Any]]:
        labels = {DAY: _("Day"), WEEK: _("Week"), MONTH: _("Month")}
        return [{"name": v, "label": labels[v], "url": self.url(view=v), "current": v == self.view} for v in VIEWS]

    @property
    def people(self) -> list[dict[str, Any]]:
        """The switch of whose calendar it is; empty for who sees only their own."""
        return [{**each, "url": self.url(who=None if each["value"] == "me" else each["value"])} for each in choices(self.whose)]

    @property
    def legend(self) -> list[dict[str, str]]:
        """What the colours stand for."""
        return [{"kind": kind, "label": str(label), "icon": ICONS[kind]} for kind, label in KIND_LABELS]

    @property
    def plan_url(self) -> str | None:
        """Where something is planned; a day and a time are added to it."""
        return url_for("crm.activity_new", stay=1) if self.may_plan else None

    @property
    def move_url(self) -> str | None:
        """Where an event is moved; its id takes the place of the 0."""
        return url_for("crm.calendar_move", activity_id=0) if self.may_edit else None


@lru_cache(maxsize=32)
def _name(weekday: int, code: str) -> str:
    text = format_date(date(2024, 1, 1 + weekday), "EEE", locale=code).rstrip(".")
    return text[:1].upper() + text[1:]


def read_day(text: str) -> date:
    """The day of an address; today when it names none. Raises `BusinessError`."""
    if not text:
        return today()
    try:
        found = date.fromisoformat(text)
    except ValueError:
        found = None
    if found is None or not FIRST_YEAR <= found.year <= LAST_YEAR:
        raise BusinessError(_("“%(given)s” is not a date.", given=text[:40]))
    return found
