"""The pages of goals: a person's own, that of one goal, and who sees what of them."""

from __future__ import annotations

import re
from datetime import date
from decimal import Decimal

from flask import g
from sqlalchemy import select

from app.core.db import db
from app.core.models import Change
from app.modules.kpi.goals import agreement, queries
from app.modules.kpi.goals.services import change_goal
from app.modules.kpi.models import Goal
from app.modules.kpi.progress import services as progress
from app.modules.kpi.quantities import Given
from tests.modules.crm.making import LoggedIn, clock, statements_of
from tests.modules.kpi.goals_world import (
    FRAGMENT,
    KPI,
    NOW,
    acting,
    build,
    proposed,
    running,
    set_goal,
    version_of,
    won,
    words,
)


def filled(page: str) -> list[str]:
    """The main actions of a page, those of a phone aside."""
    return [words(text) for rest, text in re.findall(r'class="btn btn-primary([^"]*)"[^>]*>(.*?)</(?:a|button)>', page) if "v-phone" not in rest]


def test_a_rep_sees_where_own_goals_stand(one, people, client_of):
    with clock(NOW):
        with one:
            world = build(people)
            for day in (2, 9, 16, 23):
                won(world.bob, date(2026, 4, day))
            running(world.bob)
            running(world.dave, name="Goal of dave")
        page = words(LoggedIn(client_of, "bob").get(f"{KPI}/").text)
        # 34 of 65 working days are over; the 16 that are missing fall to 31 days.
        assert "4 of 20; on pace would be 10; 0.5 per working day until Jun 30, 2026." in page
        assert "Off track" in page
        assert "Check-in due" in page
        assert "Goal of dave" not in page


def test_what_waits_for_an_answer_stands_on_top_with_both_sides(one, people, client_of):
    with clock(NOW):
        with one:
            world = build(people)
            goal_id = proposed(world).id
        bob, mona = LoggedIn(client_of, "bob"), LoggedIn(client_of, "mona")
        page = bob.get(f"{KPI}/").text
        assert "Mona proposes this. As discussed" in words(page)
        assert f"/goals/{goal_id}/accept" in page
        waiting = mona.get(f"{KPI}/").text
        assert "You proposed this; the other side has not answered yet." in words(waiting)
        assert f"/goals/{goal_id}/accept" not in waiting
        with one, acting(world.bob):
            agreement.counter(db.session.get_one(Goal, goal_id), Given(Decimal(16)), None, "Two weeks off")
        page = mona.get(f"{KPI}/").text
        assert "16 instead of 20" in words(page)
        assert "Bob proposes this instead. Two weeks off" in words(page)
        assert f"/goals/{goal_id}/accept" in page
        assert filled(page) == ["New goal"]


def test_agreeing_is_the_main_action_of_a_rep_who_has_one_goal_to_agree_on(one, people, client_of):
    with clock(NOW):
        with one:
            world = build(people)
            proposed(world)
        assert filled(LoggedIn(client_of, "bob").get(f"{KPI}/").text) == ["Agree"]
        with one:
            proposed(world, name="Win 12 deals", target=Decimal(12), metric="crm.activities_done")
        page = LoggedIn(client_of, "bob").get(f"{KPI}/").text
        assert page.count("data-accept") == 2
        assert filled(page) == []


def test_goals_of_the_team_and_the_company_are_known_their_figures_only_to_who_may(one, people, client_of):
    with clock(NOW):
        with one:
            world = build(people)
            won(world.bob, date(2026, 4, 9))
            won(world.dave, date(2026, 4, 9))
            running(world.alice, scope="company", name="The company wins 100", target=Decimal(100))
            running(world.mona, scope="team", team_id=world.north, name="North wins 40", target=Decimal(40))
            running(world.alice, scope="team", team_id=world.south, name="South wins 40", target=Decimal(40))
        page = LoggedIn(client_of, "bob").get(f"{KPI}/").text
        text = words(page)
        assert "The company wins 100" in text
        assert "/ 100" in text
        assert "You may not see the figures of everybody in this goal." in text
        assert "North wins 40" in text
        assert "South wins 40" not in text  # not bob's team
        text = words(LoggedIn(client_of, "mona").get(f"{KPI}/").text)
        assert "1 of 40" in text


