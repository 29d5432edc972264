"""Files for the browser: named after their content, compressed when the application starts, kept for ever by caches.

A bundle is many small files sent as one: a page needs a handful of requests, and we may keep files small. Nothing is
built beforehand, so nothing can be out of date: what is served is what lies in `assets/` and `static/vendor/`.
"""

from __future__ import annotations

import gzip
import mimetypes
import re
from dataclasses import dataclass, field
from functools import lru_cache
from hashlib import sha256
from pathlib import Path

from flask import Blueprint, Flask, Response, abort, current_app, request

ROOT = Path(__file__).resolve().parents[2]
OURS, VENDOR = ROOT / "assets", ROOT / "static" / "vendor"
SERVED = {".css", ".js", ".svg", ".woff2", ".png", ".ico"}
SQUEEZED = {".css", ".js", ".svg"}  # a font is compressed already
REFERENCE = re.compile(r"url\((['\"]?)(?:\./)?([\w\-]+\.woff2)\1\)")
FOREVER = "public, max-age=31536000, immutable"
# Bundle -> what begins it, in this order, and the folder whose other files follow by name.
BUNDLES: dict[str, tuple[tuple[str, ...], str]] = {
    "app.css": (
        ("vendor/inter.css", "vendor/tabler.min.css", "css/theme.css", "css/shell.css", "css/form.css", "css/list.css",
         "css/record.css"),
        "css",
    ),
    "app.js": (
        ("vendor/htmx.min.js", "vendor/hx-ptag.min.js", "vendor/tom-select.complete.min.js", "vendor/Sortable.min.js",
         "js/app.js"),
        "js",
    ),
}
# Loaded by some pages alone: those outside any company, the board, the page of a deal.
APART = frozenset({"css/site.css", "js/site.js", "js/board.js", "js/board-live.js", "js/deal.js", "js/forecast.js"})


@dataclass(frozen=True)
class Asset:
    """A file as it is sent; `packed` is empty where compressing does not pay."""

    address: str
    kind: str
    body: bytes
    packed: bytes = b""


@dataclass
class Assets:
    """All files by the name that templates use, and by the address under which they are served."""

    by_name: dict[str, Asset] = field(default_factory=dict)
    by_address: dict[str, Asset] = field(default_factory=dict)

    @classmethod
    def read(cls) -> Assets:
        """Read, name and compress everything; well under a second."""
        found = cls()
        files = {**_files(VENDOR, "vendor/"), **_files(OURS, "")}
        for name, path in sorted(files.items(), key=lambda pair: pair[1].suffix == ".css"):
            # Style sheets last: they name fonts by the address these have got.
            found._add(name, found._pointing(path.read_bytes()) if path.suffix == ".css" else path.read_bytes())
        for bundle, (first, folder) in BUNDLES.items():
            rest = [n for n in sorted(files) if n.startswith(f"{folder}/") and n not in APART and n not in first]
            found._add(bundle, found._joined([n for n in first if n in files] + rest))
        return found

    def _add(self, name: str, body: bytes) -> None:
        stem, _dot, suffix = name.rpartition(".")
        address = f"{stem}.{sha256(body).hexdigest()[:12]}.{suffix}"
        packed = gzip.compress(body, 9, mtime=0) if f".{suffix}" in SQUEEZED else b""
        kind = mimetypes.types_map.get(f".{suffix}", "application/octet-stream")
        asset = Asset(address, f"{kind}; charset=utf-8" if kind.startswith("text/") else kind, body, packed)
        self.by_name[name] = self.by_address[address] = asset

    def _pointing(self, text: bytes) -> bytes:
        """A style sheet with its fonts under the addresses they are served by."""
        def address(match: re.Match[str]) -> str:
            return f"url(/assets/{self.by_name['vendor/' + match[2]].address})"

        return REFERENCE.sub(address, text.decode()).encode()

    def _joined(self, names: list[str]) -> bytes:
        # A line break and a semicolon: what one file leaves open must not swallow the next.
        between = b"\n;\n" if names and names[0].endswith(".js") else b"\n"
        return between.join(self.by_name[name].body for name in names)


@lru_cache(maxsize=1)
def _read_once() -> Assets:
    """For all applications of a process: tests build many."""
    return Assets.read()


def _files(folder: Path, prefix: str) -> dict[str, Path]:
    paths = (p for p in folder.rglob("*") if p.suffix in SERVED and p.is_file())
    return {prefix + p.relative_to(folder).as_posix(): p for p in paths}


def asset(name: str) -> str:
    """Address of a file of `assets/`, of "vendor/…", or of a bundle."""
    if current_app.debug:
        current_app.extensions["assets"] = Assets.read()
    known: Assets = current_app.extensions["assets"]
    return f"/assets/{known.by_name[name].address}" if name in known.by_name else f"/assets/missing/{name}"


def _serve(filename: str) -> Response:
    """One file by its address; another version's address is not there."""
    found = current_app.extensions["assets"].by_address.get(filename) or abort(404)
    packed = bool(found.packed) and request.accept_encodings.quality("gzip") > 0
    response = Response(found.packed if packed else found.body, content_type=found.kind)
    if packed:
        response.content_encoding = "gzip"
    if found.packed:
        response.vary.add("Accept-Encoding")
    response.headers["Cache-Control"] = FOREVER
    return response


def init_app(app: Flask) -> None:
    app.extensions["assets"] = _read_once()
    blueprint = Blueprint("assets", __name__)
    blueprint.add_url_rule("/assets/<path:filename>", endpoint="static", view_func=_serve)
    app.register_blueprint(blueprint)
