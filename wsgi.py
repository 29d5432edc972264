"""Entry point of web servers and of `flask --app wsgi`."""

from app import create_app
from app.core.memory import freeze
from config import BadConfig, Config

try:
    app = create_app(Config.from_env())
except BadConfig as refused:
    raise SystemExit(f"Vendimia does not start: {refused}") from None
freeze()
