"""The page of revenue: what was sold against quotas, how it grew, who sold it, and what the pipeline can still bring."""

from __future__ import annotations

from collections.abc import Sequence
from decimal import Decimal
from functools import partial

from app.core.charts import Point, Series, bars, sparkline
from app.core.formats import percent
from app.core.i18n import _
from app.core.relative_dates import around
from app.core.reports.asking import Desk
from app.core.reports.blocks import NIL, Block, Card, Cell, Column, Content, Later, Table
from app.core.reports.months import Course, course, keys_of, months_of, within
from app.core.reports.periods import ONE, Period, moved
from app.core.reports.wording import axis, change, month_names, text_of
from app.modules.kpi.goals import labels
from app.modules.kpi.quantities import shown
from app.modules.kpi.revenue import people
from app.modules.kpi.revenue.book import Book
from app.modules.kpi.revenue.figures import ATTAINMENT, QUOTA
from app.modules.kpi.revenue.people import OPEN, WEIGHTED
from app.modules.kpi.revenue.quotas import WON
from app.modules.kpi.revenue.standing import (
    Standing,
    amount,
    day_of,
    earlier,
    growth,
    yearly_growth,
)
from app.modules.kpi.revenue.words import (
    growth_cell,
    minor,
    money_cell,
    month_of,
    ratio_cell,
    short,
    signed,
    times,
    whole_cell,
)

SPLITS = ("owner", "team", "segment")
USUAL = "this-quarter"
YEARS, YEAR, QUARTER, MONTH = 5, 12, 3, 1  # how far back growth looks; the rest in months


def reach_of(desk: Desk) -> Period:
    """The days of everything that is asked by month: some whole years back, for growth by the year."""
    day = day_of(desk.frame)
    since = moved(around(day, "year")[0], -YEAR * YEARS)
    first = min(since, moved(desk.frame.period.first, -YEAR * 2).replace(day=1))
    return Period(first, max(desk.frame.period.last, around(day, "year")[1]))


def content(desk: Desk) -> Content:
    """Cards, the months against their quotas, growth, and who sold what."""
    reach = reach_of(desk)
    desk.figure(WON, "owner", "team", "month", during=reach)  # tells the months and all whole periods below
    for metric_id in (QUOTA, ATTAINMENT):
        desk.metric(metric_id)
    book, months = Book.of(desk.frame, reach), months_of(desk)
    won = course(desk, WON, months)
    rows = people.standings(desk, book)
    whole = _whole(desk, book)
    notes = [_("Quotas are of people, teams and the company: none is told by these filters.")] if _narrowed(desk) else []
    return Content(
        cards=_cards(desk, whole, won, keys_of(months)),
        blocks=[_by_month(desk, book, won, keys_of(months)), _growth(desk), people.block(desk, rows, whole), *_handed_out(desk, book)],
        notes=[*notes, *_without_rate(whole)],
    )


def later(desk: Desk) -> Sequence[Later]:
    """What takes longer: the quotas of people over the last periods."""
    return [Later("history", _("Quotas of people, period by period"), partial(people.history, desk, reach_of(desk)))]


def _narrowed(desk: Desk) -> bool:
    return bool(set(desk.frame.filters) - {"owner", "team"})


def _without_rate(whole: Standing) -> list[str]:
    return [_("A quota in another currency has no exchange rate: it is in no sum.")] if whole.plan.missing else []


def _whole(desk: Desk, book: Book) -> Standing:
    """All that the page is about."""
    frame = desk.frame
    before = amount(desk.figure(WON, during=frame.before).total) if frame.before else None
    open_, weighted = (amount(figure.total) for figure in desk.figures((OPEN, WEIGHTED)))
    return Standing(book.whole(frame.period), frame.period, day_of(frame), amount(desk.figure(WON).total), open_, weighted, before)


# The cards


