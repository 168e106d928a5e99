"""Backups: made while the database is in use, checked, kept for two weeks, and good to restore."""

from __future__ import annotations

import datetime as dt
import shutil
import sqlite3
import subprocess

import pytest
from sqlalchemy import create_engine, func, select, text
from sqlalchemy.engine import make_url

from compliance.cli.backups import backup as command
from compliance.db import db, transaction
from compliance.models import Clinic, JobRun
from compliance.scheduler import Bench, back_up
from compliance.services import backups
from tests import world
from tests.services.reminding import Clock

NOW = dt.datetime(2026, 11, 23, 8, 30, tzinfo=dt.UTC)
DAY = dt.timedelta(days=1)


@pytest.fixture
def folder(tmp_path):
    return tmp_path / "backups"


def test_a_backup_can_be_restored_and_holds_what_was_committed(app, config, folder):
    world.a_clinic(name="Riverside Dermatology")
    made = backups.back_up(config.database_url, folder, NOW)
    assert made.file.name.startswith("clinic-20261123-083000")
    assert made.file.stat().st_mode & 0o077 == 0
    if config.database_url.startswith("sqlite"):
        found = sqlite3.connect(made.file).execute("SELECT name FROM clinic").fetchall()
        assert found == [("Riverside Dermatology",)]
        return
    url = make_url(config.database_url)
    server = create_engine(url.set(database="postgres"), isolation_level="AUTOCOMMIT")
    with server.connect() as connection:
        connection.execute(text("DROP DATABASE IF EXISTS restored"))
        connection.execute(text("CREATE DATABASE restored"))
    restored = url.set(database="restored", drivername="postgresql")
    subprocess.run(
        ["pg_restore", "--no-owner", f"--dbname={restored.render_as_string(False)}", made.file],
        check=True,
    )
    engine = create_engine(url.set(database="restored"))
    with engine.connect() as connection:
        assert connection.scalar(text("SELECT name FROM clinic")) == "Riverside Dermatology"
    engine.dispose()
    with server.connect() as connection:
        connection.execute(text("DROP DATABASE restored WITH (FORCE)"))
    server.dispose()


def test_a_backup_is_made_while_somebody_is_writing_and_leaves_out_what_is_not_saved(
    app, config, folder
):
    with transaction() as session:
        session.add(Clinic(code="half", name="Half", programme="us-ipledge", country="US",
                           time_zone="America/New_York", created_at=NOW))  # fmt: skip
        session.flush()
        made = backups.back_up(config.database_url, folder, NOW)
    assert made.file.exists()
    if config.database_url.startswith("sqlite"):
        found = sqlite3.connect(made.file).execute("SELECT count(*) FROM clinic").fetchone()
        assert found == (0,)


def test_the_newest_fourteen_are_kept_and_nothing_else_is_touched(app, config, folder):
    folder.mkdir()
    (folder / "clinic-notes.db").write_text("somebody's own file")
    (folder / "clinic-20200101-000000.txt").write_text("and another")
    for number in range(15):
        backups.back_up(config.database_url, folder, NOW + number * DAY)
    kept = backups.kept(folder)
    assert [item.at for item in kept] == [NOW + number * DAY for number in range(14, 0, -1)]
    assert len(list(folder.iterdir())) == 14 + 2


def test_an_unfinished_backup_never_counts(folder):
    folder.mkdir()
    (folder / "clinic-20261123-083000.db.unfinished").touch()
    assert backups.newest(folder) is None


def test_a_database_that_is_not_there_is_a_fault_and_leaves_no_file(folder, tmp_path):
    with pytest.raises(backups.BackupFault, match="The copy failed"):
        backups.back_up(f"sqlite:///{tmp_path / 'gone.db'}", folder, NOW)
    assert list(folder.iterdir()) == []


def test_a_damaged_database_gives_no_backup(folder, tmp_path):
    file = tmp_path / "bad.db"
    with sqlite3.connect(file) as connection:
        connection.execute("CREATE TABLE t (a)")
        connection.executemany("INSERT INTO t VALUES (?)", [("x" * 500,)] * 200)
        connection.execute("CREATE INDEX i ON t (a)")
    connection.close()
    content = bytearray(file.read_bytes())
    content[4096 * 3 : 4096 * 4] = b"\xff" * 4096
    file.write_bytes(bytes(content))
    with pytest.raises(backups.BackupFault):
        backups.back_up(f"sqlite:///{file}", folder, NOW)
    assert list(folder.iterdir()) == []


def test_without_postgresqls_programs_it_says_so(folder, monkeypatch, tmp_path):
    monkeypatch.setenv("PATH", str(tmp_path))
    with pytest.raises(backups.BackupFault, match="pg_dump is not on this machine"):
        backups.back_up("postgresql+psycopg://clinic@127.0.0.1:1/clinic", folder, NOW)


@pytest.mark.skipif(shutil.which("pg_dump") is None, reason="no pg_dump on this machine")
def test_a_server_that_is_away_is_a_fault_whose_text_holds_no_password(folder):
    with pytest.raises(backups.BackupFault, match="pg_dump failed") as fault:
        backups.back_up("postgresql+psycopg://clinic:secret@127.0.0.1:1/clinic", folder, NOW)
    assert "secret" not in str(fault.value)


def test_the_night_begins_at_two_at_the_clinic():
    at = dt.datetime(2026, 11, 23, 7, 0, tzinfo=dt.UTC)  # 02:00 in New York
    second = dt.timedelta(seconds=1)
    assert backups.last_night(at, "America/New_York") == at
    assert backups.last_night(at - second, "America/New_York") == at - DAY


def test_the_schedule_makes_one_backup_a_night(app, config):
    world.a_clinic()
    bench = Bench(app, config, Clock(NOW))
    assert back_up(bench) == f"{backups.newest(config.backup_dir).file.name} made and checked"
    assert back_up(bench).endswith("is this night's")
    bench.clock.at = dt.datetime(2026, 11, 24, 6, 59, 59, tzinfo=dt.UTC)
    assert back_up(bench).endswith("is this night's")
    bench.clock.at += dt.timedelta(seconds=1)
    assert back_up(bench).endswith("made and checked")
    assert len(backups.kept(config.backup_dir)) == 2


def test_the_command_says_where_the_backup_is(app, config):
    answer = app.test_cli_runner().invoke(command)
    assert answer.exit_code == 0, answer.output
    assert "made and checked; 1 kept." in answer.output
    assert str(config.backup_dir) in answer.output
    assert db.session.scalar(select(func.count()).select_from(JobRun)) == 0
