"""Passwords: Argon2id, a length rule and a list of refusals after NIST SP 800-63B; no composition rules.

Hashing takes tens of milliseconds on purpose. On SQLite a write transaction holds the only writer, so callers end
their transaction first, hash, and only then write.
"""

from __future__ import annotations

from pathlib import Path

from argon2 import PasswordHasher
from argon2.exceptions import InvalidHashError, VerificationError
from argon2.profiles import CHEAPEST, RFC_9106_LOW_MEMORY
from flask import Flask, current_app

from app.core.db import fold
from app.core.errors import BusinessError
from app.core.i18n import _

SHORTEST = 12
LONGEST = 256  # longer input only buys an attacker our time

# Long enough to pass the length rule, and in every list that attackers try first.
COMMON = Path(__file__).with_name("common_passwords.txt")


class Passwords:
    """The hasher of one application, and a hash of nothing to compare with where the address is unknown."""

    def __init__(self, quick: bool) -> None:
        self.hasher = PasswordHasher.from_parameters(CHEAPEST if quick else RFC_9106_LOW_MEMORY)
        self.of_nobody = self.hasher.hash("nobody has this password")


def init_app(app: Flask) -> None:
    """Choose the cost of hashing; `quick_hashes` is for tests alone."""
    app.extensions["passwords"] = Passwords(app.config["VENDIMIA"].quick_hashes)


def hash_password(password: str) -> str:
    """The Argon2id hash of a password. Call it outside a write transaction."""
    return _passwords().hasher.hash(password)


def check_password(stored: str | None, given: str) -> bool:
    """Whether `given` matches; takes as long where nothing is stored. Call it outside a write transaction."""
    passwords = _passwords()
    try:
        return passwords.hasher.verify(stored or passwords.of_nobody, given) and stored is not None
    except (VerificationError, InvalidHashError):
        return False


def is_dated(stored: str) -> bool:
    """Whether a hash was made with other costs than today's and should be made again."""
    return _passwords().hasher.check_needs_rehash(stored)


def refuse_weak(password: str, *personal: str) -> None:
    """Raise `BusinessError` (field `password`) when a new password is short, endless, common or the person's own name."""
    if len(password) < SHORTEST:
        raise BusinessError(
            _("A password needs at least %(n)s characters. A short sentence is a good one.", n=SHORTEST),
            field="password",
        )
    if len(password) > LONGEST:
        raise BusinessError(_("A password may have at most %(n)s characters.", n=LONGEST), field="password")
    if _is_common(password, personal):
        raise BusinessError(
            _("This password is one of the first that would be tried. Choose another."), field="password"
        )


def _is_common(password: str, personal: tuple[str, ...]) -> bool:
    plain = fold(password).replace(" ", "")
    known = _common | {fold(text).replace(" ", "") for text in personal if text}
    return plain in known or len(set(plain)) < 5


def _passwords() -> Passwords:
    return current_app.extensions["passwords"]


_common = frozenset(fold(word) for word in COMMON.read_text(encoding="utf-8").split())
