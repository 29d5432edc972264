"""Catalogs of translations, one for the core (with templates/) and one per module.

    catalogs.py extract    print the messages that each catalog should hold
    catalogs.py update     bring the .po files in line with the code: new messages empty, unused ones removed
    catalogs.py compile    write the .mo files that the product reads
    catalogs.py check      fail on a message that is missing, empty, fuzzy, no longer used or has other placeholders

Catalogs hold no line numbers, dates or names of machines: a change in one shows what changed in words.
"""

from __future__ import annotations

import io
import sys
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from babel.messages.catalog import Catalog, Message
from babel.messages.extract import extract_from_file
from babel.messages.mofile import write_mo
from babel.messages.pofile import read_po, write_po

ROOT = Path(__file__).resolve().parent.parent
LANGUAGES = ("es",)  # message ids are English
KEYWORDS = {
    "_": None,
    "_l": None,
    "gettext": None,
    "lazy_gettext": None,
    "_n": (1, 2),
    "ngettext": (1, 2),
    "lazy_ngettext": (1, 2),
}
JINJA = {"silent": "false"}  # a broken template is an error, not a template without messages


@dataclass(frozen=True)
class Area:
    """A catalog and the places its messages come from."""

    name: str
    home: Path
    sources: tuple[Path, ...]

    def po(self, language: str) -> Path:
        return self.home / "translations" / language / "LC_MESSAGES" / "messages.po"


def areas() -> list[Area]:
    modules = sorted(p.parent for p in (ROOT / "app" / "modules").glob("*/manifest.py"))
    core = ROOT / "app" / "core"
    return [
        Area("core", core, (core, ROOT / "templates", ROOT / "app" / "__init__.py", ROOT / "config.py")),
        *(Area(module.name, module, (module,)) for module in modules),
    ]


def files(area: Area) -> Iterator[tuple[Path, str]]:
    """Source files of an area with the method that reads each."""
    for source in area.sources:
        for path in sorted(source.rglob("*")) if source.is_dir() else [source]:
            if "migrations" in path.parts or "translations" in path.parts:
                continue
            if path.suffix == ".py":
                yield path, "python"
            elif path.suffix in {".html", ".txt"} and "templates" in path.parts:
                yield path, "jinja2"


def extract(area: Area) -> Catalog:
    """What the code of an area wants translated, now."""
    catalog = Catalog(fuzzy=False)
    for path, method in files(area):
        options = JINJA if method == "jinja2" else {}
        found = extract_from_file(method, path, keywords=KEYWORDS, comment_tags=("i18n:",), options=options)
        for _line, message, comments, context in found:
            catalog.add(message, auto_comments=comments, context=context)
    return catalog


def kept(area: Area, language: str) -> Catalog:
    """The catalog as it lies in the tree; an empty one where there is none."""
    place = area.po(language)
    if not place.exists():
        return Catalog(locale=language, fuzzy=False)
    with place.open("rb") as file:
        return read_po(file, locale=language, abort_invalid=True)


def text(message: Message) -> str:
    return message.id if isinstance(message.id, str) else message.id[0]


def translated(message: Message | None) -> bool:
    """Whether there is a translation, of every plural form."""
    string = message.string if message else ""
    return all(string) if isinstance(string, list | tuple) else bool(string)


def faults(area: Area, language: str) -> list[str]:
    wanted, have = extract(area), kept(area, language)
    found = []
    for message in wanted:
        if not message.id:
            continue
        known = have.get(message.id, message.context)
        if known is None or not translated(known) or known.pluralizable != message.pluralizable:
            found.append(f"not translated: {text(message)!r}")
        elif known.fuzzy:
            found.append(f"fuzzy: {text(message)!r}")
    unused = [message for message in have if message.id and wanted.get(message.id, message.context) is None]
    found += [f"no longer used: {text(message)!r}" for message in (*unused, *have.obsolete.values())]
    found += [f"{text(message)!r}: {error}" for message, errors in have.check() if message.id for error in errors]
    return [f"{area.name} [{language}] {fault}" for fault in found]


def write(place: Path, catalog: Catalog) -> None:
    """Sorted, without places and dates."""
    body = io.BytesIO()
    write_po(body, catalog, width=100, no_location=True, omit_header=True, sort_output=True, ignore_obsolete=True)
    header = (
        'msgid ""\nmsgstr ""\n'
        f'"Language: {catalog.locale}\\n"\n'
        '"MIME-Version: 1.0\\n"\n'
        '"Content-Type: text/plain; charset=utf-8\\n"\n'
        '"Content-Transfer-Encoding: 8bit\\n"\n'
        f'"Plural-Forms: {catalog.plural_forms}\\n"\n\n'
    )
    place.parent.mkdir(parents=True, exist_ok=True)
    place.write_text(header + body.getvalue().decode().strip() + "\n", encoding="utf-8")


def show() -> int:
    for area in areas():
        print(f"# {area.name}")
        print("\n".join(sorted(text(message) for message in extract(area) if message.id)))
    return 0


def update() -> int:
    for area in areas():
        for language in LANGUAGES:
            catalog, wanted = kept(area, language), extract(area)
            catalog.update(wanted, no_fuzzy_matching=True)
            for message in catalog:
                message.locations = []
            if len(wanted):
                write(area.po(language), catalog)
            empty = sum(1 for message in catalog if message.id and not translated(message))
            print(f"{area.name} [{language}]: {len(catalog)} messages, {empty} to translate")
    return 0


def compile_all() -> int:
    for place in sorted((ROOT / "app").glob("**/LC_MESSAGES/*.po")):
        with place.open("rb") as source:
            catalog = read_po(source, locale=place.parent.parent.name)
        with place.with_suffix(".mo").open("wb") as target:
            write_mo(target, catalog)
    return 0


def check() -> int:
    found = [fault for area in areas() for language in LANGUAGES for fault in faults(area, language)]
    print("\n".join(found) if found else "Catalogs are complete.")
    return 1 if found else 0


if __name__ == "__main__":
    verbs = {"extract": show, "update": update, "compile": compile_all, "check": check}
    if len(sys.argv) != 2 or sys.argv[1] not in verbs:
        raise SystemExit(__doc__)
    raise SystemExit(verbs[sys.argv[1]]())
