"""The second step of an import: which column goes into which field, and how its cells are read."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence
from decimal import Decimal, InvalidOperation
from typing import Any

from flask import request, url_for

from app.core import lookups
from app.core.db import db, fold
from app.core.errors import BusinessError
from app.core.fields import Boolean, Choice, Field
from app.core.formats import day, number
from app.core.i18n import _, _l, _n
from app.core.ids import whole
from app.core.importing import detecting, runs
from app.core.importing.models import ImportBatch
from app.core.lookups import Lookup
from app.core.resource import Resource
from app.core.surfaces import import_draft
from app.core.surfaces.import_draft import MOST_VALUES, Draft, Extra, field_of, may_create
from app.core.web import redirect_to, toast

FACTORS = (("", _l("Units, as they stand there")), ("1000", _l("Thousands")), ("1000000", _l("Millions")))
FEW_SAMPLES = 3


def use(resource: Resource, batch: ImportBatch) -> Any:
    """Use or forget a saved mapping."""
    mapping_id = whole(request.form.get("mapping"))
    if mapping_id is None:
        raise BusinessError(_("Choose a saved mapping first."))
    if request.form.get("do") == "use":
        runs.use_mapping(batch, mapping_id)
        toast(_("The saved mapping is in use."))
    else:
        runs.forget_mapping(mapping_id)
        toast(_("The saved mapping was forgotten."))
    return redirect_to(url_for(resource.endpoint("import_batch"), batch_id=batch.id, step="columns"))


def keep(resource: Resource, batch: ImportBatch) -> tuple[Draft, runs.Preview]:
    """Keep what the form says. What is wrong with it is in the draft's `errors`, and nothing is kept then."""
    preview = runs.preview(batch)
    draft = import_draft.of_form(resource, request.form, preview.headings, import_draft.of_plan(resource, batch.plan))
    draft.errors = _twice(resource, draft)
    if not draft.errors:
        try:
            runs.set_mapping(batch, draft.plain(resource))
        except BusinessError as error:
            db.session.rollback()
            draft.errors[error.field or ""] = error.message
    return draft, preview


def save_as(batch: ImportBatch, draft: Draft) -> bool:
    """Keep the mapping under the name in the form; False when the name will not do."""
    try:
        runs.save_mapping(batch, draft.mapping_name)
    except BusinessError as error:
        db.session.rollback()
        draft.errors["mapping_name"] = error.message
        return False
    toast(_("The mapping was saved as “%(name)s”.", name=draft.mapping_name))
    return True


def context(resource: Resource, draft: Draft, preview: runs.Preview) -> dict[str, Any]:
    """What the form of the columns shows."""
    headings = {h.heading for h in preview.headings}
    known = {*headings, *draft.names(), "match_key", "mapping_name"}
    finders = _finders(resource, draft)
    lists = _lists(resource, draft)
    first = preview.headings[0].heading if preview.headings else ""
    hint = _("Value, or %(example)s", example=f"{{{first}}}")
    return {
        "error": " ".join(text for name, text in draft.errors.items() if name not in known),
        "saved": runs.mappings(resource),
        "fields": grouped(resource),
        "rows": [_row(resource, h, draft, lists) for h in preview.headings],
        "dates": _dates(resource, draft, preview),
        "numbers": _numbers(resource, draft, preview),
        "summary": _n("%(num)d of %(all)s columns is imported", "%(num)d of %(all)s columns are imported",
                      len(draft.columns), all=len(preview.headings)),
        "check_label": _n("Check %(count)s row", "Check %(count)s rows", preview.rows, count=number(preview.rows)),
        "needed": _needed(resource, draft),
        "extra": [_extra(resource, e, draft, lists, hint) for e in (*draft.extra, Extra(""))],
        "lists": [(f"list-{name}", names) for name, names in lists.items()],
        "first": first,
        "match_keys": _match_keys(preview),
        "match_key": draft.match_key,
        "match_error": draft.errors.get("match_key"),
        "on_match": draft.on_match,
        "accept_near": draft.accept_near,
        "create_missing": draft.create_missing,
        "lookups": ", ".join(dict.fromkeys(str(f.resource.label_plural).lower() for f in finders)),
        "mapping_name": draft.mapping_name,
        "name_error": draft.errors.get("mapping_name"),
    }  # fmt: skip


def grouped(resource: Resource) -> list[tuple[str, list[tuple[str, str]]]]:
    """Fields to choose from, in the groups of the record page: (label, [(name, label)])."""
    left = {f.name: str(f.label) for f in resource.fields if f.importable}
    found = []
    for label, names in resource.groups:
        inside = [(n, left.pop(n)) for n in names if n in left]
        if inside:
            found.append((str(label), inside))
    if left:
        found.append((_("Further fields"), list(left.items())))
    return found


