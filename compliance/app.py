"""The factory: extensions, blueprints, headers and the error table; no logic."""

from __future__ import annotations

import logging
from collections.abc import Callable
from pathlib import Path
from typing import Any

from flask import Flask, flash, redirect, render_template, request, url_for
from flask_migrate import Migrate
from flask_security import current_user
from flask_wtf.csrf import CSRFError, CSRFProtect
from werkzeug.exceptions import HTTPException
from werkzeug.wrappers import Response

from compliance.api import answers as api_answers
from compliance.api import registry as api_registry
from compliance.db import db
from compliance.services.errors import DomainError, Invalid, place_of
from compliance.web import accounts, filters, navigation, registry, security, signed_out
from config import Config

ROOT = Path(__file__).resolve().parent.parent


def create_app(config: Config) -> Flask:
    """The application for one installation."""
    app = Flask("compliance", template_folder=str(ROOT / "templates"), root_path=str(ROOT))
    app.static_folder = str(ROOT / "compliance" / "web" / "static")
    app.config.from_mapping(_settings(config))
    app.extensions["settings"] = config
    db.init_app(app)
    Migrate(app, db, directory=str(ROOT / "migrations"), render_as_batch=True, compare_type=True)
    csrf = CSRFProtect(app)
    accounts.setup(app)
    security.guard(app)
    filters.register(app)
    navigation.register(app)
    for blueprint in registry.blueprints():
        app.register_blueprint(blueprint)
    api_registry.register(app, csrf)
    _errors(app)
    return app


def _settings(config: Config) -> dict[str, Any]:
    return {
        "SECRET_KEY": config.secret_key,
        "TESTING": config.testing,
        "SQLALCHEMY_DATABASE_URI": config.database_url,
        "SQLALCHEMY_ENGINE_OPTIONS": {"pool_pre_ping": True},
        "MAX_CONTENT_LENGTH": 20 * 1024 * 1024,
        "SESSION_COOKIE_HTTPONLY": True,
        "SESSION_COOKIE_SAMESITE": "Lax",
        "SESSION_COOKIE_SECURE": config.secure_cookies,
        "PERMANENT_SESSION_LIFETIME": 12 * 3600,
        "SEND_FILE_MAX_AGE_DEFAULT": 31536000,  # the address carries the version
        "WTF_CSRF_TIME_LIMIT": None,  # as long as the session
        "SECURITY_PASSWORD_SALT": config.password_salt,
        "SECURITY_PASSWORD_HASH": "argon2",
        "SECURITY_PASSWORD_HASH_PASSLIB_OPTIONS": _hash_cost(config),
        "SECURITY_LOGIN_URL": "/sign-in",
        "SECURITY_LOGOUT_URL": "/sign-out",
        "SECURITY_LOGOUT_METHODS": ["POST"],
        "SECURITY_POST_LOGIN_VIEW": "/",
        "SECURITY_POST_LOGOUT_VIEW": "/sign-in",
        "SECURITY_LOGIN_USER_TEMPLATE": "auth/login.html",
        "SECURITY_CHANGEABLE": True,
        "SECURITY_CHANGE_URL": "/password",
        "SECURITY_CHANGE_PASSWORD_TEMPLATE": "auth/password.html",
        "SECURITY_SEND_PASSWORD_CHANGE_EMAIL": False,
        "SECURITY_RETURN_GENERIC_RESPONSES": True,
        "SECURITY_MSG_GENERIC_AUTHN_FAILED": (
            "The e-mail address or the password is not right.",
            "error",
        ),
        "SECURITY_EMAIL_VALIDATOR_ARGS": {"check_deliverability": False},
        "SECURITY_FLASH_MESSAGES": False,  # our pages say what needs saying
        "SECURITY_CLI_USERS_NAME": False,  # add-user knows about clinics; theirs does not
        "SECURITY_CLI_ROLES_NAME": False,
        "SECURITY_JOIN_USER_ROLES": False,  # a role belongs to a clinic, not to the user
        "SECURITY_PASSWORD_LENGTH_MIN": 12,
        "SECURITY_USE_REGISTER_V2": True,
    }


def _hash_cost(config: Config) -> dict[str, int]:
    # OWASP's argon2id floor: 26 ms a sign-in instead of 208 ms; the tests need no cost at all.
    memory, rounds = (1024, 1) if config.testing else (19 * 1024, 2)
    return {
        "argon2__memory_cost": memory,
        "argon2__time_cost": rounds,
        "argon2__parallelism": 1,
    }


def _errors(app: Flask) -> None:
    app.register_error_handler(api_answers.Refused, api_answers.refusal)
    app.register_error_handler(DomainError, _by_audience(_domain_error))
    app.register_error_handler(CSRFError, _expired)
    app.register_error_handler(HTTPException, _by_audience(_http_error))
    app.register_error_handler(Exception, _unforeseen)
    logging.getLogger("werkzeug").setLevel(logging.WARNING)


def _by_audience(page: Callable[[Any], Any]) -> Callable[[Any], Any]:
    """People get a page, programs an OperationOutcome."""

    def answer(error: Exception) -> Any:
        return api_answers.refusal(error) if api_answers.is_api(request.path) else page(error)

    return answer


def _domain_error(error: DomainError) -> tuple[str, int]:
    if isinstance(error, Invalid):
        return _page(error.status, errors=error.fields)
    return _page(error.status, str(error))


def _expired(error: CSRFError) -> tuple[str, int] | Response:
    held = signed_out.held_answers()
    if held is not None:
        return held
    if not current_user.is_authenticated:
        flash("You were signed out meanwhile. Sign in again; your form is one step back.", "warn")
        return redirect(url_for("security.login", next=request.referrer and request.path))
    return _page(400)


def _http_error(error: HTTPException) -> tuple[str, int] | HTTPException:
    if error.code is None or error.code < 400:
        return error
    return _page(error.code)


def _unforeseen(error: Exception) -> tuple[str, int] | Response:
    logging.getLogger("compliance").error(
        "unforeseen %s at %s in %s", type(error).__name__, place_of(error), request.endpoint
    )
    try:
        db.session.rollback()
        return api_answers.refusal(error) if api_answers.is_api(request.path) else _page(500)
    except Exception:  # the database itself may be what is broken
        return "Something went wrong on our side. Nothing was saved; try again in a minute.", 500


def _page(code: int, message: str = "", errors: dict[str, str] | None = None) -> tuple[str, int]:
    page = render_template("errors/error.html", code=code, message=message, errors=errors or {})
    return page, code
