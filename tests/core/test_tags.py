"""Tags: how they are written, found, offered, and carried in and out."""

from __future__ import annotations

import pytest
from flask import Flask
from flask_babel import Babel
from hypothesis import given
from hypothesis import strategies as st

from app.core.fields import FieldError, Reading
from app.core.tags import LONGEST_TAG, MOST, Tags, split, united

NEUTRAL = Reading(currency="EUR")
field = Tags("tags", "Tags")


@pytest.fixture(scope="module", autouse=True)
def context():
    """Sentences need a language; nothing here needs a database."""
    app = Flask(__name__)
    Babel(app)
    with app.test_request_context():
        yield


@pytest.mark.parametrize(
    ("typed", "kept"),
    [
        ("urgente, feria", "feria, urgente"),
        ("  Feria ,FERIA, fería,", "Feria"),
        ("", ""),
        (None, ""),
        (" , ,", ""),
        ("feria   de  Vigo", "feria de Vigo"),
        ("b; a\nc", "a, b, c"),
        ("Ñandú, zeta, Álamo", "Álamo, Ñandú, zeta"),
    ],
)
def test_what_is_typed_is_kept_trimmed_each_once_and_in_order(typed, kept):
    assert field.parse(typed, NEUTRAL) == kept


def test_too_much_is_refused_with_a_sentence():
    with pytest.raises(FieldError, match="At most 20 tags"):
        field.parse(", ".join(f"t{n}" for n in range(MOST + 1)), NEUTRAL)
    with pytest.raises(FieldError, match="at most 60 characters"):
        field.parse("x" * (LONGEST_TAG + 1), NEUTRAL)
    with pytest.raises(FieldError, match="At most 400 characters"):
        field.parse(", ".join(f"{n:059d}" for n in range(7)), NEUTRAL)
    with pytest.raises(FieldError, match="needed"):
        Tags("tags", "Tags", required=True).parse(",", NEUTRAL)


@given(st.lists(st.text(alphabet="abcÁñ ,;", max_size=12), max_size=8))
def test_what_was_read_reads_the_same_again(pieces):
    once = field.parse(",".join(pieces), NEUTRAL)
    assert field.parse(field.plain(once), NEUTRAL) == once
    assert split(once) == split(",".join(split(once)))


def test_tags_of_several_rows_are_united_as_far_as_they_fit():
    assert united("b, a", None, "A, c") == "a, b, c"
    assert len(split(united(", ".join(f"t{n}" for n in range(15)), ", ".join(f"u{n}" for n in range(15))))) == MOST
    assert len(united(*(f"{n:059d}" for n in range(9)))) <= 400
