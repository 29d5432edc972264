"""`company`: tenants."""

from __future__ import annotations

import click
from flask import g

from app.core import companies
from app.core.cli.base import Group

group = Group("company", help="Found companies.")


@group.command("create")
@click.argument("slug")
@click.option("--name", help="What people call it; the slug unless given.")
@click.option("--timezone", default="Europe/Madrid", show_default=True, help="Zone in which its days begin and end.")
@click.option("--currency", default="EUR", show_default=True, help="ISO 4217 code of its currency.")
@click.option("--language", default="es", show_default=True, help="Language of its pages until a person chooses: es, en.")
@click.option("--fiscal-year-start", type=click.IntRange(1, 12), default=1, show_default=True, help="Month.")
def create(slug: str, name: str | None, timezone: str, currency: str, language: str, fiscal_year_start: int) -> None:
    """Found a company. SLUG stands in its addresses (/c/SLUG/…) and never changes."""
    g.language = "en"
    companies.create_company(slug, name or slug, timezone, currency, language, fiscal_year_start)
    click.echo(f"Company {slug} was created. Switch modules on with: flask --app wsgi module enable NAME --company {slug}")
