"""How sure one may be of a share that was counted in few cases."""

from __future__ import annotations

from decimal import Decimal

Z = Decimal("1.959964")  # of the normal distribution: 95 % lie within


def wilson(hits: int, n: int) -> tuple[Decimal | None, Decimal | None]:
    """The bounds of Wilson's score interval, at 95 %, of a share of `hits` in `n`; (None, None) of nothing.

    Unlike the usual ± it stays between 0 and 1, and does not vanish where all or none are hits.
    """
    if not n:
        return None, None
    share, square = Decimal(hits) / n, Z * Z
    middle = share + square / (2 * n)
    half = Z * ((share * (1 - share) + square / (4 * n)) / n).sqrt()
    whole = 1 + square / n
    low = Decimal(0) if not hits else (middle - half) / whole
    return low, Decimal(1) if hits == n else (middle + half) / whole
