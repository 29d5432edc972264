"""What a module says about itself before any of its code is imported."""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import Any

# The core's own name, words of alembic, and first parts of addresses outside any company.
RESERVED = frozenset({"core", "base", "head", "heads", "login", "logout", "api", "static", "assets", "account", "site"})


@dataclass(frozen=True, kw_only=True)
class Manifest:
    """Data only. `name` is package, table prefix, URL prefix, permission prefix and migration branch in one."""

    name: str
    label: Any  # text, or lazy text to be translated
    summary: Any = ""
    version: str = "1.0.0"
    icon: str = "puzzle"
    depends: tuple[str, ...] = ()
    uses: tuple[str, ...] = ()  # modules it profits from when they are on; shown on the Apps page
    core: str = "1"  # major number of the module API it was written for
    always_on: bool = False
    order: int = 100  # place in the menu

    def __post_init__(self) -> None:
        if not re.fullmatch("[a-z]+", self.name) or self.name in RESERVED:
            raise ValueError(f"{self.name!r} cannot name a module")
