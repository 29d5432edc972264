"""A person's own page: language, appearance, name, and the company they come back to."""


import pytest

from app.core.companies import create_user
from tests.cast import email_of


def test_language_and_appearance_follow_the_person(client_of):
    alice = client_of("alice")
    given = {"name": "Alicia", "language": "es", "theme": "dark"}
    assert alice.post("/account", data=given).status_code == 303
    page = alice.get("/account").text
    assert 'lang="es"' in page
    assert 'data-bs-theme="dark"' in page
    assert "Alicia" in page


def test_a_preference_brings_back_to_the_page_it_was_chosen_on_and_to_no_other_site(client_of):
    alice = client_of("alice")
    answer = alice.post("/account/preferences", data={"theme": "dark", "next": "/c/one/admin/members?q=b"})
    assert answer.location == "/c/one/admin/members?q=b"
    answer = alice.post(
        "/account/preferences", data={"language": "es", "theme": "pink", "next": "//evil.example"}
    )
    assert answer.location == "/account"
    page = alice.get("/account").text
    assert 'lang="es"' in page
    assert 'data-bs-theme="dark"' in page


def test_a_preference_brings_back_to_a_page_whose_address_is_not_ascii(client_of):
    asked = {"theme": "dark", "next": "/c/one/admin/members?q=漢"}
    answer = client_of("alice").post("/account/preferences", data=asked, headers={"HX-Request": "true"})
    assert answer.status_code == 204
    assert answer.headers["HX-Redirect"] == "/c/one/admin/members?q=%E6%BC%A2"


@pytest.mark.parametrize(
    "wrong", [{"name": " "}, {"theme": "pink"}, {"language": "tlh"}, {"name": "x" * 200}]
)
def test_a_profile_that_cannot_be_changes_nothing(client_of, wrong):
    alice = client_of("alice")
    given = {"name": "Alicia", "language": "", "theme": "auto", **wrong}
    assert alice.post("/account", data=given).status_code == 422
    assert "Alice" in alice.get("/account").text


def test_the_company_used_last_is_where_one_comes_back_to(app, client_of):
    with app.app_context():
        create_user(email_of("alice"), "two", "rep")
    alice = client_of("alice")
    assert alice.get("/").location == "/companies"
    alice.get("/c/two/admin/members")
    assert alice.get("/").location.startswith("/c/two/")
