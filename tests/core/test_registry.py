"""What a module plugs in is checked before the first page is served: a slip is told with the module's name."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest

from app.core.fields import Integer
from app.core.hooks import Item, Personal, Schedule
from app.core.registry import ModuleError, Registry
from tests.dummy_module import hooks as dummy
from tests.dummy_module.models import Settings

ITEM = Item(slot="nav", label="Things", endpoint="dummy.thing_list", permission="dummy.thing.view")
SLIPS: dict[str, tuple[dict[str, Any], str]] = {
    "slot": ({"items": (replace(ITEM, slot="crm.deal.tops"),)}, "unknown slot 'crm.deal.tops'"),
    "permission": ({"items": (replace(ITEM, permission="dummy.thing.vew"),)}, "unknown permission 'dummy.thing.vew'"),
    "grant": ({"grants": {"rep": ("dummy.bell.rang",)}}, "unknown permission 'dummy.bell.rang'"),
    "event": ({"handlers": {"crm.deal_one": dummy.heard}}, "unknown event 'crm.deal_one'"),
    "resource": ({"personal": (Personal(resource="contacts.person", gather=dict, scrub=dummy.heard),)}, "unknown resource 'contacts.person'"),
    "job": ({"schedules": (Schedule(job="dummy.tidi", every_minutes=60),)}, "unknown job 'dummy.tidi'"),
    "setting": ({"settings": {Settings: (Integer("moist", "Most"),)}}, "dummy_settings has no column 'moist'"),
}


def loaded() -> Registry:
    registry = Registry.discover("app.modules", extra=["tests.dummy_module"])
    registry.load()
    return registry


@pytest.mark.parametrize("slip", SLIPS)
def test_a_name_that_nobody_declares_stops_the_start(monkeypatch: pytest.MonkeyPatch, slip: str) -> None:
    changed, told = SLIPS[slip]
    monkeypatch.setattr(dummy, "hooks", replace(dummy.hooks, **changed))
    with pytest.raises(ModuleError, match=f"dummy: {told}"):
        loaded()


def test_a_slot_of_a_module_that_is_not_installed_stops_nothing(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(dummy, "hooks", replace(dummy.hooks, items=(replace(ITEM, slot="invoices.corner"),)))
    assert "dummy" in loaded().modules
