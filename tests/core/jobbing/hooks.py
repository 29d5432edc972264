from sqlalchemy import select

from app.core import writes
from app.core.db import db
from app.core.hooks import Hooks, Schedule
from app.core.models import Team


def note(name: str) -> None:
    """Leave a mark that can be counted: a team of this name."""
    writes.create(Team, {"name": name})


def fail_after(name: str, times: int) -> None:
    """Write, and then break until as many marks as `times` stand outside of the transaction."""
    note(name)
    tried = len(ATTEMPTS)
    ATTEMPTS.append(name)
    if tried < times:
        raise ValueError(f"attempt {tried + 1} broke")


def count_teams() -> None:
    SEEN.append(len(db.session.scalars(select(Team)).all()))


ATTEMPTS: list[str] = []
SEEN: list[int] = []

hooks = Hooks(
    jobs={"jobbing.note": note, "jobbing.fail_after": fail_after, "jobbing.count": count_teams},
    schedules=(Schedule(job="jobbing.count", every_minutes=15),),
)
