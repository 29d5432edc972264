"""Goals of the demo company: what it wants, what was agreed on for the last year, and how it turned out.

Patterns a manager can discover: one rep is far over quota every quarter and visits hardly anybody (the quota is half of
what the others have); the north has taken on more than it ever sold; two reps have not said a word about their goals for
weeks. Targets are made of the demo's own figures, so some are reached and some are missed.
"""

from __future__ import annotations

from app.core.demo import DemoPlan
from app.modules.kpi import demo_vision
from app.modules.kpi.demo_course import tell
from app.modules.kpi.demo_goals import make


def fill(plan: DemoPlan) -> None:
    """Holidays, the vision, metrics of the company's own, and some 300 goals with everything that was said about them."""
    demo_vision.holidays(plan)
    if plan.small or not plan.made.get("crm.deal"):
        return
    objectives = demo_vision.tree(plan)
    demo_vision.metrics(plan)
    goals = make(plan, objectives)
    tell(plan, goals)
    plan.made["kpi.goal"] = [goal.id for goal in goals]
