"""Follow-ups by kind, rep and month; planned against done; how many reached somebody; which accounts nobody touched."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import timedelta
from functools import partial
from typing import Any

from flask import url_for
from sqlalchemy import func, select

from app.core.access import can
from app.core.charts import Bar, Point, Series, horizontal, stacked
from app.core.clock import local_date, today
from app.core.db import db
from app.core.errors import BusinessError
from app.core.formats import day, number
from app.core.i18n import _
from app.core.ids import whole
from app.core.lookups import labels
from app.core.reports.asking import Desk, by_key
from app.core.reports.blocks import EMPTY, Block, Cell, Column, Content, Later, Table
from app.core.reports.months import course, keys_of, months_of, reach_of
from app.core.reports.tables import first, heads, lines, named, split, total
from app.core.reports.wording import axis, cell, month_names
from app.modules.contacts.public import Account
from app.modules.crm.activities.labels import KINDS
from app.modules.crm.activities.models import DONE, FOLLOW_UPS, Activity
from app.modules.crm.reports.sales import cards
from app.modules.crm.settings.queries import settings

DONE_COUNT, PLANNED, OVERDUE = "crm.follow_ups", "crm.activities_planned", "crm.activities_overdue"
REACHED, LATE, TOUCHED, TARGETS = "crm.effective_contact_rate", "crm.late_record_rate", "crm.accounts_touched", "crm.target_account_reach"
ALL = (DONE_COUNT, PLANNED, OVERDUE, REACHED, LATE, TOUCHED)
PEOPLE = (DONE_COUNT, PLANNED, OVERDUE, REACHED, LATE)
SPLITS = ("owner", "team", "segment", "type")
MOST_ACCOUNTS = 200
MOST_DAYS = 3650


def content(desk: Desk) -> Content:
    """Cards, and follow-ups by month and kind."""
    if not desk.may(*ALL, TARGETS):
        return Content()
    months = months_of(desk)
    keys = keys_of(months)
    wide = (DONE_COUNT, REACHED)
    desk.figures((*wide, LATE), "month", "kind", during=reach_of(desk, months))  # each of these tells those by less
    courses = {i: course(desk, i, months) for i in (DONE_COUNT, REACHED)}
    shown = (DONE_COUNT, REACHED, TOUCHED, TARGETS, OVERDUE, LATE)
    return Content(cards=cards(desk, shown, courses, keys), blocks=[_by_month(desk, courses, keys)])


def later(desk: Desk) -> list[Later]:
    """The same by rep, and the accounts that nobody has touched for long."""
    if not desk.may(*ALL, TARGETS):
        return []
    found = [Later("split", _split_title(desk), lambda: _split(desk), PEOPLE),
             Later("touched", _touched_title(desk), lambda: _touched(desk), (TOUCHED,))]  # fmt: skip
    if can("contacts.account.view"):
        found.append(Later("untouched", _untouched_title(desk), lambda: _untouched(desk)))
    return found


def _split_title(desk: Desk) -> str:
    return _("Follow-ups by %(split)s", split=named(desk.frame.split))


def _touched_title(desk: Desk) -> str:
    return _("Accounts touched by %(split)s", split=named(desk.frame.split))


def _untouched_title(desk: Desk) -> str:
    return _("Accounts nobody has touched for %(days)s days", days=number(_days(desk)))


def _by_month(desk: Desk, courses: dict[str, Any], keys: list[int]) -> Block:
    months = months_of(desk)
    names = month_names(keys)
    counts = by_key(desk.figure(DONE_COUNT, "month", "kind", during=reach_of(desk, months)), "month", "kind")
    address = desk.behind(DONE_COUNT, during=months)
    series = [
        Series(str(KINDS[kind]), [_point(counts.get((key, kind)), f"{name}, {KINDS[kind]}", address(month=key, kind=kind))
                                  for key, name in zip(keys, names, strict=True)])
        for kind in FOLLOW_UPS
    ]  # fmt: skip
    rows = [
        [Cell(name), *(cell(desk.metric(DONE_COUNT), counts.get((key, kind)), address(month=key, kind=kind)) for kind in FOLLOW_UPS),
         courses[DONE_COUNT].cell(key), courses[REACHED].cell(key)]
        for key, name in zip(keys, names, strict=True)
    ]  # fmt: skip
    title = _("Follow-ups by month and kind")
    return Block(
        key="months",
        title=title,
        note=_("By the day they were done; each counts once, however many colleagues took part."),
        draw=lambda width: stacked(title, names, series, axis(desk.metric(DONE_COUNT)), width=width, whole=True),
        table=Table([Column(_("Month"), numeric=False), *(Column(str(KINDS[k])) for k in FOLLOW_UPS), Column(_("All")), *heads(desk, REACHED)], rows[::-1] if counts else ()),
    )


def _point(row: Any, name: str, url: str) -> Point:
    return Point(row.n if row else 0, f"{name}: {number(row.n if row else 0)}", url if row else "")


def _split(desk: Desk) -> Block:
    """By rep: done by kind, still to do, overdue, and how good the contacts were."""
    by = desk.frame.split
    for less in ((by, "kind"), ("kind",)):
        desk.figures((DONE_COUNT, REACHED, LATE), *less)  # each of these tells those by less
    ids = [i for i in PEOPLE if by in desk.metric(i).dimensions]
    of = split(desk, ids, by)
    kinds = by_key(desk.figure(DONE_COUNT, by, "kind"), by, "kind")
    address = {i: desk.behind(i) for i in ids}
    metric = desk.metric(DONE_COUNT)
    rows = []
    for k in of.order:
        each = [cell(metric, kinds.get((k, kind)), address[DONE_COUNT](**{by: k, "kind": kind})) for kind in FOLLOW_UPS]
        rest = [cell(desk.metric(i), of.row(i, k), address[i](**{by: k})) for i in ids]
        rows.append([Cell(of.names[k]), *each, *rest])
    series = [Series(str(KINDS[kind]), [_point(kinds.get((k, kind)), f"{of.names[k]}, {KINDS[kind]}", address[DONE_COUNT](**{by: k, "kind": kind}))
                                        for k in of.order[:12]]) for kind in FOLLOW_UPS]  # fmt: skip
    title = _split_title(desk)
    drawn = [of.names[k] for k in of.order[:12]]
    return Block(
        key="split",
        title=title,
        note=_("By person, everybody who took part counts: the lines may add up to more than the total."),
        draw=partial(_stack, title, drawn, series, axis(metric)),
        table=Table([first(by), *(Column(str(KINDS[k])) for k in FOLLOW_UPS), *heads(desk, *ids)], rows, _total(desk, ids) if rows else ()),
    )


def _touched(desk: Desk) -> Block:
    """How many different accounts each has touched. They are told apart one by one, which takes as long as all the rest."""
    by, metric = desk.frame.split, desk.metric(TOUCHED)
    of = split(desk, (TOUCHED,), by)
    address = desk.behind(TOUCHED)
    drawn = [Bar(of.names[k], of.value(TOUCHED, k), [number(of.value(TOUCHED, k))], f"{of.names[k]}: {number(of.value(TOUCHED, k))}",
                 address(**{by: k})) for k in of.order[:12]]  # fmt: skip
    title = _touched_title(desk)
    return Block(
        key="touched",
        title=title,
        note=_("An account counts once for each who had to do with it: the lines may add up to more than the total."),
        draw=lambda width: horizontal(title, drawn, (str(metric.label),), width=width),
        table=Table([first(by), *heads(desk, TOUCHED)], lines(desk, of), total(desk, (TOUCHED,)) if of.order else ()),
        broad=False,
    )


def _stack(title: str, names: Sequence[str], series: Sequence[Series], write: Any, width: float) -> Any:
    return stacked(title, names, series, write, width=width, whole=True)


def _total(desk: Desk, ids: Sequence[str]) -> list[Cell]:
    kinds = by_key(desk.figure(DONE_COUNT, "kind"), "kind")
    address = desk.behind(DONE_COUNT)
    each = [cell(desk.metric(DONE_COUNT), kinds.get(kind), address(kind=kind)) for kind in FOLLOW_UPS]
    return [Cell(_("Total")), *each, *(cell(f.metric, f.total, desk.behind(f.metric.id)()) for f in desk.figures(ids))]


def _untouched(desk: Desk) -> Block:
    """The accounts that the reader may open with no follow-up for so many days, the longest first: records, not a figure."""
    days = _days(desk)
    now = local_date(desk.frame.as_of) if desk.frame.as_of else today()
    found = _accounts(desk, now - timedelta(days=days))
    owners = labels("admin.member", {row.owner_id for row in found})
    before, after = url_for("contacts.account_record", row_id=0).rsplit("/0", 1)
    rows = [
        [Cell(row.name, url=f"{before}/{row.id}{after}"), Cell(owners.get(row.owner_id, "–")), Cell(row.segment or "–"),
         Cell(day(row.last) if row.last else _("never"), row.last), Cell(number((now - row.last).days), (now - row.last).days) if row.last else EMPTY]
        for row in found
    ]  # fmt: skip
    drawn = [Bar(row.name, (now - row.last).days, [number((now - row.last).days)], row.name, f"{before}/{row.id}{after}") for row in found if row.last][:12]
    title = _untouched_title(desk)
    return Block(
        key="untouched",
        title=title,
        note=_("Of the accounts that you may open; calls, e-mails, visits and meetings count."),
        choices=[(_("%(days)s days", days=number(d)), desk.frame.url(days=d), d == days) for d in sorted({30, 60, 90, 180, settings().neglected_days, days})],
        draw=partial(_longest, title, drawn) if drawn else None,
        table=Table([Column(_("Account"), numeric=False), Column(_("Owner"), numeric=False), Column(_("Segment"), numeric=False),
                     Column(_("Last follow-up"), numeric=False), Column(_("Days since"))], rows),
        foot=[_("The first %(most)s; narrow the filters down to see the others.", most=MOST_ACCOUNTS)] if len(rows) == MOST_ACCOUNTS else (),
    )  # fmt: skip


def _longest(title: str, drawn: list[Bar], width: float) -> Any:
    return horizontal(title, drawn, (_("Days since"),), width=width)


def _days(desk: Desk) -> int:
    text = desk.frame.args.get("days")
    found = whole(text) if text else settings().neglected_days
    if found is None or not 1 <= found <= MOST_DAYS:
        raise BusinessError(_("“%(given)s” is not a number of days.", given=(text or "")[:40]), field="days")
    return found


def _accounts(desk: Desk, before: Any) -> Sequence[Any]:
    """Accounts without a follow-up since a day, as the record rules show them; those never touched first."""
    touched = select(Activity.id).where(Activity.account_id == Account.id, Activity.state == DONE, Activity.kind.in_(FOLLOW_UPS))
    # Whether there was one since that day is a look into an index; only for those without is the last one looked for.
    last = touched.with_only_columns(func.max(Activity.done_on)).correlate(Account).scalar_subquery().label("last")
    columns = (Account.id, Account.name, Account.name_key, Account.owner_id, Account.segment, last)
    quiet = select(*columns).where(~touched.where(Activity.done_on >= before).correlate(Account).exists())
    if "owner" in desk.frame.filters:
        quiet = quiet.where(Account.owner_id == desk.frame.filters["owner"])
    if "segment" in desk.frame.filters:
        quiet = quiet.where(Account.segment == desk.frame.filters["segment"])
    found = quiet.subquery("quiet").c
    order = (found.last.is_(None).desc(), found.last, found.name_key, found.id)
    return db.session.execute(select(found.id, found.name, found.owner_id, found.segment, found.last).order_by(*order).limit(MOST_ACCOUNTS)).all()
