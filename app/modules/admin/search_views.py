"""Search over everything, and what can be done from everywhere: the palette, and the same as a page."""

from __future__ import annotations

from typing import Any

from flask import abort, g, request, url_for
from flask_login import current_user

from app.core.access import enter_company, signed_in
from app.core.i18n import _
from app.core.search import LONGEST, asked, words
from app.core.shell import shell
from app.core.surfaces import search
from app.core.web import render
from app.modules.admin.views import blueprint

IN_PALETTE, ON_PAGE = 5, 20  # rows of one record type
SHORTEST = 2  # letters; a single one begins a word of nearly every row


@blueprint.get("/search")
@signed_in
def search_page() -> Any:
    """What `q` finds, and the commands that it names; without it all commands."""
    if not enter_company(g.get("company_slug", ""), current_user.id):
        abort(404)
    q = request.args.get("q", "").strip()[:LONGEST]
    most = IN_PALETTE if request.args.get("palette") else ON_PAGE
    long_enough = any(len(word) >= SHORTEST for word in asked(q))
    return render(
        "core/search.html",
        "core/_palette.html",
        q=q,
        groups=search.groups(q, most) if long_enough else [],
        commands=commands(q),
        too_short=bool(q) and not long_enough,
    )


def commands(q: str) -> list[dict[str, Any]]:
    """What can be done from everywhere and is named by words that begin with those of `q`: `[{label, items}]`."""
    frame, wanted, more = shell(), asked(q), _("More")
    everything = [
        (_("Create"), frame["create"], "create"),
        (_("Go to"), list(_places(frame)), "link"),
        (_("Switch company"), [_place(c, "building") for c in frame["companies"] if not c["current"]], "link"),
        (more, _others(frame), "link"),
    ]
    found = []
    for label, items, kind in everything:
        heading = "" if label == more else label  # it says nothing about what stands below it
        chosen = [{"kind": kind, **item} for item in items if _named(wanted, heading, item["label"])]
        if chosen:
            found.append({"label": label, "rows": chosen})
    return found


def _named(wanted: list[str], *labels: Any) -> bool:
    spoken = words(" ".join(map(str, labels)))
    return all(any(word.startswith(w) for word in spoken) for w in wanted)


def _places(frame: dict[str, Any]) -> Any:
    """Every entry of the menu, each address once."""
    seen = set()
    for entry in (*frame["menu"], *frame["menu_end"]):
        for place in (*(c for c in entry["children"]), entry):
            if place["url"] not in seen:
                seen.add(place["url"])
                yield _place(place, place["icon"])


def _place(place: dict[str, Any], icon: str) -> dict[str, Any]:
    return {"label": place.get("label") or place["name"], "url": place["url"], "icon": icon}


def _others(frame: dict[str, Any]) -> list[dict[str, Any]]:
    """Appearance, help, account and the way out; the forms they send stand in the top bar."""
    themes = (("light", "sun", _("Appearance: light")), ("dark", "moon", _("Appearance: dark")),
              ("auto", "device-desktop", _("Appearance: as the device")))  # fmt: skip
    return [
        {"label": _("Profile and password"), "url": url_for("site.account"), "icon": "user-circle"},
        *({"label": label, "icon": icon, "kind": "form", "form": "choose-theme", "name": "theme", "value": value}
          for value, icon, label in themes if value != frame["theme"]),
        {"label": _("Keyboard shortcuts"), "icon": "keyboard", "kind": "help"},
        {"label": _("Log out"), "icon": "logout", "kind": "form", "form": "log-out"},
    ]  # fmt: skip
