"""The vision board as a PDF, for A4 or A3 on its side."""

from __future__ import annotations

from typing import Any

from flask import g

from app.core import pdf
from app.core.clock import today
from app.core.formats import day
from app.core.i18n import _, language
from app.modules.kpi.vision.board import Board, Branch, Leaf

PAPERS = ("a4", "a3")
MOST_GOALS = 60  # below an objective: what does not fit on a wall is not read there


def document(board: Board, paper: str) -> bytes:
    """The board as PDF; figures only as far as the reader may see them."""
    return pdf.document("vision", {
        "paper": paper,
        "company": g.company.name,
        "language": language(),
        "title": board.vision.node.name if board.vision else _("Vision"),
        "note": board.vision.node.note if board.vision else "",
        "made": _("As of %(time)s", time=day(today())),
        "aligned": board.says,
        "goals": [_leaf(leaf, 0) for leaf in (board.vision.leaves if board.vision else ())],
        "pillars": [_pillar(branch) for branch in (*board.pillars, *board.unplaced)],
        "empty": _("Nothing stands here yet."),
    })  # fmt: skip


def _pillar(branch: Branch) -> dict[str, Any]:
    return {
        "name": branch.node.name, "note": branch.node.note, "goals": [_leaf(leaf, 0) for leaf in branch.leaves],
        "objectives": [_objective(each) for each in branch.branches],
    }  # fmt: skip


def _objective(branch: Branch) -> dict[str, Any]:
    until = _("until %(day)s", day=day(branch.node.last_day)) if branch.node.last_day else ""
    rows = [row for leaf in branch.leaves for row in _rows(leaf, 0)]
    return {"name": branch.node.name, "about": " · ".join(text for text in (branch.keeper, until) if text), "goals": rows[:MOST_GOALS]}


def _rows(leaf: Leaf, depth: int) -> list[dict[str, Any]]:
    return [_leaf(leaf, depth), *(row for each in leaf.leaves for row in _rows(each, depth + 1))]


def _leaf(leaf: Leaf, depth: int) -> dict[str, Any]:
    told = leaf.told
    figures = f"{told.value} / {told.target}" if told.progress.value is not None else told.target
    return {
        "name": leaf.goal.name, "whose": leaf.whose, "depth": depth, "figures": figures, "percent": told.percent,
        "fill": min(1000, told.bar.fill) if told.bar else -1, "status": str(told.label), "kind": told.kind,
    }  # fmt: skip
