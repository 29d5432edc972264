"""How far deals are with what their next stage asks: for cards, in at most two statements however many they are."""

from __future__ import annotations

from collections.abc import Collection, Sequence
from itertools import pairwise
from typing import Any

from sqlalchemy import select

from app.core.db import db
from app.core.i18n import _
from app.modules.crm.gates import rules
from app.modules.crm.gates.models import DealCheck
from app.modules.crm.models import OPEN


class Gates:
    """The gates that the deals of some rows have before them; `stages` are all of one pipeline, in order."""

    def __init__(self, stages: Sequence[Any], rows: Collection[Any]) -> None:
        ways = [stage for stage in stages if stage.type == OPEN]
        self._next = {stage.id: after for stage, after in pairwise(ways)}
        self._needs = {stage.id: rules.needs_of(stage) for stage in ways}
        self._labels = {name: str(rules.label_of(name)) for needs in self._needs.values() for name in needs}
        self._checks = rules.checks_of([stage.id for stage in self._next.values()], None) if rows and self._next else {}
        self._ticked = self._ticks([row.id for row in rows]) if self._checks else set()
        self._title = _("Missing for “%(stage)s”: %(what)s")

    def _ticks(self, ids: Sequence[int]) -> set[tuple[int, int]]:
        """Deal id and check id of what is done."""
        wanted = [check.id for checks in self._checks.values() for check in checks]
        done = select(DealCheck.deal_id, DealCheck.check_id)
        done = done.where(DealCheck.deal_id.in_(ids), DealCheck.check_id.in_(wanted))
        return {(row.deal_id, row.check_id) for row in db.session.execute(done)}

    def mark(self, row: Any) -> tuple[str, str]:
        """ "2/4" and what is missing, where the next stage of a row with the columns of a deal asks for more."""
        stage = self._next.get(row.stage_id)
        if stage is None:
            return "", ""
        needs, checks = self._needs[stage.id], self._checks.get(stage.id, [])
        missing = rules.missing_in(needs, row) if needs else ()
        undone = [check.text for check in checks if (row.id, check.id) not in self._ticked]
        if not missing and not undone:
            return "", ""
        total = len(needs) + len(checks)
        what = ", ".join([*(self._labels[name] for name in missing), *undone])
        return f"{total - len(missing) - len(undone)}/{total}", self._title % {"stage": stage.name, "what": what}
