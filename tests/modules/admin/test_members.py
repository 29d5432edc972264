"""Members, their teams and their log-ins."""

import re
from datetime import date, timedelta
from pathlib import Path

import pytest
import time_machine
from sqlalchemy import select

from app.core import worker
from app.core.access import teams_below
from app.core.clock import today
from app.core.db import db, utcnow
from app.core.errors import BusinessError
from app.core.models import Change, Membership, Role, Team, TeamMember, User
from app.modules.admin import queries, services
from tests.cast import PASSWORD, email_of

FIRST = date(2016, 1, 1)
AGENTS = (
    ("Anna Snelling", "Dustin Brinkmann", "Central"),
    ("Moses Frase", "Dustin Brinkmann", "Central"),
    ("Darcel Schlecht", "Melvin Marxen", "Central"),
    ("Zane Levy", "Summer Sewald", "West"),
)



def version_in(page: str) -> str:
    """The version that a form was made for."""
    return re.search(r'name="version" value="(\d+)"', page).group(1)


def member(session, name):
    return session.scalars(select(Membership).filter_by(name=name)).one()


def role(session, key):
    return session.scalars(select(Role).filter_by(key=key)).one()


def rows(**more):
    return [
        {
            "name": name,
            "manager": manager,
            "team_parent": office,
            "valid_from": FIRST,
            "create_missing": True,
            **more,
        }
        for name, manager, office in AGENTS
    ]


# Teams and managers out of a file


def test_a_file_of_agents_makes_offices_teams_and_managers(one):
    with one as session:
        ids = services.add_members(rows())
        names = [session.get_one(Membership, i).name for i in ids]
        assert names == [name for name, _manager, _office in AGENTS]
    with one as session:
        teams = {t.name: t for t in session.scalars(select(Team))}
        assert {"Central", "West", "Dustin Brinkmann", "Melvin Marxen", "Summer Sewald"} <= teams.keys()
        assert teams["Dustin Brinkmann"].parent_id == teams["Central"].id
        dustin = member(session, "Dustin Brinkmann")
        assert teams["Dustin Brinkmann"].manager_id == dustin.id
        assert (dustin.user_id, dustin.valid_from, dustin.role_id) == (
            None,
            FIRST,
            role(session, "manager").id,
        )
        anna = member(session, "Anna Snelling")
        assert (anna.user_id, anna.role_id) == (None, role(session, "rep").id)
        place = session.scalars(select(TeamMember).filter_by(member_id=anna.id)).one()
        assert (place.team_id, place.valid_from, place.valid_to) == (
            teams["Dustin Brinkmann"].id,
            FIRST,
            None,
        )
        assert teams_below(dustin.id) == {teams["Dustin Brinkmann"].id}


def test_each_new_member_is_one_line_of_the_change_log(one):
    with one as session:
        ids = services.add_members(rows())
        lines = session.scalars(
            select(Change.row_id).where(Change.table_name == "core_membership", Change.row_id.in_(ids))
        ).all()
    assert sorted(lines) == sorted(ids)


def test_a_manager_who_is_in_the_file_is_not_made_twice(one):
    with one as session:
        boss = {"name": "Dustin Brinkmann", "manager": None, "team_parent": "Central", "valid_from": FIRST}
        services.add_members([*rows(), {**boss, "create_missing": True}])
    with one as session:
        dustin = member(session, "Dustin Brinkmann")
        team = session.scalars(select(Team).filter_by(name="Dustin Brinkmann")).one()
        assert team.manager_id == dustin.id


def test_a_file_may_not_make_teams_unless_told_to(one):
    with one as session, pytest.raises(BusinessError, match="There is no team “Central”"):
        services.add_members(rows(create_missing=False))
    with one as session:
        assert session.scalar(select(Team).filter_by(name="Central")) is None


def test_moving_to_another_team_keeps_where_somebody_was(one, people):
    with one as session:
        bob = session.get_one(Membership, people["bob"].member_id)
        south = session.scalars(select(Team).filter_by(name="South")).one()
        services.update_member(bob, {"name": bob.name, "valid_from": bob.valid_from, "team_id": south.id})
        places = session.scalars(
            select(TeamMember).filter_by(member_id=bob.id).order_by(TeamMember.valid_from)
        ).all()
        assert [(p.valid_from, p.valid_to) for p in places] == [
            (FIRST, today() - timedelta(days=1)),
            (today(), None),
        ]
        assert queries.team_of(bob.id) == south.id
        services.update_member(bob, {"team_id": None})
        assert queries.team_of(bob.id) is None


