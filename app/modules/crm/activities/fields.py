"""Fields that activities have besides the usual ones: a time of the day, and the colleagues who take part."""

from __future__ import annotations

import re
from collections.abc import Iterable
from dataclasses import dataclass
from datetime import time
from typing import Any, ClassVar

from sqlalchemy import select
from wtforms import widgets
from wtforms.fields.choices import Choice, SelectFieldBase

from app.core import lookups
from app.core.db import db
from app.core.fields import Field, FieldError, Reading
from app.core.forms import HALF, WIDE, TypedInput
from app.core.i18n import _
from app.core.lookups import MEMBER
from app.core.models import Membership

SHOWN = re.compile(r"(\d{1,2})[:.h](\d{2})(?::\d{2})?")


class TypedClock(TypedInput):
    """A control for a time of the day."""

    widget = widgets.TimeInput()

    def __init__(self, typed: Field, **options: Any) -> None:
        super().__init__(typed, **options)
        self.span = HALF


@dataclass(frozen=True)
class Clock(Field):
    """A time of the day in the company's zone, kept as text: "17:30"."""

    kind: ClassVar[str] = "time"
    control: ClassVar[Any] = TypedClock
    longest: ClassVar[int] = 8

    def read(self, text: str, reading: Reading) -> str:
        found = SHOWN.fullmatch(text)
        try:
            at = time(int(found[1]), int(found[2])) if found else None
        except ValueError:
            at = None
        if at is None:
            raise FieldError(_("“%(given)s” is not a time of the day.", given=text[:40]))
        return f"{at:%H:%M}"


class TypedPeople(TypedInput, SelectFieldBase):
    """A control for several members of the company."""

    widget = widgets.Select(multiple=True)

    def __init__(self, typed: Field, **options: Any) -> None:
        super().__init__(typed, **options)
        self.span = WIDE
        self.render_kw = {"data-picker": "1"}

    def process_data(self, value: Any) -> None:
        self.value = self.stored = value
        self.data: Any = _ids(value)

    def process_formdata(self, valuelist: list[Any]) -> None:
        self.data = [text for text in valuelist if text]

    def iter_choices(self) -> Iterable[Choice]:
        chosen = {str(each) for each in self.data}
        pairs = dict(lookups.options(MEMBER))
        missing = [int(each) for each in chosen - pairs.keys() if each.isdecimal()]
        pairs |= {str(key): name for key, name in lookups.labels(MEMBER, missing).items()}
        return (Choice(value=v, label=label, selected=v in chosen, render_kw={}) for v, label in pairs.items())

    def pre_validate(self, form: Any) -> None:
        self.data, chosen = ",".join(map(str, self.data)), self.data
        try:
            super().pre_validate(form)
        finally:
            self.data = chosen


@dataclass(frozen=True)
class People(Field):
    """Members of the company, kept as text: "12,15"; in files by their names, with a semicolon between two."""

    control: ClassVar[Any] = TypedPeople
    ordered: ClassVar[bool] = False

    def parse(self, raw: Any, reading: Reading) -> str:
        """The ids of those who were named, by id or by name. Raises `FieldError`."""
        return super().parse(raw, reading) or ""

    def read(self, text: str, reading: Reading) -> str:
        between = ";" if ";" in text else ","
        given = [part.strip() for part in text.split(between) if part.strip()]
        found = {part: lookups.find(MEMBER, part) for part in given}
        if unknown := [part for part, row_id in found.items() if row_id is None]:
            raise FieldError(_("There is no “%(given)s”.", given=unknown[0][:40]))
        return ",".join(map(str, sorted({row_id for row_id in found.values() if row_id is not None})))

    def show(self, value: Any) -> str:
        ids = _ids(value)
        if not ids:
            return ""
        names = _names()
        return ", ".join(names[each] for each in ids if each in names)

    def plain(self, value: Any) -> str:
        ids = _ids(value)
        names = lookups.in_files(MEMBER, _names()) if ids else {}
        return "; ".join(names[each] for each in ids if each in names)


def _ids(value: str | None) -> list[int]:
    return [int(text) for text in (value or "").split(",") if text]


def _names() -> dict[int, str]:
    """The names of all members, so that no row of a list asks for its own."""
    return lookups.labels(MEMBER, db.session.scalars(select(Membership.id)))
