"""Settings: what cannot be read, or is unsafe in production, is refused with a sentence."""

import pytest

from config import BadConfig, Config

SAFE = {
    "APP_ENV": "production",
    "SECRET_KEY": "Zx8-uR2_pQ7vLk4Tn9wYb3Hd6Gf1Jc5Ms0Ea",
    "BASE_URL": "https://sales.example",
    "DATABASE_URL": "postgresql://web@db/vendimia",
}


@pytest.fixture
def read(monkeypatch, tmp_path):
    """The settings as read from an environment that holds these values."""

    def read(**given):
        for name in ("APP_ENV", "SECRET_KEY", "BASE_URL", "DATABASE_URL", "PORT", "TRUSTED_PROXIES"):
            monkeypatch.delenv(name, raising=False)
        for name, value in {"VAR_DIR": str(tmp_path), **given}.items():
            monkeypatch.setenv(name, value)
        return Config.from_env()

    return read


def test_production_starts_with_what_is_safe(read):
    config = read(**SAFE, PORT="80", TRUSTED_PROXIES="1")
    assert (config.production, config.port, config.trusted_proxies) == (True, 80, 1)


def test_without_settings_it_is_development(read):
    config = read()
    assert (config.app_env, config.port, config.trusted_proxies) == ("development", 8000, 0)


@pytest.mark.parametrize("name", ["prod", "Production", "PRODUCTION", "live", ""])
def test_an_unknown_environment_is_not_taken_for_development(read, name):
    with pytest.raises(BadConfig, match="APP_ENV must be one of demo, development, testing, production"):
        read(**{**SAFE, "APP_ENV": name})


@pytest.mark.parametrize("secret", ["", "changeme", "x" * 31, "x" * 64, "abcdefghi" * 8])
def test_a_weak_secret_is_refused_in_production(read, secret):
    with pytest.raises(BadConfig, match="SECRET_KEY"):
        read(**{**SAFE, "SECRET_KEY": secret})


@pytest.mark.parametrize("url", ["", "http://sales.example", "sales.example"])
def test_production_needs_an_address_with_https(read, url):
    with pytest.raises(BadConfig, match="BASE_URL"):
        read(**{**SAFE, "BASE_URL": url})


@pytest.mark.parametrize("name", ["PORT", "TRUSTED_PROXIES"])
@pytest.mark.parametrize("value", ["many", "-1", "1.5", "٣", "1" * 30, "99999"])
def test_what_is_no_number_gets_a_sentence(read, name, value):
    with pytest.raises(BadConfig, match=f"{name} must be a whole number"):
        read(**{name: value})
