"""What the collector of garbage has to look through while people wait."""

from __future__ import annotations

import gc

NEW = 10_000  # objects made until it looks through these; a figure by person and month alone makes that many
TURNS = 20  # looks at the new ones for one at the older ones


def freeze() -> None:
    """Call when the application is made: all that it is made of stays, and is not looked through again.

    Python would look through all of these hundreds of thousands of objects whenever requests have left enough new ones.
    """
    gc.collect()
    gc.freeze()
    gc.set_threshold(NEW, TURNS, TURNS)
