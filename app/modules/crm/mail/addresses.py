"""Addresses of mails: several in one field, each after a comma."""

from __future__ import annotations

import re
from dataclasses import dataclass, field

from app.core.address_fields import Email
from app.core.fields import FieldError, Reading, Text
from app.core.i18n import _

MOST = 20
NAMED = re.compile(r".*<([^<>]*)>")


@dataclass(frozen=True)
class Addresses(Text):
    """Mail addresses after commas or semicolons, as “Ana <ana@x.es>” too; kept as addresses alone, each once."""

    longest: int = field(default=1000, kw_only=True)

    def read(self, text: str, reading: Reading) -> str:
        typed = Email(self.name, self.label)
        found: list[str] = []
        for part in re.split(r"[,;\n]", super().read(text, reading)):
            bare = named[1] if (named := NAMED.fullmatch(part.strip())) else part.strip()
            if bare:
                found.append(typed.read(bare, reading))
        if len(found) > MOST:
            raise FieldError(_("At most %(n)s addresses, please.", n=MOST))
        return ", ".join(dict.fromkeys(found))


def split(text: str) -> list[str]:
    """The addresses of a text that `Addresses` made."""
    return [each for part in text.split(",") if (each := part.strip())]
