"""A field that holds several of a fixed set, kept as text: "amount,account_id"; in a form a set of ticks."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from typing import Any, ClassVar

from wtforms import widgets
from wtforms.fields.choices import Choice, SelectFieldBase

from app.core.fields import Field, FieldError, Reading
from app.core.forms import WIDE, TypedInput
from app.core.i18n import _


class TypedTicks(TypedInput, SelectFieldBase):
    """A box to tick for each of the set; none ticked means empty."""

    widget = widgets.ListWidget(prefix_label=False)
    option_widget = widgets.CheckboxInput()

    def __init__(self, typed: Field, **options: Any) -> None:
        super().__init__(typed, **options)
        self.span = WIDE

    def process_data(self, value: Any) -> None:
        self.value = self.stored = value
        self.data: Any = names_of(value)

    def process_formdata(self, valuelist: list[Any]) -> None:
        self.data = valuelist

    def iter_choices(self) -> Iterable[Choice]:
        return (
            Choice(value=v, label=str(label), selected=v in self.data, render_kw={}) for v, label in self.typed.choices  # type: ignore[attr-defined]  # Several
        )

    def pre_validate(self, form: Any) -> None:
        self.data, ticked = ",".join(self.data), self.data
        try:
            super().pre_validate(form)
        finally:
            self.data = ticked


@dataclass(frozen=True)
class Several(Field):
    """Any number of a fixed set: pairs of stored value and label. The value is text in the order of the set."""

    control: ClassVar[Any] = TypedTicks
    choices: Sequence[tuple[str, Any]] = field(default=(), kw_only=True)

    def parse(self, raw: Any, reading: Reading) -> str:
        """The values that were named, by themselves or by their labels. Raises `FieldError`."""
        return super().parse(raw, reading) or ""

    def read(self, text: str, reading: Reading) -> str:
        named = {value.casefold(): value for value, _label in self.choices}
        named |= {str(label).casefold(): value for value, label in self.choices}
        given = [part.strip() for part in text.replace(";", ",").split(",") if part.strip()]
        if unknown := [part for part in given if part.casefold() not in named]:
            known = ", ".join(value for value, _label in self.choices)
            raise FieldError(_("“%(given)s” is not one of: %(known)s.", given=unknown[0][:40], known=known))
        wanted = {named[part.casefold()] for part in given}
        return ",".join(value for value, _label in self.choices if value in wanted)

    def show(self, value: Any) -> str:
        names = names_of(value)
        return ", ".join(str(label) for v, label in self.choices if v in names)


def names_of(value: str | None) -> list[str]:
    """The values that a text holds."""
    return [name for name in (value or "").split(",") if name]
