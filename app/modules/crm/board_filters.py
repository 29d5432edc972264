"""What a board shows, as its address says it: the filters, their chips, and what the metrics are asked."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import date, timedelta
from functools import cached_property
from typing import Any

from flask import g, url_for

from app.core import lookups
from app.core.access import can, subtree
from app.core.changelog import actor_id
from app.core.clock import quarter_bounds, today
from app.core.errors import BusinessError
from app.core.formats import day
from app.core.i18n import _
from app.core.ids import whole
from app.core.surfaces.listing import teams
from app.core.tables import ME, NONE

FIRST, LAST = "expected_close__gte", "expected_close__lte"
NAMES = ("pipeline", "q", "owner_id", "team", "account_id", "close", FIRST, LAST)
LONGEST = 100


@dataclass(frozen=True)
class BoardFilters:
    """The arguments of a board's address; names are those of the list, so that both show the same deals."""

    args: Mapping[str, str] = field(default_factory=dict)

    @classmethod
    def of(cls, args: Mapping[str, str]) -> BoardFilters:
        """From an address; what a board does not know is left out."""
        return cls({name: text[:LONGEST] for name in NAMES if (text := (args.get(name) or "").strip())})

    @property
    def pipeline_id(self) -> int | None:
        return _whole(self.args["pipeline"]) if "pipeline" in self.args else None

    def checked(self) -> BoardFilters:
        """These filters, once all of them could be read. Raises `BusinessError`."""
        _read = self.pipeline_id, self.asked
        return self

    @property
    def active(self) -> bool:
        """Whether anything but the choice of the pipeline narrows the board."""
        return any(name != "pipeline" for name in self.args)

    def url(self, **changes: Any) -> str:
        """The board's address with changes; None leaves an argument out."""
        kept = {name: value for name, value in {**self.args, **changes}.items() if value is not None}
        return url_for("crm.board", **kept)

    def list_url(self) -> str:
        """The list of the same deals."""
        kept: dict[str, Any] = {name: self.args[name] for name in ("q", "owner_id", "team", "account_id") if name in self.args}
        first, last = self.period()
        kept |= {name: value.isoformat() for name, value in ((FIRST, first), (LAST, last)) if value}
        return url_for("crm.deal_list", state="open", **kept)

    def period(self) -> tuple[date | None, date | None]:
        """First and last day of expected close, both inclusive. Raises `BusinessError` for what is no date."""
        if preset := self.args.get("close"):
            return presets().get(preset, ("", None, None))[1:]
        return _date(self.args.get(FIRST)), _date(self.args.get(LAST))

    @cached_property
    def asked(self) -> dict[str, Any]:
        """The filters as metrics take them. Raises `BusinessError` for what cannot be read."""
        found: dict[str, Any] = {}
        for name, dimension in (("owner_id", "owner"), ("account_id", "account")):
            if text := self.args.get(name):
                found[dimension] = self._key(name, text)
        if text := self.args.get("team"):
            found["team"] = sorted(subtree({_whole(text)}))
        if text := self.args.get("q"):
            found["text"] = text
        first, last = self.period()
        found |= {name: value for name, value in (("expected_from", first), ("expected_to", last)) if value}
        return found

    def _key(self, name: str, text: str) -> int | None:
        if text == NONE:
            return None
        return actor_id() if text == ME and name == "owner_id" else _whole(text)

    def chips(self) -> list[dict[str, Any]]:
        """Owner, team, account and expected close, for the filter row."""
        members = lookups.options("admin.member")
        # An address may name any account; its name is told to those who may see it.
        account_id = lookups.find("contacts.account", self.args.get("account_id", ""))
        accounts = lookups.labels("contacts.account", [account_id])
        search = url_for("contacts.account_options") if can("contacts.account.view") else None
        return [
            self._chip("owner_id", _("Owner"), members, kind="lookup"),
            self._chip("team", _("Team"), [(str(t.id), t.name) for t in teams()]),
            self._chip("account_id", _("Account"), [(str(k), v) for k, v in accounts.items()], kind="lookup",
                       search_url=search),
            self._close_chip(),
        ]

    def _chip(self, name: str, label: str, options: list[tuple[str, str]], kind: str = "choice", **more: Any) -> dict:
        value = self.args.get(name, "")
        value = str(actor_id()) if value == ME and name == "owner_id" else value
        text = _("None") if value == NONE else dict(options).get(value, value)
        return {"name": name, "label": label, "kind": kind, "value": value, "text": text, "options": options,
                "on": bool(value), "clear_url": self.url(**{name: None}), **more}

    def _close_chip(self) -> dict[str, Any]:
        chosen, (first, last) = self.args.get("close", ""), self.period()
        options = [(name, label) for name, (label, _first, _last) in presets().items()]
        text = dict(options).get(chosen) or " – ".join((day(first) or "…", day(last) or "…"))
        return {"name": "close", "label": _("Expected close"), "kind": "presets", "value": chosen, "options": options, "text": text,
                "on": bool(first or last), "clear_url": self.url(close=None, **{FIRST: None, LAST: None}),
                "first": self.args.get(FIRST, ""), "last": self.args.get(LAST, "")}


def presets() -> dict[str, tuple[str, date | None, date | None]]:
    """Name of a period -> label, first and last day."""
    now = today()
    month = now.replace(day=1)
    following = (month + timedelta(days=31)).replace(day=1)
    after = (following + timedelta(days=31)).replace(day=1)
    quarter = quarter_bounds(now, g.company.fiscal_year_start)
    return {
        "overdue": (_("Overdue"), None, now - timedelta(days=1)),
        "month": (_("This month"), month, following - timedelta(days=1)),
        "next": (_("Next month"), following, after - timedelta(days=1)),
        "quarter": (_("This quarter"), *quarter),
    }


def _whole(text: str) -> int:
    found = whole(text)
    if found is None:
        raise BusinessError(_("“%(given)s” is not a valid filter.", given=text[:40]))
    return found


def _date(text: str | None) -> date | None:
    try:
        return date.fromisoformat(text) if text else None
    except ValueError:
        raise BusinessError(_("“%(given)s” is not a date.", given=text)) from None
