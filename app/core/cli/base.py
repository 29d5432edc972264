"""What every command has in common: it fails with one sentence, never with a traceback, and speaks English."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import click
import structlog
from flask import g
from flask.cli import with_appcontext
from sqlalchemy.exc import DBAPIError, OperationalError, ProgrammingError

from app.core.db import db
from app.core.errors import NotFound, Refusal
from app.core.i18n import _
from app.core.migrate import Drift
from app.core.models import Company
from app.core.registry import ModuleError, registry
from app.core.resource import Resource
from app.core.tenancy import acting_for, company_by_slug
from config import BadConfig

log = structlog.get_logger()


class Failed(click.ClickException):
    """One sentence on stderr and exit status 1."""

    def show(self, file: Any = None) -> None:
        click.echo(f"Error: {self.message}", err=True, file=file)


class Command(click.Command):
    """A command inside an app context whose failures are sentences."""

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        if self.callback:
            self.callback = with_appcontext(self.callback)

    def invoke(self, ctx: click.Context) -> Any:
        try:
            return super().invoke(ctx)
        except (Refusal, Drift, ModuleError, BadConfig) as error:
            raise Failed(str(error)) from error
        except (OperationalError, ProgrammingError) as error:
            raise Failed(_database(error)) from error
        except BrokenPipeError:
            raise  # click ends quietly: whoever read us has had enough
        except OSError as error:
            raise Failed(f"{error.filename or 'File'}: {error.strerror or error}.") from error
        except (click.ClickException, click.Abort, click.exceptions.Exit):
            raise
        except Exception as error:
            log.exception("command_failed", command=ctx.command_path, exc_info=error)
            raise Failed(f"Unexpected, nothing was saved: {type(error).__name__}: {_first_line(error)}") from error


class Group(click.Group):
    """A noun with its verbs; `@group.command()` makes a `Command`."""

    command_class = Command


@contextmanager
def office(slug: str) -> Iterator[Company]:
    """One unit of work for the company of a slug, as nobody in particular; commits at its end. Raises `NotFound`."""
    company = company_by_slug(slug)
    if company is None:
        raise NotFound(_("There is no company “%(slug)s”.", slug=slug))
    company_id = company.id
    # The outer context reads no more: its transaction would hold SQLite's writer against the inner one.
    db.session.rollback()
    with acting_for(company_id):
        g.language = "en"
        yield g.company


def _database(error: DBAPIError) -> str:
    text = _first_line(error.orig)
    if "no such table" in text or "does not exist" in text:
        return f"The database is not set up for this ({text}): run `flask --app wsgi db upgrade`."
    return f"The database does not answer: {text}"


def _first_line(error: BaseException | None) -> str:
    return str(error).strip().partition("\n")[0]


def resource_of(address: str) -> Resource:
    """The resource of an address such as crm.deals. Raises `Failed` with those there are."""
    try:
        return registry.resource(address)
    except KeyError:
        known = ", ".join(sorted(r.address for r in registry.resources()))
        raise Failed(f"There is no resource {address}. There are: {known}.") from None
