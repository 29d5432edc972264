"""The index of words behind search: made by `db upgrade` for the table of every resource, kept by the database itself.

No way of writing can forget it, and a module has it without a line. On SQLite it is an FTS5 table with triggers, on
PostgreSQL an index on an expression. Both cut text into the same words (`app.core.search.words` says which).
"""

# ruff: noqa: S608  # the names are those of our tables, never what somebody typed

from __future__ import annotations

import hashlib
from collections.abc import Iterable
from dataclasses import dataclass

from sqlalchemy import Connection, String, Table, inspect, text

from app.core.registry import registry
from app.core.resource import Resource

PREFIX = "_words_"  # of all that is made here; no module's name begins so
LONGEST_WORD = 64  # characters; longer ones are compared by their beginning. PostgreSQL keeps lexemes of 2,046 bytes
# What ends a word, as ranges of code points. Everything else is part of one. The list is closed on purpose: the three
# programs that cut words have three different ideas of what a letter is.
SEPARATORS = (
    (0x01, 0x2F), (0x3A, 0x40), (0x5B, 0x60), (0x7B, 0xBF), (0xD7, 0xD7), (0xF7, 0xF7),
    (0x2000, 0x206F), (0x20A0, 0x20CF), (0x3000, 0x303F), (0xFE00, 0xFE0F), (0xFFF0, 0xFFFD),
)  # fmt: skip
CONTROLS = ((0x01, 0x20), (0x7F, 0xA0))  # separators for FTS5 by their category, and better not written into a statement
# A lower() that knows more than ASCII whatever the locale of the database; the first that the server has is taken.
COLLATIONS = ("pg_c_utf8", "und-x-icu", "default")
MEMORY = "64MB"  # a smaller bitmap of matches would forget rows and look at whole pages, cutting words again


@dataclass(frozen=True)
class Source:
    """The column in which a record type is searched; `folded` when the product has folded its text already."""

    table: str
    column: str
    folded: bool
    owned: bool

    @property
    def index(self) -> str:
        """Name of the FTS5 table, of the index on PostgreSQL, and of the function there that asks it."""
        return f"{PREFIX}{self.table}"


def source_of(resource: Resource) -> Source | None:
    """Where a record type is searched: `search_key`, else the folded name, else the title; None without any text."""
    table: Table = resource.model.__table__
    for name in ("search_key", f"{resource.title}_key", resource.title):
        if name in table.c and isinstance(table.c[name].type, String):
            return Source(table.name, name, name.endswith("_key"), resource.owned)
    return None


def sources() -> list[Source]:
    """One for each table of the installed modules' resources."""
    found = {s.table: s for s in map(source_of, registry.resources()) if s}
    return [found[table] for table in sorted(found)]


def ensure(connection: Connection) -> None:
    """Make what is missing or was made by another definition, filled from the rows there are; drop what nobody needs.

    Idempotent. Runs as the owner, after the migrations: SQLite forgets a table's triggers when it alters the table.
    """
    there = set(inspect(connection).get_table_names())
    wanted = [s for s in sources() if s.table in there]
    if connection.dialect.name == "postgresql":
        _ensure_postgres(connection, wanted)
    else:
        _ensure_sqlite(connection, wanted)


def missing(connection: Connection) -> list[str]:
    """Tables whose rows are not searched as they should be."""
    there = set(inspect(connection).get_table_names())
    wanted = [s for s in sources() if s.table in there]
    if connection.dialect.name == "postgresql":
        have = _comments(connection)
        return [s.table for s in wanted if have.get(s.index) != _fingerprint(_postgres(s))]
    made = _made_in_sqlite(connection)
    return [s.table for s in wanted if any(made.get(name) != sql for name, sql in _sqlite(s).items())]


def drop_unused(connection: Connection) -> None:
    """Drop what belonged to tables that are gone."""
    there = set(inspect(connection).get_table_names())
    keep = {s.index for s in sources() if s.table in there}
    if connection.dialect.name == "postgresql":
        for name in _functions(connection) - keep:
            connection.execute(text(f'DROP FUNCTION "{name}"'))
    else:
        _drop_from_sqlite(connection, [n for n in _made_in_sqlite(connection) if n.partition("__")[0] not in keep])


