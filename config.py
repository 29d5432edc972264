"""Settings: the only file that reads the environment."""

from __future__ import annotations

import os
import secrets
from dataclasses import dataclass, field, fields
from pathlib import Path

ROOT = Path(__file__).resolve().parent
WEAK_SECRETS = {"", "dev", "secret", "changeme", "change-me", "password"}
SHORTEST_SECRET = 32
FEWEST_LETTERS = 10  # distinct characters of a secret; random ones of this length have more
KNOWN_ENVS = ("demo", "development", "testing", "production")


class BadConfig(RuntimeError):
    """A setting is missing or unsafe; the message says which and what would mend it."""


def _env(name: str, default: str = "") -> str:
    return os.environ.get(name, default).strip()


def _number(name: str, default: int, largest: int) -> int:
    text = _env(name) or str(default)
    if not (text.isascii() and text.isdecimal()) or int(text[:20]) > largest:
        raise BadConfig(f"{name} must be a whole number from 0 to {largest}, not {text!r}.")
    return int(text)


def _kept_secret(var_dir: Path) -> str:
    """A random key kept in `var/`, so that a demo survives a restart with its sessions."""
    path = var_dir / "secret-key"
    if not path.exists():
        var_dir.mkdir(parents=True, exist_ok=True)
        path.touch(mode=0o600)
        path.write_text(secrets.token_urlsafe(48))
    return path.read_text().strip()


def sqlalchemy_url(url: str) -> str:
    """Name psycopg 3 as the driver of a plain PostgreSQL address."""
    for plain in ("postgresql://", "postgres://"):
        if url.startswith(plain):
            return "postgresql+psycopg://" + url.removeprefix(plain)
    return url


@dataclass(kw_only=True)
class Config:
    """All settings of one process. `from_env()` reads them; tests build their own."""

    app_env: str = "development"  # one of KNOWN_ENVS
    var_dir: Path = ROOT / "var"
    database_url: str = ""
    migration_database_url: str = ""
    secret_key: str = ""
    base_url: str = ""
    trusted_proxies: int = 0
    port: int = 8000
    smtp_url: str = ""
    mail_from: str = "Vendimia <no-reply@vendimia.example>"
    demo_password: str = ""
    rate_limit_storage: str = "memory://"
    max_upload: int = 32 * 1024 * 1024
    engine_options: dict = field(default_factory=dict)
    quick_hashes: bool = False  # cheap Argon2 parameters; for tests alone
    testing: bool = False

    @classmethod
    def from_env(cls) -> Config:
        """Read the environment; raise `BadConfig` for what cannot be read and where production would be unsafe."""
        config = cls(
            app_env=_env("APP_ENV", "development"),
            var_dir=Path(_env("VAR_DIR") or ROOT / "var").resolve(),
            database_url=_env("DATABASE_URL"),
            migration_database_url=_env("MIGRATION_DATABASE_URL"),
            secret_key=_env("SECRET_KEY"),
            base_url=_env("BASE_URL").rstrip("/"),
            trusted_proxies=_number("TRUSTED_PROXIES", 0, largest=20),
            port=_number("PORT", cls.port, largest=65535),
            smtp_url=_env("SMTP_URL"),
            mail_from=_env("MAIL_FROM") or cls.mail_from,
            demo_password=_env("DEMO_PASSWORD"),
            rate_limit_storage=_env("RATE_LIMIT_STORAGE") or cls.rate_limit_storage,
        )
        return config.checked()

    def checked(self) -> Config:
        """Fill what may be derived and refuse what is unsafe."""
        if self.app_env not in KNOWN_ENVS:
            # A slip of the pen in "production" would switch its safeguards off without a word.
            raise BadConfig(f"APP_ENV must be one of {', '.join(KNOWN_ENVS)}, not {self.app_env!r}.")
        if self.production:
            self._refuse_unsafe()
        self.secret_key = self.secret_key or _kept_secret(self.var_dir)
        self.base_url = self.base_url or f"http://127.0.0.1:{self.port}"
        self.database_url = sqlalchemy_url(self.database_url or f"sqlite:///{self.var_dir / 'vendimia.sqlite3'}")
        self.migration_database_url = sqlalchemy_url(self.migration_database_url or self.database_url)
        return self

    @property
    def production(self) -> bool:
        return self.app_env == "production"

    @property
    def secure_cookies(self) -> bool:
        return self.base_url.startswith("https://")

    def _refuse_unsafe(self) -> None:
        known = self.secret_key.lower() in WEAK_SECRETS
        if known or len(self.secret_key) < SHORTEST_SECRET or len(set(self.secret_key)) < FEWEST_LETTERS:
            raise BadConfig(f"SECRET_KEY must be set to at least {SHORTEST_SECRET} random characters in production.")
        if not self.base_url:
            raise BadConfig("BASE_URL must be set in production: links in mails are built from it alone.")
        if not self.secure_cookies:
            raise BadConfig("BASE_URL must begin with https:// in production: cookies would travel in the clear.")

    def flask(self) -> dict:
        """The settings under the names that Flask and its extensions expect."""
        return {
            "VENDIMIA": self,
            "SECRET_KEY": self.secret_key,
            "TESTING": self.testing,
            "SQLALCHEMY_DATABASE_URI": self.database_url,
            "SQLALCHEMY_ENGINE_OPTIONS": self.engine_options,
            "MAX_CONTENT_LENGTH": self.max_upload,
            "MAX_FORM_MEMORY_SIZE": 2 * 1024 * 1024,
            "SESSION_COOKIE_NAME": "vendimia",
            "SESSION_COOKIE_HTTPONLY": True,
            "SESSION_COOKIE_SAMESITE": "Lax",
            "SESSION_COOKIE_SECURE": self.secure_cookies,
            "REMEMBER_COOKIE_NAME": "vendimia_remember",
            "REMEMBER_COOKIE_HTTPONLY": True,
            "REMEMBER_COOKIE_SAMESITE": "Lax",
            "REMEMBER_COOKIE_SECURE": self.secure_cookies,
            "PERMANENT_SESSION_LIFETIME": 14 * 24 * 3600,
            "WTF_CSRF_TIME_LIMIT": None,
            "WTF_CSRF_HEADERS": ["X-CSRFToken"],
            "RATELIMIT_STORAGE_URI": self.rate_limit_storage,
            "RATELIMIT_ENABLED": not self.testing,
            "BABEL_DEFAULT_LOCALE": "en",
        }

    def __repr__(self) -> str:
        hidden = {"secret_key", "demo_password", "database_url", "migration_database_url", "smtp_url"}
        shown = ", ".join(f"{f.name}={getattr(self, f.name)!r}" for f in fields(self) if f.name not in hidden)
        return f"Config({shown})"
