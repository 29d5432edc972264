"""`metric`: one figure, as pages and API show it."""

from __future__ import annotations

import json
from datetime import date, datetime
from typing import Any

import click

from app.core import metrics
from app.core.cli.base import Command, Failed, office
from app.core.clock import read_instant
from app.core.figures import REASONS, Figure
from app.core.money import Money


@click.command("metric", cls=Command)
@click.argument("metric_id", metavar="ID")
@click.option("--company", required=True, metavar="SLUG", help="Whose figure.")
@click.option("--from", "start", metavar="DATE", help="First day, in the company's zone (2017-03-01).")
@click.option("--to", "end", metavar="DATE", help="Last day, inclusive.")
@click.option("--by", default="", metavar="A,B", help="Split by owner, team, account, product, stage, month, quarter …")
@click.option("--as-of", metavar="TIME", help="What was so then: a day (its end) or an instant.")
@click.option("--known-at", metavar="TIME", help="As far as we knew then.")
@click.option("--json", "as_json", is_flag=True, help="The API's answer.")
def metric(
    metric_id: str, company: str, start: str | None, end: str | None, by: str, as_of: str | None,
    known_at: str | None, as_json: bool,
) -> None:
    """Say the figure of metric ID, such as crm.won_amount. Without --from and --to: of all time."""
    with office(company):
        query = metrics.MetricQuery(
            start=_day("from", start),
            end=_day("to", end),
            by=tuple(name.strip() for name in by.split(",") if name.strip()),
            as_of=_instant("as-of", as_of),
            known_at=_instant("known-at", known_at),
        )
        figure = metrics.evaluate(metric_id, query)
        click.echo(json.dumps(figure.plain(), ensure_ascii=False, indent=2) if as_json else _table(figure))


def _day(option: str, text: str | None) -> date | None:
    try:
        return date.fromisoformat(text) if text else None
    except ValueError:
        raise Failed(f"--{option} must be a date like 2017-03-01, not “{text}”.") from None


def _instant(option: str, text: str | None) -> datetime | None:
    try:
        return read_instant(text) if text else None
    except ValueError:
        raise Failed(f"--{option} must be a day or an instant like 2017-06-30T12:00:00+00:00, not “{text}”.") from None


def _table(figure: Figure) -> str:
    rows = [[*(row.by[name] or "–" for name in figure.query.by), _value(row.value), f"n={row.n}"] for row in figure.rows]
    widths = [max((len(row[i]) for row in rows), default=0) for i in range(len(figure.query.by))]
    lines = ["  ".join([*(f"{c:{w}}" for c, w in zip(row, widths, strict=False)), *row[len(widths):]]) for row in rows]
    lines += [f"left out: {n} {REASONS[reason]}" for reason, n in figure.excluded.items() if n]
    return "\n".join(lines or ["nothing"])


def _value(value: Any) -> str:
    if isinstance(value, Money):
        return f"{value.amount:f} {value.currency}"
    return "undefined" if value is None else str(round(value, 6))
