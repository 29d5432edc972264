"""Composition root: the one place that knows both the core and the modules."""

from __future__ import annotations

from collections.abc import Iterable
from pathlib import Path

from flask import Blueprint, Flask, Response
from flask_wtf.csrf import CSRFProtect
from jinja2 import ChoiceLoader, FileSystemLoader
from werkzeug.middleware.proxy_fix import ProxyFix

from app.core import (
    access,
    api,
    assets,
    auth,
    changelog,
    cli,
    compression,
    engine,
    formats,
    gate,
    health,
    hx,
    i18n,
    limits,
    logs,
    refusals,
    shell,
    tenancy,
)
from app.core.headers import init_app as init_headers
from app.core.ids import IdConverter
from app.core.registry import Module, Registry
from app.core.surfaces import init_app as init_surfaces
from app.core.surfaces import mount
from config import Config

ROOT = Path(__file__).resolve().parent.parent
MODULES = "app.modules"


class Vendimia(Flask):
    """Flask, with the writes of a request settled inside the dispatch, where refusals are still answered."""

    def dispatch_request(self) -> Response:
        response = self.make_response(super().dispatch_request())
        gate.settle_response(response)
        return response


def create_app(config: Config, modules: Iterable[str] = ()) -> Flask:
    """An application for a configuration; `modules` names further packages to load as modules (tests)."""
    app = Vendimia(__name__, template_folder=str(ROOT / "templates"), static_folder=None)
    app.config.from_mapping(config.flask())
    app.url_map.converters["int"] = IdConverter
    if config.trusted_proxies:
        app.wsgi_app = ProxyFix(app.wsgi_app, *[config.trusted_proxies] * 4)  # type: ignore[method-assign]  # as Flask documents it

    registry = Registry.discover(MODULES, modules)
    registry.load()
    app.extensions["registry"] = registry

    logs.init_app(app, config)
    assets.init_app(app)
    compression.init_app(app)
    hx.init_app(app)
    engine.init_app(app)
    tenancy.init_app(app)
    changelog.init_app(app)
    csrf = CSRFProtect(app)
    auth.init_app(app)
    gate.init_app(app)
    limits.init_app(app)
    i18n.init_app(app, [Path(__file__).parent / "core" / "translations", *_catalogs(registry)])
    formats.init_app(app)
    shell.init_app(app)
    refusals.init_app(app)
    init_headers(app)
    init_surfaces(app)
    health.init_app(app)
    for module in registry.modules.values():
        _plug_in(app, module)
    csrf.exempt(api.init_app(app, registry.resources()))
    access.init_app(app)
    cli.init_app(app)
    gate.check_marks(app)
    return app


def _catalogs(registry: Registry) -> list[Path]:
    return [m.path / "translations" for m in registry.modules.values() if (m.path / "translations").is_dir()]


def _plug_in(app: Flask, module: Module) -> None:
    """Mount a module below /c/<company>/<name>; its views, the surfaces of its resources, its site pages."""
    blueprint = module.hooks.blueprint or Blueprint(module.name, module.package)
    if not blueprint._got_registered_once:  # noqa: SLF001  # a second application in one process shares it
        for resource in module.hooks.resources:
            mount(resource, blueprint)
    app.register_blueprint(blueprint, url_prefix=f"/c/<company>/{module.name}")
    if module.hooks.site_blueprint:
        app.register_blueprint(module.hooks.site_blueprint)
    _add_templates(app, module)


def _add_templates(app: Flask, module: Module) -> None:
    """Templates of a module come after the app's own, so a file in templates/ overrides a module's."""
    folder = module.path / "templates"
    loader = app.jinja_loader
    if folder.is_dir() and loader is not None:
        chain = loader.loaders if isinstance(loader, ChoiceLoader) else [loader]
        app.jinja_loader = ChoiceLoader([*chain, FileSystemLoader(folder)])


__all__ = ["Vendimia", "create_app"]
