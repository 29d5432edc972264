"""Bring the database up to date and load the demo companies: what `make run` does before it serves, in one process.

The same as `flask --app wsgi db upgrade` and `flask --app wsgi demo load`, which would load the application twice.
"""

from __future__ import annotations

import sys
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parent.parent))

from wsgi import app

if __name__ == "__main__":
    runner = app.test_cli_runner(catch_exceptions=False)
    for command in ("db upgrade", "demo load"):
        result = runner.invoke(args=command.split())
        print(result.output.strip(), flush=True)
        if result.exit_code:
            raise SystemExit(result.exit_code)
