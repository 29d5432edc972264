"""Pages by key: a cursor says after which row a page begins, so that no row is lost or repeated while others come."""

from __future__ import annotations

import base64
import binascii
import json
from dataclasses import dataclass
from datetime import UTC, date, datetime
from typing import Any

from sqlalchemy import and_, false, or_

from app.core.db import UtcDateTime
from app.core.errors import BusinessError
from app.core.i18n import _

LONGEST_CURSOR = 2_000
FIRST_YEAR, LAST_YEAR = 1900, 2200


@dataclass(frozen=True)
class Order:
    """Rows in the order of one column, then of their ids; those without a value come last, both ways.

    `filled`: there are none without. An index can then be read backwards, which on PostgreSQL would have them first.
    """

    column: Any
    row_id: Any
    descending: bool
    filled: bool = False

    @property
    def nullable(self) -> bool:
        return not self.filled and bool(self.column.property.columns[0].nullable)

    def clauses(self, back: bool = False) -> list[Any]:
        """What to order by, or the other way round."""
        descending = self.descending != back
        order = self.column.desc() if descending else self.column.asc()
        if self.nullable:
            # Last, whichever way the list is sorted and whichever database sorts it.
            order = order.nulls_first() if back else order.nulls_last()
        return [order, self.row_id.desc() if descending else self.row_id.asc()]

    def beyond(self, after: tuple[Any, int], back: bool) -> Any:
        """Criterion: rows after (or, going back, before) the one of a cursor."""
        value, row_id = self._typed(after[0]), after[1]
        descending = self.descending != back
        past = self.row_id < row_id if descending else self.row_id > row_id
        if value is None:
            rest = self.column.is_not(None) if back else false()
            return or_(and_(self.column.is_(None), past), rest)
        further = self.column < value if descending else self.column > value
        beyond = or_(further, and_(self.column == value, past))
        return or_(beyond, self.column.is_(None)) if self.nullable and not back else beyond

    def _typed(self, value: Any) -> Any:
        if value is None:
            return None
        try:
            if isinstance(self.column.type, UtcDateTime):
                at = datetime.fromisoformat(value)
                if at.tzinfo is None or not FIRST_YEAR < at.year < LAST_YEAR:
                    raise forged()
                return at.astimezone(UTC)
            kind = self.column.type.python_type
            return date.fromisoformat(value) if kind is date else kind(value)
        except (ValueError, TypeError, AttributeError, OverflowError):
            raise forged() from None


def forged() -> BusinessError:
    return BusinessError(_("This page address is damaged. Open the list again from the menu."), field="cursor")


def write_cursor(back: bool, row: Any) -> str:
    """A cursor after (or before) a row that has `sort_value` and `id`."""
    value = row.sort_value
    value = value if value is None or isinstance(value, (int, str)) else value.isoformat()
    text = json.dumps([int(back), value, row.id], separators=(",", ":"))
    return base64.urlsafe_b64encode(text.encode()).decode().rstrip("=")


def read_cursor(text: str) -> tuple[bool, tuple[Any, int]]:
    """Whether it leads back, and the value and id of its row. Raises `BusinessError`."""
    if len(text) > LONGEST_CURSOR:
        raise forged()
    try:
        back, value, row_id = json.loads(base64.urlsafe_b64decode(text + "=" * (-len(text) % 4)))
        str(value).encode()
    except (ValueError, TypeError, RecursionError, binascii.Error):
        raise forged() from None
    numbers = [n for n in (row_id, value) if not isinstance(n, str) and n is not None]
    if back not in (0, 1) or row_id is None or any(type(n) is not int or abs(n) >= 2**63 for n in numbers):
        raise forged()
    return bool(back), (value, row_id)
