"""Which column of a file might be which field: by its heading first, then by what its cells hold."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from typing import Any

from flask_babel import force_locale
from sqlalchemy import select

from app.core.db import db, fold
from app.core.fields import Field
from app.core.i18n import LANGUAGES, _
from app.core.importing.files import FileTable
from app.core.importing.keys import proposed_key
from app.core.importing.mapping import Column, Plan, described, nested
from app.core.lookups import Lookup, may_choose
from app.core.resource import Resource

SAME, ALIKE, BY_CONTENT, UNIQUE = 100, 60, 45, 70
ENOUGH = 35  # points below which a column is left aside
MOST_ASKED = 200  # distinct cells that are looked up among the names of a look-up
SAME_START = 4  # letters that make two words one ("close", "closed")

# Words for one thing, in English and Spanish: what files of other systems call it.
SYNONYMS = tuple(
    frozenset(words.split())
    for words in (
        "owner agent rep seller salesperson responsible vendedor comercial responsable propietario agente asesor member miembro",
        "account company customer client organization organisation empresa cliente cuenta organizacion",
        "amount value total price importe valor total precio monto cantidad",
        "revenue sales turnover facturacion ventas ingresos",
        "open opened opening engage begin begun start started created creation apertura abierta inicio alta creado creacion",
        "close closed closing won end cierre cerrada cerrado fin",
        "expected due forecast planned estimated prevista previsto estimada estimado",
        "stage phase step status state etapa fase estado",
        "reason why motivo razon causa",
        "note notes comment comments remark description nota notas comentario comentarios observaciones descripcion",
        "founded established since fundada fundacion fundado constitucion",
        "email mail correo",
        "phone telephone tel telefono",
        "mobile cell movil celular",
        "employees staff headcount empleados plantilla",
        "sector industry industria actividad",
        "city town ciudad poblacion localidad municipio",
        "country location pais ubicacion",
        "postcode zip postal cp",
        "website web url pagina sitio",
        "product article item producto articulo",
        "parent subsidiary group matriz filial grupo",
        "job position title role cargo puesto",
        "street address direccion calle domicilio",
        "tax vat nif cif fiscal",
        "contact person contacto persona",
    )
)
NOISE = frozenset(["id", "name", "nombre", "date", "fecha", "of", "de", "del", "la", "el", "the", "no", "nr", "on", "text"])
KEYS = frozenset(["id", "ref", "reference", "code", "number", "no", "key", "referencia", "codigo", "numero", "clave", "external"])


def suggested(
    resource: Resource, profile: Mapping[str, Any], cells: Sequence[Mapping[str, int]], table: FileTable
) -> tuple[dict[str, Any], dict[str, str]]:
    """A mapping for a file, as JSON, and of each column why: heading -> sentence."""
    fields = [f for f in resource.fields if f.importable]
    labels = _labels(fields)
    # A heading that is the name of something that files cannot set stands for that and for nothing like it.
    closed = {label for found in _labels([f for f in resource.fields if not f.importable]).values() for label in found}
    closed -= {label for found in labels.values() for label in found}
    pairs = []
    for index, heading in enumerate(profile["headings"]):
        if " ".join(_words(heading)) in closed:
            continue
        for place, typed in enumerate(fields):
            points, why = _points(resource, typed, labels[typed.name], heading, profile["columns"][index], cells[index])
            if points >= ENOUGH:
                pairs.append((-points, place, index, typed, why))
    columns: dict[int, Column] = {}
    reasons: dict[str, str] = {}
    for _score, _place, index, typed, why in sorted(pairs, key=lambda pair: pair[:3]):
        if index not in columns and all(c.field is not typed for c in columns.values()):
            heading = profile["headings"][index]
            columns[index] = _column(typed, heading, index, profile)
            reasons[heading] = why
    plan = Plan(resource=resource, columns=nested([columns[i] for i in sorted(columns)]))
    plan.match_key = proposed_key(resource, plan, profile, table)
    _fill_title(plan)
    return described(plan), reasons


def _column(typed: Field, heading: str, index: int, profile: Mapping[str, Any]) -> Column:
    dates, numbers = profile["dates"]["choices"], profile["numbers"]["choices"]
    order = dates[0] if typed.kind == "date" and dates else None
    sign = numbers[0] if typed.numeric and numbers else ""
    return Column(field=typed, heading=heading, index=index, date_format=order, number_format=sign)


def _fill_title(plan: Plan) -> None:
    """Where no column is the name of a row, it is made of what the row is about and whom it is for."""
    title = next((f for f in plan.resource.fields if f.name == plan.resource.title), None)
    if title is None or not title.required or plan.column(title.name):
        return
    about = [c for c in plan.columns if c.field.kind == "text" and c.name not in plan.resource.match_keys]
    whom = [c for c in plan.columns if isinstance(c.field, Lookup) and c.field.linked]
    if chosen := [*about[:1], *whom[:1]]:
        template = " – ".join(f"{{{column.heading}}}" for column in chosen)
        plan.columns.append(Column(field=title, heading=title.name, template=template))


def _points(
    resource: Resource, typed: Field, labels: set[str], heading: str, found: Mapping[str, Any], cells: Mapping[str, int]
) -> tuple[int, str]:
    """How well a column fits a field, 0 for not at all, and why it does."""
    words = _words(heading)
    if " ".join(words) in labels or fold(heading) in labels:
        return SAME, _("The heading is the name of the field.")
    if found["filled"] and not _may_hold(typed, found, cells):
        return 0, ""
    if typed.name == resource.title and _is_called(resource, words):
        return SAME - 10, _("The heading is what the rows are called.")
    if typed.name in resource.match_keys and typed.name != resource.title and typed.kind == "text":
        unique = found["filled"] and found["distinct"] == found["filled"] and all(" " not in t for t in found["samples"])
        if unique and KEYS & set(words):
            return UNIQUE, _("Every row has another value, as a number has in another system.")
    own = set(_words(resource.name)) | set(_words(resource.plural))
    points = max((_likeness(words, label.split(), own) for label in labels), default=0)
    why = _("The heading resembles the name of the field.") if points else ""
    share = _known_share(typed, cells) if isinstance(typed, Lookup) and found["filled"] else 0
    if share >= 0.5:
        points += round(BY_CONTENT * share)
        why = _("%(share)s %% of its names are known: %(what)s.", share=round(100 * share), what=typed.resource.label_plural)  # type: ignore[attr-defined]  # a look-up
    return points, why


def _may_hold(typed: Field, found: Mapping[str, Any], cells: Mapping[str, int]) -> bool:
    """Whether cells of this look could be values of the field at all."""
    if typed.kind == "date":
        return bool(found["date"])
    if typed.numeric:
        return bool(found["number"]) and not found["date"]
    if typed.kind == "email":
        return sum(1 for text in cells if "@" in text) * 2 >= len(cells)
    if typed.kind == "boolean":
        return all(text.casefold() in typed.WORDS for text in cells)  # type: ignore[attr-defined]  # Boolean
    return not (found["date"] and typed.kind in ("lookup", "choice"))


def _likeness(words: Sequence[str], label: Sequence[str], own: set[str]) -> int:
    """Points for the words that a heading and a label share; the name of the resource itself says nothing."""
    ours = [w for w in words if w not in NOISE and w not in own and not _synonym_of(w, own)] or list(words)
    theirs = [w for w in label if w not in NOISE] or list(label)
    shared = sum(any(_same_word(a, b) for b in theirs) for a in ours)
    back = sum(any(_same_word(a, b) for a in ours) for b in theirs)
    return round(ALIKE * (shared + back) / (len(ours) + len(theirs))) if ours and theirs else 0


def _same_word(one: str, other: str) -> bool:
    short, long = sorted((one, other), key=len)
    if one == other or (len(short) > SAME_START and long.startswith(short[:-1])):
        return True
    return any(one in group and other in group for group in SYNONYMS)


def _synonym_of(word: str, names: set[str]) -> bool:
    return any(word in group and group & names for group in SYNONYMS)


def _is_called(resource: Resource, words: Sequence[str]) -> bool:
    """Whether a heading says what the rows of the file are ("account" in a file of accounts)."""
    names = {resource.name}
    for language in LANGUAGES:
        with force_locale(language):
            names |= {fold(str(resource.label)), fold(str(resource.label_plural))}
    left = [w for w in words if w not in NOISE and w != "sales"]
    return bool(left) and all(w in names or _synonym_of(w, names) for w in left)


def _known_share(typed: Lookup, cells: Mapping[str, int]) -> float:
    """Which part of the first distinct names of a column are names of the look-up's rows."""
    target = typed.resource
    asked = {fold(text) for text in list(cells)[:MOST_ASKED]}
    if not asked or not may_choose(target):
        return 0.0
    names = select(target.name_column).where(target.name_column.in_(asked)).distinct()
    return len({fold(name) for name in db.session.scalars(names)} & asked) / len(asked)


def _labels(fields: Sequence[Field]) -> dict[str, set[str]]:
    """Of each field its name and its labels in every language, as words."""
    found = {f.name: {" ".join(_words(f.name.removesuffix("_id"))), " ".join(_words(f.name))} for f in fields}
    for language in LANGUAGES:
        with force_locale(language):
            for typed in fields:
                found[typed.name].add(" ".join(_words(str(typed.label))))
    return found


def _words(text: str) -> list[str]:
    """The words of a heading, folded: "CloseDate" and "close_date" are two."""
    apart = re.sub(r"(?<=[a-z])(?=[A-Z])", " ", text)
    return [word for word in re.split(r"[\W_]+", fold(apart)) if word]
