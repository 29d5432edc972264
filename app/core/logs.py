"""Logs: JSON lines with the request's id in production, readable lines elsewhere."""

from __future__ import annotations

import logging
import sys
from collections.abc import MutableMapping
from typing import Any

import structlog
from flask import Flask, g, has_app_context

from config import Config


def _request_id(_logger: Any, _name: str, line: MutableMapping[str, Any]) -> MutableMapping[str, Any]:
    if has_app_context() and "request_id" in g:
        line.setdefault("request_id", g.request_id)
    return line


def init_app(app: Flask, config: Config) -> None:
    shape: Any = structlog.processors.JSONRenderer() if config.production else structlog.dev.ConsoleRenderer(colors=False)
    structlog.configure(
        processors=[
            structlog.processors.add_log_level,
            structlog.processors.TimeStamper(fmt="iso", utc=True),
            _request_id,
            structlog.processors.format_exc_info,
            shape,
        ],
        wrapper_class=structlog.make_filtering_bound_logger(logging.WARNING if config.testing else logging.INFO),
        logger_factory=structlog.PrintLoggerFactory(sys.stderr),
    )
