"""The reports there are: their names, what each answers, and who makes its content."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from app.core.i18n import _l
from app.core.reports.asking import Desk
from app.core.reports.blocks import Content, Later
from app.core.reports.frame import Frame
from app.modules.crm.reports import durations, followups, funnel, growth, losses, sales


@dataclass(frozen=True)
class Report:
    """A report: `content` fills it, `later` are blocks below that load by themselves; `usual` is its period when the
    address names none."""

    name: str
    label: Any
    describe: Any
    content: Callable[[Desk], Content]
    later: Callable[[Desk], Sequence[Later]] = lambda _desk: ()
    usual: str = "this-quarter"
    splits: tuple[str, ...] = ()
    bases: tuple[str, ...] = ()
    icon: str = "chart-bar"

    @property
    def endpoint(self) -> str:
        return f"crm.report_{self.name}"

    def frame(self, args: Mapping[str, str]) -> Frame:
        """The report's question, from its address. Raises `BusinessError`."""
        return Frame.of(self.endpoint, args, self.usual, self.splits, self.bases)


REPORTS = (
    Report(
        "sales",
        _l("Sales closed"),
        _l("Amount and number of deals won by rep, team and period, against the period before; the win rate over time."),
        sales.content,
        splits=sales.SPLITS,
        icon="chart-bar",
    ),
    Report(
        "funnel",
        _l("Pre-sale funnel"),
        _l("From prospect to purchase, stage by stage: conversion, drop-off and what is still open, by source, campaign, rep, "
           "team or segment."),
        funnel.content,
        funnel.later,
        usual="this-year",
        splits=funnel.SPLITS,
        bases=funnel.BASES,
        icon="chart-funnel",
    ),
    Report(
        "time",
        _l("Time in stage"),
        _l("How long deals stay in each stage, won against lost; the sales cycle; the time until the first contact."),
        durations.content,
        durations.later,
        usual="this-year",
        splits=durations.SPLITS,
        icon="hourglass-low",
    ),
    Report(
        "losses",
        _l("Losses"),
        _l("Why deals are lost: by reason, stage, competitor and rep, in number and amount."),
        losses.content,
        usual="this-year",
        splits=losses.SPLITS,
        icon="circle-x",
    ),
    Report(
        "portfolio",
        _l("Portfolio"),
        _l("Accounts that buy: how many are active, new, won back or gone quiet, by owner or segment."),
        growth.content,
        usual="this-year",
        splits=growth.SPLITS,
        icon="building",
    ),
    Report(
        "followups",
        _l("Follow-ups"),
        _l("Calls, e-mails, visits and meetings by rep and month; what is overdue; who was reached; accounts nobody touched."),
        followups.content,
        followups.later,
        usual="this-month",
        splits=followups.SPLITS,
        icon="activity",
    ),
)