def test_a_team_cannot_stand_below_itself(one):
    with one as session:
        north = session.scalars(select(Team).filter_by(name="North")).one()
        below = services.create_team({"name": "Far North", "parent_id": north.id})
        lower = services.create_team({"name": "Farther North", "parent_id": below.id})
        for parent in (north, below, lower):
            with pytest.raises(BusinessError, match="below itself"):
                services.update_team(north, {"parent_id": parent.id})
        assert north.parent_id is None


def test_two_teams_of_one_name_are_refused_with_a_sentence(client_of):
    answer = client_of("alice").post("/c/one/admin/teams/new", data={"name": "NÓRTH"})
    assert answer.status_code == 422
    assert "There is already a team" in answer.text


# Pages


def test_the_members_page_shows_people_with_team_and_log_in(client_of):
    page = client_of("alice").get("/c/one/admin/members")
    assert page.status_code == 200
    for text in ("Bob", "North", email_of("bob"), "Manager"):
        assert text in page.text


def test_a_rep_sees_members_but_changes_none(client_of, people):
    bob = client_of("bob")
    assert bob.get("/c/one/admin/members").status_code == 200
    assert bob.get("/c/one/admin/members/new").status_code == 403
    assert bob.post(f"/c/one/admin/members/{people['dave'].member_id}/end").status_code == 403
    assert bob.post(f"/c/one/admin/members/{people['dave'].member_id}/invite").status_code == 403


def test_a_member_is_made_with_a_form(one, client_of):
    with one as session:
        north = session.scalars(select(Team).filter_by(name="North")).one().id
        rep = role(session, "rep").id
    given = {
        "name": "Eva Ruiz",
        "email": "EVA@one.example",
        "role_id": rep,
        "team_id": north,
        "valid_from": "2026-01-07",
    }
    answer = client_of("alice").post("/c/one/admin/members/new", data=given)
    assert answer.status_code == 303
    with one as session:
        eva = member(session, "Eva Ruiz")
        assert (eva.email, eva.user_id, eva.valid_from) == ("eva@one.example", None, date(2026, 1, 7))
        assert queries.team_of(eva.id) == north


def test_an_end_before_the_beginning_is_refused(one, client_of, people):
    with one as session:
        rep = role(session, "rep").id
    given = {"name": "Eva", "role_id": rep, "valid_from": "2026-01-07", "valid_to": "2025-12-31"}
    answer = client_of("alice").post("/c/one/admin/members/new", data=given)
    assert answer.status_code == 422
    assert "before the beginning" in answer.text


# Invitations


def mails(app):
    worker.run_pending(app)
    return [f.read_text() for f in sorted((Path(app.config["VENDIMIA"].var_dir) / "mail").glob("*.eml"))]


def invite(client, member_id):
    return client.post(f"/c/one/admin/members/{member_id}/invite")


@pytest.fixture
def eva(one):
    """A member without a log-in."""
    with one as session:
        values = {"name": "Eva", "email": "eva@one.example", "role_id": role(session, "rep").id}
        return services.create_member(values).id


def test_an_invited_member_gets_a_log_in_by_mail(app, one, client_of, eva, anonymous):
    assert invite(client_of("alice"), eva).status_code == 303
    (mail,) = mails(app)
    path = re.search(r"/invite/[\w.\-]+", mail.replace("=\n", ""))[0]
    page = anonymous.get(path)
    token = re.search(r'csrf_token" value="([^"]+)"', page.text)[1]
    anonymous.post(path, data={"csrf_token": token, "password": "a fine new sentence"})
    token = re.search(r'csrf_token" value="([^"]+)"', anonymous.get("/login").text)[1]
    given = {"csrf_token": token, "email": "eva@one.example", "password": "a fine new sentence"}
    assert anonymous.post("/login", data=given).status_code == 303
    assert anonymous.get("/", follow_redirects=True).request.path.startswith("/c/one/")


def test_inviting_thirty_times_sends_one_mail_and_another_later(app, client_of, eva, people):
    alice = client_of("alice")
    with time_machine.travel(utcnow(), tick=False) as clock:
        for _time in range(30):
            assert invite(alice, eva).status_code == 303
        assert invite(alice, people["bob"].member_id).status_code == 303
        assert len(mails(app)) == 2
        clock.shift(timedelta(minutes=6))
        assert invite(alice, eva).status_code == 303
        assert len(mails(app)) == 3


