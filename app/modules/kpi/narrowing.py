"""What a goal is narrowed down to: only a segment, a source, a kind of activity. As a field, and in words.

Stored are filters: dimension -> key or keys, None for "has none". Written they are text, "kind: visit, call; source: 3",
with a key in quotes where it has one of these signs in it.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, ClassVar

from flask import g, render_template, url_for
from markupsafe import Markup

from app.core.dimensions import TIME_DIMENSIONS, Dimension, dimensions, labels_of
from app.core.fields import Field, FieldError, Reading
from app.core.forms import WIDE, TypedInput
from app.core.i18n import _
from app.core.ids import whole
from app.core.metrics import metrics
from app.core.tables import NONE

FILTERS = "filters"
WHOSE = ("owner", "team")  # a goal says in fields of their own whose it is
QUOTED = r'"(?:[^"]|"")*"'
PART, KEY = re.compile(rf"(?:{QUOTED}|[^\";])+"), re.compile(rf"{QUOTED}|[^\",]+")
SIGNS = re.compile(r'[",;:]|^\s|\s$|^$')


def choices_of(dimension: Dimension) -> list[tuple[str, str]]:
    """The keys of a dimension that something can be narrowed down to, with their names; asked once per context."""
    known: dict[str, list[tuple[str, str]]] = g.setdefault("kpi_narrowing_choices", {})
    if dimension.name not in known:
        options = [(str(key), str(text)) for key, text in dimension.options()] if dimension.options else []
        known[dimension.name] = [*([(NONE, _("None"))] if options and dimension.may_lack else []), *options]
    return known[dimension.name]


def offered(metric_id: str | None) -> list[Dimension]:
    """The dimensions that goals on a metric can be narrowed down by: those it can be told by whose keys can be listed.
    Of None those of any metric."""
    metric, apart = metrics().get(metric_id or ""), {*WHOSE, *TIME_DIMENSIONS}
    told_by = dimensions() if metric_id is None else metric.dimensions if metric else ()
    return [each for name, each in dimensions().items() if name in told_by and name not in apart and choices_of(each)]


def written(filters: Mapping[str, Any]) -> str:
    """Filters as text."""
    return "; ".join(f"{name}: {', '.join(_quoted(NONE if key is None else str(key)) for key in _keys(wanted))}"
                     for name, wanted in sorted(filters.items()))  # fmt: skip


def filters_of(text: str) -> dict[str, Any]:
    """The filters that a text stands for. Raises `FieldError` for a dimension or a key that there is not."""
    found: dict[str, Any] = {}
    for name, keys in _read(text):
        dimension = _dimension(name)
        if not keys:
            raise FieldError(_("“%(given)s”: which? Such as “kind: visit”.", given=name[:40]))
        chosen = list(dict.fromkeys(_key(dimension, key) for key in keys))
        found[dimension.name] = chosen if len(chosen) > 1 else chosen[0]
    return found


def narrowed(goals: Iterable[Any]) -> dict[int, str]:
    """What goals are narrowed down to, in words: goal id -> "Segment: Food"; a statement for each dimension at most."""
    goals = [goal for goal in goals if goal.filters]
    names: dict[str, set[Any]] = {}
    for goal in goals:
        for name, wanted in goal.filters.items():
            names.setdefault(name, set()).update(_keys(wanted))
    words = {name: _words(name, keys) for name, keys in names.items()}
    return {goal.id: _told(goal.filters, words) for goal in goals}


def in_words(filters: Mapping[str, Any]) -> str:
    """Filters in words: "Kind: Visit, Call; Source: Fair"."""
    return _told(filters, {name: _words(name, _keys(wanted)) for name, wanted in filters.items()})


def _told(filters: Mapping[str, Any], words: Mapping[str, Mapping[Any, str]]) -> str:
    known = dimensions()
    return "; ".join(
        f"{known[name].label if name in known else name}: {', '.join(words[name].get(key, str(key)) for key in _keys(wanted))}"
        for name, wanted in filters.items()
    )  # fmt: skip


def _words(name: str, keys: Iterable[Any]) -> dict[Any, str]:
    """What keys are called: those on offer are known already, the others are asked for."""
    known = dimensions()
    if name not in known:
        return {None: _("None")}
    listed = {NONE: _("None"), **dict(choices_of(known[name]))}
    keys = set(keys)
    others = {key for key in keys if key is not None and str(key) not in listed}
    return {None: _("None"), **{key: listed[str(key)] for key in keys - others - {None}}, **labels_of(name, others)}


def _keys(wanted: Any) -> Sequence[Any]:
    return wanted if isinstance(wanted, list) else [wanted]


def _quoted(text: str) -> str:
    return '"{}"'.format(text.replace('"', '""')) if SIGNS.search(text) else text


def _bare(text: str) -> str:
    text = text.strip()
    return text[1:-1].replace('""', '"') if len(text) > 1 and text[0] == text[-1] == '"' else text


def _read(text: str) -> list[tuple[str, list[str]]]:
    """Names and keys as they are written."""
    parts = [part.partition(":") for part in PART.findall(text) if part.strip()]
    return [(name.strip(), [_bare(key) for key in KEY.findall(keys) if key.strip()]) for name, _colon, keys in parts]


def _dimension(name: str) -> Dimension:
    known = dimensions()
    called = {str(each.label).casefold(): each for each in known.values()}
    found = known.get(name) or called.get(name.casefold())
    if found is None:
        raise FieldError(_("Nothing can be narrowed down by “%(given)s”.", given=name[:40]))
    return found


def _key(dimension: Dimension, text: str) -> Any:
    """The key that is named, by itself or as people call it."""
    listed = choices_of(dimension)
    wanted = text.casefold()
    key = next((k for k, label in listed if wanted in (k.casefold(), label.casefold())), None)
    if key == NONE or (wanted == NONE and dimension.may_lack):
        return None
    if dimension.worded and (key is not None or dimension.options is None):
        return key if key is not None else text
    number = whole(key if key is not None else text)
    if number is None or (key is None and number not in labels_of(dimension.name, {number})):
        raise FieldError(_("“%(given)s” is none of “%(what)s”.", given=text[:40], what=dimension.label))
    return number


class Group:
    """Draws the control: a select for each dimension, which are made anew when another figure is chosen."""

    def __call__(self, control: NarrowInput, **attributes: Any) -> Markup:
        selects = control.selects()
        html = render_template("kpi/_narrowing.html", control=control, selects=selects, url=url_for("kpi.narrowing"),
                               chosen=control.metric, attributes=attributes)  # fmt: skip
        return Markup(html)  # noqa: S704  # a template of ours


class NarrowInput(TypedInput):
    """A select for each dimension of the form's metric, and of what is chosen already; all of them bear one name."""

    widget = Group()

    def __init__(self, typed: Field, *, _form: Any = None, **options: Any) -> None:
        super().__init__(typed, _form=_form, **options)
        self.form, self.span = _form, WIDE
        self.widget = NarrowInput.widget

    def process_formdata(self, valuelist: list[Any]) -> None:
        if valuelist:
            self.data = joined(valuelist)

    def pre_validate(self, form: Any) -> None:
        if self.stored and self.data == self.stored:
            self.value = self.stored  # left as it is: what it names may be gone, or its application off
        else:
            super().pre_validate(form)

    @property
    def metric(self) -> str | None:
        """The figure that the form is about so far; None where it does not say."""
        return str(self.form["metric"].data or "") if self.form is not None and "metric" in self.form else None

    def selects(self) -> list[dict[str, Any]]:
        """What there is to choose: label of a dimension, and its options as (value, name, whether it is chosen)."""
        chosen = dict(_read(self.data or ""))
        known = dimensions()
        names = dict.fromkeys([*(each.name for each in offered(self.metric)), *chosen])
        return [_select(name, known.get(name), chosen.get(name)) for name in names]


