"""What goes out comes in the same: every resource, every kind of file, both languages' formats."""

from __future__ import annotations

import pytest
from hypothesis import HealthCheck, Phase, given, settings
from hypothesis import strategies as st
from sqlalchemy import select

from app.core.db import db
from app.core.exporting import Wish
from app.core.registry import registry
from app.modules.crm.models import Stage
from tests.core import roundtrip

KEYS = (
    "admin.member", "admin.team", "admin.role", "admin.rate", "contacts.account", "contacts.contact", "crm.deal",
    "crm.pipeline", "crm.stage", "crm.reason", "dummy.thing",
    "crm.lead", "crm.source", "crm.medium", "crm.campaign", "crm.competitor",
    "crm.activity", "crm.activity_type", "crm.activity_outcome", "crm.email_template",
    "admin.holiday", "kpi.objective", "kpi.metric", "kpi.value", "kpi.goal", "kpi.action", "kpi.rule",
)  # fmt: skip

FILES = (
    (Wish(), "en"),
    (Wish(headings="labels"), "es"),
    (Wish(headings="labels", style="local"), "es"),
    (Wish(style="local"), "en"),
    (Wish(format="xlsx"), "en"),
    (Wish(format="xlsx", headings="labels", style="local"), "es"),
)
BOUNDED = settings(
    max_examples=3, deadline=None, phases=(Phase.generate,), derandomize=True, database=None,
    suppress_health_check=[HealthCheck.function_scoped_fixture, HealthCheck.too_slow, HealthCheck.data_too_large],
)  # fmt: skip
NAMES = ("Acme", "ACME", "Acme [#3]", "12", "=cmd", "Ñandú; S.A.", "日本 😀", 'The "Best"', "Beta", "Bêta")


def arrange():
    """Accounts whose names say little, and two pipelines with stages of the same names."""
    registry.resource("contacts.account").add_many([{"name": name} for name in NAMES])
    pipeline = registry.resource("crm.pipeline").add({"name": "Second", "position": 2, "active": True})
    for stage in list(db.session.scalars(select(Stage))):
        values = {"name": stage.name, "pipeline_id": pipeline.id, "type": stage.type, "position": stage.position}
        registry.resource("crm.stage").add({**values, "probability": 0, "rotting_days": None, "qualified": True})
    registry.resource("kpi.metric").add({"name": "Visits to fairs", "unit": "hours"})
    member = roundtrip.ids_of("admin.member")[0]
    registry.resource("kpi.goal").add({"name": "Win twelve", "metric": "crm.won_count", "target": 12, "owner_id": member})


def comes_back(office, key, data):
    """Rows go out as every kind of file and come in again: matched by id nothing changes, as new rows they are the same."""
    with office:
        resource = registry.resource(key)
        ids = roundtrip.add(resource, data)
    with office:
        before = roundtrip.kept(resource, ids)
    for wish, language in FILES:
        with office:
            file = roundtrip.written(resource, ids, wish, language)
        with office:
            report = roundtrip.read(resource, file, wish, language, "id")
            assert (report.errors, report.updated, report.unchanged) == ([], 0, len(ids)), (wish, language)
    if resource.removable and key not in roundtrip.TAKEN:
        wish, language = data.draw(st.sampled_from(FILES))
        with office:
            file = roundtrip.written(resource, ids, wish, language)
            resource.remove(ids)
        as_new(office, resource, (file, wish, language), before)


def as_new(office, resource, given, before):
    """A file of rows that are gone brings back their like; which go as well."""
    with office:
        known = set(roundtrip.ids_of(resource.key))
        report = roundtrip.read(resource, *given)
        assert (report.errors, report.created) == ([], len(before)), given
    with office:
        fresh = sorted(set(roundtrip.ids_of(resource.key)) - known)
        assert roundtrip.kept(resource, fresh) == before
        resource.remove(fresh)


def test_no_resource_is_left_out(app):
    with app.app_context():
        known = {r.key for r in registry.resources() if any(f.importable and f.exportable for f in r.fields)}
    assert known == set(KEYS)


@pytest.mark.parametrize("key", KEYS)
def test_what_goes_out_comes_in_the_same(one, key):
    with one:
        arrange()

    @BOUNDED
    @given(st.data())
    def check(data):
        comes_back(one, key, data)

    check()
