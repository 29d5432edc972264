"""Measure the pages people wait for, on both databases, beside the least that each could cost.

make bench ARGS="--sizes 10000,100000 --databases sqlite,postgres --rounds 20"
"""

from __future__ import annotations

import argparse
import multiprocessing
import os
import platform
import sys
import tempfile
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager, nullcontext
from pathlib import Path
from time import perf_counter

ROOT = Path(__file__).resolve().parent.parent
sys.path.insert(0, str(ROOT))

import bench_import  # noqa: E402  # the path comes first
import psycopg  # noqa: E402
from bench_data import Place, found  # noqa: E402
from bench_fill import Size, grow  # noqa: E402
from bench_measure import Raw, Timing, pace  # noqa: E402
from bench_pages import Bench, add_empty_pages, reads, writes  # noqa: E402

from app.core.clock import today  # noqa: E402
from app.core.db import db  # noqa: E402
from app.core.memory import freeze  # noqa: E402
from app.core.tenancy import acting_for  # noqa: E402
from tests import pg  # noqa: E402
from tests.application import build_app, logged_in  # noqa: E402
from tests.cast import everybody  # noqa: E402

# A commit costs what it costs on a real server; statistics are brought up to date by hand, when nothing is timed.
# Shared buffers are a quarter of four gigabytes, as docs/operations.md advises.
DURABLE = {"fsync": "on", "synchronous_commit": "on", "full_page_writes": "on", "shared_buffers": "1GB"}
HOW = """
One process on {cpus} processor(s), Python {python}: each request goes through Flask's test client into the whole
application and back, without network and browser; pages are measured after a warm-up. Times are in milliseconds.
PostgreSQL has 1 GB of shared buffers and writes each commit to disk.
Floor of a page: the same rows by hand-written SQL and the raw driver, joined into an escaped string, plus the empty
page (of the poll: plus an empty answer). Floor of a gesture: its very own statements by the raw driver, with commit.
"""


def main() -> None:
    options = _options()
    print(HOW.strip().format(cpus=multiprocessing.cpu_count(), python=platform.python_version()))
    pg.SETTINGS.update(DURABLE)
    with (
        tempfile.TemporaryDirectory(prefix="bench") as folder,
        pg.server() if "postgres" in options.databases else nullcontext() as server,
    ):
        if options.rows:
            print()
            for place in _places(options.databases, Path(folder), server, "import"):
                print(bench_import.measure(place, options.rows), flush=True)
        places = _places(options.databases, Path(folder), server)
        so_far = 0
        for size in sorted(options.sizes):
            with _trusted(server):
                _grow_all(places, so_far, size - so_far, Size(options.events, options.activities))
            if server:
                server.run("CHECKPOINT")  # or what was filled is written to disk while pages are timed
            so_far = size
            for place in places:
                before = pace()
                _print(place.kind, size, _measure(place, options.rounds))
                print(f"\nA fixed loop of Python took {before:.0f} ms before these were measured and {pace():.0f} ms after.", flush=True)


def _options() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--sizes", type=_numbers, default=[10_000, 100_000], help="numbers of deals, with commas")
    parser.add_argument("--databases", type=_kinds, default=["sqlite", "postgres"], help="sqlite, postgres or both")
    parser.add_argument("--rows", type=int, default=20_000, help="rows of the file that is imported; 0 leaves it out")
    parser.add_argument("--events", type=int, default=10, help="events of each deal; 0: those of its stages, and nothing around it")
    parser.add_argument("--activities", type=int, default=10, help="activities for each deal")
    parser.add_argument("--rounds", type=int, default=12, help="requests of each page that count")
    return parser.parse_args()


def _numbers(text: str) -> list[int]:
    return [int(part) for part in text.split(",")]


def _kinds(text: str) -> list[str]:
    kinds = text.split(",")
    if unknown := set(kinds) - {"sqlite", "postgres"}:
        raise argparse.ArgumentTypeError(f"unknown database: {', '.join(unknown)}")
    return kinds


def _places(kinds: list[str], folder: Path, server: pg.Databases | None, purpose: str = "bench") -> list[Place]:
    """A database of each kind with people and without deals."""
    places = []
    for kind in kinds:
        if server and kind == "postgres":
            name = f"{server.prefix}_{purpose}"
            server.run(f"CREATE DATABASE {name} OWNER {pg.OWNER}")
            places.append(Place(kind, server.url(pg.WEB, name), server.url(pg.OWNER, name), folder / kind))
        else:
            url = f"sqlite:///{folder / purpose}.sqlite3"
            places.append(Place(kind, url, url, folder / kind))
    _together(found, [(place,) for place in places])
    return places


@contextmanager
def _trusted(server: pg.Databases | None) -> Iterator[None]:
    """Leave PostgreSQL's check of references out while it is filled: the same rows go into SQLite, which checks them."""
    if server is None or os.environ.get("TEST_DATABASE_URL"):  # whose role may not be allowed to say so
        yield
        return
    server.run(f"ALTER ROLE {pg.WEB} SET session_replication_role = replica")
    yield
    server.run(f"ALTER ROLE {pg.WEB} RESET session_replication_role")


def _grow_all(places: list[Place], before: int, count: int, size: Size) -> None:
    """Fill all databases at once, one process each."""
    start = perf_counter()
    _together(grow, [(place, count, before, size) for place in places])
    print(f"\n{count:,} more deals and what goes with them in {' and '.join(p.kind for p in places)}: {perf_counter() - start:.0f} s")
    for place in places:
        _settle(place)


def _together(work: Callable[..., None], arguments: list[tuple]) -> None:
    context = multiprocessing.get_context("spawn")
    processes = [context.Process(target=work, args=given) for given in arguments]
    for process in processes:
        process.start()
    for process in processes:
        process.join()
        if process.exitcode:
            raise SystemExit("the database could not be filled")


def _settle(place: Place) -> None:
    """What a server does by itself after so many rows."""
    if place.kind == "postgres":
        url = place.owner_url.replace("+psycopg", "")
        with psycopg.connect(url, autocommit=True) as connection:
            connection.execute("VACUUM ANALYZE")


def _measure(place: Place, rounds: int) -> Iterator[Timing]:
    app = build_app(place.var_dir, place.url, place.owner_url, modules=())
    add_empty_pages(app)
    with app.app_context():
        people = everybody()
    admin, rep = people["alice"], people["bob"]
    raw = Raw(place.url, admin.company_id)
    with app.app_context(), acting_for(admin.company_id):
        day = today()
    freeze()
    bench = Bench(app, raw, logged_in(app, admin), logged_in(app, rep), admin.member_id, rep.member_id, rounds)
    yield from reads(bench, day)
    yield from writes(bench)
    raw.connection.close()
    with app.app_context():
        db.engine.dispose()


def _print(kind: str, size: int, timings: Iterable[Timing]) -> None:
    """One line each, as soon as it is known."""
    print(f"\n{kind}, {size:,} deals\n")
    print("| page or gesture | statements | rows | median ms | p95 ms | floor ms | ratio |")
    print("|---|---:|---:|---:|---:|---:|---:|")
    for t in timings:
        floor = f"{t.floor_median * 1000:.1f} | {t.ratio:.2f}" if t.floor_median and t.ratio else "– | –"
        times = f"{t.median * 1000:.1f} | {t.p95 * 1000:.1f}"
        print(f"| {t.name} | {t.statements} | {t.rows} | {times} | {floor} |", flush=True)


if __name__ == "__main__":
    main()
