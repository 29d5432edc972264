"""Write the lock files: exact versions with hashes for every supported Python, and no address of any host."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parent))
from vendor import ROOT, npm_command

UV = Path(sys.executable).with_name("uv")
LOCKS = {
    "requirements.lock": ["--extra", "postgres"],
    "requirements-dev.lock": ["--extra", "postgres", "--group", "pyproject.toml:dev", "-c", "requirements.lock"],
    "tools/node.lock": ["--group", "pyproject.toml:assets"],
}
UNIVERSAL = ["--universal", "--generate-hashes", "--no-emit-index-url", "--no-annotate", "--no-header", "--upgrade"]


def lock_python() -> None:
    for name, wanted in LOCKS.items():
        project = [] if name == "tools/node.lock" else ["pyproject.toml"]
        subprocess.run([UV, "pip", "compile", "--quiet", *UNIVERSAL, *wanted, *project, "-o", name], cwd=ROOT, check=True)


def lock_npm() -> None:
    npm, path = npm_command()
    subprocess.run([*npm, "install", "--package-lock-only"], cwd=ROOT, env={**os.environ, "PATH": path}, check=True)
    place = ROOT / "package-lock.json"
    lock = json.loads(place.read_text())
    for package in lock["packages"].values():
        package.pop("funding", None)  # addresses again, of sponsors
    place.write_text(json.dumps(lock, indent=2) + "\n")


if __name__ == "__main__":
    lock_python()
    lock_npm()
