"""Backups of the database: made while it is in use, checked before they count, the newest kept."""

from __future__ import annotations

import datetime as dt
import os
import shutil
import sqlite3
import subprocess
from collections.abc import Sequence
from contextlib import closing
from dataclasses import dataclass
from pathlib import Path
from zoneinfo import ZoneInfo

from sqlalchemy.engine import URL, make_url

KEPT = 14
NIGHT = dt.time(2)
LATE_AFTER = dt.timedelta(hours=26)  # a day, and two hours for a machine that was asleep
_STAMP = "clinic-%Y%m%d-%H%M%S"
_ENDINGS = {"sqlite": ".db", "postgresql": ".dump"}


class BackupFault(Exception):
    """A backup that could not be made or does not hold; its text says what to do."""


@dataclass(frozen=True, slots=True)
class Backup:
    """One finished backup: its file, and the moment at which it was begun, in UTC."""

    file: Path
    at: dt.datetime


def back_up(database_url: str, folder: Path, now: dt.datetime) -> Backup:
    """Make and check a backup, then let go of all but the newest 14; raises BackupFault."""
    url = make_url(database_url)
    dialect = url.get_backend_name()
    folder.mkdir(mode=0o700, parents=True, exist_ok=True)
    name = now.astimezone(dt.UTC).strftime(_STAMP) + _ENDINGS[dialect]
    unfinished = folder / f"{name}.unfinished"
    unfinished.touch(mode=0o600)
    try:
        (_copy_sqlite if dialect == "sqlite" else _dump_postgresql)(url, unfinished)
    except BaseException:
        unfinished.unlink(missing_ok=True)
        raise
    made = unfinished.rename(folder / name)
    for old in kept(folder)[KEPT:]:
        old.file.unlink(missing_ok=True)
    return Backup(made, now)


def kept(folder: Path) -> list[Backup]:
    """Every finished backup of a folder, the newest first."""
    found = (_read(file) for file in folder.glob("clinic-*"))
    return sorted((item for item in found if item), key=lambda item: item.at, reverse=True)


def newest(folder: Path) -> Backup | None:
    """The newest finished backup; None while there is none."""
    return next(iter(kept(folder)), None)


def last_night(now: dt.datetime, time_zone: str) -> dt.datetime:
    """The newest two o'clock in the morning of a place, from which on a backup is this night's."""
    local = now.astimezone(ZoneInfo(time_zone))
    night = local.replace(hour=NIGHT.hour, minute=0, second=0, microsecond=0)
    return night if night <= local else night - dt.timedelta(days=1)


def _read(file: Path) -> Backup | None:
    if file.suffix not in _ENDINGS.values():
        return None
    try:
        at = dt.datetime.strptime(file.stem, _STAMP).replace(tzinfo=dt.UTC)
    except ValueError:
        return None
    return Backup(file, at)


def _copy_sqlite(url: URL, file: Path) -> None:
    """SQLite's own online copy, which others may write beside; then its own check."""
    try:
        with (
            closing(sqlite3.connect(f"file:{url.database}?mode=ro", uri=True)) as source,
            closing(sqlite3.connect(file)) as copy,
        ):
            source.backup(copy)
            # One file that needs no other beside it, wherever it is carried.
            copy.execute("PRAGMA journal_mode=DELETE")
            said = [row[0] for row in copy.execute("PRAGMA integrity_check")]
    except sqlite3.Error as error:
        raise BackupFault(f"The copy failed: {error}.") from None
    if said != ["ok"]:
        raise BackupFault("The copy does not hold what SQLite's integrity check expects.")


def _dump_postgresql(url: URL, file: Path) -> None:
    """PostgreSQL's own dump, and its own reader over the whole of it."""
    _run(url, ["pg_dump", "--format=custom", f"--file={file}"])
    _run(url, ["pg_restore", "--file=/dev/null", str(file)])


def _run(url: URL, command: Sequence[str]) -> None:
    program = shutil.which(command[0])
    if program is None:
        raise BackupFault(
            f"{command[0]} is not on this machine: install PostgreSQL's client programs here, or "
            "back the database up where it runs."
        )
    ended = subprocess.run(  # noqa: S603 - a fixed program; the address comes from the settings
        [program, *command[1:]], env={**os.environ, **_address(url)}, capture_output=True, text=True
    )
    if ended.returncode != 0:
        raise BackupFault(f"{command[0]} failed: {ended.stderr.strip()[:300]}")


def _address(url: URL) -> dict[str, str]:
    """The server's address as PostgreSQL's programs read it; no password in a list of processes."""
    parts = {
        "PGHOST": url.host,
        "PGPORT": str(url.port or 5432),
        "PGUSER": url.username,
        "PGPASSWORD": url.password,
        "PGDATABASE": url.database,
    }
    return {name: value for name, value in parts.items() if value}
