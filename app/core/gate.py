"""The gate every request passes: who is asking, in which company, and may they. Deny by default."""

from __future__ import annotations

import uuid
from collections.abc import Callable
from typing import Any, TypeVar

from flask import Flask, Response, abort, current_app, g, request
from flask_login import current_user

from app.core import tokens
from app.core.access import can, enter_company, in_use, mark_of
from app.core.db import db
from app.core.errors import Forbidden
from app.core.i18n import _
from app.core.lifecycle import is_enabled
from app.core.limits import spend
from app.core.shell import companies_of

View = TypeVar("View", bound=Callable[..., Any])
READING = frozenset({"GET", "HEAD", "OPTIONS"})
API = "/api/"
TOKEN, READER = "token", "reader"
LARGEST_BODY = 1024 * 1024

FREE = frozenset({"static", "assets.static"})


def by_token(view: View) -> View:
    """Mark a view of the API that every valid token may ask; views with a permission are asked by token there too."""
    view.access = TOKEN  # type: ignore[attr-defined]  # marks live on the function
    return view


def by_reader(view: View) -> View:
    """Mark a view that describes the API: for a valid token, and for whoever is logged in to one of their companies."""
    view.access = READER  # type: ignore[attr-defined]  # marks live on the function
    return view


class UnmarkedView(RuntimeError):
    """A view that says neither which permission it needs nor that it is public."""


def check_marks(app: Flask) -> None:
    """Refuse to start while any view carries no mark."""
    for rule in app.url_map.iter_rules():
        if rule.endpoint not in FREE and not hasattr(app.view_functions[rule.endpoint], "access"):
            raise UnmarkedView(f"{rule.endpoint} ({rule.rule}) needs @require(…), @signed_in or @public")


def _take_company(_endpoint: str | None, values: dict[str, Any] | None) -> None:
    """The company is part of every address below /c/; views do not see it as an argument."""
    g.request_id = request.headers.get("X-Request-ID", "")[:36] or str(uuid.uuid4())
    if request.path.startswith(API):
        request.max_content_length = LARGEST_BODY
    elif request.mimetype == "application/x-www-form-urlencoded":
        # werkzeug limits the memory of multipart forms alone; this kind is read whole.
        request.max_content_length = current_app.config["MAX_FORM_MEMORY_SIZE"]
    if values is not None and "company" in values:
        g.company_slug = values.pop("company")


def _give_company(endpoint: str, values: dict[str, Any]) -> None:
    """`url_for` inside a company stays in it unless told otherwise."""
    if "company" in g and "company" not in values and current_app.url_map.is_endpoint_expecting(endpoint, "company"):
        values["company"] = g.company.slug


def _refuse_nul() -> None:
    """No text of ours holds a NUL byte, and PostgreSQL refuses it deep inside a statement."""
    texts = [request.path, *request.args, *request.form, *(f.filename or "" for f in request.files.values())]
    for values in (request.args, request.form):
        texts += [value for _name, value in values.items(multi=True)]
    if any("\x00" in text for text in texts):
        abort(400)


def _enter() -> None:
    endpoint = request.endpoint
    if endpoint is None or endpoint in FREE:
        return
    mark = mark_of(current_app, endpoint)
    if mark == "public":
        return
    if request.blueprint == "api":
        _enter_api(mark)
        return
    if not current_user.is_authenticated:
        abort(401)
    if mark == "signed_in":
        return
    if "company_slug" not in g or not enter_company(g.company_slug, current_user.id):
        abort(404)
    if not is_enabled(mark.partition(".")[0]) or not in_use(mark):
        abort(404)
    if not can(mark):
        abort(403)


def _enter_api(mark: str) -> None:
    """The same questions for the API, where a token says who is asking and in which company; a cookie says nothing."""
    if mark == READER and "Authorization" not in request.headers and current_user.is_authenticated:
        _enter_a_company()
        return
    bearer = _bearer()
    spend("API_READS" if request.method in READING else "API_WRITES", f"user:{bearer.user_id}")
    tokens.note_use(bearer)
    if not enter_company(bearer.company, bearer.user_id):
        abort(401)
    g.language = bearer.language or g.company.language
    g.token = bearer
    g.write_source = "api"
    if mark in (TOKEN, READER):
        return
    if not is_enabled(mark.partition(".")[0]) or not in_use(mark):
        abort(404)
    if bearer.read_only and request.method not in READING:
        raise Forbidden(_("This token may only read."))
    if not can(mark):
        abort(403)


def _bearer() -> tokens.Bearer:
    """Whom the token of the request stands for. Aborts with 401, slower for who guesses."""
    scheme, _space, key = request.headers.get("Authorization", "").partition(" ")
    bearer = tokens.find(key.strip()) if scheme.lower() == "bearer" else None
    if bearer is None:
        spend("API_REFUSALS", f"address:{request.remote_addr}")
        abort(401)
    return bearer


def _enter_a_company() -> None:
    """The company that a person who is logged in reads about: the one the address names, else their first."""
    slugs = [c["slug"] for c in companies_of(current_user.id)]
    chosen = request.args.get("company") or next(iter(slugs), "")
    if chosen not in slugs or not enter_company(chosen, current_user.id):
        abort(404)


def settle_response(response: Response) -> None:
    """Commit what a good answer wrote and undo what a refusal began; `render` has mostly done so already."""
    if response.status_code < 400:
        db.session.commit()
    else:
        db.session.rollback()


def init_app(app: Flask) -> None:
    app.url_value_preprocessor(_take_company)
    app.url_defaults(_give_company)
    app.before_request(_refuse_nul)
    app.before_request(_enter)