def _cards(desk: Desk, whole: Standing, won: Course, keys: Sequence[int]) -> list[Card]:
    figure = desk.figure(WON)
    text, kind, rising = change(figure.metric, figure.total.value, _before(desk))
    first = Card(
        label=_("Total revenue"), value=text_of(figure.metric, figure.total.value, short=True), exact=text_of(figure.metric, figure.total.value),
        url=desk.behind(WON)(), change=text, kind=kind, rising=rising, note=short(whole.before) if whole.before is not None else "",
        spark=sparkline(_("Total revenue"), [won.value(key) for key in keys]),
    )  # fmt: skip
    return [first, *_growth_cards(desk), *_quota_cards(desk, whole), *_yearly(desk)]


def _before(desk: Desk) -> object:
    return desk.figure(WON, during=desk.frame.before).total.value if desk.frame.before else None


def _growth_cards(desk: Desk) -> list[Card]:
    day = day_of(desk.frame)
    asked = [(_("Month on month"), Period(*around(day, "month")), MONTH),
             (_("Quarter on quarter"), Period(*around(day, "quarter")), QUARTER),
             (_("Year on year"), desk.frame.period, YEAR)]  # fmt: skip
    found = []
    for label, period, months in asked:
        now, before = _won(desk, period), _won(desk, earlier(period, months, day))
        change_ = growth(now, before)
        found.append(Card(label=label, value=signed(change_), note=_("%(now)s after %(before)s", now=short(now), before=short(before)),
                          rising=None if not change_ else change_ > 0))  # fmt: skip
    return found


def _won(desk: Desk, during: Period) -> Decimal:
    return amount(desk.figure(WON, during=during).total)


def _quota_cards(desk: Desk, whole: Standing) -> list[Card]:
    if whole.quota is None:
        return [Card(label=_("Quota"), value=NIL, note=_("No quota in this period."))]
    passed = whole.gap is not None and whole.gap <= 0
    left = abs(whole.gap or Decimal(0))
    pace = labels.STATUSES[whole.status]
    return [
        Card(label=_("Quota"), value=short(whole.quota), exact=shown(whole.quota, "money")),
        Card(label=_("Attained"), value=percent(whole.attained, 1), note=str(pace)),
        Card(label=_("Passed by") if passed else _("Missing"), value=short(left), exact=shown(left, "money")),
        Card(label=_("Pace by working days"), value=percent(whole.pace), note=_pace_note(whole)),
        Card(label=_("Needed per working day"), value=short(whole.needed)),
        Card(label=_("Pipeline coverage"), value=times(whole.coverage), url=desk.behind(OPEN)(),
             note=_("%(open)s open, to close in the period", open=short(whole.open))),
    ]  # fmt: skip


def _pace_note(whole: Standing) -> str:
    expected = whole.plan.expected(whole.day)
    return _("on pace would be %(expected)s", expected=short(expected)) if expected is not None and whole.day <= whole.period.last else ""


def _yearly(desk: Desk) -> list[Card]:
    """Growth a year over the whole fiscal years of which something is known; nothing where they are fewer than two."""
    day, reach = day_of(desk.frame), reach_of(desk)
    known = [row.keys["month"] for row in desk.figure(WON, "month", during=reach).rows if row.n]
    first = around(day, "year")[0]
    years: list[Decimal] = []
    while known and first > reach.first:
        last, first = first, moved(first, -YEAR)
        if first.year * YEAR + first.month - 1 < min(known):
            break  # it began before anything was sold: no whole year
        years.insert(0, _won(desk, Period(first, last - ONE)))
    if (found := yearly_growth(years)) is None:
        return []
    return [Card(label=_("Growth a year (CAGR)"), value=signed(found), note=_("over %(count)s whole years", count=len(years)))]


# The blocks


