"""How values look to people: money, numbers and dates in the reader's language; and how what they type is read."""

from __future__ import annotations

import re
from datetime import UTC, date, datetime
from decimal import ROUND_HALF_UP, Decimal, InvalidOperation
from functools import lru_cache

from babel import Locale
from babel.dates import format_date, format_time
from babel.numbers import (
    NumberFormatError,
    format_compact_decimal,
    format_currency,
    format_decimal,
    parse_decimal,
)
from flask import Flask, g

from app.core.clock import zone
from app.core.db import utcnow
from app.core.i18n import _, _n, language
from app.core.money import Money, exponent

SHORT_FROM = Decimal(1_000_000)
ROUND_FROM = Decimal(1_000)
NO_BREAK = "\u00a0"
MINUS = "−"  # as typographers set it; CLDR writes a hyphen in both languages


@lru_cache(maxsize=8)
def _locale(code: str) -> Locale:
    return Locale.parse(code)


@lru_cache(maxsize=50_000)
def _money(minor: int, currency: str, code: str) -> str:
    amount = Money(minor, currency).amount
    if amount == amount.to_integral_value():
        text = format_currency(amount.quantize(Decimal(1)), currency, locale=_locale(code), format=_pattern(code, 0),
                               currency_digits=False, group_separator=True)
    else:
        text = format_currency(amount, currency, locale=_locale(code), format=_pattern(code, exponent(currency)),
                               currency_digits=False)
    return _with_minus(text)


def _with_minus(text: str) -> str:
    return MINUS + text[1:] if text.startswith("-") else text


def _pattern(code: str, decimals: int) -> str:
    """CLDR's currency pattern with a fixed number of decimals, and Spanish thousands from 1.000 on."""
    digits = "#,##0" + ("." + "0" * decimals if decimals else "")
    return f"{digits}{NO_BREAK}¤" if code == "es" else f"¤{digits}"


def money(value: Money | None) -> str:
    """`Money(14850000, "EUR")` -> "148.500 €" or "€148,500"; no decimals when they are zero."""
    return "" if value is None else _money(value.minor, value.currency, language())


def money_short(value: Money | None) -> str:
    """Seven figures and more in short form ("1,2 M€"), others whole."""
    if value is None or abs(value.amount) < SHORT_FROM:
        return money(value)
    code = language()
    number = format_compact_decimal(abs(value.amount), locale=_locale(code), fraction_digits=1)
    symbol = _locale(code).currency_symbols.get(value.currency, value.currency)
    return f"{MINUS if value.minor < 0 else ''}{f'{number}{symbol}' if code == 'es' else f'{symbol}{number}'}"


def money_about(value: Money | None) -> str:
    """An estimate: from a thousand on in whole units, as its decimals would say more than anybody knows."""
    if value is None or abs(value.amount) < ROUND_FROM:
        return money(value)
    unit = 10 ** exponent(value.currency)
    whole = value.amount.to_integral_value(ROUND_HALF_UP)
    return _money(int(whole) * unit, value.currency, language())


def number(value: Decimal | int | None) -> str:
    return "" if value is None else _with_minus(format_decimal(value, locale=_locale(language())))


def percent(value: Decimal | float | None, decimals: int = 0) -> str:
    """A share between 0 and 1 as "45 %"; None as a dash."""
    if value is None:
        return "–"
    text = _with_minus(format_decimal(Decimal(str(value)) * 100, format="#,##0" + ("." + "0" * decimals if decimals else ""),
                                      locale=_locale(language())))  # fmt: skip
    return f"{text}{NO_BREAK}%" if language() == "es" else f"{text}%"


@lru_cache(maxsize=5_000)
def _day(value: date, code: str) -> str:
    pattern = "d MMM y" if code == "es" else "MMM d, y"
    return format_date(value, pattern, locale=_locale(code))


def day(value: date | None) -> str:
    """A date as "18 dic 2026"."""
    return "" if value is None else _day(value, language())


@lru_cache(maxsize=1_000)
def _long_day(value: date, code: str) -> str:
    return format_date(value, "EEEE, d 'de' MMMM" if code == "es" else "EEEE, MMMM d", locale=_locale(code))


def long_day(value: date, today: date) -> str:
    """A heading for one day: "Today", "Yesterday" or its name; the year when it is another one."""
    text = _long_day(value, language())
    if value.year != today.year:
        text = f"{text}, {value.year}"
    if value == today:
        return _("Today, %(day)s", day=text)
    if (today - value).days == 1:
        return _("Yesterday, %(day)s", day=text)
    return text[:1].upper() + text[1:]


def _local(value: datetime) -> datetime:
    return value.astimezone(zone(g.company.timezone) if "company" in g else UTC)


def clock(value: datetime | None) -> str:
    """The local time of an instant, "17:20"."""
    return "" if value is None else format_time(_local(value), "HH:mm", locale=_locale(language()))


def moment(value: datetime | None) -> str:
    """Local date and time of an instant."""
    return "" if value is None else f"{day(_local(value).date())}, {clock(value)}"


def ago(value: datetime | None) -> str:
    """How long ago an instant was, in whole minutes, hours or days."""
    if value is None:
        return ""
    minutes = max(0, int((utcnow() - value).total_seconds() // 60))
    if minutes < 1:
        return _("just now")
    if minutes < 60:
        return _n("%(num)d minute ago", "%(num)d minutes ago", minutes)
    if minutes < 24 * 60:
        return _n("%(num)d hour ago", "%(num)d hours ago", minutes // 60)
    return _n("%(num)d day ago", "%(num)d days ago", minutes // (24 * 60))


def parse_number(text: str, code: str | None = None) -> Decimal:
    """Read a number as a person writes it in a language ("148.500,50" in Spanish). Raises `ValueError`.

    A currency sign and spaces are ignored. Digit groups must be whole, so that "1.5" in Spanish is not read as 15.
    """
    code = code or language()
    bare = re.sub(r"[\s\u00a0\u202f€$£]|^[A-Z]{3}|[A-Z]{3}$", "", text.strip()).replace(MINUS, "-")
    separator = _locale(code).number_symbols["latn"]["group"]
    if separator in bare and not re.fullmatch(rf"[+-]?\d{{1,3}}(\{separator}\d{{3}})+(\D\d+)?", bare):
        raise ValueError(text)
    try:
        value = parse_decimal(bare, locale=_locale(code))
    except (NumberFormatError, InvalidOperation):
        raise ValueError(text) from None
    if not value.is_finite():
        raise ValueError(text)
    return value


def number_for_input(value: Decimal | None) -> str:
    """A number as its form field shows it: locale decimals, no digit groups that would have to be retyped."""
    return "" if value is None else format_decimal(value, locale=_locale(language()), group_separator=False)


def initials(name: str | None) -> str:
    """Two letters for an avatar: of the first and the last word."""
    words = [w for w in re.split(r"[\s.\-]+", name or "") if w]
    if not words:
        return "?"
    return (words[0][0] + (words[-1][0] if len(words) > 1 else words[0][1:2])).upper()


def colour(key: int | None) -> int:
    """One of six avatar colours, the same for a member everywhere."""
    return (key or 0) % 6 + 1


def init_app(app: Flask) -> None:
    app.jinja_env.filters.update(
        money=money, money_short=money_short, money_about=money_about, num=number, pct=percent, day=day, clock=clock,
        moment=moment, ago=ago,
    )  # fmt: skip
    app.jinja_env.globals.update(initials=initials, colour=colour)
