"""Loading the demonstration from the command line, and what is printed to sign in with."""

from __future__ import annotations

import dataclasses
import stat
from collections.abc import Iterator
from pathlib import Path

import pytest
from flask import Flask

from compliance.app import create_app
from compliance.cli import register
from compliance.cli.demonstration import sign_in_help
from compliance.db import db
from compliance.models import Role, Setting
from tests.conftest import make_config


@pytest.fixture
def app(database_url: str, tmp_path: Path) -> Iterator[Flask]:
    app = create_app(make_config(tmp_path, database_url))
    register(app)
    with app.app_context():
        yield app
        db.session.remove()
        db.engine.dispose()


def test_the_command_loads_once_and_says_how_to_sign_in(app: Flask):
    config = app.extensions["settings"]
    first = app.test_cli_runner().invoke(args=["demonstration", "load"])
    assert first.exit_code == 0, first.output
    password = (config.instance_dir / "demonstration-password").read_text().strip()
    assert f"Password: {password}" in first.output
    assert all(f"{role.value}@example.org" in first.output for role in Role)
    assert "made up" in first.output
    assert len(password.replace("-", "")) == 16
    assert stat.S_IMODE((config.instance_dir / "demonstration-password").stat().st_mode) == 0o600
    assert db.session.get(Setting, "demonstration").value is True
    db.session.rollback()

    again = app.test_cli_runner().invoke(args=["demonstration", "load"])
    assert again.exit_code == 1
    assert "There are clinics in this database already" in again.output
    assert f"  Password: {password}" in sign_in_help(config)


def test_what_is_no_demonstration_tells_the_address_only(app: Flask):
    lines = sign_in_help(
        dataclasses.replace(app.extensions["settings"], base_url="https://a.example")
    )
    assert [line.strip() for line in lines if line.strip()] == ["Open https://a.example"]