# SQLite


def _sqlite(source: Source) -> dict[str, str]:
    """Name -> statement of the table and its triggers, as `sqlite_master` repeats them."""
    name, table, column = source.index, source.table, source.column
    marks = "".join(chr(point) for point in _points() if not _is_control(point))
    quoted = marks.replace("'", "''").replace('"', '""')
    # Folded text has neither case nor accents left; what is not folded gets from FTS5 what it can do.
    accents = 0 if source.folded else 2
    categories = "L* M* N* P* S* Cf Cn Co"
    insert = f'INSERT INTO "{name}"(rowid, "{column}") VALUES (new.id, new."{column}");'
    delete = f'INSERT INTO "{name}"("{name}", rowid, "{column}") VALUES (\'delete\', old.id, old."{column}");'
    changed = f'old."{column}" IS NOT new."{column}" OR old.id <> new.id'
    return {
        name: f'CREATE VIRTUAL TABLE "{name}" USING fts5("{column}", content="{table}", content_rowid="id", detail=none,'
        f" tokenize=\"unicode61 remove_diacritics {accents} categories '{categories}' separators '{quoted}'\")",
        f"{name}__in": f'CREATE TRIGGER "{name}__in" AFTER INSERT ON "{table}" BEGIN {insert} END',
        f"{name}__out": f'CREATE TRIGGER "{name}__out" AFTER DELETE ON "{table}" BEGIN {delete} END',
        f"{name}__on": f'CREATE TRIGGER "{name}__on" AFTER UPDATE OF id, "{column}" ON "{table}" WHEN {changed}'
        f" BEGIN {delete} {insert} END",
    }


def _ensure_sqlite(connection: Connection, wanted: Iterable[Source]) -> None:
    drop_unused(connection)
    made = _made_in_sqlite(connection)
    for source in wanted:
        statements = _sqlite(source)
        if all(made.get(name) == sql for name, sql in statements.items()):
            continue
        _drop_from_sqlite(connection, [name for name in statements if name in made])
        for sql in statements.values():
            connection.exec_driver_sql(sql)
        connection.exec_driver_sql(f'INSERT INTO "{source.index}"("{source.index}") VALUES (\'rebuild\')')


def _made_in_sqlite(connection: Connection) -> dict[str, str]:
    """Name -> statement of our tables and triggers; what FTS5 makes beneath its tables is its own."""
    rows = connection.exec_driver_sql(
        "SELECT name, sql FROM sqlite_master WHERE substr(name, 1, ?) = ? AND"
        " (type = 'trigger' OR sql LIKE 'CREATE VIRTUAL TABLE%')", (len(PREFIX), PREFIX)
    )  # fmt: skip
    return {row[0]: row[1] for row in rows}


def _drop_from_sqlite(connection: Connection, names: Iterable[str]) -> None:
    for name in sorted(names, reverse=True):  # triggers first
        kind = "TRIGGER" if "__" in name.removeprefix(PREFIX) else "TABLE"
        connection.exec_driver_sql(f'DROP {kind} "{name}"')


# PostgreSQL


def _ensure_postgres(connection: Connection, wanted: Iterable[Source]) -> None:
    schema = connection.dialect.identifier_preparer.quote(connection.scalar(text("SELECT current_schema()")))
    for statement in _functions_of_all(connection):
        connection.exec_driver_sql(statement)
    have = _comments(connection)
    for source in wanted:
        index = _postgres(source)
        if have.get(source.index) != (made := _fingerprint(index)):
            connection.exec_driver_sql(f'DROP INDEX IF EXISTS "{source.index}"')
            connection.exec_driver_sql(index)
            connection.exec_driver_sql(f"COMMENT ON INDEX \"{source.index}\" IS '{made}'")
        connection.exec_driver_sql(_asking(source, schema))
        connection.exec_driver_sql(f'REVOKE ALL ON FUNCTION "{source.index}"(tsquery, bigint[], integer) FROM PUBLIC')
    drop_unused(connection)


def grant(connection: Connection, role: str) -> None:
    """Let the web role (quoted) ask the index."""
    for name in _functions(connection) & {s.index for s in sources()}:
        connection.exec_driver_sql(f'GRANT EXECUTE ON FUNCTION "{name}"(tsquery, bigint[], integer) TO {role}')


