"""Logging in, staying logged in, and being thrown out."""

import re
from datetime import timedelta
from pathlib import Path

import pytest
import time_machine
from sqlalchemy import select

from app.core import auth, links, passwords, worker
from app.core.db import db, utcnow
from app.core.errors import BusinessError
from app.core.models import Job, LoginFailure, Membership, Session, User
from tests.cast import PASSWORD, email_of

WRONG = "not the password at all"
NEW = "a quite different sentence"


def token(client, path="/login"):
    return re.search(r'name="csrf_token" value="([^"]+)"', client.get(path).text)[1]


def log_in(client, email=email_of("alice"), password=PASSWORD, **more):
    given = {"csrf_token": token(client), "email": email, "password": password, **more}
    return client.post("/login", data=given)


def is_in(client):
    return client.get("/account").status_code == 200


def stored(app, query):
    with app.app_context():
        return db.session.scalars(query.execution_options(all_companies=True)).all()


# The ladder


def test_the_right_password_opens_the_door(anonymous):
    answer = log_in(anonymous)
    assert answer.status_code == 303
    assert answer.location == "/"
    assert anonymous.get("/", follow_redirects=True).status_code == 200
    assert is_in(anonymous)


def test_the_address_is_read_as_people_type_it(anonymous):
    assert log_in(anonymous, f"  {email_of('alice').upper()} ").status_code == 303


def test_without_log_in_every_page_leads_to_the_log_in_page_and_back(anonymous):
    assert anonymous.get("/account").location == "/login?next=/account"
    page = anonymous.get("/login?next=/account")
    given = {"csrf_token": re.search(r'csrf_token" value="([^"]+)"', page.text)[1]}
    answer = anonymous.post(
        "/login?next=/account", data={**given, "email": email_of("alice"), "password": PASSWORD}
    )
    assert answer.location == "/account"


@pytest.mark.parametrize(
    "url",
    [
        "https://evil.example/",
        "//evil.example",
        "/\\evil.example",
        "javascript:alert(1)",
        "/a\nb",
        "evil",
        "",
    ],
)
def test_the_log_in_page_never_leads_to_another_site(url):
    assert auth.local_path(url) is None


def test_a_log_in_without_csrf_token_is_refused(anonymous):
    anonymous.get("/login")
    answer = anonymous.post("/login", data={"email": email_of("alice"), "password": PASSWORD})
    assert answer.status_code == 400
    assert not is_in(anonymous)


def test_a_wrong_password_and_an_unknown_address_get_the_same_answer(anonymous):
    wrong, unknown = log_in(anonymous, password=WRONG), log_in(anonymous, "nobody@one.example", WRONG)
    assert wrong.status_code == unknown.status_code == 422
    said = [re.search(r'role="alert">.*?<p>(.*?)</p>', a.text, re.S)[1] for a in (wrong, unknown)]
    assert said[0] == said[1] == "The mail address or the password is not right."


def test_an_unknown_address_costs_as_much_time_as_a_wrong_password(app):
    with app.app_context():
        assert not passwords.check_password(None, WRONG)
        assert not passwords.check_password(None, "nobody has this password")
        assert passwords.check_password(passwords.hash_password("for the comparison"), "for the comparison")


def test_the_cookie_holds_no_stored_key(app, anonymous):
    log_in(anonymous)
    with anonymous.session_transaction() as cookie:
        key = cookie["_user_id"]
    hashes = stored(app, select(Session.key_hash))
    assert len(hashes) == 1
    assert key not in hashes


def test_logging_in_changes_session_and_token(app, anonymous):
    before = token(anonymous)
    log_in(anonymous)
    first = stored(app, select(Session.key_hash))
    assert token(anonymous, "/account") != before
    log_in_again = anonymous.post(
        "/login",
        data={"csrf_token": token(anonymous, "/account"), "email": email_of("alice"), "password": PASSWORD},
    )
    assert log_in_again.status_code == 303
    ended = stored(app, select(Session.key_hash).where(Session.revoked_at.is_not(None)))
    assert ended == first


@pytest.mark.parametrize("email", ["admin@demo.example", "ADMIN@demo2.example"])
def test_people_of_the_demo_companies_stay_outside_in_production(app, email):
    with app.app_context():
        hashed = passwords.hash_password(PASSWORD)
        db.session.add(User(email=email.lower(), name="Demo", password_hash=hashed))
        db.session.commit()
    elsewhere, late = app.test_client(), app.test_client()
    assert log_in(elsewhere, email).status_code == 303
    app.config["VENDIMIA"].app_env = "production"
    refused = log_in(late, email)
    assert refused.status_code == 422
    assert "The mail address or the password is not right." in refused.text
    assert not is_in(elsewhere)
    assert log_in(late).status_code == 303


