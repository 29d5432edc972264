"""The blueprint that all pages of the module hang on."""

from __future__ import annotations

from flask import Blueprint

blueprint = Blueprint("kpi", __name__)
