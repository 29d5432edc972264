"""Long lists, a piece at a time: a database takes so many parameters and no more."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import TypeVar

Item = TypeVar("Item")


def chunks(items: Sequence[Item], size: int) -> Iterator[Sequence[Item]]:
    """Slices of `size` items in order, the last one shorter."""
    return (items[start : start + size] for start in range(0, len(items), size))
