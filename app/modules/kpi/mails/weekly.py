"""The letter of the week: each person's goals, and for who leads others those of the people and teams below."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from flask import current_app, g, render_template
from flask_babel import force_locale
from sqlalchemy import select

from app.core import lookups
from app.core.access import can, in_place_of, visible_members
from app.core.clock import company_zone, today
from app.core.db import db, utcnow
from app.core.formats import day
from app.core.i18n import _, _n
from app.core.jobs import enqueue
from app.core.mail import send_mail
from app.core.models import Membership, User
from app.modules.kpi.goals import queries
from app.modules.kpi.goals.telling import Told, tell
from app.modules.kpi.mails.readers import language_of, members
from app.modules.kpi.models import ACTIVE, MEMBER, Goal
from app.modules.kpi.progress.measure import AT_RISK, ATTAINED, MISSED, OFF_TRACK, ON_TRACK, UNKNOWN, WAITING
from app.modules.kpi.settings.queries import settings

FIRST_HOUR = 6  # of Monday, in the company's zone
LAST_DAY = 3  # Wednesday: a letter that was missed on Monday still goes out until then
ORDER = (OFF_TRACK, MISSED, AT_RISK, UNKNOWN, ON_TRACK, WAITING, ATTAINED)
MOST = 60  # goals of others in one letter, the worst first


@dataclass(frozen=True)
class Line:
    """A goal as a letter shows it."""

    goal: str
    who: str
    value: str
    target: str
    percent: str
    status: str
    sentence: str
    url: str
    off: bool


@dataclass(frozen=True)
class Part:
    """A table of a letter: own goals, or those of others."""

    title: str
    lines: Sequence[Line]
    left_out: int = 0


def week_of(moment: datetime) -> str:
    """The ISO week of an instant in the company's zone: "2026-W21"."""
    year, week, _day = moment.astimezone(company_zone()).isocalendar()
    return f"{year}-W{week:02}"


def weekly() -> None:
    """On Monday morning, a job for the letter of everybody who has a log-in. Run by the worker every hour."""
    now = utcnow().astimezone(company_zone())
    if not settings().weekly_mail or now.isoweekday() > LAST_DAY or (now.isoweekday() == 1 and now.hour < FIRST_HOUR):
        return
    week = week_of(now)
    for member_id in db.session.scalars(select(Membership.id).where(Membership.user_id.is_not(None)).order_by(Membership.id)):
        enqueue("kpi.letter", {"member_id": member_id, "week": week}, key=f"kpi.letter:{g.company_id}:{week}:{member_id}")


def letter(*, member_id: int, week: str) -> None:
    """Write a member the letter of a week, once; nothing to who has no goals, is gone or wants for the right to see any."""
    member = next(iter(members([member_id])), None)
    address = db.session.scalar(select(User.email).where(User.id == member.user_id)) if member and member.user_id else None
    if member is None or not address or not settings().weekly_mail:
        return
    language = language_of(member)
    with force_locale(language):
        with in_place_of(member):
            parts = parts_for(member.id) if can("kpi.goal.view") else []
        if not parts:
            return
        subject = _subject(parts)
        told = {"parts": parts, "name": member.name, "day": day(today()), "subject": subject, "url": _site("kpi/")}
        send_mail(address, subject, render_template("kpi/mails/weekly.txt", **told), render_template("kpi/mails/weekly.html", **told),
                  language=language, key=f"kpi.weekly:{g.company_id}:{week}:{member.id}")  # fmt: skip


def parts_for(member_id: int) -> list[Part]:
    """The tables of the reader's letter; those of others only for who agrees on goals with them."""
    own = [goal for goal in queries.mine(member_id) if goal.state == ACTIVE]
    others = [goal for goal in queries.running() if goal.owner_id != member_id] if can("kpi.goal.agree") else []
    if _sees_all():  # the company's and the teams': the people are their managers' to look after
        others = [goal for goal in others if goal.scope != MEMBER]
    told = tell([*own, *others])
    names = lookups.labels(lookups.MEMBER, {goal.owner_id for goal in others})
    found = [Part(_("Your goals"), _lines(own, told, {})), _part_of_others(others, told, names)]
    return [part for part in found if part.lines]


def _sees_all() -> bool:
    return visible_members("kpi.goal") is None


def _part_of_others(goals: Sequence[Goal], told: dict[int, Told], names: Any) -> Part:
    title = _("Of the teams and the company") if _sees_all() else _("Of your teams")
    return Part(title, _lines(goals, told, names)[:MOST], max(len(goals) - MOST, 0))


def _lines(goals: Sequence[Goal], told: dict[int, Told], names: Any) -> list[Line]:
    """Goals with where they stand, what is off track first."""
    in_order = sorted(goals, key=lambda goal: (ORDER.index(told[goal.id].status), told[goal.id].progress.pace or 0, goal.last_day))
    return [_line(goal, told[goal.id], names.get(goal.owner_id or 0, "")) for goal in in_order]


def _line(goal: Goal, told: Told, who: str) -> Line:
    return Line(
        goal=goal.name, who=who, value=told.value, target=told.target, percent=told.percent, status=str(told.label),
        sentence=told.sentence, url=_site(f"kpi/goals/{goal.id}"), off=told.status == OFF_TRACK,
    )  # fmt: skip


def _subject(parts: Sequence[Part]) -> str:
    """How many of all of them are off track, so that it is known before it is opened."""
    off = sum(line.off for part in parts for line in part.lines)
    if off:
        return _n("Your goals this week: %(num)d is off track", "Your goals this week: %(num)d are off track", off)
    return _("Your goals this week")


def _site(path: str) -> str:
    return f"{current_app.config['VENDIMIA'].base_url}/c/{g.company.slug}/{path}"
