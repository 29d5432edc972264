"""What htmx asked and what it is told. htmx-flask answers the questions; its response helper is not used
(its list of swap styles lacks a comma and refuses valid ones), and it sends no `Vary`."""

from __future__ import annotations

import json
from typing import Any

from flask import Flask, Response, request
from htmx_flask import Htmx


def is_htmx() -> bool:
    return bool(request.htmx)  # type: ignore[attr-defined]  # set by htmx-flask


def wants_fragment() -> bool:
    """Whether only a part of the page is wanted; a history restore wants the whole page."""
    return is_htmx() and not request.htmx.history_restore_request  # type: ignore[attr-defined]  # htmx-flask


def trigger(response: Response, events: dict[str, Any] | str) -> Response:
    """Let the browser fire events after the swap; one that is only named is fired on the body, since what asked (a
    form in a dialog, say) may be gone by then."""
    told = {events: {"target": "body"}} if isinstance(events, str) else events
    response.headers["HX-Trigger"] = json.dumps(told)
    return response


def init_app(app: Flask) -> None:
    Htmx(app)
