"""`export`: a resource as a file."""

from __future__ import annotations

import sys
from collections.abc import Iterable
from pathlib import Path

import click
from werkzeug.datastructures import MultiDict

from app.core.cli.base import Command, Failed, office, resource_of
from app.core.exporting import BOM, CHOICES, CSV, XLSX, Wish, pieces
from app.core.resource import Resource
from app.core.tables import Listing


@click.command("export", cls=Command)
@click.argument("resource", metavar="MODULE.RESOURCE")
@click.option("--company", required=True, metavar="SLUG", help="Whose rows.")
@click.option("--format", "kind", type=click.Choice(CHOICES["format"]), default=CSV, show_default=True)
@click.option("--output", type=click.Path(dir_okay=False, path_type=Path), help="File to write; else standard output.")
@click.option("--filter", "filters", multiple=True, metavar="FIELD=VALUE", help="As in the address of the list.")
def export_file(resource: str, company: str, kind: str, output: Path | None, filters: tuple[str, ...]) -> None:
    """Write all rows of a resource such as crm.deals, with values that `import` reads back."""
    target = resource_of(resource)
    if bad := next((f for f in filters if "=" not in f), None):
        raise Failed(f"--filter takes FIELD=VALUE, not “{bad}”.")
    args = MultiDict([(name, value) for name, _sign, value in (f.partition("=") for f in filters)])
    if unknown := next((name for name in args if name not in _known(target)), None):
        raise Failed(f"{target.address} is not filtered by “{unknown}”, but by: {', '.join(_known(target))}.")
    if "view" not in args and target.views:
        args = MultiDict({**dict.fromkeys(target.views[0].args, ""), **args.to_dict()})  # all rows, not the first tab
    if kind == XLSX and output is None and sys.stdout.isatty():
        raise Failed("An XLSX file is nothing to read in a terminal: give --output FILE.")
    with office(company):
        found = pieces(Listing(target, args), Wish(format=kind))
        if output is None:
            for piece in found:
                click.echo(piece, nl=False)
        else:
            _write(output, found, BOM.encode() if kind == CSV else b"")


def _known(target: Resource) -> list[str]:
    dated = [f"{name}__{end}" for name in target.filters if target.field(name).kind == "date" for end in ("gte", "lte")]
    return [*target.filters, *dated, *(("team",) if target.owned else ()), "q", "sort", "view"]


def _write(output: Path, found: Iterable[bytes], start: bytes) -> None:
    """Whole or not at all: under another name until the last row is written."""
    part = output.with_name(f"{output.name}.part")
    with part.open("wb") as file:
        file.write(start)
        file.writelines(found)
    part.replace(output)
