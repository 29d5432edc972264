"""WTForms made from typed fields: the whole record, or one field of it for editing in place."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any

import wtforms
from flask import url_for
from wtforms import widgets
from wtforms.fields.choices import Choice, SelectFieldBase

from app.core import lookups
from app.core.access import can
from app.core.fields import Field, FieldError, by_person
from app.core.tags import TagsInput

INPUTS: dict[str, Any] = {
    "date": widgets.DateInput(),
    "email": widgets.EmailInput(),
    "phone": widgets.TelInput(),
    "url": widgets.TextInput(),
    "longtext": widgets.TextArea(),
    "number": widgets.TextInput(),
    "money": widgets.TextInput(),
    "tags": TagsInput(),
}


WIDE, HALF = 6, 3  # of the six columns of a form


class TypedInput(wtforms.Field):
    """A form control around a typed field: `.value` is what was read, `.data` the text as it was typed."""

    widget = widgets.TextInput()

    def __init__(self, typed: Field, **options: Any) -> None:
        super().__init__(label=str(typed.label), description=str(typed.hint), **options)
        self.typed = typed
        self.span = WIDE if typed.kind in ("text", "longtext", "url", "tags") else HALF
        self.value: Any = None
        self.stored: Any = None  # what the form was opened with
        self.widget = INPUTS.get(typed.kind, self.widget)
        self.flags.required = typed.required
        if typed.numeric:
            self.render_kw = {"inputmode": "decimal", "autocomplete": "off"}

    def process_data(self, value: Any) -> None:
        self.value = self.stored = value
        self.data = self.typed.typed(value)

    def process_formdata(self, valuelist: list[Any]) -> None:
        if valuelist:
            self.data = valuelist[0]

    def _value(self) -> str:
        return self.data or ""

    def pre_validate(self, form: wtforms.Form) -> None:
        if isinstance(self.typed, lookups.Lookup) and self.data and self.data == self.typed.typed(self.stored):
            # Left as it is: what a row refers to may be hidden from the person, or no longer on offer.
            self.value = self.stored
            return
        try:
            self.value = self.typed.parse(self.data, by_person())
        except FieldError as error:
            raise wtforms.validators.ValidationError(str(error)) from None


class TypedSelect(TypedInput, SelectFieldBase):
    """The same for a fixed set or a row of another resource."""

    widget = widgets.Select()

    def __init__(self, typed: Field, **options: Any) -> None:
        super().__init__(typed, **options)
        if isinstance(typed, lookups.Lookup):
            self.render_kw = {"data-picker": "1"}
            resource = typed.resource
            if can(resource.permission("view")):
                self.render_kw["data-search-url"] = url_for(resource.endpoint("options"))

    @property
    def choices(self) -> list[tuple[str, str]]:
        if isinstance(self.typed, lookups.Lookup):
            chosen = self.value if isinstance(self.value, int) else None
            pairs = self.typed.options(chosen, stored=chosen == self.stored)
        else:
            pairs = [(value, str(label)) for value, label in self.typed.choices]  # type: ignore[attr-defined]  # Choice
        return pairs if self.typed.required and self.data else [("", ""), *pairs]

    def iter_choices(self) -> Iterable[Choice]:
        chosen = str(self.data or "")
        return (Choice(value=v, label=label, selected=str(v) == chosen, render_kw={}) for v, label in self.choices)


class TypedCheckbox(TypedInput):
    """The same for yes or no: absent from the posted form means no."""

    widget = widgets.CheckboxInput()

    def process_data(self, value: Any) -> None:
        self.value = bool(value)
        self.data: Any = self.value

    def process_formdata(self, valuelist: list[Any]) -> None:
        self.data = bool(valuelist and valuelist[0] not in ("", "false", "0"))

    def _value(self) -> str:
        return "true"


class Form(wtforms.Form):
    """Base of forms made by `form_of`."""

    def values(self) -> dict[str, Any]:
        """Field name -> value read; call after `validate()`."""
        return {f.name: f.value for f in self if isinstance(f, TypedInput)}

    def refuse(self, field: str | None, message: str) -> None:
        """Put a refusal beside the field it concerns, else above the form."""
        if field in self._fields:
            self._fields[field].errors = [*self._fields[field].errors, message]
        else:
            self.form_errors.append(message)


def form_of(fields: Iterable[Field], posted: Any = None, values: Mapping[str, Any] | None = None) -> Form:
    """A bound form for typed fields; `values` maps field names to current values, `posted` is `request.form`."""
    namespace: dict[str, Any] = {}
    for typed in fields:
        control = typed.control or {"boolean": TypedCheckbox, "choice": TypedSelect, "lookup": TypedSelect}.get(typed.kind, TypedInput)
        namespace[typed.name] = wtforms.fields.core.UnboundField(control, typed)
    form_class = type("RecordForm", (Form,), namespace)
    return form_class(posted, data=dict(values or {}))
