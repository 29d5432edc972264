"""How values are read, checked and shown: by a person in their language, and neutrally in files."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import date
from decimal import Decimal
from types import SimpleNamespace

import pytest
from flask import Flask, g
from flask_babel import Babel, force_locale
from hypothesis import given
from hypothesis import strategies as st

from app.core import formats
from app.core.address_fields import Email, Phone, Url
from app.core.fields import (
    Boolean,
    Choice,
    Date,
    DecimalField,
    Field,
    FieldError,
    Integer,
    LongText,
    MoneyField,
    Percent,
    Reading,
    Text,
)
from app.core.lookups import pointed, read_pointed, reads_otherwise
from app.core.money import Money, convert, minor_units

SPANISH = Reading(language="es", currency="EUR")
ENGLISH = Reading(language="en", currency="EUR")
NEUTRAL = Reading(currency="EUR")


@pytest.fixture(autouse=True)
def spoken() -> Iterator[None]:
    """A context in which sentences can be made, without any database."""
    app = Flask(__name__)
    Babel(app, locale_selector=lambda: "es")
    with app.test_request_context():
        g.company = SimpleNamespace(currency="EUR", timezone="Europe/Madrid", language="es")
        yield


@pytest.mark.parametrize(
    ("typed", "raw", "reading", "value"),
    [
        (MoneyField("amount"), "148.500", SPANISH, Money(14_850_000, "EUR")),
        (MoneyField("amount"), "148.500,50 €", SPANISH, Money(14_850_050, "EUR")),
        (MoneyField("amount"), "148,500.50", ENGLISH, Money(14_850_050, "EUR")),
        (MoneyField("amount"), "148500", SPANISH, Money(14_850_000, "EUR")),
        (MoneyField("amount"), "1500 USD", SPANISH, Money(150_000, "USD")),
        (MoneyField("amount"), "1500.5", NEUTRAL, Money(150_050, "EUR")),
        (MoneyField("amount"), "500 JPY", NEUTRAL, Money(500, "JPY")),
        (MoneyField("amount"), "", SPANISH, None),
        (Date("day"), "2026-12-18", SPANISH, date(2026, 12, 18)),
        (Date("day"), "18/12/2026", SPANISH, date(2026, 12, 18)),
        (Date("day"), "12/18/2026", ENGLISH, date(2026, 12, 18)),
        (Date("day"), "10/20/2016", Reading(date_format="%m/%d/%Y"), date(2016, 10, 20)),
        (Date("day"), "2016-03-04", Reading(date_format="%m/%d/%Y"), date(2016, 3, 4)),
        (Date("day"), "2016-03-04T23:59:59+02:00", NEUTRAL, date(2016, 3, 4)),
        (Integer("n"), "1.200", SPANISH, 1200),
        (Integer("n"), "1200", NEUTRAL, 1200),
        (Percent("p"), "45 %", SPANISH, 45),
        (DecimalField("r"), "1,0825", SPANISH, Decimal("1.0825")),
        (Boolean("b"), "Sí", NEUTRAL, True),
        (Boolean("b"), "", NEUTRAL, False),
        (Email("m"), " Ana@Example.ES ", NEUTRAL, "ana@example.es"),
        (Url("u"), "example.es/a", NEUTRAL, "https://example.es/a"),
        (Phone("p"), "+34 96 123 45 67", NEUTRAL, "+34 96 123 45 67"),
        (Text("t"), "  two   words ", NEUTRAL, "two words"),
        (Choice("c", choices=(("a", "Alpha"),)), "ALPHA", NEUTRAL, "a"),
        (LongText("l"), " a\r\nb\rc\r\r\nd ", NEUTRAL, "a\nb\nc\n\nd"),
    ],
)
def test_it_reads(typed: Field, raw: str, reading: Reading, value: object) -> None:
    assert typed.parse(raw, reading) == value


@pytest.mark.parametrize(
    ("typed", "raw", "reading"),
    [
        (MoneyField("amount"), "-5", SPANISH),
        (MoneyField("amount"), "10,999", SPANISH),
        (MoneyField("amount"), "1.5", SPANISH),
        (MoneyField("amount"), "12,34.5", ENGLISH),
        (MoneyField("amount"), "1e30", NEUTRAL),
        (MoneyField("amount"), "NaN", NEUTRAL),
        (MoneyField("amount"), "Infinity", NEUTRAL),
        (MoneyField("amount"), "ten", SPANISH),
        (MoneyField("amount"), "5 XXQ", NEUTRAL),
        (Date("day"), "31/02/2026", SPANISH),
        (Date("day"), "18/12/2026", NEUTRAL),
        (Date("day"), "0001-01-01", NEUTRAL),
        (Date("day"), "9999-01-01", NEUTRAL),
        (Integer("n", least=0), "-1", NEUTRAL),
        (Integer("n"), "1.5", NEUTRAL),
        (Integer("n"), "99999999999999999999", NEUTRAL),
        (Percent("p"), "101", NEUTRAL),
        (DecimalField("r"), "0", NEUTRAL),
        (Boolean("b"), "perhaps", NEUTRAL),
        (Email("m"), "ana@", NEUTRAL),
        (Email("m"), "a@b.es,c@d.es", NEUTRAL),
        (Url("u"), "javascript://alert(1)", NEUTRAL),
        (Url("u"), "ftp://example.es", NEUTRAL),
        (Phone("p"), "call me", NEUTRAL),
        (Text("t", longest=5), "sixsix", NEUTRAL),
        (Text("t"), "nul\x00nul", NEUTRAL),
        (LongText("l"), "bell\x07", NEUTRAL),
        (Text("t"), "half \ud83d of one", NEUTRAL),
        (Date("day"), "2026-03-04T99", NEUTRAL),
        (Text("t", required=True), "   ", NEUTRAL),
        (Choice("c", choices=(("a", "Alpha"),)), "b", NEUTRAL),
    ],
)
def test_it_refuses_with_a_sentence(typed: Field, raw: str, reading: Reading) -> None:
    with pytest.raises(FieldError) as refused:
        typed.parse(raw, reading)
    assert len(str(refused.value)) > 10


@given(st.integers(min_value=0, max_value=10**14))
def test_money_survives_a_file_and_a_form(minor: int) -> None:
    typed, value = MoneyField("amount"), Money(minor, "EUR")
    assert typed.parse(typed.plain(value), NEUTRAL) == value
    assert typed.parse(typed.typed(value), SPANISH) == value
    assert typed.parse(typed.show(value), SPANISH) == value


@given(st.dates(min_value=date(1900, 1, 1), max_value=date(2199, 12, 31)))
def test_dates_survive_a_file(day: date) -> None:
    assert Date("day").parse(Date("day").plain(day), NEUTRAL) == day


@given(st.decimals(Decimal("1e-9"), Decimal("1e9"), allow_nan=False, places=9).filter(bool))
def test_a_rate_keeps_all_its_digits_in_files_and_forms(rate: Decimal) -> None:
    typed = DecimalField("r")
    assert typed.parse(typed.plain(rate), NEUTRAL) == rate
    assert typed.parse(typed.typed(rate), SPANISH) == rate


@given(st.text(st.characters(exclude_categories=("Cs",)), max_size=12).filter(str.strip))
def test_what_text_keeps_it_keeps_again(text: str) -> None:
    for typed in (Text("t"), LongText("l")):
        try:
            kept = typed.parse(text, NEUTRAL)
        except FieldError:
            continue
        assert typed.parse(kept, NEUTRAL) == kept


@given(st.text(st.characters(exclude_categories=("Cs",)), max_size=12), st.integers(1, 10**17))
def test_a_name_that_points_to_its_row_is_read_exactly(name: str, row_id: int) -> None:
    name = name.rstrip()
    assert read_pointed(pointed(name, row_id)) == (name, row_id)


@pytest.mark.parametrize("name", ["12", "Acme [#12]", "[#12]", "", " "])
def test_names_that_would_read_as_something_else_are_told(name: str) -> None:
    assert reads_otherwise(name)
    assert not reads_otherwise("Acme [#12")


@pytest.mark.parametrize(
    ("value", "text"),
    [
        (Money(14_850_000, "EUR"), "148.500\u00a0€"),
        (Money(150, "EUR"), "1,50\u00a0€"),
        (Money(123_456_700, "EUR"), "1.234.567\u00a0€"),
        (Money(500, "JPY"), "500\u00a0JPY"),
    ],
)
def test_money_as_a_spaniard_writes_it(value: Money, text: str) -> None:
    assert formats.money(value) == text


def test_long_sums_have_a_short_form() -> None:
    assert formats.money_short(Money(123_456_700, "EUR")).replace("\u00a0", " ") == "1,2 M€"
    assert formats.money_short(Money(99_999_900, "EUR")) == "999.999\u00a0€"
    assert formats.money_about(Money(151_659_750, "EUR")) == "1.516.598\u00a0€"
    assert formats.money_about(Money(-100_050, "EUR")) == "−1.001\u00a0€"
    assert formats.money_about(Money(99_950, "EUR")) == "999,50\u00a0€"
    assert formats.money_about(Money(1_500, "JPY")) == formats.money(Money(1_500, "JPY"))


def test_what_is_below_zero_has_a_minus_and_is_read_with_it() -> None:
    assert formats.money(Money(-14_850_000, "EUR")) == "−148.500\u00a0€"
    assert formats.money(Money(-150, "EUR")) == "−1,50\u00a0€"
    assert formats.money_short(Money(-123_456_700, "EUR")).replace("\u00a0", " ") == "−1,2 M€"
    assert (formats.number(Decimal("-1234.5")), formats.percent(Decimal("-0.125"), 1)) == ("−1.234,5", "−12,5\u00a0%")
    assert formats.parse_number("−1.234,5") == formats.parse_number("-1.234,5") == Decimal("-1234.5")
    with force_locale("en"):
        assert (formats.money(Money(-14_850_000, "EUR")), formats.money_short(Money(-123_456_700, "EUR"))) == ("−€148,500", "−€1.2M")


def test_conversion_rounds_half_up_once() -> None:
    assert convert(1000, "EUR", Decimal("1.0825"), "USD") == 1083  # 10.825 -> 10.83
    assert convert(100, "EUR", Decimal("161.5"), "JPY") == 162  # 161.5 -> 162
    assert minor_units(Decimal("12.5"), "EUR") == 1250
    with pytest.raises(ValueError, match="decimals"):
        minor_units(Decimal("12.5"), "JPY")
