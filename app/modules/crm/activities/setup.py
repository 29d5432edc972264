"""The writes to types and outcomes of activities: names once each, and none changes what it meant for what was done."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, TypeVar

from sqlalchemy import select

from app.core import writes
from app.core.db import db, fold
from app.core.errors import BusinessError
from app.core.i18n import _
from app.modules.crm.activities.models import Activity, ActivityOutcome, ActivityType

Named = TypeVar("Named", ActivityType, ActivityOutcome)
EMPTY: dict[str, Any] = {"position": 0, "subject": "", "note": "", "kinds": "", "default_days": 0}
# What figures go by, and the column of activities that refers to the row.
FIXED: dict[Any, tuple[tuple[str, ...], Any]] = {
    ActivityType: (("kind",), Activity.type_id),
    ActivityOutcome: (("reached", "cancelled"), Activity.outcome_id),
}


def add(model: type[Named], values: Mapping[str, Any]) -> Named:
    """A new type or outcome from columns. Raises `BusinessError` when the name is taken."""
    values = _filled(values)
    _check_name(model, values["name"], None)
    return writes.create(model, values)


def change(row: Named, values: Mapping[str, Any]) -> Named:
    """Change columns; what figures go by only while no activity uses the row. Raises `BusinessError`."""
    values = _filled(values)
    _check_name(type(row), values.get("name", row.name), row.id)
    fixed, column = FIXED[type(row)]
    changed = [name for name in fixed if values.get(name, getattr(row, name)) != getattr(row, name)]
    used = select(Activity.id).where(column == row.id).limit(1)
    if changed and db.session.scalar(used, execution_options={"all_rows": True, "with_trash": True}):
        raise BusinessError(_("Activities use this already; make a new one instead."), field=changed[0])
    return writes.update(row, values)


def _filled(values: Mapping[str, Any]) -> dict[str, Any]:
    return {name: EMPTY.get(name) if value is None else value for name, value in values.items()}


def _check_name(model: type[Named], name: str, row_id: int | None) -> None:
    same = select(model.id).where(model.name_key == fold(name), model.id != (row_id or 0))
    if db.session.scalar(same.limit(1)):
        raise BusinessError(_("There is one named “%(name)s” already.", name=name), field="name")
