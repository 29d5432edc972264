"""The page of a figure that is made of others leads to theirs."""

from __future__ import annotations


def test_a_figure_made_of_others_lists_them_with_their_records(one, people, client_of) -> None:
    alice = client_of("alice")
    alice.post("/c/one/dummy/things/new", data={"name": "Lathe"})
    page = alice.get("/c/one/admin/figures?metric=dummy.doubled")
    assert page.status_code == 200
    assert "Twice the things: 2" in page.text
    assert "/c/one/admin/figures?metric=dummy.things" in page.text
