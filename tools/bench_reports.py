"""Reports and the pages of a rep's day: which are measured, and what is the least that each could cost."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from datetime import date, timedelta
from typing import TYPE_CHECKING

import bench_floors as least
from bench_floors import Query, day_texts
from bench_measure import Timing

from app.core.clock import quarter_bounds
from app.core.reports.periods import moved

if TYPE_CHECKING:
    from bench_pages import Bench

Pages = Mapping[str, tuple[str, tuple[Query, ...]]]  # name -> address within the company, floor


def pages(bench: Bench, base: str, day: date, deal_id: int) -> Iterator[Timing]:
    """All of them, with the empty page as the base of their floors."""
    yield from bench.pages({**_reports(day), **_pivots(day), **_drills(day), **_days(bench, day), **_records(bench, deal_id)}, base)


def _reports(day: date) -> Pages:
    quarter, year = quarter_bounds(day), (date(day.year, 1, 1), date(day.year, 12, 31))
    before, months = (moved(quarter[0], -3), quarter[0] - timedelta(days=1)), (least.a_year_back(day), year[1])
    month, past = (day.replace(day=1), day), day - timedelta(days=100)
    then = f"{past + timedelta(days=1)} 00:00:00+00"
    months_then = (least.a_year_back(past), past)
    whole, last_year = tuple(day_texts(*year)), (date(day.year - 1, 1, 1), date(day.year - 1, 12, 31))
    cohort = (least.reached("1", *year), least.began("d.source_id", *year), (least.LEADS, *whole))
    return {
        "report: sales": ("crm/reports/sales", (
            least.closed("d.credit_owner_id", *quarter), least.closed("d.credit_owner_id", *before),
            least.closed("d.closed_on", *months), least.cycles(*quarter), least.cycles(*months))),
        "report: sales of the year by segment": ("crm/reports/sales?period=this-year&by=segment", (
            least.closed("d.account_id", *year), least.closed("d.account_id", *last_year),
            least.closed("d.closed_on", *months), least.cycles(*year))),
        "report: sales as of 100 days ago": (f"crm/reports/sales?as_of={past}", (
            least.closed("d.credit_owner_id", *quarter, then=then), least.closed("d.credit_owner_id", *before, then=then),
            least.closed("d.closed_on", *months_then, then=then), least.cycles(*quarter, then), least.cycles(*months_then, then))),
        "report: funnel, cohort": ("crm/reports/funnel", cohort),
        "report: funnel, cohort: by source": (
            "crm/reports/funnel?part=split", (least.reached("d.source_id", *year), least.began("d.source_id", *year))),
        "report: funnel, cohort: by rep": (
            "crm/reports/funnel?by=owner&part=split", (least.reached("d.credit_owner_id", *year), least.began("d.credit_owner_id", *year))),
        "report: funnel, cohort: month by month": ("crm/reports/funnel?part=outcomes", (least.began("d.opened_on", *months),)),
        "report: funnel, cohort as of 100 days ago": (f"crm/reports/funnel?as_of={past}", (
            least.reached("1", *year, then), (least.LEADS, *day_texts(year[0], past)))),
        "report: funnel, period": ("crm/reports/funnel?basis=period", (
            least.closed("d.closed_on", *months), least.qualified(*year), least.began("d.opened_on", *months), (least.LEADS, *whole))),
        "report: funnel, period as of 100 days ago": (f"crm/reports/funnel?basis=period&as_of={past}", (
            least.closed("d.closed_on", *months_then, then=then), least.qualified(year[0], past), least.began("d.opened_on", *months_then),
            (least.LEADS, *day_texts(year[0], past)))),
        "report: funnel, period: by source": ("crm/reports/funnel?basis=period&part=split", (
            least.closed("d.source_id", *year), least.qualified(*year), least.began("d.source_id", *year))),
        "report: time in stage": ("crm/reports/time", (least.stays("1", *year), least.cycles(*months))),
        "report: time in stage as of 100 days ago": (f"crm/reports/time?as_of={past}", (
            least.stays_then(year[0], then), least.cycles(*months_then, then))),
        "report: time in stage: by rep": ("crm/reports/time?part=split", (least.cycles(*year, key="d.credit_owner_id"), least.first_contacts(*year))),
        "report: losses": ("crm/reports/losses", (
            least.closed("d.reason_id", *year), least.closed("d.credit_owner_id, d.reason_id", *year), least.closed("d.closed_on", *months),
            least.lost_from(*year), least.rivals(*year))),
        "report: losses as of 100 days ago": (f"crm/reports/losses?as_of={past}", (
            least.closed("d.reason_id", *year, then=then), least.closed("d.credit_owner_id, d.reason_id", *year, then=then),
            least.closed("d.closed_on", *months_then, then=then), least.lost_from(*year, then), least.rivals(*year, then))),
        "report: portfolio": ("crm/reports/portfolio", (least.buyers("a.owner_id", year[0]),)),
        "report: follow-ups": ("crm/reports/followups", (
            least.done("a.done_month", *months), least.touched(*month), least.PLANNED)),
        "report: follow-ups: by rep": ("crm/reports/followups?part=split", (
            least.done("a.done_by_id", *month), least.shared("p.member_id", *month), least.PLANNED)),
        "report: follow-ups: accounts untouched": ("crm/reports/followups?part=untouched", (least.UNTOUCHED,)),
        "report: follow-ups of the year": ("crm/reports/followups?period=this-year", (
            least.done("a.done_month", *months), least.done("a.done_month", *last_year), least.touched(*year), least.touched(*last_year),
            least.PLANNED)),
        "report: follow-ups of the year: by team": ("crm/reports/followups?period=this-year&by=team&part=split", (
            least.done("a.team_id", *year), least.shared("p.team_id", *year))),
        "report: follow-ups of the year: by rep": ("crm/reports/followups?period=this-year&part=split", (
            least.done("a.done_by_id", *year), least.shared("p.member_id", *year), least.PLANNED)),
        "report: follow-ups of the year: accounts by rep": ("crm/reports/followups?period=this-year&part=touched", (
            least.touched_by(*year), least.touched(*year))),
    }  # fmt: skip


def _pivots(day: date) -> Pages:
    year = (date(day.year, 1, 1), date(day.year, 12, 31))
    return {
        "pivot: amount won, rep × quarter": ("crm/pivot", (least.closed("d.credit_owner_id, d.closed_on", *year, "'won'"),)),
        "pivot: deals, product × stage reached": (
            "crm/pivot?measure=crm.funnel_reached&rows=product&columns=stage", (least.reached("d.product", *year),)),
        "pivot: follow-ups, rep × month": (
            "crm/pivot?measure=crm.follow_ups&rows=owner&columns=month",
            (least.done("a.done_by_id, a.done_month", *year), least.shared("p.member_id, p.done_month", *year))),
    }  # fmt: skip


def _drills(day: date) -> Pages:
    year = (date(day.year, 1, 1), date(day.year, 12, 31))
    when, whole = f"from={year[0]}&to={year[1]}", tuple(day_texts(*year))
    drill = "admin/figures?metric="
    return {
        "records behind: amount won": (f"{drill}crm.won_amount&{when}", ((least.WON_ROWS, *whole), least.closed("1", *year, "'won'"))),
        "records behind: deals by stage": (f"{drill}crm.funnel_reached&{when}", (least.began("1", *year), (least.WON_ROWS, *whole))),
        "records behind: time in stage": (f"{drill}crm.time_in_stage_days&{when}", (least.stays("1", *year), (least.WON_ROWS, *whole))),
        "records behind: follow-ups": (f"{drill}crm.follow_ups&{when}", ((least.DONE_ROWS, *whole), least.done("1", *year))),
        "records behind: active accounts": (f"{drill}crm.portfolio_active", (least.buyers("1", year[0]),)),
        "records behind: open deals with a problem": (f"{drill}crm.hygiene_problems", ((least.NO_STEP,), least.OPEN_BY_MONTH)),
    }  # fmt: skip


def _days(bench: Bench, day: date) -> Pages:
    monday, first = day - timedelta(days=day.weekday()), day.replace(day=1)
    week, month = day_texts(monday, monday + timedelta(days=6)), day_texts(first, moved(first, 1) - timedelta(days=1))
    me, now = bench.me, day.isoformat()
    columns = [(least.CARDS, *day_texts(moved(first, n), moved(first, n + 1) - timedelta(days=1))) for n in range(4)]
    return {
        "forecast": ("crm/forecast", (least.OPEN_BY_MONTH, *columns)),
        "my day": ("crm/day", ((least.OWN_TO_DO, me, now), (least.OWN_NO_STEP, me))),
        "day of everybody": ("crm/day?who=team", ((least.TO_DO, now), (least.NO_STEP,))),
        "calendar, week": ("crm/calendar", ((least.OWN_AGENDA, me, *week, *week),)),
        "calendar, month of everybody": ("crm/calendar?view=month&who=team", ((least.AGENDA, *month, *month),)),
        "activity list": ("crm/activities", ((least.ACTIVITIES,),)),
        "lead list": ("crm/leads", ((least.LEAD_LIST,),)),
    }


def _records(bench: Bench, deal_id: int) -> Pages:
    parent = bench.raw.look_at("SELECT min(parent_id) id FROM contacts_account WHERE company_id = ?", bench.company_id)[0]["id"]
    return {
        "deal: activities": (f"crm/deals/{deal_id}/activities", ((least.STREAM, deal_id),)),
        "deal: competitors": (f"crm/deals/{deal_id}/competitors", ((least.COMPETITORS, deal_id),)),
        "deal: stream": (f"crm/deals/{deal_id}/history", ((least.STREAM, deal_id),)),
        "account page": (f"contacts/accounts/{parent}", (
            (least.ACCOUNT, parent), (least.ACCOUNT_STREAM, parent), (least.ACCOUNT_EVENTS, parent), (least.ACCOUNT_LOG, parent))),
        "account: group": (f"crm/accounts/{parent}/group", ((least.GROUP, parent, parent),)),
    }
