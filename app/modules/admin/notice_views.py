"""The bell: what a person was told, and what of it they have read."""

from __future__ import annotations

from typing import Any

from flask import Response, abort, g, make_response, render_template, request, url_for
from flask_login import current_user

from app.core import notices
from app.core.access import enter_company, signed_in
from app.core.formats import ago
from app.core.hx import is_htmx
from app.core.ids import whole
from app.core.note_models import Notice
from app.core.web import redirect_to, render, settle
from app.modules.admin.views import blueprint


def _enter() -> None:
    """Everybody with a place in the company has a bell, whatever their role."""
    if not enter_company(g.get("company_slug", ""), current_user.id):
        abort(404)


@blueprint.get("/notices")
@signed_in
def notices_page() -> Any:
    """The person's notices, the newest first; in the bell the newest 20."""
    _enter()
    short = is_htmx() and request.headers.get("HX-Target", "").endswith("#bell-list")
    size = notices.NEWEST if short else notices.PAGE
    found = notices.of_me(whole(request.args.get("before")), size + 1)
    more = url_for("admin.notices_page", before=found[size - 1].id) if len(found) > size else None
    return render(
        "admin/notices.html",
        "admin/_bell_list.html" if short else "admin/_notices.html",
        notices=[_shown(each) for each in found[:size]],
        bell=notices.bell(),
        more_url=more,
        first_url=url_for("admin.notices_page") if request.args.get("before") else None,
    )


def _shown(notice: Notice) -> dict[str, Any]:
    return {
        "id": notice.id,
        "text": notice.text,
        "url": notices.address(notice.url),
        "icon": notice.icon,
        "when": ago(notice.at),
        "at": notice.at,
        "read": notice.read_at is not None,
        "read_url": url_for("admin.notice_read", notice_id=notice.id),
    }


@blueprint.get("/notices/bell")
@signed_in
def bell() -> Any:
    """The bell with its count; 304 while nothing has changed. What polls it sends the stamp it has."""
    _enter()
    stamp = notices.stamp()
    if is_htmx() and request.headers.get("HX-PTag") == stamp:
        return Response(status=304)
    settle()
    response = make_response(render_template("core/_bell_count.html", bell=notices.bell(stamp)))
    response.headers["HX-PTag"] = stamp
    return response


@blueprint.post("/notices/read")
@signed_in
def notices_read() -> Any:
    """Mark everything as read."""
    _enter()
    notices.mark_read()
    return _after()


@blueprint.post("/notices/<string:notice_id>/read")
@signed_in
def notice_read(notice_id: str) -> Any:
    """Mark one as read."""
    _enter()
    if not notices.mark_read(whole(notice_id) or 0) and not notices.is_mine(whole(notice_id) or 0):
        abort(404)
    return _after()


def _after() -> Any:
    if not is_htmx():
        return redirect_to(url_for("admin.notices_page"))
    settle()
    response = Response(status=204)
    response.headers["HX-Trigger"] = "notices:changed"
    return response
