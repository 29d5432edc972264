"""Typed fields: how a value is read, checked and shown. Forms, imports and the API all use these."""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import date, datetime
from decimal import Decimal
from typing import Any, ClassVar

from flask import g
from flask_babel import force_locale

from app.core.formats import day, money, number, number_for_input, parse_number
from app.core.i18n import LANGUAGES, _, language
from app.core.money import Money, currencies, from_minor, minor_units

# What neither a database nor an XLSX file can hold: control characters, halves of characters, and two that are none.
UNFIT = re.compile("[\x00-\x08\x0b\x0c\x0e-\x1f\ud800-\udfff\ufffe\uffff]")
LONGEST_NUMBER = 28  # digits
DAY_AND_TIME = re.compile(r"(\d{4}-\d{2}-\d{2})[T ]\d{2}:\d{2}(?::\d{2}(?:\.\d+)?)?(?:Z|[+-]\d{2}:?\d{2})?")
LARGEST_MINOR = 10**15  # sums over a million rows still fit into 64 bits
# Classes of values that modules read from text, by the name in their `staged`: an import keeps `parts()` of a value as JSON,
# and `of_parts` makes it again.
STAGED: dict[str, Any] = {}


class FieldError(ValueError):
    """What was given cannot be the value of a field; the message is a sentence for the user."""


@dataclass(frozen=True, kw_only=True)
class Reading:
    """How text is to be read: by a person's language (forms), or neutral (CSV and API: ISO dates, decimal point)."""

    language: str | None = None  # None is neutral
    date_format: str | None = None  # strptime format of an import file
    currency: str = ""


def by_person() -> Reading:
    return Reading(language=language(), currency=g.company.currency)


def neutral() -> Reading:
    return Reading(currency=g.company.currency)


@dataclass(frozen=True)
class Field:
    """One field of a record type. `name` is the attribute of the model."""

    kind: ClassVar[str] = "text"
    numeric: ClassVar[bool] = False
    ordered: ClassVar[bool] = True  # whether the database orders its column as people would
    compared: ClassVar[bool] = True  # whether rows can be found and grouped by its column
    control: ClassVar[Any] = None  # the form control of a kind of its own; by `kind` where there is none

    name: str
    label: Any = ""
    required: bool = field(default=False, kw_only=True)
    editable: bool = field(default=True, kw_only=True)
    creatable: bool = field(default=True, kw_only=True)  # asked for when a record is made; needs `editable` too
    importable: bool = field(default=True, kw_only=True)
    exportable: bool = field(default=True, kw_only=True)  # False: an instruction to an import, not a value of the row
    hint: Any = field(default="", kw_only=True)
    example: str = field(default="", kw_only=True)  # a valid value as files have it
    default: Callable[[], Any] | None = field(default=None, kw_only=True)

    @property
    def attributes(self) -> tuple[str, ...]:
        """Columns of the model that the field reads; none for one that is worked out."""
        return (self.name,)

    @property
    def sortable(self) -> bool:
        """Whether a list can be sorted by it: a look-up would sort by its ids."""
        return bool(self.attributes) and self.ordered and self.kind not in ("lookup", "longtext")

    def parse(self, raw: Any, reading: Reading) -> Any:
        """The value that was written; None for nothing. Raises `FieldError`."""
        text = raw.strip() if isinstance(raw, str) else raw
        if text is None or text == "":
            if self.required:
                raise FieldError(_("This field is needed."))
            return None
        return self.read(text if isinstance(text, str) else str(text), reading)

    def read(self, text: str, reading: Reading) -> Any:
        """The value of text that is not empty."""
        return text

    def show(self, value: Any) -> str:
        """The value for people."""
        return "" if value is None else str(value)

    def plain(self, value: Any) -> str:
        """The value for files: neutral, read back by `parse` with `neutral()`."""
        return "" if value is None else str(value)

    def local(self, value: Any) -> str:
        """The value for a person's spreadsheet: as `plain`, but words and the decimal sign are those of the reader."""
        return self.plain(value)

    def typed(self, value: Any) -> str:
        """The value as its form control holds it."""
        return self.plain(value)

    def logged(self, text: str, row: Any) -> str:
        """A value of the change log for people; `row`, where it is known, has what the field reads beside its own column."""
        return self.show(self.parse(text, neutral()))

    def of(self, row: Any) -> Any:
        """The value in a row: an entity, or any object with the model's attributes."""
        return getattr(row, self.name)

    def stored(self, value: Any) -> Mapping[str, Any]:
        """Columns and values to store."""
        return {self.name: value}


class Apart:
    """Mixed into a field whose value no column of the row holds: it is kept elsewhere, or nowhere."""

    @property
    def attributes(self) -> tuple[str, ...]:
        return ()

    def of(self, row: Any) -> Any:
        return None

    def stored(self, value: Any) -> Mapping[str, Any]:
        return {}


