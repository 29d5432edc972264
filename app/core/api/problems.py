"""What the API refuses in ways of its own: several fields at once, a late save, a body that cannot be read."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from flask import Flask, Response

from app.core.errors import Refusal
from app.core.i18n import _, _n
from app.core.refusals import refuse


class Problem(Refusal):
    """A refusal with any status; `errors` lists {"field", "detail"}, `members` are further members of the answer."""

    def __init__(self, status: int, message: str, errors: Sequence[dict[str, Any]] = (), **members: Any) -> None:
        super().__init__(message)
        self.status = status
        self.members = {**({"errors": list(errors)} if errors else {}), **members}


def invalid(errors: dict[str, str]) -> Problem:
    """What is wrong with which field."""
    found = [{"field": name, "detail": sentence} for name, sentence in errors.items()]
    if len(found) == 1:
        return Problem(422, _("%(field)s: %(sentence)s", field=found[0]["field"], sentence=found[0]["detail"]), found)
    return Problem(422, _n("%(num)d field needs correcting.", "%(num)d fields need correcting.", len(found)), found)


def late(version: int, stored: dict[str, Any], given: dict[str, Any]) -> Problem:
    """Somebody saved since that version: both values of every field that differs."""
    errors = [
        {"field": name, "detail": _("Stored now is another value than the one sent."), "stored": stored[name], "given": value}
        for name, value in given.items() if name in stored and stored[name] != value
    ]
    message = _("Somebody else changed this in the meantime; it is at version %(version)s now. Nothing was saved.",
                version=version)
    return Problem(409, message, errors, version=version)


def _answer(problem: Problem) -> Response:
    return refuse(problem.status, problem.message, **problem.members)


def init_app(app: Flask) -> None:
    app.register_error_handler(Problem, _answer)
