"""`db`: the schema and its versions."""

from __future__ import annotations

import click

from app.core import companies, migrate
from app.core.cli.base import Failed, Group
from app.core.registry import registry

group = Group("db", help="Bring the database to the newest version, write new versions, check them.")


@group.command("upgrade")
def upgrade() -> None:
    """Apply every migration of the core and of all installed modules.

    On PostgreSQL also protect each table of a company by row-level security and grant the web role what it needs. The
    stock roles of every company get what its modules newly propose for them.
    """
    migrate.upgrade()
    companies.offer_news()
    click.echo("The database is up to date.")


@group.command("revision")
@click.argument("module")
@click.option("-m", "--message", required=True, help="What changes, in a few words; it becomes the file's name.")
def revision(module: str, message: str) -> None:
    """Write the next migration of MODULE ("core" for the core) from what its models say."""
    if module != "core" and module not in registry.modules:
        raise Failed(f"There is no module {module}.")
    click.echo(f"Written: {migrate.revision(module, message)}")


@group.command("check")
def check() -> None:
    """Compare models, migrations and, on PostgreSQL, the protection of every table; fails where they differ."""
    migrate.check()
    click.echo("Models, migrations and database agree.")
