"""`demo`: companies to look around in."""

from __future__ import annotations

import click

from app.core import demo
from app.core.cli.base import Group

group = Group("demo", help="Demonstration companies.")


@group.command("load")
def load() -> None:
    """Make the demo companies with their people and deals, unless they are there; safe to run again."""
    made = demo.load()
    click.echo(f"Made: {', '.join(made)}." if made else "The demo companies are there already.")