def test_the_page_of_a_goal_is_its_owner_s_and_their_managers(one, people, client_of):
    with clock(NOW):
        with one:
            world = build(people)
            goal_id, other = running(world.bob).id, running(world.dave).id
        for name, status in (("bob", 200), ("mona", 200), ("alice", 200), ("dave", 404)):
            assert LoggedIn(client_of, name).get(f"{KPI}/goals/{goal_id}").status_code == status, name
            assert LoggedIn(client_of, name).get(f"{KPI}/goals/{goal_id}/course").status_code == status, name
        mona = LoggedIn(client_of, "mona")
        assert mona.get(f"{KPI}/goals/{other}").status_code == 404
        assert mona.post(f"{KPI}/goals/{other}/seen").status_code == 404


def test_the_page_leads_to_the_records_behind_the_figure_and_the_baseline(one, people, client_of):
    with clock(NOW):
        with one:
            world = build(people)
            won(world.bob, date(2026, 2, 10))
            won(world.bob, date(2026, 4, 9))
            won(world.dave, date(2026, 4, 9))
            goal_id = running(world.bob).id
        bob = LoggedIn(client_of, "bob")
        page = bob.get(f"{KPI}/goals/{goal_id}").text
        assert "Baseline: 1" in words(page)
        url = page.partition('class="kg-big"')[2].partition('href="')[2].partition('"')[0].replace("&amp;", "&")
        assert "from=2026-04-01&to=2026-05-18" in url
        records = bob.get(url)
        assert records.status_code == 200
        assert words(records.text).count("Press line") == 1
        base = page.partition('class="kg-baseline')[2].partition('href="')[2].partition('"')[0].replace("&amp;", "&")
        assert "from=2026-01-01&to=2026-03-31" in base


def test_opening_a_goal_writes_nothing_and_the_page_itself_says_that_it_was_read(one, people, client_of):
    with clock(NOW) as now:
        with one:
            world = build(people)
            goal_id = proposed(world).id
        bob, mona = LoggedIn(client_of, "bob"), LoggedIn(client_of, "mona")
        page = bob.get(f"{KPI}/goals/{goal_id}").text
        assert f'hx-post="{KPI}/goals/{goal_id}/seen" hx-trigger="load, submit"' in page
        with one:
            assert queries.seen_of([goal_id]) == []
        assert bob.post(f"{KPI}/goals/{goal_id}/seen", headers=FRAGMENT).status_code == 200
        now.shift(3600)
        assert bob.post(f"{KPI}/goals/{goal_id}/seen", headers=FRAGMENT).status_code == 200
        assert f"/goals/{goal_id}/seen" not in bob.get(f"{KPI}/goals/{goal_id}").text
        text = words(mona.get(f"{KPI}/goals/{goal_id}").text)
        assert "Bob whose goal it is May 18, 2026, 12:00" in text  # the first time counts
        with one, acting(world.mona):
            goal = db.session.get_one(Goal, goal_id)
            agreement.begin([goal])
            change_goal(goal, {"target": Decimal(24)}, "The market grows")
        assert "an earlier edition" in words(mona.get(f"{KPI}/goals/{goal_id}").text)
        assert f"/goals/{goal_id}/seen" in bob.get(f"{KPI}/goals/{goal_id}").text


def test_both_attainments_are_shown_when_the_target_was_changed(one, people, client_of):
    with clock(NOW):
        with one:
            world = build(people)
            for day in (2, 9, 16, 23):
                won(world.bob, date(2026, 4, day))
            goal = running(world.bob)
            with acting(world.mona):
                change_goal(goal, {"target": Decimal(16)}, "A month of illness")
            goal_id = goal.id
        text = words(LoggedIn(client_of, "bob").get(f"{KPI}/goals/{goal_id}").text)
        assert "20 20% Jun 30, 2026" in text
        assert "16 25% Jun 30, 2026 A month of illness Mona" in text


def test_goals_that_serve_one_add_up_against_its_target(one, people, client_of):
    with clock(NOW):
        with one:
            world = build(people)
            goal_id = running(world.mona, scope="team", team_id=world.north, name="North wins 40", target=Decimal(40)).id
            running(world.bob, parent_id=goal_id, target=Decimal(25))
            running(world.dave, parent_id=goal_id, name="Lent by South", target=Decimal(20))
        text = words(LoggedIn(client_of, "mona").get(f"{KPI}/goals/{goal_id}").text)
        assert "Their targets come to 45: 112% of 40." in text
        assert "Win 20 deals" in text
        assert "Lent by South" not in text
        assert "and 1 that you may not open" in text


