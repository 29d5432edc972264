"""What planning plugs in."""

from __future__ import annotations

from app.core.hooks import Hooks, Item, Schedule
from app.core.i18n import _l
from app.core.resource import Page
from app.modules.kpi.planning import rule_views, share_views, views  # noqa: F401  # their pages
from app.modules.kpi.planning.closing import close_goals
from app.modules.kpi.planning.recurring import recur
from app.modules.kpi.planning.rule_resources import rule

rule.page = Page(context=rule_views.page_of)

HOUR = 60  # a day begins at another hour in every company's zone; what was done already is not done again

hooks = Hooks(
    resources=(rule,),
    jobs={"kpi.recur": recur, "kpi.close_goals": close_goals},
    schedules=(Schedule(job="kpi.recur", every_minutes=HOUR), Schedule(job="kpi.close_goals", every_minutes=HOUR)),
    items=(
        Item(slot="nav", label=_l("Plan a period"), endpoint="kpi.planner", permission="kpi.goal.agree", icon="table", order=25),
        Item(slot="nav", label=_l("Rules for goals"), endpoint="kpi.rule_list", permission="kpi.rule.view", icon="refresh", order=28),
        Item(slot="kpi.goal.actions", label=_l("Share out"), endpoint="kpi.goal_share", permission="kpi.goal.agree", icon="sitemap", order=20),
        Item(slot="kpi.rule.panels", label=_l("Next goals"), endpoint="kpi.rule_targets", permission="kpi.rule.view", icon="target-arrow"),
    ),
)
