"""Settings, read once from the environment and passed in as one frozen value."""

from __future__ import annotations

import os
import secrets
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from urllib.parse import urlsplit

ROOT = Path(__file__).resolve().parent


class ConfigError(RuntimeError):
    """A setting that cannot be used: its name, what was found and what is allowed."""


@dataclass(frozen=True, slots=True)
class Config:
    """Everything that differs between one installation and the next."""

    instance_dir: Path
    database_url: str
    secret_key: str
    password_salt: str
    host: str
    port: int
    base_url: str
    smtp_url: str
    mail_from: str
    mail_per_minute: int  # to one domain; 0 for as many as the server takes
    dkim_domain: str
    dkim_selector: str  # empty: mails are not signed
    dkim_key: Path
    bounces_url: str
    sms_url: str  # empty: texts become files
    metrics_token: str
    scheduler: bool
    secure_cookies: bool
    testing: bool = False

    @property
    def mail_leaves(self) -> bool:
        """Whether a mail server is configured; without one, each mail becomes a file."""
        return bool(self.smtp_url)

    @property
    def mail_dir(self) -> Path:
        """Where mails are written when there is no mail server."""
        return self.instance_dir / "mail"

    @property
    def sms_dir(self) -> Path:
        """Where texts are written when no service is configured."""
        return self.instance_dir / "sms"

    @property
    def backup_dir(self) -> Path:
        """Where the backups of the database are kept."""
        return self.instance_dir / "backups"


def read_config(environ: Mapping[str, str] | None = None) -> Config:
    """Read the settings; raises ConfigError (variable, what was found, what is allowed)."""
    env = os.environ if environ is None else environ
    instance_dir = Path(env.get("INSTANCE_DIR") or ROOT / "instance").resolve()
    instance_dir.mkdir(parents=True, exist_ok=True)
    port = _port(env.get("PORT") or "8000")
    mail_from = env.get("MAIL_FROM") or "clinic@localhost"
    base_url = (env.get("BASE_URL") or f"http://localhost:{port}").rstrip("/")
    return Config(
        instance_dir=instance_dir,
        database_url=_database_url(env.get("DATABASE_URL") or "", instance_dir),
        secret_key=_secret(env, "SECRET_KEY", instance_dir / "secret-key"),
        password_salt=_secret(env, "PASSWORD_SALT", instance_dir / "password-salt"),
        host=env.get("HOST") or "127.0.0.1",
        port=port,
        base_url=base_url,
        smtp_url=_smtp_url(env.get("SMTP_URL") or ""),
        mail_from=mail_from,
        mail_per_minute=_number(env, "MAIL_PER_MINUTE", 120, 100_000),
        dkim_domain=env.get("DKIM_DOMAIN") or mail_from.rpartition("@")[2],
        dkim_selector=env.get("DKIM_SELECTOR") or "",
        dkim_key=Path(env.get("DKIM_KEY") or instance_dir / "dkim.pem"),
        bounces_url=_bounces_url(env.get("BOUNCES_URL") or ""),
        sms_url=_sms_url(env.get("SMS_URL") or ""),
        metrics_token=_token(env.get("METRICS_TOKEN") or ""),
        scheduler=_flag(env, "SCHEDULER", "on"),
        secure_cookies=base_url.startswith("https://"),
    )


def _flag(env: Mapping[str, str], name: str, default: str) -> bool:
    value = env.get(name) or default
    if value not in ("on", "off"):
        raise ConfigError(f"{name}: found {value!r} (allowed: on | off)")
    return value == "on"


def _number(env: Mapping[str, str], name: str, default: int, most: int) -> int:
    value = env.get(name) or str(default)
    if not value.isdecimal() or int(value) > most:
        raise ConfigError(f"{name}: found {value!r} (allowed: a number from 0 to {most})")
    return int(value)


def _port(value: str) -> int:
    if not value.isdecimal() or not 0 < int(value) < 65536:
        raise ConfigError(f"PORT: found {value!r} (allowed: a number from 1 to 65535)")
    return int(value)


def _database_url(value: str, instance_dir: Path) -> str:
    if not value:
        return f"sqlite:///{instance_dir / 'clinic.db'}"
    for old in ("postgres://", "postgresql://"):
        value = value.replace(old, "postgresql+psycopg://", 1) if value.startswith(old) else value
    if not value.startswith(("sqlite:///", "postgresql+psycopg://")):
        scheme = value.split(":", 1)[0]
        raise ConfigError(
            f"DATABASE_URL: found the scheme {scheme!r} "
            "(allowed: sqlite:///FILE | postgresql+psycopg://USER:PASSWORD@HOST/NAME)"
        )
    return value


def _smtp_url(value: str) -> str:
    if value and urlsplit(value).scheme not in ("smtp", "smtps", "smtp+starttls"):
        raise ConfigError(
            f"SMTP_URL: found the scheme {urlsplit(value).scheme!r} (allowed: smtp://HOST:PORT | "
            "smtp+starttls://USER:PASSWORD@HOST:587 | smtps://USER:PASSWORD@HOST:465)"
        )
    return value


def _sms_url(value: str) -> str:
    place = urlsplit(value)
    if value and not (place.scheme == "twilio" and place.username and place.hostname):
        raise ConfigError(
            f"SMS_URL: found the scheme {place.scheme!r} (allowed: twilio://ACCOUNT:SECRET@SENDER)"
        )
    return value


def _bounces_url(value: str) -> str:
    place = urlsplit(value)
    local = place.hostname in ("localhost", "127.0.0.1", "::1")
    if value and not (place.scheme == "imaps" or (place.scheme == "imap" and local)):
        raise ConfigError(
            f"BOUNCES_URL: found the scheme {place.scheme!r} (allowed: "
            "imaps://USER:PASSWORD@HOST/MAILBOX, and imap:// on this machine)"
        )
    return value


def _token(value: str) -> str:
    if value and len(value) < 16:
        raise ConfigError(f"METRICS_TOKEN: found {len(value)} characters (allowed: 16 or more)")
    return value


def _secret(env: Mapping[str, str], name: str, file: Path) -> str:
    value = env.get(name) or (file.read_text().strip() if file.exists() else "")
    if not value:
        value = secrets.token_urlsafe(48)
        file.touch(mode=0o600)
        file.write_text(value)
    if len(value) < 16:
        raise ConfigError(f"{name}: found {len(value)} characters (allowed: 16 or more)")
    return value
