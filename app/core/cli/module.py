"""`module`: what is installed, and which company has it on."""

from __future__ import annotations

from pathlib import Path

import click
from flask_babel import force_locale

from app.core import lifecycle, migrate
from app.core.cli import scaffold
from app.core.cli.base import Failed, Group, office
from app.core.registry import registry

group = Group("module", help="List modules, switch them on and off for a company, remove them, begin a new one.")
COMPANY = click.option("--company", required=True, metavar="SLUG", help="Company to switch it for.")


@group.command("list")
@click.option("--company", metavar="SLUG", help="Say for this company what is on.")
def listing(company: str | None) -> None:
    """List the installed modules, dependencies first."""
    on: set[str] | None = None
    if company:
        with office(company):
            on = {m.name for m in lifecycle.enabled_modules()}
    for module in registry.modules.values():
        state = "" if on is None else ("on   " if module.name in on else "off  ")
        always = " (always on)" if module.manifest.always_on else ""
        needs = f", needs {', '.join(module.manifest.depends)}" if module.manifest.depends else ""
        click.echo(f"{state}{module.name:12} {module.manifest.version:8} {module.manifest.label}{always}{needs}")


@group.command("enable")
@click.argument("name")
@COMPANY
def enable(name: str, company: str) -> None:
    """Switch module NAME on, and before it all that it needs."""
    with office(company) as found, force_locale(found.language):
        lifecycle.enable(name)
    click.echo(f"{name} is on for {company}.")


@group.command("disable")
@click.argument("name")
@COMPANY
def disable(name: str, company: str) -> None:
    """Switch module NAME off; its rows stay. Refused while a module that needs it is on."""
    with office(company):
        lifecycle.disable(name)
    click.echo(f"{name} is off for {company}.")


@group.command("purge")
@click.argument("name")
@click.option("--yes", is_flag=True, help="Do not ask.")
def purge(name: str, yes: bool) -> None:
    """Drop the tables of module NAME with all their rows, in every company. There is no way back."""
    if name not in registry.modules:
        raise Failed(f"There is no module {name}.")
    if not yes:
        click.confirm(f"Drop all tables of {name}, for every company?", abort=True)
    migrate.purge(name)
    click.echo(f"The tables of {name} are gone. Uninstall its package now, or `db upgrade` brings them back empty.")


@group.command("scaffold")
@click.argument("name")
@click.option("--into", type=click.Path(file_okay=False, path_type=Path), default=Path(), help="Folder to write to.")
def scaffold_module(name: str, into: Path) -> None:
    """Write a small working module NAME into a folder of its own, with an entry point to be found by."""
    folder = scaffold.write_module(name, into)
    click.echo(f"Written: {folder}. Next: pip install -e {folder}, then `db revision {name} -m 'first tables'`.")