def test_inviting_somebody_who_is_known_links_them_and_changes_nothing_of_theirs(app, one, client_of):
    with app.app_context():
        before = (
            db.session.execute(select(User).filter_by(email=email_of("carol"))).scalar_one().__dict__.copy()
        )
    with one as session:
        values = {"name": "Caroline", "email": email_of("carol"), "role_id": role(session, "rep").id}
        member_id = services.create_member(values).id
    assert invite(client_of("alice"), member_id).status_code == 303
    with app.app_context():
        after = db.session.execute(select(User).filter_by(email=email_of("carol"))).scalar_one().__dict__
        assert {k: v for k, v in before.items() if k[0] != "_"} == {
            k: v for k, v in after.items() if k[0] != "_"
        }
    (mail,) = mails(app)
    assert "/login" in mail
    assert "/invite/" not in mail
    carol = client_of("carol")
    assert carol.get("/c/one/admin/").status_code == 303
    assert carol.get("/c/two/admin/").status_code == 303
    assert carol.get("/companies").text.count("/c/") >= 2


def test_a_member_without_address_cannot_be_invited(one, client_of):
    with one as session:
        member_id = services.create_member({"name": "Eva", "role_id": role(session, "rep").id}).id
    answer = invite(client_of("alice"), member_id)
    assert answer.status_code == 422
    assert "mail address first" in answer.text


def test_one_person_cannot_be_two_members(one, client_of):
    with one as session:
        values = {"name": "Second Bob", "email": email_of("bob"), "role_id": role(session, "rep").id}
        member_id = services.create_member(values).id
    answer = invite(client_of("alice"), member_id)
    assert answer.status_code == 422
    assert "already the log-in of Bob" in answer.text


def test_an_admin_changes_neither_password_nor_address_of_a_log_in(app, client_of, people):
    alice, bob = client_of("alice"), people["bob"].member_id
    url = f"/c/one/admin/members/{bob}/fields/email"
    version = version_in(alice.get(url).text)
    assert alice.post(url, data={"email": "other@one.example", "version": version}).status_code in (200, 303)
    assert invite(alice, bob).status_code == 303
    (mail,) = mails(app)
    assert f"To: {email_of('bob')}" in mail
    assert "/invite/" not in mail
    with app.app_context():
        user = db.session.scalars(select(User).filter_by(email=email_of("bob"))).one()
        assert db.session.get(User, user.id).password_hash is not None
    for name in ("password", "password_hash", "user_id", "company_id"):
        assert alice.post(f"/c/one/admin/members/{bob}/fields/{name}", data={name: "1"}).status_code == 404


def test_an_admin_of_one_company_cannot_touch_members_of_another(one, client_of, people):
    alice, carol = client_of("alice"), people["carol"].member_id
    for path in ("", "/edit", "/fields/name", "/history"):
        assert alice.get(f"/c/one/admin/members/{carol}{path}").status_code == 404
    for path in ("/invite", "/end", "/edit", "/fields/name"):
        assert alice.post(f"/c/one/admin/members/{carol}{path}", data={"name": "x"}).status_code == 404
        assert alice.post(f"/c/two/admin/members/{carol}{path}", data={"name": "x"}).status_code == 404


# The end of a membership, and the last administrator


def test_ending_access_closes_the_company_for_that_person(client_of, people):
    bob = client_of("bob")
    answer = client_of("alice").post(f"/c/one/admin/members/{people['bob'].member_id}/end")
    assert answer.status_code == 303
    assert bob.get("/c/one/admin/members").status_code == 404
    assert bob.get("/account").status_code == 200


def test_nobody_ends_their_own_access(client_of, people):
    answer = client_of("alice").post(f"/c/one/admin/members/{people['alice'].member_id}/end")
    assert answer.status_code == 422


@pytest.mark.parametrize("change", ["role", "end", "future end"])
def test_the_last_administrator_stays(one, people, change):
    with one as session:
        alice = session.get_one(Membership, people["alice"].member_id)
        values = {
            "role": {"role_id": role(session, "rep").id},
            "end": {"valid_to": today() - timedelta(days=1)},
            "future end": {"valid_to": today() + timedelta(days=90)},
        }[change]
        with pytest.raises(BusinessError, match="without an administrator"):
            services.update_member(alice, values)
        session.rollback()


def test_one_of_two_administrators_may_go(one, people):
    with one as session:
        bob = session.get_one(Membership, people["bob"].member_id)
        services.update_member(bob, {"role_id": role(session, "admin").id})
        alice = session.get_one(Membership, people["alice"].member_id)
        services.update_member(alice, {"role_id": role(session, "rep").id})
        with pytest.raises(BusinessError, match="without an administrator"):
            services.update_member(bob, {"valid_to": today()})


