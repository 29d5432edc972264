"""Rate limits: in memory by default, in a shared store by setting."""

from __future__ import annotations

from flask import Flask
from flask_limiter import Limiter
from flask_limiter.util import get_remote_address

limiter = Limiter(get_remote_address, default_limits=[], headers_enabled=True, swallow_errors=False)


def init_app(app: Flask) -> None:
    limiter.init_app(app)
