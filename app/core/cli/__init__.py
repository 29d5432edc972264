"""The command line: `flask --app wsgi …`, one file per noun."""

from __future__ import annotations

from flask import Flask

from app.core.cli import (
    company,
    database,
    demo,
    export_file,
    import_file,
    metric,
    module,
    token,
    user,
    worker,
)

COMMANDS = (
    *(company.group, database.group, demo.group, module.group, token.group, user.group),
    *(export_file.export_file, import_file.import_file, metric.metric, worker.worker),
)


def init_app(app: Flask) -> None:
    """Add the commands to an application."""
    for command in COMMANDS:
        app.cli.add_command(command)