def test_the_course_shows_months_against_the_pace_with_a_table(one, people, client_of):
    with clock(NOW):
        with one:
            world = build(people)
            for day in (date(2026, 4, 9), date(2026, 4, 16), date(2026, 5, 6), date(2026, 2, 3)):
                won(world.bob, day)
            goal_id = running(world.bob).id
        page = LoggedIn(client_of, "bob").get(f"{KPI}/goals/{goal_id}/course").text
        text = words(page)
        assert "Reached against the pace" in text
        assert "Apr 30, 2026 2 2" in text
        assert "May 31, 2026 1 3" in text
        assert "Jun 30, 2026 – – 20" in text
        assert "It would have been reached in 0 of 1 periods." in text
        assert 'role="group"' in page  # each mark leads to its records


def test_a_month_is_shown_week_by_week(one, people, client_of):
    with clock(NOW):
        with one:
            world = build(people)
            won(world.bob, date(2026, 5, 6))
            goal_id = running(world.bob, period="month", first_day=date(2026, 5, 1), target=Decimal(4)).id
        text = words(LoggedIn(client_of, "bob").get(f"{KPI}/goals/{goal_id}/course").text)
        assert "May 3, 2026 0 0" in text
        assert "May 10, 2026 1 1" in text
        assert "May 31, 2026 – – 4" in text


def test_a_goal_whose_figure_is_off_says_why_and_loses_nothing(one, people, client_of):
    with clock(NOW):
        with one as session:
            world = build(people)
            goal = running(world.bob)
            goal.metric = "sales.gone"
            session.flush()
            goal_id = goal.id
        bob = LoggedIn(client_of, "bob")
        for url in (f"{KPI}/", f"{KPI}/goals/{goal_id}"):
            text = words(bob.get(url).text)
            assert "The application that this figure comes from is switched off." in text
        assert bob.get(f"{KPI}/goals/{goal_id}/course").status_code == 200
        assert "Win 20 deals" in words(bob.get(f"{KPI}/goals").text)


def test_the_list_says_where_each_goal_stands(one, people, client_of):
    with clock(NOW):
        with one:
            world = build(people)
            won(world.bob, date(2026, 4, 9), 1)
            running(world.bob)
            set_goal(world.bob, name="A draft")
        text = words(LoggedIn(client_of, "mona").get(f"{KPI}/goals?view=all").text)
        assert "5% Off track" in text
        assert "A draft" in text


def test_a_scorecard_weighs_activity_and_result_together(one, people, client_of):
    with clock(NOW):
        with one:
            world = build(people)
            for day in (2, 9, 16, 23):
                won(world.bob, date(2026, 4, day))
            running(world.bob, weight=60, target=Decimal(8))  # 50 %
            running(world.bob, name="Win 2,000 euros", metric="crm.won_amount", target=Decimal(2000), weight=40, grade="leading")  # 200 %, counts as 100
        text = words(LoggedIn(client_of, "bob").get(f"{KPI}/").text)
        assert "Scorecard: 70% of the weight reached" in text
        assert text.index("Activity (leading)") < text.index("Result (lagging)")


def test_statements_do_not_grow_with_goals(one, people, client_of):
    with clock(NOW):
        with one:
            world = build(people)
            first = running(world.bob, weight=10)
            progress.create_action({"goal_id": first.id, "text": "One", "owner_id": world.bob})
            proposed(world, name="Proposed 0")
            goal_id = first.id
        bob = client_of("bob")
        counts = {}
        for turn in ("few", "many"):
            with statements_of(one.app) as sent:
                assert bob.get(f"{KPI}/").status_code == 200
            with statements_of(one.app) as more:
                assert bob.get(f"{KPI}/goals/{goal_id}").status_code == 200
            counts[turn] = (len(sent), len(more))
            if turn == "few":
                with one:
                    for n in range(8):
                        goal = running(world.bob, name=f"Goal {n}", weight=10, target=Decimal(20 + n), parent_id=goal_id)
                        progress.check_in(goal, world.bob, 3)
                        progress.create_action({"goal_id": goal_id, "text": f"Do {n}", "owner_id": world.bob})
                        progress.check_in(db.session.get_one(Goal, goal_id), (world.mona, world.alice)[n % 2], 3)
                        proposed(world, name=f"Proposed {n + 1}")
        assert counts["many"][0] - counts["few"][0] <= 1, counts  # the names of goals with actions
        assert counts["many"][1] - counts["few"][1] <= 2, counts


