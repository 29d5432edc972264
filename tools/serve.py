"""Start web server and worker together, say where to look, and stop both when either ends or somebody says so."""

from __future__ import annotations

import ctypes
import os
import signal
import socket
import subprocess
import sys
import time
import urllib.request
from pathlib import Path
from types import FrameType
from urllib.error import URLError

ROOT = Path(__file__).resolve().parent.parent
BIN = Path(sys.executable).parent
PORT = int(os.environ.get("PORT") or 8000)
ADDRESS = f"http://127.0.0.1:{PORT}"
# gunicorn rather than granian: when its master is killed, its workers end too; granian's go on holding the port.
# One process: SQLite has one writer, and rate limits counted in memory stay exact.
WEB = [
    BIN / "gunicorn", "wsgi:app", "--bind", f"127.0.0.1:{PORT}", "--worker-class", "gthread",
    "--workers", "1", "--threads", "8", "--timeout", "120", "--graceful-timeout", "10", "--log-level", "warning",
    "--no-control-socket",
]  # fmt: skip
WORKER = [BIN / "flask", "--app", "wsgi", "worker"]
LOG_INS = ("admin@demo.example", "manager@demo.example", "rep@demo.example", "admin@demo2.example")
PR_SET_PDEATHSIG = 1
GRACE = 12  # seconds


class Stop(Exception):
    """Somebody asked this process to end."""


def stop(_signal: int, _frame: FrameType | None) -> None:
    raise Stop


def die_with_parent() -> None:
    """On Linux, let the kernel end a child whose parent was killed outright; elsewhere it would be left over."""
    if sys.platform == "linux":
        ctypes.CDLL(None).prctl(PR_SET_PDEATHSIG, signal.SIGTERM)


def start(command: list) -> subprocess.Popen:
    # A group of its own: Ctrl-C reaches this process alone, which then stops both in order.
    # This process has no threads, so code between fork and exec is safe.
    return subprocess.Popen(command, cwd=ROOT, preexec_fn=die_with_parent, process_group=0)  # noqa: PLW1509  # see above


def answers() -> bool:
    try:
        with urllib.request.build_opener(urllib.request.ProxyHandler({})).open(f"{ADDRESS}/healthz", timeout=2):
            return True
    except (URLError, OSError):
        return False


def password() -> str:
    kept = Path(os.environ.get("VAR_DIR") or ROOT / "var") / "demo-password"
    return os.environ.get("DEMO_PASSWORD") or (kept.read_text().strip() if kept.exists() else "")


def announce() -> None:
    print(f"\n  Vendimia runs at {ADDRESS}   (Ctrl-C stops it)\n")
    if os.environ.get("APP_ENV") == "demo":
        print("  Log in with the password  " + password())
        print("".join(f"    {email}\n" for email in LOG_INS), flush=True)


def watch(processes: dict[str, subprocess.Popen]) -> int:
    """Wait until one of them ends; a clean end of one is an error too, since the other is alone."""
    announced = False
    while True:
        for name, process in processes.items():
            if process.poll() is not None:
                print(f"The {name} process ended with {process.returncode}; stopping the other.", file=sys.stderr)
                return 1
        if not announced and answers():
            announced = True
            announce()
        time.sleep(0.2 if not announced else 1)


def end(processes: dict[str, subprocess.Popen]) -> None:
    for process in processes.values():
        if process.poll() is None:
            process.terminate()
    deadline = time.monotonic() + GRACE
    for process in processes.values():
        try:
            process.wait(max(0.1, deadline - time.monotonic()))
        except subprocess.TimeoutExpired:
            process.kill()
            process.wait()


def port_is_free() -> bool:
    with socket.socket() as probe:
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)  # as the server: remains of closed connections are no hindrance
        try:
            probe.bind(("127.0.0.1", PORT))
        except OSError:
            return False
    return True


def main() -> int:
    if not port_is_free():
        print(f"Port {PORT} is taken by another program; choose one: make run PORT={PORT + 1}", file=sys.stderr)
        return 1
    signal.signal(signal.SIGTERM, stop)
    signal.signal(signal.SIGINT, stop)
    processes: dict[str, subprocess.Popen] = {}
    try:
        processes["web"] = start(WEB)
        processes["worker"] = start(WORKER)
        return watch(processes)
    except Stop:
        return 0
    finally:
        signal.signal(signal.SIGTERM, signal.SIG_IGN)
        signal.signal(signal.SIGINT, signal.SIG_IGN)
        end(processes)


if __name__ == "__main__":
    raise SystemExit(main())