def test_who_may_edit_members_cannot_make_an_administrator(one, client_of, people):
    with one as session:
        reps = role(session, "rep")
        reps.permissions = [*reps.permissions, "admin.member.edit", "admin.member.create", "admin.role.view"]
        admin_role, name = role(session, "admin").id, "Dave"
    bob = client_of("bob")
    for member_id in (people["bob"].member_id, people["dave"].member_id):
        url = f"/c/one/admin/members/{member_id}/fields/role_id"
        answer = bob.post(url, data={"role_id": admin_role, "version": version_in(bob.get(url).text)})
        assert answer.status_code == 422
        assert "may do more than yours" in answer.text
    answer = bob.post(
        "/c/one/admin/members/new", data={"name": name, "role_id": admin_role, "valid_from": "2026-01-01"}
    )
    assert answer.status_code == 422
    url = f"/c/one/admin/members/{people['alice'].member_id}/fields/role_id"
    demoted = bob.post(url, data={"role_id": str(reps.id), "version": version_in(bob.get(url).text)})
    assert demoted.status_code == 422


def test_the_password_of_the_cast_still_works_after_all_that(anonymous):
    token = re.search(r'csrf_token" value="([^"]+)"', anonymous.get("/login").text)[1]
    given = {"csrf_token": token, "email": email_of("bob"), "password": PASSWORD}
    assert anonymous.post("/login", data=given).status_code == 303


# Nobody reaches further than their own role


@pytest.fixture
def keeper(one, client_of, people):
    """Bob, who may see and edit members, and nothing else."""
    with one as session:
        made = services.create_role({"name": "Keeper"})
        made.permissions = ["admin.member.edit", "admin.member.view"]
        session.get_one(Membership, people["bob"].member_id).role_id = made.id
    return client_of("bob")


@pytest.fixture
def boss(one):
    """An administrator without a log-in."""
    with one as session:
        values = {"name": "Boss", "email": "boss@one.example", "role_id": role(session, "admin").id}
        return services.create_member(values).id


@pytest.mark.parametrize(
    "change",
    [{"email": "evil@one.example"}, {"valid_from": "2020-01-01"}, {"valid_to": "2099-12-31"}],
    ids=lambda change: next(iter(change)),
)
def test_who_has_fewer_rights_does_not_decide_how_an_administrator_gets_in(one, keeper, boss, change):
    with one as session:
        before = session.get_one(Membership, boss).email
    url = f"/c/one/admin/members/{boss}/fields/{next(iter(change))}"
    answer = keeper.post(url, data={**change, "version": version_in(keeper.get(url).text)})
    assert answer.status_code == 422
    assert "may do more than yours" in answer.text
    with one as session:
        kept = session.get_one(Membership, boss)
        assert (kept.email, kept.valid_from, kept.valid_to) == (before, today(), None)


def test_who_has_fewer_rights_invites_no_administrator(app, one, keeper, boss):
    assert invite(keeper, boss).status_code == 422
    assert mails(app) == []
    with one as session:
        assert session.get_one(Membership, boss).user_id is None


def test_who_has_fewer_rights_does_not_end_an_administrators_access(one, client_of, people, keeper):
    with one as session:
        session.get_one(Membership, people["mona"].member_id).role_id = role(session, "admin").id
    assert keeper.post(f"/c/one/admin/members/{people['alice'].member_id}/end").status_code == 422
    assert client_of("alice").get("/c/one/admin/members").status_code == 200


def test_a_name_may_be_corrected_by_who_has_fewer_rights(one, keeper, boss):
    url = f"/c/one/admin/members/{boss}/fields/name"
    answer = keeper.post(url, data={"name": "Bossy", "version": version_in(keeper.get(url).text)})
    assert answer.status_code in (200, 303)
    with one as session:
        assert session.get_one(Membership, boss).name == "Bossy"


def test_members_of_the_same_role_are_within_reach(app, one, keeper, people):
    with one as session:
        bob = session.get_one(Membership, people["bob"].member_id)
        values = {"name": "Eva", "email": "eva@one.example", "role_id": bob.role_id}
        eva = services.create_member(values).id
    assert invite(keeper, eva).status_code == 303
    assert len(mails(app)) == 1
    assert keeper.post(f"/c/one/admin/members/{eva}/end").status_code == 303
