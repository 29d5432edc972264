"""The third step of an import: what would come of it, and what is meant by names that are not there."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Mapping
from typing import Any

from flask import request, url_for

from app.core import lookups
from app.core.db import fold
from app.core.errors import BusinessError
from app.core.formats import number
from app.core.i18n import _, _n
from app.core.ids import whole
from app.core.importing import runs
from app.core.importing.models import ImportBatch
from app.core.importing.report import NearMatch, Report
from app.core.lookups import Lookup
from app.core.registry import registry
from app.core.resource import Resource
from app.core.surfaces.import_draft import field_of, may_create

MOST_WARNINGS = 20
MOST_LISTED = 100  # names of one column
MOST_NAMED = 5  # names in one sentence


def context(resource: Resource, batch: ImportBatch) -> dict[str, Any]:
    """Everything the review shows."""
    report = Report.read(batch.report)
    bad = max(report.rows - report.ok, 0)
    near = runs.near(batch)
    missing = runs.missing(batch)
    note, kind, symbol = (batch.error, "warn", "alert-triangle") if batch.error else _note(report, bad)
    return {
        "report": report,
        "bad": bad,
        "note": note,
        "note_kind": kind,
        "note_icon": symbol,
        "publish_label": _publish_label(report, bad),
        "sentences": [*_made(report), *_ignored(report)],
        "near": [_near(resource, name, f"n{place}") for place, name in enumerate(near) if not name.taken],
        "missing": _groups(missing),
        "lists": _lists(resource, missing),
        "warnings": [*_taken(near), *warnings(report)],
        "labels": {f.name: str(f.label) for f in resource.fields},
        **(_errors(resource, batch) if bad else {}),
    }


def decide(resource: Resource, batch: ImportBatch) -> None:
    """Tell the engine what the form says of names; it checks the rows again. Raises `BusinessError`."""
    keys = [name.removeprefix("heading-") for name in request.form if name.startswith("heading-")]
    decisions = [decision for key in keys if (decision := _decision(key))]
    if not decisions:
        raise BusinessError(_("Choose what to do with at least one of the names."))
    runs.decide(batch, decisions)


def warnings(report: Report) -> list[str]:
    """Sentences about rows that went well all the same, with how many there are of each."""
    found = []
    for warning in report.warnings[:MOST_WARNINGS]:
        rows = _n("(%(num)s row)", "(%(num)s rows)", warning["count"])
        found.append(f"{warning['message']} {rows}")
    return found


def _decision(key: str) -> runs.Decision | None:
    form = request.form
    heading, given, to = form[f"heading-{key}"], form.get(f"given-{key}", ""), form.get(f"to-{key}", "").strip()
    action = form.get(f"action-{key}", "leave")
    all_of = form.get("do")  # a button for all names of a kind
    if all_of and all_of == form.get(f"all-{key}"):
        action = all_of.partition(":")[0]
    if action == "leave" and to:
        action = "map"
    if action == "map" and not to:
        raise BusinessError(_("Say what “%(name)s” is.", name=given))
    if action not in ("take", "create", "map"):
        return None
    begin = f"need-{key}-"
    values = {n.removeprefix(begin): text for n, text in form.items() if n.startswith(begin)} if action == "create" else {}
    return runs.Decision(heading, given, action, to if action == "map" else "", values)


def _note(report: Report, bad: int) -> tuple[str, str, str]:
    if not report.ok:
        return _("No row can be imported as it is. See below what is wrong."), "bad", "alert-circle"
    if bad:
        text = _n("%(count)s row has errors. Mend it, or leave it out and import the others.",
                  "%(count)s rows have errors. Mend them, or leave them out and import the others.", bad, count=number(bad))
        return text, "warn", "alert-triangle"
    if not report.created and not report.updated:
        return _("Every row is there already, just as the file has it: there is nothing to import."), "ok", "circle-check"
    return _("The file is good. Nothing has been imported yet."), "ok", "circle-check"


def _publish_label(report: Report, bad: int) -> str:
    """What the button says; empty when there is nothing to import."""
    if not report.created and not report.updated:
        return ""
    if bad:
        return _n("Import %(count)s row and leave out the others", "Import %(count)s rows and leave out the others",
                  report.ok, count=number(report.ok))
    return _n("Import %(count)s row", "Import %(count)s rows", report.ok, count=number(report.ok))


def made(report: Report) -> list[str]:
    """One sentence for each kind of row that came into being besides."""
    names: dict[str, list[str]] = defaultdict(list)
    for each in report.made:
        names[each["resource"]].append(each["name"])
    return [
        f"{registry.resource(key).label_plural}: {_some(found)}" for key, found in names.items()
    ]  # fmt: skip


def _made(report: Report) -> list[str]:
    return [_("Created besides: %(what)s.", what="; ".join(made(report)))] if report.made else []


def _ignored(report: Report) -> list[str]:
    return [_("Columns left aside: %(names)s", names=", ".join(report.ignored))] if report.ignored else []


def _some(names: list[str]) -> str:
    shown = ", ".join(names[:MOST_NAMED])
    more = len(names) - MOST_NAMED
    return shown if more <= 0 else _n("%(names)s and %(num)d other", "%(names)s and %(num)d others", more, names=shown)


def _taken(near: Iterable[NearMatch]) -> list[str]:
    return [
        _n("“%(given)s” is taken as “%(match)s” (%(num)s row).", "“%(given)s” is taken as “%(match)s” (%(num)s rows).",
           name.count, given=name.given, match=name.match)
        for name in near if name.taken
    ][:MOST_WARNINGS]  # fmt: skip


# Names


def _near(resource: Resource, name: NearMatch, key: str) -> dict[str, Any]:
    typed = field_of(resource, name.field)
    return {
        "key": key,
        "heading": name.column or (str(typed.label) if typed else name.field),
        "given": name.given,
        "match": name.match,
        "count": name.count,
        "may_create": typed is not None and may_create(typed),
    }


def _groups(missing: list[runs.Missing]) -> list[dict[str, Any]]:
    """Names nobody bears, by column; those of most rows first, and no more than can be looked through."""
    by_column: dict[str, list[tuple[int, runs.Missing]]] = defaultdict(list)
    for place, name in enumerate(missing):
        by_column[name.heading].append((place, name))
    found = []
    for number_, (heading, names) in enumerate(by_column.items()):
        names.sort(key=lambda pair: (-pair[1].count, pair[0]))
        listed = names[:MOST_LISTED]
        found.append({
            "key": f"g{number_}",
            "heading": heading,
            "total": len(names),
            "may_create": names[0][1].may_create,
            "list_id": f"names-{names[0][1].field}",
            "names": [_name(name, f"m{place}") for place, name in listed],
            "more": _n("%(num)d more is listed once these are decided.", "%(num)d more are listed once these are decided.",
                       len(names) - len(listed)) if len(names) > len(listed) else "",
        })  # fmt: skip
    return found


def _name(name: runs.Missing, key: str) -> dict[str, Any]:
    needs = [
        {"name": need, "label": label, "choices": choices, "chosen": _guess(name.name, choices)}
        for need, label, choices in name.needs
    ]
    return {"key": key, "heading": name.heading, "given": name.name, "count": name.count,
            "may_create": name.may_create, "needs": needs}


def _lists(resource: Resource, missing: list[runs.Missing]) -> list[tuple[str, list[str]]]:
    """Existing names to choose from while typing. One statement per look-up, of the first names only."""
    found = []
    for name in dict.fromkeys(m.field for m in missing):
        typed = field_of(resource, name)
        if isinstance(typed, Lookup):
            found.append((f"names-{name}", [label for _id, label in lookups.options(typed.target)]))
    return found


def _guess(name: str, choices: list[tuple[str, str]]) -> str:
    """The choice that a name speaks of ("Closed won": won), else the first."""
    words = fold(name).split()
    for value, label in choices:
        if fold(value) in words or fold(label) in words:
            return value
    return choices[0][0] if choices else ""


# Errors


def _errors(resource: Resource, batch: ImportBatch) -> dict[str, Any]:
    name, q, page = request.args.get("field", ""), request.args.get("q", "").strip(), whole(request.args.get("page")) or 1
    found = runs.errors(batch, field=name, q=q, page=page)
    args: Mapping[str, Any] = {"batch_id": batch.id, "field": name or None, "q": q or None}
    here = resource.endpoint("import_batch")
    return {
        "errors": found,
        "error_field": name,
        "error_q": q,
        "prev_url": url_for(here, **args, page=found.page - 1) if found.page > 1 else None,
        "next_url": url_for(here, **args, page=found.page + 1) if found.page < found.pages else None,
    }