def _by_month(desk: Desk, book: Book, won: Course, keys: list[int]) -> Block:
    names, inside = month_names(keys), within(desk, keys)
    quotas = [book.whole(month_of(key)).target for key in keys]
    points = [Point(won.value(key), f"{name}: {won.cell(key).text}", won.url(key), part=not dark)
              for key, name, dark in zip(keys, names, inside, strict=True)]  # fmt: skip
    aims = [Point(minor(quota), _("Quota of %(month)s: %(amount)s", month=name, amount=shown(quota, "money"))) for quota, name in zip(quotas, names, strict=True)]
    rows = []
    for key, name, quota in zip(keys, names, quotas, strict=True):
        sold = amount(won.rows.get(key))
        share = sold / quota if quota else None
        rows.append([Cell(name), won.cell(key), whole_cell(quota), ratio_cell(share), growth_cell(growth(sold, amount(won.rows.get(key - 1)) if key > keys[0] else None))])
    title = _("Amount won and quota")
    marks = Series(_("Quota"), aims) if any(quota is not None for quota in quotas) else None
    return Block(
        key="months",
        title=title,
        note=_("By the day of the win; a line says where the quota of the month lies. The months of the period stand out."),
        draw=lambda width: bars(title, names, [Series(_("Won"), points)], axis(won.metric), width=width, aims=marks),
        table=Table([Column(_("Month"), numeric=False), Column(_("Won")), Column(_("Quota")), Column(_("Attained")), Column(_("Growth"))], rows[::-1]),
        broad=False,
    )  # fmt: skip


def _growth(desk: Desk) -> Block:
    """Month, quarter and year, each against the one before and the same one a year earlier, of as many days."""
    day = day_of(desk.frame)
    rows, names, drawn = [], [], []
    for name, unit, months in ((_("Month"), "month", MONTH), (_("Quarter"), "quarter", QUARTER), (_("Year"), "year", YEAR)):
        period = Period(*around(day, unit))
        before, year = earlier(period, months, day), earlier(period, YEAR, day)
        now, old, older = _won(desk, period), _won(desk, before), _won(desk, year)
        address = [desk.behind(WON, during=each)() for each in (period, before, year)]
        names.append(name)
        drawn.append([Point(minor(value), f"{each.dates}: {shown(value, 'money')}", url)
                      for value, each, url in zip((now, old, older), (period, before, year), address, strict=True)])  # fmt: skip
        rows.append([Cell(name, note=period.dates), money_cell(now, address[0]), money_cell(old, address[1]), growth_cell(growth(now, old)),
                     money_cell(older, address[2]), growth_cell(growth(now, older))])  # fmt: skip
    heads = (_("Now"), _("One before"), _("Growth"), _("A year before"), _("Growth"))
    title, told = _("Growth"), zip((heads[0], heads[1], heads[3]), ("s1", "s2", "prev"), zip(*drawn, strict=True), strict=True)
    series, write = [Series(label, points, css) for label, css, points in told], axis(desk.metric(WON))
    return Block(
        key="growth",
        title=title,
        draw=lambda width: bars(title, names, series, write, width=width),
        note=_("What runs is compared with as many days of the earlier one. Over a base of nothing, growth is undefined."),
        table=Table([Column(_("Period"), numeric=False), *map(Column, heads)], rows),
        broad=False,
    )


def _handed_out(desk: Desk, book: Book) -> list[Block]:
    """Quotas of the company and of teams against what they handed out to people."""
    found = book.handed_out(desk.frame.period) if not desk.frame.filters else []
    if not found:
        return []
    rows = []
    for each in found:
        share = each.people / each.own if each.people is not None and each.own else None
        more = None if each.people is None else each.people - each.own
        rows.append([Cell(each.name or _("Company")), money_cell(each.own), money_cell(each.people), ratio_cell(share), money_cell(more)])
    heads = (_("Quota"), _("Handed out"), _("Share handed out"), _("Over or under"))
    return [Block(
        key="handed",
        title=_("Quotas handed out"),
        note=_("What the company and its teams have to sell, and what their people have to sell together."),
        table=Table([Column(_("Whose"), numeric=False), *map(Column, heads)], rows),
    )]  # fmt: skip
