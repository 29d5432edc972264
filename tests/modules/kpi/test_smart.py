"""The SMART check: each rule by goals that break it and no other, and what it costs to ask."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

from flask import g

from app.core.db import db
from app.modules.kpi.smart.check import check_one
from app.modules.kpi.smart.rules import RULES
from tests.modules.crm.making import clock
from tests.modules.kpi.smart_corpus import CASES, Case
from tests.modules.kpi.smart_world import NOW, World, build, kinds, make

CACHES = ("company_metrics", "kpi_settings", "holidays", "dimension_labels", "kpi_rates", "team_mates", "kpi_units")


@contextmanager
def taken_back() -> Iterator[None]:
    """What is done meanwhile never was."""
    point = db.session.begin_nested()
    try:
        yield
    finally:
        point.rollback()
        db.session.expire_all()
        for name in [name for name in vars(g) if name in CACHES or name.startswith("kpi_")]:
            g.pop(name, None)


def ids_of(goal: Any) -> list[str]:
    return [found.rule for found in check_one(goal)]


def broken(case: Case, world: World) -> list[str]:
    with taken_back():
        return ids_of(case.make(world))


def test_each_goal_of_the_corpus_breaks_exactly_the_rule_it_was_made_for(one, people):
    assert len(CASES) >= 60
    assert {case.rule for case in CASES} == {rule.id for rule in RULES}
    with clock(NOW), one:
        world = build(people)
        good = {}
        for kind in kinds(world):
            with taken_back():
                good[kind] = ids_of(make(world, kind))
        assert good == {kind: [] for kind in good}
        found = {f"{case.rule} {case.says}": broken(case, world) for case in CASES}
    assert len(found) == len(CASES)
    assert {says: ids for says, ids in found.items() if ids != [says.split()[0]]} == {}