def test_an_outdated_hash_is_renewed_at_log_in(app, anonymous):
    dated = passwords.PasswordHasher(time_cost=2, memory_cost=16, parallelism=1).hash(PASSWORD)
    with app.app_context():
        db.session.scalars(select(User).filter_by(email=email_of("alice"))).one().password_hash = dated
        db.session.commit()
    assert log_in(anonymous).status_code == 303
    assert stored(app, select(User.password_hash).filter_by(email=email_of("alice"))) != [dated]
    anonymous.post("/logout", data={"csrf_token": token(anonymous, "/account")})
    assert log_in(anonymous).status_code == 303


# Ends


def test_a_session_ends_after_14_days_and_after_30_when_remembered(app):
    short, long = app.test_client(), app.test_client()
    with time_machine.travel(utcnow(), tick=True) as clock:
        log_in(short)
        log_in(long, remember="y")
        clock.shift(timedelta(days=13, hours=23))
        assert is_in(short)
        assert is_in(long)
        clock.shift(timedelta(hours=2))
        assert not is_in(short)
        clock.shift(timedelta(days=15, hours=20))
        assert is_in(long)
        clock.shift(timedelta(hours=6))
        assert not is_in(long)


def test_logging_out_ends_the_session_on_the_server(app, anonymous):
    log_in(anonymous)
    with anonymous.session_transaction() as cookie:
        kept = dict(cookie)
    assert anonymous.post("/logout", data={"csrf_token": token(anonymous, "/account")}).status_code == 303
    thief = app.test_client()
    with thief.session_transaction() as cookie:
        cookie.update(kept)
    assert not is_in(thief)


def test_logging_out_takes_the_cookie_of_a_remembered_log_in_away(anonymous):
    log_in(anonymous, remember="y")
    assert anonymous.get_cookie("vendimia_remember") is not None
    anonymous.post("/logout", data={"csrf_token": token(anonymous, "/account")})
    assert anonymous.get_cookie("vendimia_remember") is None
    assert anonymous.get_cookie("vendimia_remember", path="/") is None


def test_logging_out_needs_a_post(client_of):
    assert client_of("alice").get("/logout").status_code == 405


def test_log_out_everywhere_ends_all_sessions(client_of):
    here, there = client_of("alice"), client_of("alice")
    assert here.post("/account/sessions/end").status_code == 303
    assert not is_in(here)
    assert not is_in(there)


def test_one_session_can_be_ended_and_only_ones_own(app, client_of):
    alice, phone, carol = client_of("alice"), client_of("alice"), client_of("carol")
    ids = dict.fromkeys(("alice", "phone", "carol"))
    ids.update(zip(ids, stored(app, select(Session.id).order_by(Session.id)), strict=True))
    assert alice.post(f"/account/sessions/{ids['carol']}/end").status_code == 404
    assert is_in(carol)
    assert alice.post(f"/account/sessions/{ids['phone']}/end").status_code == 303
    assert is_in(alice)
    assert not is_in(phone)


def test_changing_the_password_ends_the_other_sessions(client_of, anonymous):
    here, there = client_of("alice"), client_of("alice")
    answer = here.post("/account/password", data={"current": PASSWORD, "password": NEW})
    assert answer.status_code == 303
    assert is_in(here)
    assert not is_in(there)
    assert log_in(anonymous).status_code == 422
    assert log_in(anonymous, password=NEW).status_code == 303


@pytest.mark.parametrize(
    ("current", "new", "sentence"),
    [
        (WRONG, NEW, "not your present password"),
        (PASSWORD, "short", "at least 12 characters"),
        (PASSWORD, "passwordpassword", "first that would be tried"),
        (PASSWORD, "PasswordPassword", "first that would be tried"),
        (PASSWORD, "aaaaaaaaaaaaaaaa", "first that would be tried"),
        (PASSWORD, email_of("alice"), "first that would be tried"),
        (PASSWORD, "x" * 300, "256"),
    ],
)
def test_a_bad_new_password_gets_a_sentence_and_changes_nothing(client_of, anonymous, current, new, sentence):
    answer = client_of("alice").post("/account/password", data={"current": current, "password": new})
    assert answer.status_code == 422
    assert sentence in answer.text
    assert log_in(anonymous).status_code == 303


