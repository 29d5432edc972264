"""`/healthz`: the process answers. `/readyz`: database, migrations and worker are there too."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

from alembic.util import CommandError
from flask import Blueprint, Flask, jsonify
from sqlalchemy import select
from sqlalchemy.exc import DBAPIError

from app.core import migrate
from app.core.access import public
from app.core.db import db, utcnow
from app.core.models import Heartbeat

WORKER_SILENT = timedelta(minutes=2)
health = Blueprint("health", __name__)


@health.get("/healthz")
@public
def healthz() -> Any:
    """The process is alive."""
    return jsonify(status="ok")


@health.get("/readyz")
@public
def readyz() -> Any:
    """200 when the database answers, all migrations are applied and a worker was seen within two minutes; else 503."""
    try:
        seen = db.session.scalar(select(Heartbeat.at).filter_by(name="worker"))
        checks = {
            "database": True,
            "migrations": not migrate.pending_revisions(db.session.connection()),
            "worker": seen is not None and utcnow() - seen < WORKER_SILENT,
        }
    except (DBAPIError, CommandError):
        checks = {"database": False, "migrations": False, "worker": False}
    ready = all(checks.values())
    return jsonify(status="ready" if ready else "not ready", **checks), 200 if ready else 503


def init_app(app: Flask) -> None:
    app.register_blueprint(health)
