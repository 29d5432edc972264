"""Whose quotas make up what: people's add up to teams and to the company, unless these have quotas of their own."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from decimal import Decimal
from functools import cached_property

from flask import g
from sqlalchemy import select

from app.core.access import can, teams_below
from app.core.db import db
from app.core.metrics import reader_scope
from app.core.models import Team
from app.core.reports.frame import Frame
from app.core.reports.periods import Period
from app.modules.kpi.models import COMPANY, MEMBER, TEAM
from app.modules.kpi.revenue.quotas import Plan, Quota, all_quotas, at_first, plan

SEGMENT = "segment"


@dataclass(frozen=True)
class Handed:
    """What a team or the company has to sell, and what of it was handed out to people."""

    name: str
    own: Decimal
    people: Decimal | None


@dataclass(eq=False)
class Book:
    """Quotas, the teams as id -> (team above, name), and whose quotas the reader may see (None: everybody's)."""

    frame: Frame
    quotas: Sequence[Quota]
    teams: Mapping[int, tuple[int | None, str]]
    allowed: frozenset[int] | None

    @classmethod
    def of(cls, frame: Frame, reach: Period) -> Book:
        """The quotas of some years, read in two statements."""
        quotas = all_quotas((COMPANY, TEAM, MEMBER), reach.first, reach.last)
        rows = db.session.execute(select(Team.id, Team.parent_id, Team.name), execution_options={"all_rows": True})
        return cls(frame, quotas, {team_id: (parent, name) for team_id, parent, name in rows}, reader_scope(frame.module))

    @cached_property
    def at_first(self) -> Book:
        """The same with quotas as they were when they began."""
        return Book(self.frame, at_first(self.quotas), self.teams, self.allowed)

    # Single holders

    def member(self, member_id: int | None, during: Period) -> Plan:
        """A person's quota."""
        if self.allowed is not None and member_id not in self.allowed:
            return Plan()
        return _of(during, (q for q in self._whole if q.scope == MEMBER and q.owner_id == member_id))

    def team(self, team_id: int | None, during: Period) -> Plan:
        """A team's quota: its own, else those of the teams below and of the people in it."""
        own = _of(during, (q for q in self._whole if q.scope == TEAM and q.team_id == team_id)) if self.knows(team_id) else Plan()
        return own if own.n else self.people(team_id, during)

    def people(self, team_id: int | None, during: Period) -> Plan:
        """What the teams below and the people of a team have to sell; of None, those of the company."""
        found = Plan()
        for below, (parent, _name) in sorted(self.teams.items()):
            if parent == team_id:
                found += self.team(below, during)
        return found + self._in_no_other(team_id, during)

    def company(self, during: Period) -> Plan:
        """The company's quota: its own, else those of its teams and people."""
        own = _of(during, (q for q in self._whole if q.scope == COMPANY)) if self.allowed is None else Plan()
        return own if own.n else self.people(None, during)

    def segment(self, name: str | None, during: Period) -> Plan:
        """A quota of the company for a segment of accounts."""
        if self.allowed is not None:
            return Plan()
        mine = (q for q in self.quotas if q.scope == COMPANY and list(q.filters) == [SEGMENT] and q.filters[SEGMENT] in (name, [name]))
        return _of(during, mine)

    def knows(self, team_id: int | None) -> bool:
        """Whether the reader may know the figures of a team."""
        if self.allowed is None:
            return team_id is not None
        return can(f"{self.frame.module}.figures.team") and team_id in self._mine

    # What the page is about

    def whole(self, during: Period) -> Plan:
        """The quota of all whom the page is about."""
        asked = self.frame.filters
        if set(asked) - {"owner", "team"}:
            return Plan()
        if "owner" in asked:
            return self.member(asked["owner"], during)
        if team := self.chosen_team:
            return self.team(team, during)
        if self.allowed is None:
            return self.company(during)
        tops = [each for each in sorted(self._mine) if self.knows(each) and self.teams[each][0] not in self._mine]
        found = Plan()
        for each in tops:
            found += self.team(each, during)
        held = {quota.id for quota, _days in found.parts}
        return found if found.n else Plan([part for part in self.member(g.me.member_id, during).parts if part[0].id not in held])

    @property
    def chosen_team(self) -> int | None:
        """The team that the page is narrowed down to."""
        text = self.frame.args.get("team", "")
        return int(text) if "team" in self.frame.filters and text.isdigit() else None

    def handed_out(self, during: Period) -> list[Handed]:
        """What the company and its teams have to sell against what they handed out; of those that have a quota of their own."""
        found = []
        if self.allowed is None:
            found.append(("", self.company(during), self.people(None, during)))
        found += [(name, self.team(each, during), self.people(each, during))
                  for each, (_parent, name) in sorted(self.teams.items(), key=lambda pair: pair[1][1].casefold()) if self.knows(each)]  # fmt: skip
        return [Handed(name, own.target, people.target) for name, own, people in found
                if own.target is not None and any(quota.scope != MEMBER for quota, _days in own.parts) and own.parts != people.parts]

    @cached_property
    def _whole(self) -> Sequence[Quota]:
        """Quotas on all that somebody sells."""
        return [quota for quota in self.quotas if not quota.filters]

    @cached_property
    def _mine(self) -> set[int]:
        return teams_below(g.me.member_id) & self.teams.keys() if "me" in g else set()

    def _in_no_other(self, team_id: int | None, during: Period) -> Plan:
        """The quotas of people who are in this team itself; of None, of those in no team."""
        found: dict[int | None, list[Quota]] = {}
        for quota in self._whole:
            if quota.scope == MEMBER and (self.allowed is None or quota.owner_id in self.allowed):
                found.setdefault(quota.owner_id, []).append(quota)
        parts = [part for quotas in found.values() for part in _of(during, quotas).parts if part[0].team_id == team_id]
        return Plan(parts)


def _of(during: Period, quotas: Iterable[Quota]) -> Plan:
    return plan(quotas, during.first, during.last)
