"""Alerts: once a day goals that run are looked at; who answers for one that turned for the worse hears of it once, early enough
to act, and so does who leads them. Check-ins that nobody made are reminded of once in each of their periods."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Sequence
from datetime import date
from decimal import Decimal

from sqlalchemy import func, select

from app.core import lookups, writes
from app.core.clock import today
from app.core.db import db
from app.core.i18n import _, _n
from app.core.notices import Message, notify_all
from app.core.relative_dates import around
from app.core.workdays import working_days
from app.modules.kpi.goals import queries
from app.modules.kpi.goals.telling import Told
from app.modules.kpi.mails.readers import Managers, by_reader, may, members, seen_by
from app.modules.kpi.models import WEEK, Goal
from app.modules.kpi.progress.measure import AT_RISK, ATTAINED, OFF_TRACK, ON_TRACK, Progress, measure
from app.modules.kpi.progress.models import Alert
from app.modules.kpi.progress.queries import is_due, last_checkins
from app.modules.kpi.settings.queries import settings

WORSE = {ON_TRACK: 0, ATTAINED: 0, AT_RISK: 1, OFF_TRACK: 2}
EARLIEST = Decimal("0.1")  # of the period's working days: before, one deal more or less says nothing
NAMED = 3


def watch() -> None:
    """Look at the goals that run. Run by the worker, once a day; again the same day it finds nothing new."""
    if not settings().alerts:
        return
    goals = queries.running()
    notify_all([*_alerts(turns(goals)), *_reminders(goals)])


def turns(goals: Sequence[Goal]) -> list[Goal]:
    """The goals that stand worse than when they were last looked at; what was found is noted.

    A goal whose figure nobody knows, or of whose days fewer than a tenth are over, is left as it was.
    """
    told, before = measure(goals), _last(goal.id for goal in goals)
    found, noted = [], []
    for goal in goals:
        stands, last = told[goal.id], before.get(goal.id)
        known = WORSE.get(last.status, 0) if last else 0
        if not _says_something(stands) or WORSE[stands.status] == known:
            continue
        if last is not None and last.on_day == today():
            writes.update(last, {"status": stands.status})
        else:
            noted.append({"goal_id": goal.id, "on_day": today(), "status": stands.status})
        if WORSE[stands.status] > known:
            found.append(goal)
    writes.bulk_insert(Alert, noted)
    return found


def _says_something(stands: Progress) -> bool:
    return stands.value is not None and stands.status in WORSE and stands.share >= EARLIEST


def _last(goal_ids: Iterable[int]) -> dict[int, Alert]:
    newest = select(func.max(Alert.id)).where(Alert.goal_id.in_(list(goal_ids))).group_by(Alert.goal_id)
    return {row.goal_id: row for row in db.session.scalars(select(Alert).where(Alert.id.in_(newest)))}


def _alerts(goals: Sequence[Goal]) -> Iterator[Message]:
    """Each goal is told to its owner and to who leads them; every text says what its reader may see, and nothing else."""
    managers = Managers()
    told = by_reader(pair for goal in goals for pair in ((goal.owner_id, goal), (managers.of(goal), goal)))
    names = lookups.labels(lookups.MEMBER, (goal.owner_id for goal in goals))
    for reader in members(told):
        seen = seen_by(reader, told[reader.id])
        for goal in (goal for goal in told[reader.id] if goal.id in seen):
            key = f"kpi.alert:{goal.id}:{goal.edition}:{today()}:{seen[goal.id].status}"
            who = names[goal.owner_id] if goal.owner_id and goal.owner_id != reader.id else ""
            yield Message(member_ids=[reader.id], text=_alert(goal, seen[goal.id], who), url=f"kpi/goals/{goal.id}",
                          icon="alert-triangle", key=key, mail=True)  # fmt: skip


def _alert(goal: Goal, told: Told, who: str) -> Callable[[], str]:
    """ "Sell 100,000 is off track: 20,000 of 100,000; on pace would be 40,000; 2,000 per working day until Dec 31." """

    def text() -> str:
        name = _("%(name)s (%(who)s)", name=goal.name, who=who) if who else goal.name
        if told.status == OFF_TRACK:
            return _("%(name)s is off track: %(sentence)s", name=name, sentence=told.sentence)
        return _("%(name)s is at risk: %(sentence)s", name=name, sentence=told.sentence)

    return text


def _reminders(goals: Sequence[Goal]) -> Iterator[Message]:
    """Whose check-in is due in the second half of its week, month or quarter is reminded, once in each."""
    said, day = last_checkins([goal.id for goal in goals]), today()
    waiting = [goal for goal in goals if is_due(goal, said.get(goal.id)) and _half_over(goal, day)]
    told = by_reader((goal.owner_id, goal) for goal in waiting)
    for owner_id, theirs in ((member.id, told[member.id]) for member in members(told) if may(member, "kpi.goal.answer")):
        for cadence in dict.fromkeys(goal.cadence for goal in theirs):
            first, _last_day = around(day, cadence)
            yield _reminder(owner_id, [goal for goal in theirs if goal.cadence == cadence], f"{cadence}:{first}", cadence != WEEK)


def _half_over(goal: Goal, day: date) -> bool:
    first, last = around(day, goal.cadence)
    return 2 * working_days(first, day) >= working_days(first, last)


def _reminder(owner_id: int, goals: Sequence[Goal], period: str, mail: bool) -> Message:
    names = ", ".join(goal.name for goal in goals[:NAMED]) + (" …" if len(goals) > NAMED else "")

    def text() -> str:
        return _n("A check-in is due: %(names)s", "%(num)d check-ins are due: %(names)s", len(goals), names=names)

    return Message(member_ids=[owner_id], text=text, url="kpi/", icon="message", key=f"kpi.checkin:{owner_id}:{period}", mail=mail)


