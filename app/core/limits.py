"""Rate limits: in memory by default, in a shared store by setting."""

from __future__ import annotations

import math
import time

from flask import Flask, current_app
from flask_limiter import Limiter
from flask_limiter.util import get_remote_address
from limits import RateLimitItemPerMinute
from limits.storage import storage_from_string
from limits.strategies import FixedWindowRateLimiter

from app.core.errors import TooMany
from app.core.i18n import _

limiter = Limiter(get_remote_address, default_limits=[], headers_enabled=True, swallow_errors=False)

# Requests to the API a minute: of a person, whatever their tokens, and refused ones of an address. Settings of the same names override them.
RATES = {"API_READS": 600, "API_WRITES": 120, "API_REFUSALS": 60}


def spend(rate: str, key: str) -> None:
    """Count one request of `key` (a person, an address) against one of `RATES`. Raises `TooMany`."""
    if not current_app.config["RATELIMIT_ENABLED"]:
        return
    rates: FixedWindowRateLimiter = current_app.extensions["rates"]
    limit = RateLimitItemPerMinute(current_app.config[rate])
    if not rates.hit(limit, rate, key):
        wait = max(1, math.ceil(rates.get_window_stats(limit, rate, key).reset_time - time.time()))
        raise TooMany(_("Too many requests. Try again in %(n)s seconds.", n=wait), retry_after=wait)


def init_app(app: Flask) -> None:
    limiter.init_app(app)
    for name, rate in RATES.items():
        app.config.setdefault(name, rate)
    app.extensions["rates"] = FixedWindowRateLimiter(storage_from_string(app.config["RATELIMIT_STORAGE_URI"]))