def _functions_of_all(connection: Connection) -> list[str]:
    """How words are cut from folded text, and how text is folded that the product has not folded."""
    ends = "".join(f"\\u{first:04X}-\\u{last:04X}" for first, last in SEPARATORS)
    known = set(connection.scalars(text("SELECT collname FROM pg_collation")))
    collation = next(name for name in COLLATIONS if name in known)
    head = "LANGUAGE sql IMMUTABLE STRICT PARALLEL SAFE"
    cut = (
        f"SELECT array_to_tsvector(array(SELECT left(word, {LONGEST_WORD})"
        f" FROM unnest(regexp_split_to_array(given, '[{ends}]+')) AS word WHERE word <> ''))"
    )
    bare = "regexp_replace(normalize(given, NFKD), '[\\u0300-\\u036F]+', '', 'g')"
    fold = f"SELECT replace(lower({bare} COLLATE \"{collation}\"), 'ß', 'ss')"
    return [
        f'CREATE OR REPLACE FUNCTION "{PREFIX}cut"(given text) RETURNS tsvector {head} COST 1000 AS $body$ {cut} $body$',
        f'CREATE OR REPLACE FUNCTION "{PREFIX}fold"(given text) RETURNS text {head} AS $body$ {fold} $body$',
    ]


def _postgres(source: Source) -> str:
    return f'CREATE INDEX "{source.index}" ON {source.table} USING gin ({_expression(source)})'


def _expression(source: Source) -> str:
    column = f'"{source.column}"::text'
    return f'"{PREFIX}cut"({column})' if source.folded else f'"{PREFIX}cut"("{PREFIX}fold"({column}))'


def _asking(source: Source, schema: str) -> str:
    """The function that asks the index, as the owner of the table.

    The web role itself could not use it: behind row-level security PostgreSQL lets no operator look at a row before the
    policy has, unless it is marked as leakproof, and `@@` is not. So the function says the policy's own words.
    """
    owners = " AND (owners IS NULL OR t.owner_id = ANY(owners))" if source.owned else ""
    return (
        f'CREATE OR REPLACE FUNCTION "{source.index}"(query tsquery, owners bigint[], most integer)'
        f" RETURNS SETOF bigint LANGUAGE sql STABLE SECURITY DEFINER ROWS 100 SET search_path = {schema}, pg_temp"
        f" SET work_mem = '{MEMORY}' AS $body$ SELECT t.id FROM {source.table} t WHERE"
        " t.company_id = nullif(current_setting('app.company_id', true), '')::bigint"
        f" AND {_expression(source)} @@ query{owners} AND (most IS NULL OR NOT EXISTS (SELECT 1 FROM core_trash x"
        f" WHERE x.company_id = t.company_id AND x.table_name = '{source.table}' AND x.row_id = t.id))"
        " LIMIT most $body$"
    )


def _comments(connection: Connection) -> dict[str, str]:
    rows = connection.execute(
        text(
            "SELECT c.relname, obj_description(c.oid, 'pg_class') FROM pg_class c WHERE c.relkind = 'i'"
            " AND c.relnamespace = current_schema()::regnamespace AND starts_with(c.relname, :prefix)"
        ),
        {"prefix": PREFIX},
    )
    return {row[0]: row[1] for row in rows}


def _functions(connection: Connection) -> set[str]:
    """Names of the functions that ask an index."""
    rows = connection.scalars(
        text(
            "SELECT proname FROM pg_proc WHERE pronamespace = current_schema()::regnamespace AND prosecdef"
            " AND starts_with(proname, :prefix)"
        ),
        {"prefix": PREFIX},
    )
    return set(rows)


def _fingerprint(sql: str) -> str:
    """Of a definition, with the list of separators that it stands on."""
    return hashlib.sha256(f"{sql} {SEPARATORS} {LONGEST_WORD}".encode()).hexdigest()


def _points() -> Iterable[int]:
    return (point for first, last in SEPARATORS for point in range(first, last + 1))


def _is_control(point: int) -> bool:
    return any(first <= point <= last for first, last in CONTROLS)
