"""What goals plug in."""

from __future__ import annotations

from app.core.hooks import Column, Hooks, Item
from app.core.i18n import _l
from app.modules.kpi.goals import actions, checkins, columns, steps  # noqa: F401  # their views
from app.modules.kpi.goals.resources import goal

hooks = Hooks(
    resources=(goal,),
    permissions={
        "kpi.goal.agree": _l("Propose goals to others, activate and close them"),
        "kpi.goal.answer": _l("Answer goals, check in and note actions"),
        "kpi.figures.team": _l("See the figures of one's teams"),
        "kpi.figures.company": _l("See the figures of the whole company"),
    },
    grants={
        "manager": ("kpi.goal.agree", "kpi.goal.answer", "kpi.figures.team"),
        "rep": ("kpi.goal.answer",),
    },
    columns=(
        Column(resource="kpi.goal", name="attained", label=_l("Attained"), permission="kpi.goal.view", values=columns.attained, numeric=True),
        Column(resource="kpi.goal", name="stands", label=_l("Stands"), permission="kpi.goal.view", values=columns.stands),
    ),
    items=(
        Item(slot="nav", label=_l("My goals"), endpoint="kpi.my_goals", permission="kpi.goal.view", icon="target", order=10),
        Item(slot="nav", label=_l("Goals"), endpoint="kpi.goal_list", permission="kpi.goal.view", icon="target-arrow", order=20),
        Item(slot="create", label=_l("Goal"), endpoint="kpi.goal_new", permission="kpi.goal.create", icon="target-arrow", order=40),
    ),
)
