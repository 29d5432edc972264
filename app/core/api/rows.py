"""Rows of a resource: list, get, create, change, throw away, bring back. One view a verb, for every resource."""

from __future__ import annotations

from typing import Any

from flask import Response, request, url_for
from sqlalchemy import select
from werkzeug.datastructures import MultiDict

from app.core import filtering, merging, operators, trash
from app.core.access import can
from app.core.api import values
from app.core.api.body import answer, read_object
from app.core.api.problems import Problem, invalid, late
from app.core.db import Versioned, db
from app.core.errors import Forbidden, NotFound
from app.core.i18n import _
from app.core.ids import whole
from app.core.resource import Resource
from app.core.surfaces.record import fetch
from app.core.tables import PAGE, Listing
from app.core.web import settle

MOST = 200  # rows of one page


def list_rows(resource: Resource) -> Any:
    """One page of the rows that the address chooses, with the addresses of the pages beside it."""
    _refuse_unknown(resource)
    listing = Listing(resource, _arguments(resource), per_page=_per_page())
    rows, following, previous = listing.page(*(getattr(resource.model, n) for n in values.columns_of(resource)))
    found: dict[str, Any] = {
        "items": [values.as_json(resource, row) for row in rows],
        "next": _page_url(following),
        "previous": _page_url(previous),
    }
    if _flag("count"):
        found["count"] = listing.count()
    return answer(found)


def get(resource: Resource, row_id: int) -> Any:
    """One row; its version is its ETag."""
    return _answer(resource, fetch(resource, row_id))


def create(resource: Resource) -> Any:
    """A new row; what is left out gets its default."""
    found, wrong = values.read_values(resource, read_object())
    if wrong:
        raise invalid(wrong)
    row = resource.add(found)
    settle()
    made = _answer(resource, row, 201)
    made.headers["Location"] = url_for(f"api.{resource.module}_{resource.name}_get", row_id=row.id, _external=True)
    return made


def change(resource: Resource, row_id: int) -> Any:
    """Change the fields that are named; says which version it changes, else it would overwrite what others saved."""
    row = fetch(resource, row_id, for_update=True)
    given = read_object()
    if issubclass(resource.model, Versioned):
        _check_version(resource, row, given)
    found, wrong = values.read_values(resource, given, row)
    if wrong:
        raise invalid(wrong)
    changed = resource.change(row, found)
    settle()
    return _answer(resource, changed)


def remove(resource: Resource, row_id: int) -> Any:
    """Throw a row away; it lies in the trash until somebody brings it back. A version is checked where one is named."""
    row = fetch(resource, row_id, for_update=True)
    tags = request.if_match.as_set(include_weak=True)
    if tags and issubclass(resource.model, Versioned) and str(row.version) not in tags:
        raise late(row.version, {}, {})
    resource.remove([row_id])
    return Response(status=204)


def restore(resource: Resource, row_id: int) -> Any:
    """Bring a row back from the trash."""
    seen = select(resource.model.id).where(resource.model.id == row_id)
    if db.session.scalar(seen, execution_options={"with_trash": True}) is None:
        raise NotFound(_("There is nothing at this address, or it is not yours to see."))
    line = trash.lies(resource.model, row_id)
    if line is None:
        raise Problem(409, _("This does not lie in the trash."))
    if line.why == trash.MERGED and not can(resource.permission("edit")):
        raise Forbidden(_("What was merged comes back by changing the record it was merged into, which you may not do."))
    if not merging.bring_back(resource, [row_id])[0]:
        raise Problem(409, _("This does not lie in the trash."))
    settle()
    return _answer(resource, fetch(resource, row_id))


def _answer(resource: Resource, row: Any, status: int = 200) -> Response:
    found = answer(values.as_json(resource, row), status)
    if issubclass(resource.model, Versioned):
        found.set_etag(str(row.version))
    return found


# Which version


def _check_version(resource: Resource, row: Any, given: dict[str, Any]) -> None:
    """Take the version out of what was sent. Raises `Problem`: 428 without one, 409 when somebody saved since."""
    tags = request.if_match.as_set(include_weak=True)
    said = given.pop("version", None)
    if said is not None and type(said) is not int:
        raise invalid({"version": _("Wrong type: %(expected)s.", expected=values.EXPECTED["integer"])})
    if said is None and not tags:
        raise Problem(428, _('Say which version you change: “If-Match: "%(version)s"”, or “version” in the body.',
                             version=row.version))
    if said not in (None, row.version) or (tags and str(row.version) not in tags):
        raise late(row.version, values.as_json(resource, row), given)


# What the address says


def filter_names(resource: Resource) -> dict[str, str]:
    """Arguments of a list that choose rows -> the field they ask about; "filter" is a tree of conditions."""
    found = {}
    for typed in filtering.filterable(resource):
        if typed.name not in filtering.RESERVED:
            found[typed.name] = typed.name
        ends = filtering.RANGES.get(operators.sort_of(typed), {})
        found |= {f"{typed.name}__{end}": typed.name for end in ends}
    return {**found, **({"team": "team"} if resource.owned else {}), "filter": "filter"}


def _arguments(resource: Resource) -> MultiDict:
    """The arguments for the list. A page opens with the first view; here that is asked for by name, else all is listed."""
    args = MultiDict(request.args)
    for name in (*resource.views[0].args,) if resource.views and not args.get("view") else ():
        args.setdefault(name, "")
    return args


GENERAL = ("q", "sort", "cursor", "view", "per_page", "count")


def _refuse_unknown(resource: Resource) -> None:
    """A filter that is misspelt would otherwise answer with every row there is."""
    known = {*GENERAL, *filter_names(resource)}
    unknown = [name for name in request.args if name not in known]
    if unknown:
        raise invalid({name[:60]: _("This list has no filter “%(name)s”.", name=name[:60]) for name in unknown})


def _per_page() -> int:
    text = request.args.get("per_page", str(PAGE))
    found = whole(text)
    if found is None or not 1 <= found <= MOST:
        raise invalid({"per_page": _("A number from %(least)s to %(most)s, please.", least=1, most=MOST)})
    return found


def _flag(name: str) -> bool:
    text = request.args.get(name, "false")
    if text not in ("true", "false"):
        raise invalid({name: _("Wrong type: %(expected)s.", expected=values.EXPECTED["boolean"])})
    return text == "true"


def _page_url(cursor: str | None) -> str | None:
    if cursor is None:
        return None
    kept: dict[str, Any] = {name: value for name, value in request.args.items() if name != "cursor"}
    return url_for(str(request.endpoint), **kept, cursor=cursor, _external=True)
