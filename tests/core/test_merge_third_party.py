"""The rows of a third-party module follow its accounts, and merge themselves, without a line of its own."""

from __future__ import annotations

from sqlalchemy import select

from app.core import merging
from app.core.db import db
from app.core.registry import registry
from app.core.writes import create
from app.modules.contacts.models import Account
from tests.test_third_party import app, installed, visits_on  # noqa: F401  # fixtures


def test_visits_follow_their_account_and_come_back(app, visits_on, one):  # noqa: F811  # fixtures
    with one:
        visit = registry.resource("visits.visit")
        good, bad = (create(Account, {"name": name}) for name in ("Acme", "ACME S.L."))
        made = visit.add({"name": "Ver línea 3", "account_id": bad.id, "day": None})
        group = merging.merge(registry.resource("contacts.account"), good.id, [bad.id], {}, {})
        assert db.session.scalar(select(visit.model.account_id)) == good.id
        merging.unmerge(group)
        assert db.session.scalar(select(visit.model.account_id)) == bad.id
        also = visit.add({"name": "Ver la línea 3", "account_id": bad.id, "day": None})
        group = merging.merge(visit, made.id, [also.id], {"name": "Ver la línea 3"}, {})
        assert db.session.scalars(select(visit.model.name)).all() == ["Ver la línea 3"]
        merging.unmerge(group)
        assert sorted(db.session.scalars(select(visit.model.name))) == ["Ver la línea 3", "Ver línea 3"]


def test_visits_have_the_page_that_merges(app, visits_on, one, client_of):  # noqa: F811  # fixtures
    with one:
        visit = registry.resource("visits.visit")
        account = create(Account, {"name": "Acme"})
        ids = [visit.add({"name": name, "account_id": account.id, "day": None}).id for name in ("One", "Two")]
    page = client_of("alice").get(f"/c/one/visits/visits/merge?ids={ids[0]},{ids[1]}")
    assert page.status_code == 200 and "Purpose" in page.text