@dataclass(frozen=True)
class Text(Field):
    longest: int = field(default=120, kw_only=True)

    def read(self, text: str, reading: Reading) -> str:
        clean = " ".join(text.split())
        if len(clean) > self.longest:
            raise FieldError(_("At most %(n)s characters, please; this has %(given)s.", n=self.longest, given=len(clean)))
        return _fit(clean)


@dataclass(frozen=True)
class LongText(Field):
    kind: ClassVar[str] = "longtext"
    longest: int = field(default=10_000, kw_only=True)

    def read(self, text: str, reading: Reading) -> str:
        if len(text) > self.longest:
            raise FieldError(_("At most %(n)s characters, please; this has %(given)s.", n=self.longest, given=len(text)))
        return _fit(text.replace("\r\n", "\n").replace("\r", "\n"))


@dataclass(frozen=True)
class Boolean(Field):
    kind: ClassVar[str] = "boolean"
    WORDS: ClassVar[dict[str, bool]] = {
        **dict.fromkeys(("1", "true", "yes", "y", "on", "sí", "si", "s", "x", "verdadero"), True),
        **dict.fromkeys(("0", "false", "no", "n", "off", "falso"), False),
    }

    def parse(self, raw: Any, reading: Reading) -> bool:
        text = str(raw or "").strip().casefold()
        if text == "":
            return False
        if text not in self.WORDS:
            raise FieldError(_("“%(given)s” is neither yes nor no.", given=raw))
        return self.WORDS[text]

    def show(self, value: Any) -> str:
        return _("Yes") if value else _("No")

    def plain(self, value: Any) -> str:
        return "true" if value else "false"

    def local(self, value: Any) -> str:
        return self.show(value)


@dataclass(frozen=True)
class Integer(Field):
    kind: ClassVar[str] = "number"
    numeric: ClassVar[bool] = True
    least: int = field(default=-(2**31), kw_only=True)
    most: int = field(default=2**31 - 1, kw_only=True)
    grouped: bool = field(default=True, kw_only=True)  # False for what adds up to nothing: years, positions, settings

    def read(self, text: str, reading: Reading) -> int:
        value = _decimal(text, reading)
        if value != value.to_integral_value():
            raise FieldError(_("“%(given)s” is not a whole number.", given=text))
        if not self.least <= value <= self.most:
            raise FieldError(_("A number from %(least)s to %(most)s, please.", least=self.least, most=self.most))
        return int(value)

    def show(self, value: Any) -> str:
        return number(value) if self.grouped or value is None else str(value)


@dataclass(frozen=True)
class Percent(Integer):
    """A whole percentage from 0 to 100."""

    least: int = field(default=0, kw_only=True)
    most: int = field(default=100, kw_only=True)

    def read(self, text: str, reading: Reading) -> int:
        return super().read(text.replace("%", "").strip(), reading)

    def show(self, value: Any) -> str:
        return "" if value is None else f"{number(value)}\u00a0%"


@dataclass(frozen=True)
class DecimalField(Field):
    """An exact decimal from a billionth to a billion, such as a rate; kept as text, so no list is sorted by it."""

    kind: ClassVar[str] = "number"
    numeric: ClassVar[bool] = True
    ordered: ClassVar[bool] = False
    LEAST: ClassVar[Decimal] = Decimal("1e-9")
    MOST: ClassVar[Decimal] = Decimal("1e9")

    def read(self, text: str, reading: Reading) -> Decimal:
        value = _decimal(text, reading)
        if not self.LEAST <= value <= self.MOST or len(value.as_tuple().digits) > LONGEST_NUMBER:
            raise FieldError(_("A number above zero and of a sensible size, please."))
        return value

    def show(self, value: Any) -> str:
        return number(value)

    def plain(self, value: Any) -> str:
        return "" if value is None else format(value, "f")

    def local(self, value: Any) -> str:
        return _with_sign(self.plain(value))

    def typed(self, value: Any) -> str:
        return _with_sign(self.plain(value))


