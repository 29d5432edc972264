"""What several tests of the core begin with."""

from __future__ import annotations

from collections.abc import Callable

import pytest
from flask import Flask

from tests.cast import Person
from tests.core.import_desk import Desk


@pytest.fixture
def desk(app: Flask, people: dict[str, Person]) -> Callable[..., Desk]:
    """A function that gives a desk for imports of a resource; alice works at it, or whom it names."""
    return lambda address, who="alice": Desk(app, people[who], address)