def _select(name: str, dimension: Dimension | None, chosen: Sequence[str] | None) -> dict[str, Any]:
    pairs = [(f"{name}: {_quoted(key)}", label) for key, label in (choices_of(dimension) if dimension else ())]
    now = f"{name}: {', '.join(map(_quoted, chosen))}" if chosen else ""
    if now and now not in dict(pairs):  # several keys, or one that is not on offer any more
        keys = [int(key) if dimension and not dimension.worded and key.isdecimal() else key for key in chosen or ()]
        words = _words(name, keys)
        pairs.insert(0, (now, ", ".join(words.get(key, str(key)) for key in keys)))
    label = str(dimension.label) if dimension else name
    return {"label": label, "options": [(value, text, value == now) for value, text in pairs]}


def joined(values: Iterable[str]) -> str:
    """What the selects of a control say together."""
    return "; ".join(each for each in values if each)


@dataclass(frozen=True)
class Narrowing(Field):
    """What the figure of a goal or a rule is narrowed down to; the value is the text, in files with the names of rows."""

    control: ClassVar[Any] = NarrowInput
    ordered: ClassVar[bool] = False
    compared: ClassVar[bool] = False

    def parse(self, raw: Any, reading: Reading) -> str:
        """Raises `FieldError`."""
        return super().parse(raw, reading) or ""

    def read(self, text: str, reading: Reading) -> str:
        return written(filters_of(text))

    def of(self, row: Any) -> str:
        return written(getattr(row, self.name) or {})

    def show(self, value: Any) -> str:
        return in_words(kept(value))

    def plain(self, value: Any) -> str:
        """With names where keys are numbers, which another company has other ones of."""
        known, found = dimensions(), []
        for name, wanted in kept(value).items():
            told = _words(name, _keys(wanted)) if name in known and not known[name].worded else {}
            keys = [NONE if key is None else told.get(key, str(key)) for key in _keys(wanted)]
            found.append(f"{name}: {', '.join(map(_quoted, keys))}")
        return "; ".join(found)

    def typed(self, value: Any) -> str:
        return str(value or "")


def kept(value: Any) -> dict[str, Any]:
    """The filters of a value of the field, or of what a row holds; of what is not there any more the keys as they are."""
    if not isinstance(value, str):
        return dict(value or {})
    known = dimensions()
    found: dict[str, Any] = {}
    for name, keys in _read(value):
        worded = name not in known or known[name].worded
        made = [None if key == NONE else key if worded else whole(key) or key for key in keys]
        found[name] = made if len(made) > 1 else made[0]
    return found