def test_an_ended_membership_closes_the_company_at_once(one, people, client_of):
    bob = client_of("bob")
    assert bob.get("/c/one/admin/").status_code == 303
    with one as session:
        session.get_one(Membership, people["bob"].member_id).valid_to = utcnow().date() - timedelta(days=2)
    assert bob.get("/c/one/admin/").status_code == 404
    assert bob.get("/c/one/admin/members").status_code == 404
    assert is_in(bob)


def test_another_company_does_not_exist(client_of):
    assert client_of("alice").get("/c/two/admin/").status_code == 404
    assert client_of("alice").get("/c/nowhere/admin/").status_code == 404


def test_a_get_writes_nothing(app, client_of):
    alice = client_of("alice")
    before = stored(app, select(Session))[0].__dict__
    for path in ("/", "/account", "/companies", "/login", "/c/one/admin/"):
        alice.get(path)
    after = stored(app, select(Session))[0].__dict__
    assert {k: v for k, v in before.items() if k[0] != "_"} == {k: v for k, v in after.items() if k[0] != "_"}
    assert stored(app, select(LoginFailure.id)) == []


# Guessing


def test_failures_slow_down_then_lock_out_and_time_heals(app, anonymous):
    waits = []
    with time_machine.travel(utcnow(), tick=False) as clock:
        for _attempt in range(10):
            answer = log_in(anonymous, password=WRONG)
            while answer.status_code == 429:
                waits.append(int(answer.headers["Retry-After"]))
                assert "Too many failed attempts" in answer.text
                clock.shift(timedelta(seconds=waits[-1]))
                answer = log_in(anonymous, password=WRONG)
            assert answer.status_code == 422
        assert waits == [2, 4, 8, 16, 32, 64, 128]
        locked = log_in(anonymous)
        assert locked.status_code == 429
        assert locked.headers["Retry-After"] == "900"
        assert "15 minutes" in locked.text
        clock.shift(timedelta(minutes=15, seconds=1))
        assert log_in(anonymous).status_code == 303
    assert stored(app, select(LoginFailure.id).where(LoginFailure.subject.startswith("mail:"))) == []


def test_the_count_survives_the_refusal_and_a_success_clears_it(app, anonymous):
    for _attempt in range(2):
        log_in(anonymous, password=WRONG)
    assert (
        len(stored(app, select(LoginFailure.id).where(LoginFailure.subject == f"mail:{email_of('alice')}")))
        == 2
    )
    assert log_in(anonymous).status_code == 303
    assert (
        stored(app, select(LoginFailure.id).where(LoginFailure.subject == f"mail:{email_of('alice')}")) == []
    )


def test_guessing_one_password_at_many_addresses_is_noticed_by_ip(anonymous):
    with time_machine.travel(utcnow(), tick=False):
        answers = [log_in(anonymous, f"person{n}@one.example", WRONG).status_code for n in range(31)]
    assert answers[:30] == [422] * 30
    assert answers[30] == 429


def test_others_may_log_in_while_one_address_is_locked(anonymous):
    with time_machine.travel(utcnow(), tick=False):
        for _attempt in range(4):
            locked = log_in(anonymous, password=WRONG)
        assert locked.status_code == 429
        assert log_in(anonymous, email_of("bob")).status_code == 303


# Links by mail


def mails(app):
    worker.run_pending(app)
    folder = Path(app.config["VENDIMIA"].var_dir) / "mail"
    return [f.read_text() for f in sorted(folder.glob("*.eml"))]


def ask(client, email):
    return client.post("/reset", data={"csrf_token": token(client, "/reset"), "email": email})


def link_in(mail, purpose):
    joined = mail.replace("=\r\n", "").replace("=\n", "")
    return re.search(rf"(http://\S+?)(/{purpose}/[\w.\-]+)", joined).groups()


def use(client, path, password=NEW):
    page = client.get(path)
    if page.status_code != 200:
        return page
    given = re.search(r'csrf_token" value="([^"]+)"', page.text)[1]
    return client.post(path, data={"csrf_token": given, "password": password})


def test_a_reset_link_sets_a_new_password_once(app, client_of, anonymous):
    open_session = client_of("alice")
    ask(anonymous, email_of("alice"))
    host, path = link_in(mails(app)[0], "reset")
    assert host == app.config["VENDIMIA"].base_url
    assert use(anonymous, path, "short").status_code == 422
    assert use(anonymous, path).status_code == 303
    assert not is_in(open_session)
    assert log_in(anonymous, password=NEW).status_code == 303
    assert use(app.test_client(), path).status_code == 404


