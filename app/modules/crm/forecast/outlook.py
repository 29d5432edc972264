"""What a period will bring: what is closed, and what may still come by how sure it is. And how much slipped."""

from __future__ import annotations

from dataclasses import dataclass

from flask import g

from app.core.figures import FigureRow
from app.core.i18n import _
from app.core.money import Money
from app.core.reports.asking import Desk, by_key
from app.core.reports.wording import text_of
from app.modules.crm.labels import CATEGORIES
from app.modules.crm.models import BEST_CASE, COMMIT, PIPELINE


@dataclass(frozen=True)
class Step:
    """A category with its amount, and with all that is surer than it; `url` leads to the deals."""

    key: str
    label: str
    amount: Money
    together: Money
    n: int
    url: str


@dataclass(frozen=True)
class Outlook:
    """The forecast of a period, in company currency: one category only in `amount`, cumulated in `together`."""

    steps: list[Step]
    weighted: Money  # closed, and what is open times its probability
    slippage: str
    slipped: FigureRow
    slipped_url: str


def outlook(desk: Desk) -> Outlook:
    """The forecast of the period of a desk's frame; one statement for each of its four figures."""
    closed = desk.figure("crm.won_amount").total
    open_ = by_key(desk.figure("crm.category_forecast", "category"), "category")
    weighted = desk.figure("crm.weighted_pipeline").total
    slipped = desk.figure("crm.slippage").total
    behind = desk.behind("crm.category_forecast")
    so_far = _minor(closed)
    steps = [Step("closed", _("Won already"), _money(so_far), _money(so_far), closed.n, desk.behind("crm.won_amount")())]
    for key in (COMMIT, BEST_CASE, PIPELINE):
        row = open_.get(key)
        so_far += _minor(row)
        steps.append(Step(key, str(CATEGORIES[key]), _money(_minor(row)), _money(so_far), row.n if row else 0, behind(category=key)))
    return Outlook(
        steps=steps,
        weighted=_money(_minor(closed) + _minor(weighted)),
        slippage=text_of(desk.metric("crm.slippage"), slipped.value),
        slipped=slipped,
        slipped_url=desk.behind("crm.slippage")(),
    )


def _minor(row: FigureRow | None) -> int:
    return row.value.minor if row and isinstance(row.value, Money) else 0


def _money(minor: int) -> Money:
    return Money(minor, g.company.currency)
