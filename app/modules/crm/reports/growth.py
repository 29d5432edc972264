"""The portfolio: active accounts at the beginning, who came, who came back, who went quiet, and who is active at the end."""

from __future__ import annotations

from datetime import timedelta
from functools import partial
from typing import Any

from app.core.charts import Bar, horizontal
from app.core.figures import FigureRow
from app.core.formats import number
from app.core.i18n import _
from app.core.reports.asking import Desk
from app.core.reports.blocks import Block, Cell, Column, Content, Table
from app.core.reports.periods import Period
from app.core.reports.tables import Split, first, heads, named, split
from app.core.reports.wording import cell, text_of
from app.modules.crm.reports.sales import cards
from app.modules.crm.settings.queries import settings

ACTIVE, NEW, BACK, QUIET = "crm.portfolio_active", "crm.portfolio_new", "crm.portfolio_reactivated", "crm.portfolio_lost"
GROWTH, RETENTION = "crm.portfolio_growth", "crm.customer_retention"
ALL = (ACTIVE, NEW, BACK, QUIET, GROWTH, RETENTION)
SPLITS = ("owner", "segment")


def content(desk: Desk) -> Content:
    """The steps from the beginning to the end of the period, and the same by owner or segment."""
    known = _("An account is active when it has bought in the last %(days)s days; an administrator can change that in the settings.",
              days=number(settings().active_days))  # fmt: skip
    if not desk.may(*ALL):
        return Content(notes=[known])
    desk.figures(ALL, desk.frame.split)  # they tell the totals as well
    return Content(cards=cards(desk, (ACTIVE, GROWTH, RETENTION), {}, ()), blocks=[_steps(desk, known), _split(desk)])


def _eve(desk: Desk) -> Period:
    """The day before the period: who was active then was active when it began."""
    eve = desk.frame.period.first - timedelta(days=1)
    return Period(eve, eve)


def _at_start(growth: FigureRow | None) -> int:
    """How many accounts were active when the period began: what growth is measured against."""
    return growth.denominator if growth and isinstance(growth.denominator, int) else 0


def _steps(desk: Desk, known: str) -> Block:
    """Beginning + new + won back − gone quiet = end."""
    found = {i: f.total for i, f in zip((NEW, BACK, QUIET, ACTIVE), desk.figures((NEW, BACK, QUIET, ACTIVE)), strict=True)}
    at_start = _at_start(desk.figure(GROWTH).total)
    steps = [
        (_("Active at the beginning"), at_start, "s5", desk.behind(ACTIVE, during=_eve(desk))()),
        (_("New accounts"), found[NEW].n, "s1", desk.behind(NEW)()),
        (_("Won back"), found[BACK].n, "s2", desk.behind(BACK)()),
        (_("Gone quiet"), -found[QUIET].n, "s4", desk.behind(QUIET)()),
        (_("Active at the end"), found[ACTIVE].n, "s5", desk.behind(ACTIVE)()),
    ]
    drawn = [Bar(name, n, [_signed(n, place)], f"{name}: {number(n)}", url, css) for place, (name, n, css, url) in enumerate(steps)]
    rows = [[Cell(name), Cell(_signed(n, place), n, url)] for place, (name, n, _css, url) in enumerate(steps)]
    title = _("From the beginning to the end of the period")
    any_account = any(n for _name, n, _css, _url in steps)
    return Block(
        key="steps",
        title=title,
        note=known,
        draw=lambda width: horizontal(title, drawn, width=width),
        table=Table([Column(_("Step"), numeric=False), Column(_("Accounts"))], rows if any_account else ()),
    )


def _signed(n: int, place: int) -> str:
    """What is added or taken away stands with its sign; beginning and end without."""
    sign = "" if place in (0, 4) or not n else "+" if n > 0 else "−"
    return f"{sign}{number(abs(n))}"


def _split(desk: Desk) -> Block:
    by = desk.frame.split
    of = split(desk, ALL, by)
    title = _("Portfolio by %(split)s", split=named(by))
    address = {i: desk.behind(i) for i in ALL}
    eve = desk.behind(ACTIVE, during=_eve(desk))
    rows = []
    for k in of.order:
        start = _at_start(of.row(GROWTH, k))
        rows.append([Cell(of.names[k]), Cell(number(start), start, eve(**{by: k})), *(cell(desk.metric(i), of.row(i, k), address[i](**{by: k})) for i in (NEW, BACK, QUIET, ACTIVE, GROWTH, RETENTION))])
    return Block(
        key="split",
        title=title,
        draw=partial(_drawn, title, _bars(desk, of)),
        table=Table([first(by), Column(_("At the beginning")), *heads(desk, NEW, BACK, QUIET), Column(_("At the end")), *heads(desk, GROWTH, RETENTION)], rows, _total(desk)),
    )


def _bars(desk: Desk, of: Split) -> list[Bar]:
    address, found = desk.behind(ACTIVE), []
    for k in of.order[:15]:
        growth = row.value if (row := of.row(GROWTH, k)) else None
        texts = [number(of.value(ACTIVE, k)), text_of(desk.metric(GROWTH), growth)]
        found.append(Bar(of.names[k], of.value(ACTIVE, k), texts, f"{of.names[k]}: {texts[0]}", address(**{of.by: k})))
    return found


def _drawn(title: str, drawn: list[Bar], width: float) -> Any:
    return horizontal(title, drawn, (_("Active accounts"), _("Growth")), width=width)


def _total(desk: Desk) -> list[Cell]:
    whole = {i: f.total for i, f in zip(ALL, desk.figures(ALL), strict=True)}
    start = _at_start(whole[GROWTH])
    found = [cell(desk.metric(i), whole[i], desk.behind(i)()) for i in (NEW, BACK, QUIET, ACTIVE, GROWTH, RETENTION)]
    return [Cell(_("Total")), Cell(number(start), start, desk.behind(ACTIVE, during=_eve(desk))()), *found]
