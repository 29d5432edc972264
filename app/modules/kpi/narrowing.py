"""What a goal is narrowed down to: only a segment, a source, a kind of activity. As fields of a form, and in words."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any

from app.core.dimensions import dimensions, labels_of
from app.core.fields import Choice, Field
from app.core.i18n import _
from app.core.ids import whole

ONLY = "only_"


def narrowing_fields() -> list[Field]:
    """A choice for each dimension that has options, called "only_segment" and the like; left blank it narrows nothing."""
    found: list[Field] = []
    for each in dimensions().values():
        options = [(str(key), str(text)) for key, text in each.options()] if each.options else []
        if options:
            found.append(Choice(f"{ONLY}{each.name}", _("Only: %(what)s", what=each.label), choices=options))
    return found


def begun(filters: Mapping[str, Any]) -> dict[str, Any]:
    """What such fields hold of filters; of several keys none, as a choice holds one."""
    return {f"{ONLY}{name}": str(key) for name, key in filters.items() if key is not None and not isinstance(key, list)}


def filters_of(given: Mapping[str, Any], before: Mapping[str, Any]) -> dict[str, Any]:
    """The filters that a form asks for: what it names anew, and what it cannot ask for as before."""
    known = dimensions()
    found = dict(before)
    for field, text in given.items():
        name = field.removeprefix(ONLY)
        if not field.startswith(ONLY) or name not in known or (not text and isinstance(before.get(name), list)):
            continue
        found.pop(name, None)
        key = text if known[name].worded else whole(text)
        if text and key is not None:
            found[name] = key
    return found


def narrowed(goals: Iterable[Any]) -> dict[int, str]:
    """What goals are narrowed down to, in words: goal id -> "Segment: Food"; a statement for each dimension at most."""
    goals = [goal for goal in goals if goal.filters]
    known = dimensions()
    keys: dict[str, set[Any]] = {}
    for goal in goals:
        for name, wanted in goal.filters.items():
            keys.setdefault(name, set()).update(_keys(wanted))
    words = {name: labels_of(name, some) if name in known else {} for name, some in keys.items()}
    return {
        goal.id: "; ".join(_said(str(known[name].label) if name in known else name, wanted, words[name])
                           for name, wanted in goal.filters.items())
        for goal in goals
    }  # fmt: skip


def _keys(wanted: Any) -> list[Any]:
    return [key for key in (wanted if isinstance(wanted, list) else [wanted]) if key is not None]


def _said(label: str, wanted: Any, words: Mapping[Any, Any]) -> str:
    some = [str(words.get(key, key)) for key in _keys(wanted)] or [_("None")]
    return f"{label}: {', '.join(some)}"
