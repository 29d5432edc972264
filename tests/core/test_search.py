"""Words and the index of words: the same rows on SQLite, on PostgreSQL and by plain Python, whoever wrote them."""

from __future__ import annotations

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from sqlalchemy import create_engine, delete, insert, select, text, update

from app.core import migrate, search, search_index, writes
from app.core.db import db
from app.core.registry import registry
from app.modules.contacts.models import Account
from tests.conftest import Addresses, Office

# What the two indexes could cut differently: case that grows, marks, ligatures, symbols, scripts, punctuation.
NASTY = "abAB1 ñÑáéüç ßſŉİıΣςÅﬁ①½ªº²ŒøŁ-_.,;:'\"()*/\\@&%#¿¡«»“”’–…€\u00a0\u200b\u3000\ufe0f\ufeff漢字かな한글ابיא🚀👩‍💻\u0301\u0327\x01\x1f\x7f\x85"
TEXTS = st.text(st.one_of(st.sampled_from(NASTY), st.characters(exclude_characters="\x00", codec="utf-8")), max_size=40)
DATABASE = settings(
    max_examples=60, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture], derandomize=True
)


def found(model: type, q: str) -> set[int]:
    criterion = search.matching(model, q)
    assert criterion is not None
    return set(db.session.scalars(select(model.id).where(criterion)))


def by_hand(rows: dict[int, str], q: str) -> set[int]:
    """The definition, said in Python."""
    wanted = search.asked(q)
    return {i for i, t in rows.items() if all(any(w.startswith(a) for w in search.words(t)) for a in wanted)}


@pytest.fixture
def account(one: Office):
    """Make an account; answers its id."""

    def make(name: str, **values: str) -> int:
        with one:
            return writes.create(Account, {"name": name, **values}).id

    return make


def test_words_are_folded_and_end_at_punctuation() -> None:
    assert search.words("José Núñez-Gómez, S.L. (jose@nunez.es)") == ["jose", "nunez", "gomez", "s", "l", "es"]
    assert search.words("¿Qué? “Straße” 3.5% 🚀") == ["que", "strasse", "3", "5", "🚀"]
    assert search.words(" \x01-–% ") == []


@pytest.mark.parametrize("q", ["jose", "JOSÉ", "nun gom jo", "josé núñez gómez", "sevi"])
def test_rows_are_found_by_beginnings_of_words_whatever_case_and_accents(one: Office, account, q: str) -> None:
    wanted = account("José Núñez Gómez", city="Sevilla")
    account("Joaquín Nuño", city="Soria")
    with one:
        assert found(Account, q) == {wanted}


@pytest.mark.parametrize("q", ["ose", "jose x", "josenunez"])
def test_the_middle_of_a_word_or_a_word_too_many_finds_nothing(one: Office, account, q: str) -> None:
    account("José Núñez")
    with one:
        assert found(Account, q) == set()


@pytest.mark.parametrize("q", ["", " ", "%", "***", "\"'", "-- //", "()"])
def test_without_a_word_there_is_no_criterion(one: Office, q: str) -> None:
    with one:
        assert search.matching(Account, q) is None


@pytest.mark.parametrize(
    "q", ['a" OR "b', "a AND", "NOT a", "NEAR(a b)", "a*", "name:a", "a | b", "a & !b", "'a':*", "\\", "🚀", "a" * 10_000, "a " * 5_000]
)
def test_no_language_of_an_index_leaks(one: Office, account, q: str) -> None:
    rows = {account(name): name for name in ("Alpha beta", "a or b", "a and not near", "🚀 start")}
    with one:
        criterion = search.matching(Account, q)
        assert criterion is None or found(Account, q) == by_hand(rows, q)


@given(texts=st.lists(TEXTS, min_size=1, max_size=8), more=st.lists(TEXTS, max_size=3))
@DATABASE
def test_the_database_finds_what_the_definition_says(one: Office, texts: list[str], more: list[str]) -> None:
    with one:
        ids = writes.bulk_insert(Account, [{"name": t} for t in texts])
        rows = dict(zip(ids, texts, strict=True))
        keys = db.session.execute(select(Account.id, Account.search_key).where(Account.id.in_(ids)))
        rows = {row.id: row.search_key for row in keys}
        for q in [*texts, *more, *(w[:2] for t in texts for w in search.words(t))]:
            if search.asked(q):
                assert found(Account, q) & set(ids) == by_hand(rows, q), q
        db.session.rollback()


def test_a_word_longer_than_any_index_keeps(one: Office, account) -> None:
    wanted = account("🚀" * 150)
    account("🚀" * 20)
    with one:
        assert found(Account, "🚀" * 150) == {wanted}


