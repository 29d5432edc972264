"""A page of settings: one form over what a company decides (`app.core.decisions`)."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from types import SimpleNamespace
from typing import Any

from flask import Response, request

from app.core.errors import BusinessError, Conflict
from app.core.fields import Field
from app.core.forms import form_of
from app.core.i18n import _
from app.core.surfaces.form import differences, needed_version
from app.core.web import redirect_to, settle, toast


def decide(
    fields: Sequence[Field],
    stored: Callable[[], tuple[Mapping[str, Any], int]],
    change: Callable[[Mapping[str, Any], int], object],
    page: Callable[..., Response],
) -> Response:
    """Answer a page of settings: show it, or change what was typed and come back to it.

    `page(form, version, status=, conflict=)` renders it. What was refused or came late keeps what was typed (422, 409).
    """
    values, version = stored()
    form = form_of(fields, request.form or None, values)
    if request.method == "GET":
        return page(form, version)
    given = needed_version()
    if not form.validate():
        return page(form, given, status=422)
    try:
        change(form.values(), given)
    except BusinessError as refused:
        form.refuse(refused.field, refused.message)
        return page(form, given, status=422)
    except Conflict:
        settle(409)
        values, version = stored()
        return page(form, version, status=409, conflict=differences(SimpleNamespace(**values), form))
    toast(_("Saved."))
    return redirect_to(request.path)