def test_two_who_change_one_goal_see_both_values(one, people, client_of):
    with clock(NOW):
        with one:
            goal_id = set_goal(build(people).bob).id
        mona = LoggedIn(client_of, "mona")
        old = version_of(one, goal_id)
        with one:
            change_goal(db.session.get_one(Goal, goal_id), {"target": Decimal(30)})
        form = {"version": old, "name": "Win 25 deals", "metric": "crm.won_count", "scope": "member", "owner_id": str(people["bob"].member_id),
                "period": "quarter", "first_day": "2026-04-01", "target": "25", "cadence": "month", "weight": "0"}  # fmt: skip
        late = mona.post(f"{KPI}/goals/{goal_id}/edit", headers=FRAGMENT, data=form)
        assert late.status_code == 409
        assert "Target 25 30" in words(late.text)
        assert 'value="Win 25 deals"' in late.text


def test_the_timeline_tells_what_fields_show_and_nothing_of_how_it_is_kept(one, people, client_of):
    with clock(NOW):
        with one:
            world = build(people)
            goal = running(world.bob)
            with acting(world.bob):
                change_goal(goal, {"target": Given(Decimal(15))}, "Two weeks off")
            kept = {"activated_at", "edition"}
            logged = db.session.scalars(select(Change.field).where(Change.table_name == "kpi_goal", Change.row_id == goal.id)).all()
            address = f"{KPI}/goals/{goal.id}/history"
        assert kept <= {*logged}, "the log has it all"
        page = words(LoggedIn(client_of, "bob").get(address).text)
        assert "The system changed state 12:00 Draft Active" in page
        assert "Bob changed target 12:00 20 15" in page
        assert not [name for name in logged if name and "_" in name and name in page]


def test_a_changed_target_is_told_in_the_unit_of_its_figure(one, people, client_of):
    figures = {"crm.won_amount": ("15000", "18000"), "crm.win_rate": ("0.3", "0.35")}
    with clock(NOW):
        with one:
            world, told = build(people), {}
            for metric, (before, after) in figures.items():
                goal = set_goal(world.bob, metric=metric, target=Given(Decimal(before), "" if metric == "crm.win_rate" else "USD"))
                told[metric] = goal.id
                change_goal(goal, {"target": Given(Decimal(after), goal.currency or "")}, "Two weeks off")
        history = {metric: words(LoggedIn(client_of, "bob").get(f"{KPI}/goals/{goal}/history").text) for metric, goal in told.items()}
        assert "changed target 12:00 $15,000 $18,000" in history["crm.won_amount"]
        assert "changed target 12:00 30.0% 35.0%" in history["crm.win_rate"]
        log = words(client_of("alice").get("/c/one/admin/changes?kind=kpi.goal&field=target").text)
        assert "$15,000 $18,000" in log
        assert "30.0% 35.0%" in log


def test_a_target_that_was_in_another_currency_is_told_in_that_one(one, people, client_of):
    with clock(NOW):
        with one:
            goal = set_goal(build(people).bob, metric="crm.won_amount", target=Decimal(15_000)).id
        for target, currency in ((16_000, "EUR"), (18_000, "USD")):
            with one as session:
                g.request_id = f"request {target}"
                change_goal(session.get_one(Goal, goal), {"target": Given(Decimal(target), currency)}, "They pay in dollars")
        page = words(LoggedIn(client_of, "bob").get(f"{KPI}/goals/{goal}/history").text)
        assert "changed target 12:00 €15,000 €16,000" in page
        assert "changed target 12:00 €16,000 $18,000" in page
        assert "EUR USD" in page
        log = words(client_of("alice").get("/c/one/admin/changes?kind=kpi.goal&field=target").text)
        assert "€15,000 €16,000" in log, "the line that says when it was in euros no more is not on this page"
        assert "€16,000 $18,000" in log