def test_a_reset_link_dies_after_two_hours(app, anonymous):
    with time_machine.travel(utcnow(), tick=False) as clock:
        ask(anonymous, email_of("alice"))
        path = link_in(mails(app)[0], "reset")[1]
        clock.shift(timedelta(hours=1, minutes=59))
        assert anonymous.get(path).status_code == 200
        clock.shift(timedelta(minutes=2))
        answer = anonymous.get(path)
    assert answer.status_code == 404
    assert "no longer valid" in answer.text


@pytest.mark.parametrize("forged", ["nonsense", "WzEsImEiXQ.aaaaaa.bbbbbbbbbbbbbbbbbbb", "%00", "a" * 3000])
def test_a_forged_link_opens_nothing(anonymous, forged):
    refused = 400 if forged == "%00" else 404  # no address holds a null character
    assert anonymous.get(f"/reset/{forged}").status_code == refused
    assert anonymous.get(f"/invite/{forged}").status_code == refused


def test_a_link_of_one_kind_is_none_of_another(app, anonymous):
    ask(anonymous, email_of("alice"))
    path = link_in(mails(app)[0], "reset")[1]
    assert anonymous.get(path.replace("/reset/", "/invite/")).status_code == 404


def test_a_link_dies_with_any_other_change_of_the_password(app, client_of, anonymous):
    ask(anonymous, email_of("alice"))
    path = link_in(mails(app)[0], "reset")[1]
    client_of("alice").post("/account/password", data={"current": PASSWORD, "password": NEW})
    assert anonymous.get(path).status_code == 404


def test_nobody_learns_from_a_reset_which_addresses_exist(app, anonymous):
    known, unknown = ask(anonymous, email_of("alice")), ask(anonymous, "alike@one.example")
    strip = re.compile(r"al\w+@one\.example|csrf_token\" value=\"[^\"]+|nonce-[^']+")
    assert known.status_code == unknown.status_code == 200
    assert strip.sub("", known.text) == strip.sub("", unknown.text)
    assert len(stored(app, select(Job.id))) == 2
    assert len(mails(app)) == 1


def test_asking_ten_times_sends_one_mail(app, anonymous):
    with time_machine.travel(utcnow(), tick=False):
        for _time in range(10):
            ask(anonymous, email_of("alice"))
        assert len(mails(app)) == 1


def test_an_invitation_sets_the_first_password_and_no_later_one(app, one, anonymous):
    with one as session:
        user = User(email="eve@one.example", name="Eve")
        session.add(user)
        session.flush()
        path = links.create_invite_link(user).removeprefix(app.config["VENDIMIA"].base_url)
    assert "Welcome, Eve" in anonymous.get(path).text
    assert use(anonymous, path).status_code == 303
    assert anonymous.get(path).status_code == 404
    assert log_in(anonymous, "eve@one.example", NEW).status_code == 303
    with one as session:
        known = session.scalars(select(User).filter_by(email="eve@one.example")).one()
        assert links.create_invite_link(known).endswith("/login")


def test_an_invitation_lasts_seven_days(app, one, anonymous):
    with time_machine.travel(utcnow(), tick=False) as clock:
        with one as session:
            user = User(email="eve@one.example", name="Eve")
            session.add(user)
            session.flush()
            path = links.create_invite_link(user).removeprefix(app.config["VENDIMIA"].base_url)
        clock.shift(timedelta(days=6, hours=23))
        assert anonymous.get(path).status_code == 200
        clock.shift(timedelta(hours=2))
        assert anonymous.get(path).status_code == 404


def test_a_password_is_never_stored_when_the_hash_changed_meanwhile(app, one):
    with one as session:
        user = session.scalars(select(User).filter_by(email=email_of("alice"))).one()
        assert auth.store_password(user.id, user.password_hash, passwords.hash_password(NEW))
        assert not auth.store_password(user.id, "what it was before", passwords.hash_password(WRONG))


def test_a_long_sentence_is_a_good_password(app):
    with app.app_context():
        passwords.refuse_weak("el vino nuevo en odres viejos", "alice@one.example", "Alice")
        with pytest.raises(BusinessError, match="12"):
            passwords.refuse_weak("Corta1!")
