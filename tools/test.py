"""Run the tests: all of them in CI; without the browser tests where no Chromium is installed, and say so.

Arguments go to pytest: make test ARGS="tests/core -k tenancy"
"""

from __future__ import annotations

import os
import shutil
import sys

import pytest

BROWSERS = ("chromium", "chromium-browser", "google-chrome", "google-chrome-stable")
MOST_WORKERS = 4


def main(arguments: list[str]) -> int:
    if os.environ.get("CI") and not any(map(shutil.which, BROWSERS)):
        print("CI runs the browser tests, and no Chromium was found on PATH.", file=sys.stderr)
        return 1
    options = ["--numprocesses", str(max(2, min(MOST_WORKERS, len(os.sched_getaffinity(0))))), "--dist", "worksteal"]
    if not any(map(shutil.which, BROWSERS)):
        print("No Chromium on this machine: the browser tests are left out (.ci/run runs them).", flush=True)
        options += ["-m", "not browser"]
    return pytest.main([*options, *arguments])


if __name__ == "__main__":
    raise SystemExit(main(sys.argv[1:]))
