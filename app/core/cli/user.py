"""`user`: people and their places in companies."""

from __future__ import annotations

import click
from flask import g

from app.core import companies, links
from app.core.cli.base import Failed, Group, office
from app.core.db import db
from app.core.models import User

group = Group("user", help="Bring people into companies.")


@group.command("create")
@click.argument("email")
@click.option("--company", required=True, metavar="SLUG", help="Company they get a place in.")
@click.option("--role", required=True, metavar="admin|manager|rep", help="Key of a role of that company.")
@click.option("--name", help="Their name; what stands before the @ unless given.")
@click.option("--send-link", is_flag=True, help="Mail a link by which they set their password.")
@click.option("--print-link", is_flag=True, help="Print that link here instead.")
def create(email: str, company: str, role: str, name: str | None, send_link: bool, print_link: bool) -> None:
    """Give the person with the mail address EMAIL a place in a company; nobody ever types a password here."""
    if send_link and print_link:
        raise Failed("Choose one of --send-link and --print-link.")
    g.language = "en"
    user_id = companies.create_user(email, company, role, name)
    click.echo(f"{email} is {role} of {company}.", err=print_link)
    with office(company) as found:
        user = db.session.get_one(User, user_id)
        if send_link:
            links.mail_invitation(user, found.name, found.language)
            click.echo("The link will be mailed by the worker.")
        elif print_link:
            click.echo(links.create_invite_link(user))
