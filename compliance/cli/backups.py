"""The command that backs the database up."""

from __future__ import annotations

import click
from flask import current_app
from flask.cli import with_appcontext

from compliance.services import backups
from compliance.web.clock import now


@click.command("backup")
@with_appcontext
def backup() -> None:
    """Copy the database while it is in use, check the copy, keep the newest 14."""
    config = current_app.extensions["settings"]
    try:
        made = backups.back_up(config.database_url, config.backup_dir, now())
    except backups.BackupFault as fault:
        raise click.ClickException(str(fault)) from None
    click.echo(f"{made.file} made and checked; {len(backups.kept(config.backup_dir))} kept.")


COMMANDS = (backup,)
