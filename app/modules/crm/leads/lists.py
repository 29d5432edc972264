"""The writes to the short lists of where business comes from: sources, media and campaigns."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from sqlalchemy import func, select

from app.core import writes
from app.core.db import db, fold
from app.core.errors import BusinessError
from app.core.i18n import _
from app.modules.crm.leads.models import Campaign

LAST = 1000  # the highest position that a form takes


def add(model: Any, values: Mapping[str, Any]) -> Any:
    """A new row of a short list from columns, at its end unless told where. Raises `BusinessError`."""
    values = dict(values)
    if values.get("position") is None:
        values["position"] = min((db.session.scalar(select(func.max(model.position))) or 0) + 1, LAST)
    _check(model, values, None)
    return writes.create(model, values)


def change(row: Any, values: Mapping[str, Any]) -> Any:
    """Change columns of a row of a short list. Raises `BusinessError`."""
    values = {name: 0 if name == "position" and value is None else value for name, value in values.items()}
    _check(type(row), {**{name: getattr(row, name, None) for name in ("name", "starts_on", "ends_on")}, **values}, row.id)
    return writes.update(row, values)


def _check(model: Any, values: Mapping[str, Any], row_id: int | None) -> None:
    same = select(model.id).where(model.name_key == fold(values.get("name")), model.id != (row_id or 0))
    if db.session.scalar(same.limit(1)):
        raise BusinessError(_("There is one named “%(name)s” already.", name=values["name"]), field="name")
    if model is Campaign and values.get("starts_on") and values.get("ends_on") and values["ends_on"] < values["starts_on"]:
        raise BusinessError(_("A campaign cannot end before it begins."), field="ends_on")
