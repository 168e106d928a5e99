"""The operators' commands on the flask command line, in one place to read."""

from __future__ import annotations

from flask import Flask

from compliance.cli import (
    accounts,
    api_clients,
    backups,
    bench,
    demonstration,
    labs,
    mllp,
    programmes,
    reminders,
    reports,
    rules,
    serve,
)

MODULES = (
    serve,
    demonstration,
    rules,
    programmes,
    accounts,
    api_clients,
    labs,
    mllp,
    reminders,
    reports,
    backups,
    bench,
)


def register(app: Flask) -> None:
    """Put every command on the command line."""
    for module in MODULES:
        for command in module.COMMANDS:
            app.cli.add_command(command)
