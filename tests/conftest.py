"""Fixtures: each test gets a migrated database of its own, on SQLite and on PostgreSQL."""

from __future__ import annotations

import itertools
import os
import shutil
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import pytest
from flask import Flask
from flask_migrate import upgrade
from hypothesis import HealthCheck, settings
from sqlalchemy import create_engine, text

from compliance.app import create_app
from compliance.db import db, only_reading
from config import Config, read_config
from tests.servers import postgres, postgres_bin

settings.register_profile(
    "default", deadline=None, suppress_health_check=[HealthCheck.too_slow], print_blob=True
)
settings.load_profile("default")

_number = itertools.count(1)


def cannot(reason: str) -> None:
    """Skip, visibly; where everything is required (CI), fail instead."""
    if os.environ.get("REQUIRE_EVERYTHING"):
        pytest.fail(f"this machine must have everything, but: {reason}")
    pytest.skip(reason)


@dataclass(frozen=True)
class Template:
    """A migrated, empty database from which each test's own is copied."""

    kind: str
    url: str
    file: Path | None = None


def make_config(instance_dir: Path, database_url: str = "", **environ: str) -> Config:
    """Settings for a test: cheap hashes, no scheduler, nothing from the outside."""
    import dataclasses

    env = {"INSTANCE_DIR": str(instance_dir), "DATABASE_URL": database_url, **environ}
    return dataclasses.replace(read_config(env), testing=True, scheduler=False)


def migrated(config: Config) -> None:
    """Run all migrations on the database of these settings."""
    app = create_app(config)
    with app.app_context():
        upgrade()
        db.engine.dispose()


@pytest.fixture(scope="session")
def sqlite_template(tmp_path_factory: pytest.TempPathFactory) -> Template:
    folder = tmp_path_factory.mktemp("sqlite")
    config = make_config(folder)
    migrated(config)
    _checkpoint(folder / "clinic.db")
    return Template("sqlite", config.database_url, folder / "clinic.db")


def _checkpoint(file: Path) -> None:
    engine = create_engine(f"sqlite:///{file}")
    with engine.connect() as connection:
        connection.exec_driver_sql("ROLLBACK")
        connection.exec_driver_sql("PRAGMA wal_checkpoint(TRUNCATE)")
        connection.exec_driver_sql("BEGIN")
    engine.dispose()


@pytest.fixture(scope="session")
def postgres_server() -> Iterator[str]:
    bin_dir = postgres_bin()
    if bin_dir is None:
        cannot("no PostgreSQL on this machine: the suite runs on SQLite only")
    with postgres(bin_dir) as url:
        yield url


@pytest.fixture(scope="session")
def postgres_template(postgres_server: str, tmp_path_factory: pytest.TempPathFactory) -> Template:
    _administer(postgres_server, "CREATE DATABASE template_clinic")
    url = f"{postgres_server}/template_clinic"
    migrated(make_config(tmp_path_factory.mktemp("postgres"), url))
    return Template("postgresql", url)


def _administer(server: str, statement: str) -> None:
    engine = create_engine(f"{server}/postgres", isolation_level="AUTOCOMMIT")
    with engine.connect() as connection:
        connection.execute(text(statement))
    engine.dispose()


@pytest.fixture(params=["sqlite", "postgresql"])
def database_url(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[str]:
    """An empty, migrated database of the test's own."""
    if request.param == "sqlite":
        template: Template = request.getfixturevalue("sqlite_template")
        shutil.copy(template.file, tmp_path / "clinic.db")
        yield f"sqlite:///{tmp_path / 'clinic.db'}"
        return
    request.getfixturevalue("postgres_template")
    server: str = request.getfixturevalue("postgres_server")
    name = f"test_{next(_number)}"
    _administer(server, f"CREATE DATABASE {name} TEMPLATE template_clinic")
    yield f"{server}/{name}"
    _administer(server, f"DROP DATABASE {name} WITH (FORCE)")


@pytest.fixture
def config(database_url: str, tmp_path: Path) -> Config:
    return make_config(tmp_path, database_url)


@pytest.fixture
def app(config: Config) -> Iterator[Flask]:
    """The real application on the test's own database, inside its context."""
    app = create_app(config)
    with app.app_context():
        only_reading(True)  # what a test merely reads must not hold the lock
        yield app
        db.session.remove()
        db.engine.dispose()
