"""What the page around every page needs: menu, companies, person; and the helpers templates use."""

from __future__ import annotations

from datetime import timedelta
from functools import lru_cache
from typing import Any
from urllib.parse import urlencode

from flask import Flask, g, request, url_for
from flask_login import current_user
from markupsafe import Markup, escape
from sqlalchemy import or_, select

from app.core.access import can
from app.core.assets import asset
from app.core.clock import zone
from app.core.db import db, utcnow
from app.core.formats import colour, initials
from app.core.i18n import LANGUAGES, language
from app.core.lifecycle import enabled_modules
from app.core.models import Company, Membership
from app.core.notices import bell
from app.core.slots import items, slot


def shell() -> dict[str, Any]:
    """The shell of the current request; worked out once."""
    if "shell" not in g:
        g.shell = _shell()
    return g.shell


def _shell() -> dict[str, Any]:
    signed_in = bool(current_user and current_user.is_authenticated)
    name = g.me.name if "me" in g else (current_user.name if signed_in else "")
    member_id = g.me.member_id if "me" in g else 0
    member = {"name": name, "initials": initials(name), "colour": colour(member_id), "email": current_user.email if signed_in else ""}
    return {
        "company": {"slug": g.company.slug, "name": g.company.name} if "me" in g else None,
        "companies": companies_of(current_user.id) if signed_in else [],
        "member": member if signed_in else None,
        "menu": _menu("nav") if "me" in g else [],
        "menu_end": _menu("nav.end") if "me" in g else [],
        "create": slot("create") if "me" in g else [],
        "language": language(),
        "languages": [] if signed_in else _languages(),
        "theme": current_user.theme if signed_in else "auto",
        "account_url": url_for("site.account") if signed_in else None,
        "logout_url": url_for("site.logout") if signed_in else None,
        "search_url": url_for("admin.search_page") if "me" in g else None,
        "member_id": member_id,
    }


def _languages() -> list[dict[str, str]]:
    """The same page in each language, for people we do not know yet."""
    args = {k: v for k, v in request.args.items() if k != "lang"}
    return [
        {"code": code, "name": name, "url": f"{request.path}?{urlencode({**args, 'lang': code})}"}
        for code, name in LANGUAGES.items()
    ]


def companies_of(user_id: int) -> list[dict[str, Any]]:
    """The companies a user has a current place in, by name."""
    yesterday = utcnow().date() - timedelta(days=1)  # west of Greenwich it is still that day
    rows = db.session.execute(
        select(Company.slug, Company.name, Company.timezone, Membership.valid_from, Membership.valid_to)
        .join(Membership, Membership.company_id == Company.id)
        .where(Membership.user_id == user_id, or_(Membership.valid_to.is_(None), Membership.valid_to >= yesterday))
        .order_by(Company.name),
        execution_options={"all_companies": True},
    )
    here = g.company.slug if "company" in g else None
    return [
        {"slug": r.slug, "name": r.name, "url": url_for("admin.home", company=r.slug), "current": r.slug == here}
        for r in rows
        if r.valid_from <= (day := utcnow().astimezone(zone(r.timezone)).date()) and (r.valid_to is None or day <= r.valid_to)
    ]


def _menu(place: str) -> list[dict[str, Any]]:
    """One entry a module with its items below it, after the items that stand alone."""
    offered = items(place)
    entries = [{**_link(i), "open": False, "children": []} for i in offered if i.alone]
    offered = [i for i in offered if not i.alone]
    elsewhere = _under_another(request.path)
    for module in sorted(enabled_modules(), key=lambda m: (m.manifest.order, m.name)):
        links = [_link(i) for i in offered if (i.under or i.endpoint.partition(".")[0]) == module.name]
        if not links:
            continue
        current = any(link["current"] for link in links)
        alone = len(links) == 1
        standing = any(e["current"] for e in entries)
        entries.append(
            {
                "label": module.manifest.label,
                "icon": module.manifest.icon,
                "url": links[0]["url"],
                "open": current or (request.blueprint == module.name and not standing and not elsewhere),
                "current": current and alone,
                "children": [] if alone else links,
            }
        )
    return entries


def _under_another(path: str) -> bool:
    """Whether the page that is open stands in the menu below another module than its own."""
    return any(i.under and path.startswith(url_for(i.endpoint)) for place in ("nav", "nav.end") for i in items(place))


def _link(item: Any) -> dict[str, Any]:
    url = url_for(item.endpoint)
    here = request.path == url or request.path.startswith(f"{url}/")
    return {"label": item.label, "url": url, "icon": item.icon, "current": here}


@lru_cache(maxsize=512)
def _icon(name: str, css: str, sprite: str) -> Markup:
    return Markup('<svg class="icon{css}" aria-hidden="true"><use href="{sprite}#{name}"/></svg>').format(
        css=escape(f" {css}" if css else ""), sprite=sprite, name=name
    )


def icon(name: str, css: str = "") -> Markup:
    """An icon of the sprite; decoration only, so what it stands for must also be said."""
    return _icon(name, css, asset("vendor/icons.svg"))


def init_app(app: Flask) -> None:
    app.jinja_env.globals.update(shell=shell, my_bell=bell, asset=asset, icon=icon, slot=slot, can=can)
    app.jinja_env.trim_blocks = True
    app.jinja_env.lstrip_blocks = True


