"""The operators' commands on the flask command line, in one place to read."""

from __future__ import annotations

from flask import Flask

from compliance.cli import accounts, reminders, reports, rules


def register(app: Flask) -> None:
    """Put every command on the command line."""
    for command in (*rules.COMMANDS, *accounts.COMMANDS, *reminders.COMMANDS, *reports.COMMANDS):
        app.cli.add_command(command)