@dataclass(frozen=True)
class MoneyField(Field):
    """An amount kept as `<name>_minor` and `currency`; the value is `Money`."""

    kind: ClassVar[str] = "money"
    numeric: ClassVar[bool] = True
    currency: str = field(default="currency", kw_only=True)

    @property
    def column(self) -> str:
        return f"{self.name}_minor"

    @property
    def attributes(self) -> tuple[str, ...]:
        return (self.column, self.currency)

    def read(self, text: str, reading: Reading) -> Money:
        currency = found.group() if (found := re.search(r"\b[A-Z]{3}\b", text)) else reading.currency
        if currency not in currencies():
            raise FieldError(_("There is no currency “%(code)s”.", code=currency))
        try:
            minor = minor_units(_decimal(text.replace(currency, ""), reading), currency)
        except FieldError:
            raise
        except ValueError:
            raise FieldError(_("“%(given)s” has more decimals than the currency.", given=text)) from None
        if minor < 0:
            raise FieldError(_("An amount cannot be below zero."))
        if minor > LARGEST_MINOR:
            raise FieldError(_("“%(given)s” is too large an amount.", given=text))
        return Money(minor, currency)

    def of(self, row: Any) -> Money | None:
        minor = getattr(row, self.column)
        return None if minor is None else Money(minor, getattr(row, self.currency))

    def stored(self, value: Money | None) -> Mapping[str, Any]:
        if value is None:
            return {self.column: None}
        return {self.column: value.minor, self.currency: value.currency}

    def show(self, value: Money | None) -> str:
        return money(value)

    def plain(self, value: Money | None) -> str:
        if value is None:
            return ""
        text = format(value.amount, "f")
        return text if value.currency == g.company.currency else f"{text} {value.currency}"

    def local(self, value: Money | None) -> str:
        return _with_sign(self.plain(value))

    def typed(self, value: Money | None) -> str:
        if value is None:
            return ""
        amount = from_minor(value.minor, value.currency)
        text = number_for_input(amount.quantize(Decimal(1)) if amount == amount.to_integral_value() else amount)
        return text if value.currency == g.company.currency else f"{text} {value.currency}"


@dataclass(frozen=True)
class Date(Field):
    kind: ClassVar[str] = "date"
    EARLIEST: ClassVar[date] = date(1900, 1, 1)
    LATEST: ClassVar[date] = date(2200, 1, 1)

    def read(self, text: str, reading: Reading) -> date:
        value = _date(text, reading)
        if value is None:
            raise FieldError(_("“%(given)s” is not a date.", given=text))
        if not self.EARLIEST <= value < self.LATEST:
            raise FieldError(_("“%(given)s” is too far in the past or the future.", given=text))
        return value

    def show(self, value: date | None) -> str:
        return day(value)

    def plain(self, value: date | None) -> str:
        return "" if value is None else value.isoformat()


@dataclass(frozen=True)
class Choice(Field):
    """One of a fixed set: pairs of stored value and label."""

    kind: ClassVar[str] = "choice"
    choices: Sequence[tuple[str, Any]] = field(default=(), kw_only=True)

    def read(self, text: str, reading: Reading) -> str:
        wanted = text.casefold()
        for value, label in self.choices:
            if wanted in (value.casefold(), str(label).casefold()):
                return value
        for value in self._in_any_language(wanted):
            return value
        known = ", ".join(str(label) for _value, label in self.choices)
        raise FieldError(_("“%(given)s” is not one of: %(known)s.", given=text, known=known))

    def _in_any_language(self, wanted: str) -> list[str]:
        """The values so called in one of the languages: a file may come from somebody who speaks another one."""
        found = []
        for code in LANGUAGES:
            with force_locale(code):
                found += [value for value, label in self.choices if str(label).casefold() == wanted]
        return found

    def local(self, value: Any) -> str:
        return self.show(value)

    def show(self, value: Any) -> str:
        return next((str(label) for v, label in self.choices if v == value), "" if value is None else str(value))


def _decimal(text: str, reading: Reading) -> Decimal:
    try:
        value = parse_number(text, reading.language) if reading.language else Decimal(text)
        # An exponent of millions is a few characters to type and gigabytes to work out.
        if value.is_finite() and abs(value.adjusted()) <= LONGEST_NUMBER:
            return value
    except (ValueError, ArithmeticError):
        pass
    raise FieldError(_("“%(given)s” is not a number.", given=text))


def _fit(text: str) -> str:
    if UNFIT.search(text):
        raise FieldError(_("This contains characters that cannot be stored."))
    return text


def _with_sign(text: str) -> str:
    """A neutral number with the decimal sign of the reader's language, all its digits kept."""
    return text.replace(".", ",") if language() == "es" else text


def _date(text: str, reading: Reading) -> date | None:
    # Years first are understood whatever is said of the file: dates in typed cells of a spreadsheet come so.
    formats = [reading.date_format] if reading.date_format else []
    formats.append("%Y-%m-%d")
    if timed := DAY_AND_TIME.fullmatch(text):
        text = timed[1]
    if reading.language:
        formats += ["%d/%m/%Y", "%d.%m.%Y", "%d-%m-%Y"] if reading.language == "es" else ["%m/%d/%Y"]
    for pattern in formats:
        try:
            return datetime.strptime(text, pattern).date()  # noqa: DTZ007  # a date has no zone
        except ValueError:
            continue
    return None
