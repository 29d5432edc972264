"""The page on which a company decides about its goals: pace, mails, and every rule of the check."""

from __future__ import annotations

import json
from collections.abc import Mapping
from decimal import Decimal
from types import SimpleNamespace
from typing import Any

from flask import Response, url_for

from app.core.access import require
from app.core.fields import Boolean, Choice, DecimalField, Field, FieldError, Integer, Reading
from app.core.formats import NO_BREAK, number, number_for_input, parse_number
from app.core.forms import Form
from app.core.i18n import _, _l
from app.core.surfaces.decide import decide
from app.core.web import render
from app.modules.kpi.blueprint import blueprint
from app.modules.kpi.settings.queries import decisions
from app.modules.kpi.settings.services import change_settings
from app.modules.kpi.smart.findings import BLOCK, LETTERS, OFF, WARN
from app.modules.kpi.smart.rules import NAMES, RULES, Rule

SEVERITIES = {BLOCK: _l("Holds it back"), WARN: _l("Warns"), OFF: _l("Is not asked")}
MOST, DECIMALS = Decimal(1000), 3


class Limit(DecimalField):
    """A threshold: from nothing to a thousand, with as many decimals as it takes."""

    def read(self, text: str, reading: Reading) -> Decimal:
        try:
            value = parse_number(text, reading.language) if reading.language else Decimal(text)
        except (ValueError, ArithmeticError):
            raise FieldError(_("“%(given)s” is not a number.", given=text)) from None
        if not value.is_finite() or not 0 <= value <= MOST or -int(value.as_tuple().exponent) > DECIMALS:
            raise FieldError(_("A number from 0 to %(most)s, please.", most=number(MOST)))
        return value

    def typed(self, value: Any) -> str:
        return "" if value is None else number_for_input(Decimal(value).normalize() + 0)


class Rules(Field):
    """What was decided about rules of the check, to be read: the log keeps those that differ from before."""

    def logged(self, text: str, row: Any) -> str:
        said = json.loads(text)
        found = [(rule, said[rule.id]) for rule in RULES if rule.id in said]
        return ", ".join(f"{rule.id}: {_decided(rule, each)}" for rule, each in found)


def _decided(rule: Rule, said: Mapping[str, Any]) -> str:
    """In words; what was not decided is as the rule has it."""
    severity = str(SEVERITIES.get(said.get("severity", rule.severity), ""))
    if "threshold" not in said:
        return severity
    return f"{severity}, {number(Decimal(str(said['threshold'])))}{NO_BREAK}{rule.unit}".strip()


PLAIN = (
    Integer("risk_percent", _l("At risk below so much of the pace (percent)"), least=1, most=200, required=True, grouped=False),
    Integer("off_percent", _l("Off track below so much of the pace (percent)"), least=0, most=200, required=True, grouped=False),
    Integer("calls_per_day", _l("Activities that a person can do on a working day"), least=1, most=500, required=True, grouped=False),
    Boolean("weekly_mail", _l("A mail each week with where goals stand")),
    Boolean("alerts", _l("Alert owner and manager when a goal goes off track")),
)
GROUPS = (
    (_l("Pace"), ("risk_percent", "off_percent")),
    (_l("Capacity"), ("calls_per_day",)),
    (_l("Messages"), ("weekly_mail", "alerts")),
)


def _severity(rule: Rule) -> Choice:
    return Choice(f"severity_{rule.id}", _l("%(rule)s: what it does", rule=rule.id), choices=tuple(SEVERITIES.items()), required=True)


def _limit(rule: Rule) -> Limit:
    return Limit(f"threshold_{rule.id}", rule.label, required=True)


LOGGED = (*PLAIN, Rules("rules", _l("Rules of the SMART check")))
FIELDS = (*PLAIN, *(_severity(rule) for rule in RULES), *(_limit(rule) for rule in RULES if rule.threshold is not None))


@blueprint.route("/settings", methods=["GET", "POST"])
@require("kpi.settings.edit")
def settings_page() -> Response:
    """What the company decides about its goals."""
    return decide(FIELDS, _values, lambda values, version: change_settings(_columns(values), version), _page)


def _values() -> tuple[dict[str, Any], int]:
    """What holds now, by the fields of the page, and its version."""
    said, version = decisions.stored()
    decided: Any = SimpleNamespace(rules=said.pop("rules"))
    for rule in RULES:
        said[f"severity_{rule.id}"] = rule.severity_in(decided)
        if rule.threshold is not None:
            said[f"threshold_{rule.id}"] = rule.limit_in(decided)
    return said, version


def _columns(values: Mapping[str, Any]) -> dict[str, Any]:
    """What is stored for the fields of the page: of the rules, what is not as they have it themselves."""
    rules: dict[str, dict[str, Any]] = {}
    for rule in RULES:
        severity, limit = values[f"severity_{rule.id}"], values.get(f"threshold_{rule.id}")
        if severity != rule.severity:
            rules.setdefault(rule.id, {})["severity"] = severity
        if rule.threshold is not None and limit != rule.threshold:
            rules.setdefault(rule.id, {})["threshold"] = float(limit or 0)
    return {"rules": rules, **{f.name: values[f.name] for f in PLAIN}}


def _page(form: Form, version: int, status: int = 200, conflict: Any = None) -> Response:
    letters = [{"key": key, "name": NAMES[key], "rules": [_row(rule, form) for rule in RULES if rule.letter == key]} for key in LETTERS]
    return render("kpi/settings/page.html", "kpi/settings/_page.html", status=status, form=form, groups=GROUPS, letters=letters,
                  version=version, conflict=conflict, action=url_for("kpi.settings_page"))  # fmt: skip


def _row(rule: Rule, form: Form) -> dict[str, Any]:
    """A line of the table. A limit tells in its control what it is and what it usually is."""
    limit = form[f"threshold_{rule.id}"] if rule.threshold is not None else None
    usual = _("usually %(limit)s %(unit)s", limit=number(rule.threshold), unit=rule.unit) if rule.threshold is not None else ""
    return {"rule": rule, "severity": form[f"severity_{rule.id}"], "usual_severity": SEVERITIES[rule.severity], "limit": limit, "usual": usual}
