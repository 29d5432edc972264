"""Languages: which one to speak, and the marks for text to be translated."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from flask import Flask, g, request
from flask_babel import Babel, get_locale, gettext, lazy_gettext, ngettext
from flask_login import current_user

LANGUAGES = {"en": "English", "es": "Español"}

_ = gettext
_l = lazy_gettext
_n = ngettext

__all__ = ["LANGUAGES", "_", "_l", "_n", "language"]


def language() -> str:
    """The language of this answer: "en" or "es"."""
    locale = get_locale()
    return locale.language if locale else "en"


def _choose() -> str | None:
    """The person's own choice, else the company's, else what the address says, else what the browser asks for."""
    if "language" in g:
        return g.language
    if request and current_user and current_user.is_authenticated and current_user.language:
        return current_user.language
    if "company" in g:
        return g.company.language
    if not request:
        return None
    if (asked := request.args.get("lang")) in LANGUAGES:
        return asked
    return request.accept_languages.best_match(list(LANGUAGES))


def _zone() -> str | None:
    return g.company.timezone if "company" in g else None


def init_app(app: Flask, catalogs: list[Path]) -> Babel:
    """`catalogs` are folders that hold <language>/LC_MESSAGES/messages.mo."""
    app.config["BABEL_TRANSLATION_DIRECTORIES"] = ";".join(str(p) for p in catalogs)
    options: dict[str, Any] = {"locale_selector": _choose, "timezone_selector": _zone}
    return Babel(app, **options)
