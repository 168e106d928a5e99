"""A setting that cannot be used stops the start: its name, what was found, what is allowed."""

from __future__ import annotations

import os
import stat
import subprocess
import sys
from pathlib import Path

import pytest

from config import ConfigError, read_config

ROOT = Path(__file__).parents[1]


@pytest.mark.parametrize(
    ("name", "found", "allowed"),
    [
        ("PORT", "0", "1 to 65535"),
        ("PORT", "65536", "1 to 65535"),
        ("PORT", "http", "1 to 65535"),
        ("DATABASE_URL", "mysql://x", "sqlite:///FILE"),
        ("SMTP_URL", "http://x", "smtp://HOST:PORT"),
        ("SECRET_KEY", "too short", "16 or more"),
        ("SCHEDULER", "yes", "on | off"),
    ],
)
def test_what_cannot_be_used_is_named(tmp_path: Path, name: str, found: str, allowed: str) -> None:
    with pytest.raises(ConfigError) as refused:
        read_config({"INSTANCE_DIR": str(tmp_path), name: found})
    assert name in str(refused.value)
    assert allowed in str(refused.value)


@pytest.mark.parametrize("port", ["1", "65535"])
def test_the_outermost_ports_are_allowed(tmp_path: Path, port: str) -> None:
    assert read_config({"INSTANCE_DIR": str(tmp_path), "PORT": port}).port == int(port)


def test_a_password_never_stands_in_the_message(tmp_path: Path) -> None:
    with pytest.raises(ConfigError) as refused:
        read_config({"INSTANCE_DIR": str(tmp_path), "DATABASE_URL": "oracle://u:geheim@h/n"})
    assert "geheim" not in str(refused.value)


def test_keys_are_made_once_and_only_their_owner_reads_them(tmp_path: Path) -> None:
    first = read_config({"INSTANCE_DIR": str(tmp_path)})
    second = read_config({"INSTANCE_DIR": str(tmp_path)})
    assert first.secret_key == second.secret_key
    assert len(first.secret_key) >= 48
    mode = stat.S_IMODE((tmp_path / "secret-key").stat().st_mode)
    assert mode == 0o600


def test_any_way_to_name_postgresql_leads_to_one_driver(tmp_path: Path) -> None:
    for scheme in ("postgres", "postgresql", "postgresql+psycopg"):
        config = read_config({"INSTANCE_DIR": str(tmp_path), "DATABASE_URL": f"{scheme}://h/n"})
        assert config.database_url == "postgresql+psycopg://h/n"


def test_the_command_line_says_it_in_one_line_without_a_trace(tmp_path: Path) -> None:
    env = {**os.environ, "INSTANCE_DIR": str(tmp_path), "PORT": "abc"}
    command = [sys.executable, "-m", "flask", "--app", "wsgi", "audit-verify"]
    ran = subprocess.run(command, cwd=ROOT, env=env, capture_output=True, text=True, check=False)
    assert ran.returncode != 0
    assert ran.stderr.strip() == "PORT: found 'abc' (allowed: a number from 1 to 65535)"
