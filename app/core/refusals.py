"""Refusals as answers: a page, a fragment for htmx, or JSON for the API; never a traceback."""

from __future__ import annotations

import json
import sqlite3
from typing import Any
from urllib.parse import quote

import structlog
from flask import Flask, Response, g, make_response, redirect, render_template, request, url_for
from flask_wtf.csrf import CSRFError
from sqlalchemy.exc import DataError, DBAPIError, IntegrityError, OperationalError, StatementError
from sqlalchemy.orm.exc import StaleDataError
from werkzeug.exceptions import HTTPException

from app.core.db import db
from app.core.errors import Refusal, TooMany
from app.core.hx import is_htmx
from app.core.i18n import _, _l

log = structlog.get_logger()

TITLES = {
    400: _l("This request could not be understood"),
    401: _l("Please log in"),
    403: _l("You may not do this"),
    404: _l("There is nothing here"),
    405: _l("This cannot be done here"),
    409: _l("Somebody else was quicker"),
    413: _l("This file is too large"),
    422: _l("Something needs correcting"),
    429: _l("Too many attempts"),
    500: _l("Something went wrong on our side"),
    503: _l("Too busy at the moment"),
}
SENTENCES = {
    400: _l("The address or the form is damaged. Go back, reload the page and try again."),
    401: _l("You need to log in to see this page."),
    403: _l("Your role does not include this. An admin of your company can change that."),
    404: _l("The page does not exist, or it is not yours to see."),
    405: _l("The address exists, but not for this kind of request."),
    409: _l("Somebody else changed this in the meantime. Reload to see their version."),
    413: _l("The largest file or form that can be sent is %(limit)s MB."),
    429: _l("Please wait a little and try again."),
    500: _l("Nothing was saved. We have a record of the error; please try again."),
    503: _l("Nothing was saved. Please try again in a moment."),
}
# What the API says where a page would speak of pages, forms and logging in.
API_TITLES = {
    401: _l("A token is needed"),
    413: _l("This is too large"),
    415: _l("This is not JSON"),
    428: _l("Which version?"),
    429: _l("Too many requests"),
}
API_SENTENCES = {
    400: _l("The request is damaged."),
    401: _l("Send a token that works, as in “Authorization: Bearer vnd_…”; this one is missing, wrong or at its end."),
    403: _l("The role of the person whose token this is does not include it."),
    404: _l("There is nothing at this address, or it is not yours to see."),
    405: _l("The address exists, but not for this method; the header Allow says for which."),
    409: _l("Somebody else changed this in the meantime."),
    413: _l("The largest body that can be sent is %(limit)s MB."),
}


def refuse(status: int, message: str | None = None, field: str | None = None, **members: Any) -> Response:
    """Undo, and answer with a status and a sentence in the shape the client reads.

    `members` are further members of a problem (RFC 9457); `errors` lists {"field", "detail"}.
    """
    db.session.rollback()
    g.read_only = True
    api = is_api()
    sentence = message or str((API_SENTENCES if api else {}).get(status) or SENTENCES.get(status, SENTENCES[400]))
    if status == 413 and message is None:
        sentence = sentence % {"limit": (request.max_content_length or 0) // (1024 * 1024)}
    title = str((API_TITLES if api else {}).get(status) or TITLES.get(status, TITLES[400]))
    if api or request.accept_mimetypes.best == "application/json":
        if field:
            members["errors"] = [{"field": field, "detail": sentence}]
        return _problem({"type": "about:blank", "title": title, "status": status, "detail": sentence, **members})
    page = "core/_error.html" if is_htmx() else "core/error.html"
    home = url_for("admin.home") if "me" in g else "/"
    # What is wrong with the address of a page is mostly behind its question mark: the page itself is there.
    bare = request.path if status in (400, 422) and request.method == "GET" and request.args else None
    html = render_template(page, code=status, title=title, message=sentence, home_url=home, bare_url=bare)
    return make_response(html, status)


def _problem(members: dict[str, Any]) -> Response:
    text = json.dumps(members, ensure_ascii=False, default=str)
    answer = Response(text, members["status"], content_type="application/problem+json")
    if members["status"] == 401:
        answer.headers["WWW-Authenticate"] = "Bearer"
    return answer


def is_api() -> bool:
    """Whether a program is asking; the page about the API is for people."""
    return request.path.startswith("/api/") and request.endpoint != "api.docs"


def _refusal(error: Refusal) -> Response:
    answer = refuse(error.status, error.message, None if error.members else error.field, **error.members)
    if isinstance(error, TooMany):
        answer.headers["Retry-After"] = str(error.retry_after)
    return answer


def _http(error: HTTPException) -> Any:
    code = error.code or 500
    if code < 400 or error.response is not None:
        return error
    if code == 401 and not is_api() and request.accept_mimetypes.best != "application/json":
        return _to_login()
    answer = refuse(code)
    if retry := dict(error.get_headers()).get("Retry-After"):
        answer.headers["Retry-After"] = retry
    if code == 405 and getattr(error, "valid_methods", None):
        answer.headers["Allow"] = ", ".join(error.valid_methods)  # type: ignore[attr-defined]  # MethodNotAllowed
    return answer


def _to_login() -> Response:
    """The log-in page, which then leads back; htmx is told to load it whole."""
    db.session.rollback()
    back = request.full_path.rstrip("?") if request.method == "GET" and not is_htmx() else ""
    url = url_for("site.login") + (f"?next={quote(back, safe='/')}" if back not in ("", "/") else "")
    if not is_htmx():
        return make_response(redirect(url, 302))
    answer = make_response("", 401)
    answer.headers["HX-Redirect"] = url
    return answer


def _csrf(_error: CSRFError) -> Response:
    return refuse(400, _("The page was open for too long. Reload it and try again; nothing was saved."))


def _stale(_error: StaleDataError) -> Response:
    return refuse(409)


def _integrity(error: IntegrityError) -> Response:
    """A constraint said no: two people created the same thing at once, or a reference vanished."""
    log.warning("integrity", error=str(error.orig))
    return refuse(409, _("This clashes with what is stored: it exists already, or what it refers to is gone."))


def _unfit(error: StatementError) -> Response:
    """A value that a column cannot hold got as far as the database: ours to catch earlier, not a fault of the server."""
    log.warning("unfit value", error=str(error.orig), request_id=g.get("request_id"))
    return refuse(400)


def _busy(error: DBAPIError) -> Response:
    if getattr(error.orig, "sqlite_errorcode", None) == sqlite3.SQLITE_ERROR:  # a statement that is wrong stays so
        return _unexpected(error)
    log.error("database", error=str(error.orig), request_id=g.get("request_id"))
    serial = getattr(error.orig, "sqlstate", "") in ("40001", "40P01")
    return refuse(409) if serial else refuse(503)


def _unexpected(error: Exception) -> Response:
    log.error("unexpected", request_id=g.get("request_id"), path=request.path, exc_info=error)
    return refuse(500)


def init_app(app: Flask) -> None:
    app.register_error_handler(Refusal, _refusal)
    app.register_error_handler(CSRFError, _csrf)
    app.register_error_handler(HTTPException, _http)
    app.register_error_handler(StaleDataError, _stale)
    app.register_error_handler(IntegrityError, _integrity)
    app.register_error_handler(OperationalError, _busy)
    app.register_error_handler(DataError, _unfit)
    app.register_error_handler(500, _unexpected)
