"""Typed fields for where somebody is reached: mail addresses, telephone numbers, web addresses."""

from __future__ import annotations

import re
from dataclasses import dataclass, field
from email.errors import HeaderParseError
from email.headerregistry import Address
from typing import ClassVar

from app.core.fields import FieldError, Reading, Text
from app.core.i18n import _


@dataclass(frozen=True)
class Email(Text):
    kind: ClassVar[str] = "email"
    longest: int = field(default=254, kw_only=True)

    def read(self, text: str, reading: Reading) -> str:
        clean = super().read(text, reading)
        if not _is_mailable(clean):
            raise FieldError(_("“%(given)s” is not a mail address.", given=clean))
        return clean.lower()


def _is_mailable(address: str) -> bool:
    """Whether a mail can be addressed so: ASCII, one part each side of the @, and dots only between names."""
    if not address.isascii() or not re.fullmatch(r"[^@\s]+@[\w.\-]+\.[\w\-]{2,}", address):
        return False
    try:
        return Address(addr_spec=address).addr_spec == address
    except (ValueError, HeaderParseError):
        return False


@dataclass(frozen=True)
class Phone(Text):
    kind: ClassVar[str] = "phone"
    longest: int = field(default=40, kw_only=True)

    def read(self, text: str, reading: Reading) -> str:
        clean = super().read(text, reading)
        if not re.fullmatch(r"\+?[\d\s().\-/]{4,}( ?(x|ext\.?) ?\d{1,6})?", clean, re.IGNORECASE):
            raise FieldError(_("“%(given)s” is not a telephone number.", given=clean))
        return clean


@dataclass(frozen=True)
class Url(Text):
    kind: ClassVar[str] = "url"
    longest: int = field(default=300, kw_only=True)

    def read(self, text: str, reading: Reading) -> str:
        clean = super().read(text, reading)
        if "://" not in clean:
            clean = f"https://{clean}"
        if not re.fullmatch(r"https?://[\w\-]+(\.[\w\-]+)+([/?#:]\S*)?", clean):
            raise FieldError(_("“%(given)s” is not a web address.", given=text))
        return clean