def test_the_index_follows_every_way_of_writing(one: Office, database: Addresses, account) -> None:
    first = account("Acme")
    with one:
        db.session.get_one(Account, first).name = "Bolero"
    with one:
        assert (found(Account, "acme"), found(Account, "bolero")) == (set(), {first})
        db.session.execute(update(Account).values(search_key="castor"), execution_options={"synchronize_session": False})
        assert (found(Account, "bolero"), found(Account, "castor")) == (set(), {first})
        [second] = writes.bulk_insert(Account, [{"name": "Castor dos"}])
        assert found(Account, "castor") == {first, second}
    engine = create_engine(database.owner_url)
    with engine.begin() as connection:
        connection.execute(delete(Account.__table__).where(Account.__table__.c.id == second))
        connection.execute(update(Account.__table__).values(search_key="delta"))
    engine.dispose()
    with one:
        assert (found(Account, "castor"), found(Account, "delta")) == (set(), {first})


def test_what_was_rolled_back_is_not_found(one: Office) -> None:
    with one:
        writes.create(Account, {"name": "Fugaz"})
        assert found(Account, "fugaz")
        db.session.rollback()
        assert not found(Account, "fugaz")


def test_another_company_is_not_found(one: Office, two: Office) -> None:
    with two:
        writes.create(Account, {"name": "Ajena"})
        assert found(Account, "ajena")
    with one:
        assert not found(Account, "ajena")


@pytest.mark.on("postgres")
def test_the_function_that_asks_the_index_keeps_to_the_company(one: Office, two: Office, database: Addresses) -> None:
    with two:
        writes.create(Account, {"name": "Ajena"})
    ask = text("SELECT count(*) FROM _words_contacts_account('''ajena'':*', NULL, NULL)")
    engine = create_engine(database.url)
    with engine.connect() as connection:
        seen = []
        for company in ("", str(one.id), str(two.id)):
            connection.execute(text("SELECT set_config('app.company_id', :id, true)"), {"id": company})
            seen.append(connection.scalar(ask))
    engine.dispose()
    assert seen == [0, 0, 1]


# Making it


def test_the_check_names_a_table_that_lost_its_index_and_the_upgrade_mends_it(app, one, database, account) -> None:
    wanted = account("Acme")
    lost = "DROP INDEX _words_contacts_account" if database.kind == "postgres" else "DROP TRIGGER _words_contacts_account__in"
    with app.app_context():
        with migrate.connected(database.owner_url) as connection, connection.begin():
            connection.execute(text(lost))
        with pytest.raises(migrate.Drift, match="contacts_account"):
            migrate.check()
        with migrate.connected(database.owner_url) as connection, connection.begin():
            late = connection.execute(
                insert(Account.__table__).values(name="Acme 2", search_key="acme 2", company_id=one.id, version=1)
                .returning(Account.__table__.c.id)
            ).scalar_one()  # fmt: skip
        migrate.upgrade()
        migrate.check()
    with one:
        assert found(Account, "acme") == {wanted, late}


def test_making_it_again_changes_nothing(app, database: Addresses) -> None:
    with app.app_context(), migrate.connected(database.owner_url) as connection, connection.begin():
        assert search_index.missing(connection) == []
        before = _names(connection)
        search_index.ensure(connection)
        assert _names(connection) == before
        assert any(search_index.PREFIX in name for name in before)


def test_purging_a_module_takes_its_index_along(app, database: Addresses) -> None:
    with app.app_context():
        migrate.purge("dummy")
        with migrate.connected(database.owner_url) as connection:
            assert not [name for name in _names(connection) if "dummy" in name and search_index.PREFIX in name]


def _names(connection) -> set[str]:
    if connection.dialect.name == "postgresql":
        return set(connection.scalars(text("SELECT relname FROM pg_class UNION SELECT proname FROM pg_proc")))
    return set(connection.scalars(text("SELECT name FROM sqlite_master")))


def test_a_title_that_the_product_does_not_fold_is_searched_all_the_same(one: Office) -> None:
    """A role has a name and no folded column, as the record types of a small module may."""
    with one:
        role = registry.resource("admin.role").model
        made = writes.create(role, {"key": "x", "name": "Técnico de ÁREA", "permissions": [], "scopes": {}})
        for q in ("tecnico", "TÉCNICO área", "area"):
            assert found(role, q) == {made.id}


# What people are shown


def test_what_matched_is_marked_in_the_text_as_it_is_written() -> None:
    assert search.marked("José <b> Núñez", ["jo", "nun"]) == "<mark>Jo</mark>sé &lt;b&gt; <mark>Núñ</mark>ez"
    assert search.marked("Jose\u0301 x", ["jose"]) == "<mark>Jose\u0301</mark> x"
    assert search.marked("Straße", ["strass"]) == "<mark>Straß</mark>e"
    assert search.marked("Nada", ["x"]) == "Nada"