def _match_keys(preview: runs.Preview) -> list[tuple[str, str]]:
    """By what existing rows may be found; by their id where the file has it, as exports do."""
    ids = [("id", "id")] if any(fold(h.heading) == "id" for h in preview.headings) else []
    return [*preview.match_keys, *ids, ("", _("Not at all: all rows are new"))]


def _twice(resource: Resource, draft: Draft) -> dict[str, str]:
    """A sentence beside every place but the first that fills the same field."""
    errors: dict[str, str] = {}
    seen: set[str] = set()
    for place, name in [(h, o["field"]) for h, o in draft.columns.items()] + [(e.field, e.field) for e in draft.extra if e.value]:
        if name in seen:
            typed = field_of(resource, name)
            errors[place] = _("“%(name)s” is filled by another column already.", name=typed.label if typed else name)
        seen.add(name)
    return errors


def _needed(resource: Resource, draft: Draft) -> str:
    """Which fields a new row needs that nothing gives, as a sentence."""
    names = set(draft.names())
    missing = [str(f.label) for f in resource.fields if f.required and f.importable and not f.default and f.name not in names]
    if not missing:
        return ""
    return _("New rows also need: %(labels)s. Choose the column it is in, or fill it in below.", labels=", ".join(missing))


def _finders(resource: Resource, draft: Draft) -> list[Lookup]:
    found = (field_of(resource, name) for name in draft.names())
    return [f for f in found if isinstance(f, Lookup)]


def _lists(resource: Resource, draft: Draft) -> dict[str, list[str]]:
    """Names to choose from while typing, by field. One statement per look-up, of the first names only."""
    wanted = dict.fromkeys([*(o["field"] for o in draft.columns.values()), *(e.field for e in draft.extra)])
    found: dict[str, list[str]] = {}
    for name in wanted:
        typed = field_of(resource, name)
        if isinstance(typed, Lookup):
            found[name] = [label for _id, label in lookups.options(typed.target)]
        elif isinstance(typed, Choice):
            found[name] = [str(label) for _value, label in typed.choices]
    return {name: names for name, names in found.items() if names}


# One column


def _row(resource: Resource, heading: runs.Heading, draft: Draft, lists: Mapping[str, list[str]]) -> dict[str, Any]:
    options = draft.columns.get(heading.heading, {})
    typed = field_of(resource, options.get("field", ""))
    replaced = {fold(given): to for given, to in options.get("map", {}).items()}
    return {
        "index": heading.index,
        "heading": heading.heading,
        "samples": heading.samples[:FEW_SAMPLES],
        "field": options.get("field", ""),
        "reasons": heading.reasons if typed and heading.field == typed.name else "",
        "error": draft.errors.get(heading.heading),
        "kind": _kind(typed),
        "label": _label_of_options(typed, options),
        "open": bool(options.get("known")),
        "dates": [("", _("As the whole file")), *((v, label) for v, label, _example in heading.date_formats)],
        "date_format": options.get("date_format", "") if _differs(draft, options, "date_format") else "",
        "numbers": [("", _("As the whole file")), *((v, label) for v, label, _example in heading.number_formats)],
        "number_format": options.get("number_format", "") if _differs(draft, options, "number_format") else "",
        "factors": _factors(options.get("factor", "")),
        "factor": options.get("factor", ""),
        "cells": [(text, count, replaced.get(fold(text), "")) for text, count in heading.values[:MOST_VALUES]],
        "known": "\n".join(options.get("known", ())),
        "list_id": f"list-{typed.name}" if typed and typed.name in lists else "",
    }


def _kind(typed: Field | None) -> str:
    """Which options a column has: date, number, text, lookup, choice; none for others."""
    if typed is None:
        return ""
    if typed.numeric:
        return "number"
    return typed.kind if typed.kind in ("date", "text", "lookup", "choice") else ""


def _label_of_options(typed: Field | None, options: Mapping[str, Any]) -> str:
    if options.get("factor") == "1000":
        return _("In thousands")
    if options.get("factor") == "1000000":
        return _("In millions")
    if options.get("map"):
        return _n("%(num)d value is replaced", "%(num)d values are replaced", len(options["map"]))
    if options.get("known"):
        return _n("%(num)d value is right", "%(num)d values are right", len(options["known"]))
    return _("How it is read") if typed and (typed.numeric or typed.kind == "date") else _("Values")


def _factors(chosen: str) -> list[tuple[str, str]]:
    given = [(value, str(label)) for value, label in FACTORS]
    return given if chosen in dict(given) else [*given, (chosen, f"× {chosen}")]


# The whole file


def _of_kind(draft: Draft, option: str) -> list[str]:
    """What the columns say of dates or numbers, most frequent first."""
    chosen = Counter(o[option] for o in draft.columns.values() if o.get(option))
    return [value for value, _count in chosen.most_common()]


def _differs(draft: Draft, options: Mapping[str, Any], option: str) -> bool:
    common = _of_kind(draft, option)
    return bool(options.get(option)) and options[option] != common[0]


