"""An export goes back in by what the import page suggests: nothing doubles, for every resource and in both languages."""

from __future__ import annotations

import pytest
from sqlalchemy import func, select

from app.core.db import db
from app.core.importing.models import ImportBatch
from app.core.registry import registry
from app.core.testing import Walk
from app.modules.contacts.models import Account
from app.modules.crm.models import Deal
from tests.core.importer import ACCOUNTS, Import

DEALS = "/c/one/crm/deals"
WHOLE = "/export?format=csv&view=all&extent=all&headings=%s"


def newest() -> ImportBatch:
    return db.session.scalars(select(ImportBatch).order_by(ImportBatch.id.desc())).first()


@pytest.mark.parametrize("headings", ["names", "labels"])
def test_every_export_comes_back_to_the_rows_it_came_from(app, one, people, client_of, headings):
    alice = client_of("alice")
    with one:
        for owner in ("bob", "dave"):
            Walk(app).make_rows(people[owner].member_id, f"of {owner}", owned=True)
        resources = [r for r in registry.resources() if any(f.importable and f.name == r.title for f in r.fields)]
    wrong = []
    for resource in resources:
        base = f"/c/one/{resource.module}/{resource.plural}"
        with one as session:
            before = session.scalar(select(func.count()).select_from(resource.model))
        if not before:
            continue
        view = next((v.name for v in resource.views if not v.args), "")
        file = alice.get(f"{base}/export?format=csv&extent=all&headings={headings}&view={view}")
        assert file.status_code == 200, resource.key
        it = Import(app, alice, file.get_data(), base)
        it.check()
        with one:
            batch = newest()
            said = {n: batch.report.get(n) for n in ("rows", "created", "updated", "unchanged")}
            if batch.state != "checked" or batch.plan.get("match_key") != "id" or said["created"] or said["rows"] != before:
                wrong.append((resource.key, batch.state, batch.plan.get("match_key"), said, batch.error))
    assert wrong == []
    assert len(resources) > 5


def test_ids_of_another_system_are_no_ids_of_ours(app, one, client_of):
    with one:
        first = registry.resource("contacts.account").add({"name": "Ours"}).id
    it = Import(app, client_of("alice"), f"id,name\n{first},Theirs\n{first + 1},Others\n", ACCOUNTS)
    it.check()
    it.publish()
    with one:
        assert newest().plan["match_key"] == "external_id"
        assert sorted(db.session.scalars(select(Account.name))) == ["Others", "Ours", "Theirs"]


def test_a_key_that_some_rows_lack_is_not_proposed(app, one, client_of):
    it = Import(app, client_of("alice"), "external_id,name,state\nX1,A,open\n,A,open\n", DEALS)
    with one:
        assert newest().plan["match_key"] == ""
        assert "state" not in newest().plan["columns"]
    it.check()
    it.publish()
    with one:
        assert db.session.scalar(select(func.count()).select_from(Deal)) == 2
