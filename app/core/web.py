"""Answers: a page or the part that htmx wants, saved before it is rendered; toasts; redirects."""

from __future__ import annotations

import unicodedata
from typing import Any
from urllib.parse import quote

from flask import Response, flash, g, make_response, redirect, render_template
from werkzeug.urls import iri_to_uri

from app.core.db import db
from app.core.hx import is_htmx, trigger, wants_fragment


def settle(status: int = 200) -> None:
    """A good answer commits, a refusal undoes; nobody else calls commit. Afterwards this context only reads.

    Called before rendering, so that SQLite's only writer is not held while HTML is made.
    """
    if status < 400:
        db.session.commit()
    else:
        db.session.rollback()
    g.read_only = True


def render(page: str, fragment: str | None = None, *, status: int = 200, events: Any = None, **context: Any) -> Response:
    """The whole page, or only the fragment when htmx asked; the page includes the fragment."""
    settle(status)
    only_part = wants_fragment()
    html = render_template(fragment if fragment and only_part else page, **context)
    if is_htmx():
        html += _toasts()
    response = make_response(html, status)
    return trigger(response, events) if events else response


def toast(message: str, kind: str = "ok", *, undo_url: str | None = None, undo_label: str | None = None) -> None:
    """Say something in the corner of the page: with this answer, or with the next page after a redirect.

    `kind` is "ok" (goes by itself after 10 seconds) or "bad" (stays until dismissed).
    """
    said = {"message": message, "kind": kind, "undo_url": undo_url, "undo_label": undo_label}
    g.setdefault("toasts", []).append(said)


def _toasts() -> str:
    said = g.pop("toasts", [])
    return render_template("core/_toasts.html", toasts=said) if said else ""


def as_attachment(response: Response, name: str) -> Response:
    """Let the browser save an answer under a name; RFC 6266: what is beyond ASCII goes into a parameter of its own."""
    plain = unicodedata.normalize("NFKD", name).encode("ascii", "ignore").decode()
    names = {"filename": plain or "file"} | ({} if plain == name else {"filename*": f"UTF-8''{quote(name, safe='')}"})
    response.headers.set("Content-Disposition", "attachment", **names)
    return response


def redirect_to(url: str) -> Response:
    """Save, then go elsewhere: 303 for a browser, `HX-Redirect` for htmx. Toasts travel with it."""
    settle()
    url = iri_to_uri(url)  # a header holds nothing else
    for said in g.pop("toasts", []):
        flash(said, "toast")
    if is_htmx():
        response = make_response("", 204)
        response.headers["HX-Redirect"] = url
        return response
    return make_response(redirect(url, 303))
