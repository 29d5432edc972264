"""`worker`: the process that does the jobs."""

from __future__ import annotations

import click
from flask import current_app

from app.core import worker as process
from app.core.cli.base import Command


@click.command("worker", cls=Command)
def worker() -> None:
    """Do jobs (mail, schedules) until SIGTERM or Ctrl-C; any number of these may run on one database."""
    process.run(current_app._get_current_object())  # type: ignore[attr-defined]  # LocalProxy API
