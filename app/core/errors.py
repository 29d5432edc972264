"""What can be refused, and with which status. Every message is a sentence for the user, already translated."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any


class Refusal(Exception):
    """Base of all refusals that carry a sentence for the user."""

    status = 400
    members: Mapping[str, Any] = {}  # further members of the API's answer (RFC 9457), such as "errors"

    def __init__(self, message: str, *, field: str | None = None) -> None:
        super().__init__(str(message))
        self.message = str(message)
        self.field = field


class BusinessError(Refusal):
    """A rule of the business was broken. `field` names the input that would mend it."""

    status = 422


class Forbidden(Refusal):
    """The person may see this but not do it."""

    status = 403


class NotFound(Refusal):
    """There is no such thing, or it is not yours to know."""

    status = 404


class TooMany(Refusal):
    """Too many attempts; `retry_after` is in seconds."""

    status = 429

    def __init__(self, message: str, *, retry_after: int) -> None:
        super().__init__(message)
        self.retry_after = retry_after


class Conflict(Refusal):
    """Somebody else saved first. `theirs` maps field names to the values that are stored now."""

    status = 409

    def __init__(self, message: str, *, theirs: dict | None = None) -> None:
        super().__init__(message)
        self.theirs = theirs or {}