def _dates(resource: Resource, draft: Draft, preview: runs.Preview) -> dict[str, Any] | None:
    mapped = _headings(resource, draft, preview, lambda f: f.kind == "date")
    choices = _choices([h.date_formats for h in mapped])
    if not choices:
        return None
    unclear = sum(h.ambiguous_dates for h in mapped)
    if "date_format" in preview.ask:
        note = _n("%(count)s date can be read either way, and nothing else in the file tells. Which order is it?",
                  "%(count)s dates can be read either way, and nothing else in the file tells. Which order is it?",
                  unclear, count=number(unclear))
    elif unclear:
        note = _n("%(count)s date alone could be read either way; the others of the file leave no doubt. Is this right?",
                  "%(count)s dates alone could be read either way; the others of the file leave no doubt. Is this right?",
                  unclear, count=number(unclear))
    else:
        note = _("The dates of the file leave no doubt.")
    sample = _telling([text for h in mapped for text in h.samples], [value for value, _label, _example in choices])
    shown = [(value, label, _read_so(sample, value)) for value, label, _example in choices]
    return _group("dates", _("Dates in this file"), note, shown, _of_kind(draft, "date_format"), "date_format" in preview.ask)


def _telling(samples: list[str], orders: list[str]) -> str:
    """A date that each order reads differently, so that the examples show what the choice means; else the first."""
    for text in samples:
        read = [detecting.date_parts(text, order) for order in orders]
        if None not in read and len(set(read)) == len(orders):
            return text
    return samples[0] if samples else ""


def _read_so(text: str, order: str) -> str:
    """What an order makes of a date, as a sentence."""
    found = detecting.date_parts(text, order)
    if found is None:
        return _("“%(text)s” cannot be read so", text=text) if text else ""
    return _("%(text)s is %(date)s", text=text, date=day(found))


def _numbers(resource: Resource, draft: Draft, preview: runs.Preview) -> dict[str, Any] | None:
    mapped = _headings(resource, draft, preview, lambda f: f.numeric)
    choices = _choices([h.number_formats for h in mapped])
    common = _of_kind(draft, "number_format")
    ask = "number_format" in preview.ask
    texts = [text for h in mapped for text in h.samples]
    telling = [text for text in texts if len({detecting.neutral_number(text, value) for value, _label, _example in choices}) > 1]
    if len(choices) < 2 or not (ask or telling or common[:1] == [detecting.COMMA]):
        return None  # however they are read, the numbers are the same
    note = _("The numbers of the file can be read either way. Which is it?") if ask else _("Is this how the file writes numbers?")
    sample = next(iter([*telling, *texts]), "")
    shown = [(value, label, _number_so(sample, value)) for value, label, _example in choices]
    return _group("numbers", _("Numbers in this file"), note, shown, common, ask)


def _number_so(text: str, sign: str) -> str:
    """What a decimal sign makes of a number, as a sentence."""
    try:
        value = Decimal(detecting.neutral_number(text, sign))
    except InvalidOperation:
        return _("“%(text)s” cannot be read so", text=text) if text else ""
    return _("%(text)s is %(number)s", text=text, number=number(value))


def _headings(resource: Resource, draft: Draft, preview: runs.Preview, fits: Any) -> list[runs.Heading]:
    def field(heading: runs.Heading) -> Field | None:
        return field_of(resource, draft.columns.get(heading.heading, {}).get("field", ""))

    return [h for h in preview.headings if (typed := field(h)) and fits(typed)]


def _choices(offered: Sequence[Sequence[tuple[str, str, str]]]) -> list[tuple[str, str, str]]:
    """Each choice once; the example of the first column that has one."""
    found: dict[str, tuple[str, str, str]] = {}
    for choices in offered:
        for value, label, example in choices:
            if value not in found or not found[value][2]:
                found[value] = (value, label, example)
    return list(found.values())


def _group(
    name: str, title: str, note: str, choices: list[tuple[str, str, str]], common: list[str], ask: bool
) -> dict[str, Any]:
    chosen = common[0] if common else choices[0][0]
    return {"name": name, "title": title, "note": note, "choices": choices, "chosen": chosen, "ask": ask}


# Fields the file does not have


def _extra(
    resource: Resource, extra: Extra, draft: Draft, lists: Mapping[str, list[str]], hint: str
) -> dict[str, Any]:
    typed = field_of(resource, extra.field)
    choices: list[tuple[str, str]] = []
    if isinstance(typed, Boolean):
        choices = [("true", _("Yes")), ("false", _("No"))]
    elif isinstance(typed, Choice):
        choices = [(value, str(label)) for value, label in typed.choices]
    return {
        "field": extra.field,
        "value": extra.value,
        "choices": [("", _("Choose…")), *choices] if choices else [],
        "hint": hint,
        "may_create": typed is not None and may_create(typed),
        "create": extra.create,
        "list_id": f"list-{extra.field}" if extra.field in lists else "",
        "error": draft.errors.get(extra.field) if extra.field else None,
    }
