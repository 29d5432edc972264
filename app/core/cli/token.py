"""`token`: keys with which programs use the API."""

from __future__ import annotations

import click
from flask import g
from sqlalchemy import select

from app.core import tokens
from app.core.auth import normal_email
from app.core.cli.base import Failed, Group
from app.core.db import db
from app.core.models import User

group = Group("token", help="Make tokens for programs.")


@group.command("create")
@click.option("--user", "email", required=True, metavar="EMAIL", help="Person in whose name the program acts.")
@click.option("--company", required=True, metavar="SLUG", help="Company in which it acts.")
@click.option("--name", default="command line", show_default=True, help="What it is for.")
@click.option("--read-only", is_flag=True, help="Let it read and nothing else.")
@click.option("--days", type=click.IntRange(1, tokens.LONGEST_LIFE), help="How long it works; until it is revoked unless given.")
def create(email: str, company: str, name: str, read_only: bool, days: int | None) -> None:
    """Make a token of a person for a company and print it, this once. It may do what the person may do."""
    g.language = "en"
    user_id = db.session.scalar(select(User.id).filter_by(email=normal_email(email)))
    if user_id is None:
        raise Failed(f"There is nobody with the mail address {email}.")
    key = tokens.issue(user_id, company, name, read_only=read_only, days=days)
    db.session.commit()
    click.echo(key)
