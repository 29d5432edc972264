"""What a company decides about its goals."""

from __future__ import annotations

from typing import Any

from sqlalchemy import select

from app.core.db import db
from app.modules.kpi.settings.models import Settings
from app.modules.kpi.settings.queries import settings
from app.modules.kpi.smart.rules import RULES
from tests.modules.kpi.goals_world import words

PAGE = "/c/one/kpi/settings"


def filled(**changes: Any) -> dict[str, Any]:
    """The page as it is sent when nobody changed anything."""
    found: dict[str, Any] = {"risk_percent": 95, "off_percent": 80, "calls_per_day": 25, "weekly_mail": "true", "alerts": "true", "version": 0}
    for rule in RULES:
        found[f"severity_{rule.id}"] = rule.severity
        if rule.threshold is not None:
            found[f"threshold_{rule.id}"] = str(rule.threshold)
    return {**found, **changes}


def stored(one: Any) -> Settings | None:
    with one:
        return db.session.scalar(select(Settings))


def test_the_page_lists_every_rule_with_its_severity_and_limit(one, client_of):
    page = client_of("alice").get(PAGE).text
    for rule in RULES:
        assert f'name="severity_{rule.id}"' in page
        assert (f'name="threshold_{rule.id}"' in page) == (rule.threshold is not None)
    assert stored(one) is None  # nobody decided anything by looking


def test_what_was_decided_of_a_rule_is_told_in_words(client_of):
    alice = client_of("alice")
    assert alice.post(PAGE, data=filled()).status_code == 303
    assert alice.post(PAGE, data=filled(version=1, severity_R1="off", threshold_T2="33", risk_percent=90)).status_code == 303
    page = words(alice.get("/c/one/admin/changes?kind=kpi_settings").text)
    assert "Rules of the SMART check – R1: Is not asked, T2: Holds it back, 33 %" in page
    assert "At risk below so much of the pace (percent) 95 90" in page


def test_only_what_differs_is_kept(one, client_of):
    alice = client_of("alice")
    assert alice.post(PAGE, data=filled()).status_code == 303
    assert stored(one).rules == {}
    changed = filled(version=1, severity_R1="off", threshold_T2="33", calls_per_day="30", weekly_mail="")
    assert alice.post(PAGE, data=changed).status_code == 303
    with one:
        assert settings().rules == {"R1": {"severity": "off"}, "T2": {"threshold": 33.0}}
        assert (settings().calls_per_day, settings().weekly_mail, settings().alerts) == (30, False, True)
        by_id = {rule.id: rule for rule in RULES}
        assert by_id["R1"].severity_in(settings()) == "off"
        assert (by_id["T2"].limit_in(settings()), by_id["M3"].limit_in(settings())) == (33, 95)
    page = alice.get(PAGE).text
    assert 'value="33"' in page
    # And back again.
    assert alice.post(PAGE, data=filled(version=2)).status_code == 303
    assert stored(one).rules == {}


def test_nonsense_is_refused_and_nothing_typed_is_lost(one, client_of):
    alice = client_of("alice")
    for wrong in ({"threshold_T2": "much"}, {"threshold_T2": "-1"}, {"threshold_T2": "1e9"}, {"threshold_M5": "nan"}, {"severity_S1": "loud"},
                  {"risk_percent": "0"}, {"calls_per_day": ""}, {"off_percent": "96"}):  # fmt: skip
        answer = alice.post(PAGE, data=filled(**wrong))
        assert answer.status_code == 422, wrong
        assert stored(one) is None
    assert 'value="96"' in alice.post(PAGE, data=filled(off_percent="96")).text


def test_a_late_save_shows_both(one, client_of):
    alice = client_of("alice")
    alice.post(PAGE, data=filled(calls_per_day="30"))
    late = alice.post(PAGE, data=filled(calls_per_day="40"))
    assert late.status_code == 409
    assert "30" in late.text
    assert 'value="40"' in late.text
    assert stored(one).calls_per_day == 30


def test_others_do_not_decide(client_of):
    for name in ("mona", "bob"):
        assert client_of(name).get(PAGE).status_code == 403
        assert client_of(name).post(PAGE, data=filled()).status_code == 403
