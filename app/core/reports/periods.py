"""The period of a report and the one it is compared with."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import date, timedelta

from app.core import relative_dates
from app.core.clock import today
from app.core.errors import BusinessError
from app.core.formats import day
from app.core.i18n import _, _l

PREVIOUS, YEAR_BEFORE, NOTHING = "previous", "year", "none"
COMPARISONS = {
    PREVIOUS: _l("Previous period"),
    YEAR_BEFORE: _l("A year before"),
    NOTHING: _l("No comparison"),
}
OFFERED = (
    *("this-month", "this-quarter", "this-year", "last-month", "last-quarter", "last-year"),
    *("last-30-days", "last-90-days", "last-365-days"),
)
ONE = timedelta(days=1)


@dataclass(frozen=True)
class Period:
    """First and last day, both inclusive; `name` where it was asked for by one, such as "this-month"."""

    first: date
    last: date
    name: str = ""

    @property
    def days(self) -> int:
        return (self.last - self.first).days + 1

    @property
    def months(self) -> int:
        """How many whole months it is; 0 when it is something else."""
        whole = self.first.day == 1 and (self.last + ONE).day == 1
        return (self.last.year - self.first.year) * 12 + self.last.month - self.first.month + 1 if whole else 0

    @property
    def running(self) -> bool:
        return self.first <= today() < self.last

    @property
    def dates(self) -> str:
        return day(self.first) if self.first == self.last else f"{day(self.first)} – {day(self.last)}"

    @property
    def label(self) -> str:
        return f"{relative_dates.label(self.name)} ({self.dates})" if self.name else self.dates

    def before(self, how: str = PREVIOUS) -> Period | None:
        """The period to compare with: as many whole months before, or as many days; the same days a year earlier.

        A period that is still running is compared with as many days of the earlier one as have passed of it.
        """
        if how == NOTHING:
            return None
        if how == YEAR_BEFORE:
            first = moved(self.first, -12)
            last = moved(self.last + ONE, -12) - ONE if self.months else moved(self.last, -12)
        elif self.months:
            first, last = moved(self.first, -self.months), self.first - ONE
        else:
            first, last = self.first - timedelta(days=self.days), self.first - ONE
        if self.running:
            last = min(last, first + (today() - self.first))
        return Period(first, last)


def moved(at: date, months: int) -> date:
    """The same day of another month; its last day where it has fewer."""
    count = at.year * 12 + at.month - 1 + months
    first = date(count // 12, count % 12 + 1, 1)
    last = date((count + 1) // 12, (count + 1) % 12 + 1, 1) - ONE
    return first.replace(day=min(at.day, last.day))


def read(args: Mapping[str, str], usual: str) -> Period:
    """The period that an address asks for: by name, or from and until. Raises `BusinessError`."""
    first, last = _date(args.get("period__gte")), _date(args.get("period__lte"))
    if first or last:
        first = first or relative_dates.around(last or today(), "year")[0]
        last = last or max(first, today())
        if first > last:
            raise BusinessError(_("The period ends before it begins."), field="period__lte")
        return Period(first, last)
    name = args.get("period") or usual
    try:
        return Period(*relative_dates.period(name), name=name)
    except (ValueError, OverflowError):
        raise BusinessError(_("“%(given)s” is not a period.", given=name[:40]), field="period") from None


def _date(text: str | None) -> date | None:
    if not text:
        return None
    try:
        found = date.fromisoformat(text)
    except ValueError:
        raise BusinessError(_("“%(given)s” is not a date.", given=text[:40])) from None
    if not relative_dates.FIRST_YEAR <= found.year < relative_dates.LAST_YEAR:
        raise BusinessError(_("“%(given)s” is not a date.", given=text[:40]))
    return found
