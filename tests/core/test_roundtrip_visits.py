"""A third-party module's rows go out and come in the same, too: without a line of its own for it."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from tests.core.test_roundtrip import BOUNDED, arrange, comes_back
from tests.test_third_party import app, installed, visits_on  # noqa: F401  # fixtures


def test_visits_go_out_and_come_in_the_same(one, visits_on):  # noqa: F811  # the fixture
    with one:
        arrange()

    @BOUNDED
    @given(st.data())
    def check(data):
        comes_back(one, "visits.visit", data)

    check()
