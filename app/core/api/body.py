"""One JSON object in, read strictly, and one out. Decimals stay exact."""

from __future__ import annotations

import json
from decimal import Decimal
from typing import Any

from flask import Response, request

from app.core.api.problems import Problem
from app.core.i18n import _

TYPES = frozenset({"application/json", "application/merge-patch+json"})


class _Refused(ValueError):
    """What JSON would allow and we do not; the message is a sentence."""


def read_object() -> dict[str, Any]:
    """The object in the body. Raises `Problem`: 415 for another type, 400 for what is no JSON, 422 for no object."""
    if request.mimetype not in TYPES:
        raise Problem(415, _("Send JSON, with the header “Content-Type: application/json”."))
    try:
        found = json.loads(
            request.get_data(cache=False).decode(),
            object_pairs_hook=_object,
            parse_constant=_constant,
            parse_float=Decimal,
        )
    except UnicodeDecodeError:
        raise Problem(400, _("The body is not UTF-8.")) from None
    except _Refused as error:
        raise Problem(400, str(error)) from None
    except RecursionError:
        raise Problem(400, _("The body is nested too deeply.")) from None
    except (ValueError, ArithmeticError):
        raise Problem(400, _("The body is not JSON.")) from None
    if not isinstance(found, dict):
        raise Problem(422, _('The body must be one JSON object, such as {"name": "…"}.'))
    return found


def answer(data: dict[str, Any], status: int = 200) -> Response:
    """An answer in JSON, members in the order they were put in."""
    return Response(json.dumps(data, ensure_ascii=False), status, content_type="application/json")


def _object(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    found: dict[str, Any] = {}
    for name, value in pairs:
        if name in found:
            raise _Refused(_("“%(name)s” stands in the body twice.", name=_shown(name)))
        if any(isinstance(text, str) and _is_broken(text) for text in (name, value)):
            raise _Refused(_("The body contains half a character (a lone surrogate)."))
        found[name] = value
    return found


def _constant(name: str) -> Any:
    raise _Refused(_("%(name)s is not a number that JSON knows.", name=name))


def _is_broken(text: str) -> bool:
    return any("\ud800" <= c <= "\udfff" for c in text)


def _shown(name: str) -> str:
    return name[:60].encode(errors="replace").decode()
