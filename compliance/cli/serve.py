"""Start the whole thing: tables, demonstration data if there is none, pages, schedule."""

from __future__ import annotations

import signal
import sys
from typing import Any

import click
from flask import Flask, current_app
from flask.cli import with_appcontext
from flask_migrate import upgrade
from sqlalchemy import func, select
from waitress import create_server

from compliance.cli.demonstration import load_demonstration, sign_in_help
from compliance.db import db
from compliance.models import Clinic
from compliance.scheduler import start_scheduler, stop_scheduler

THREADS = 8


@click.command("serve")
@with_appcontext
def serve() -> None:
    """Migrate, load demonstration data into an empty database, serve pages and run the schedule."""
    app: Flask = current_app._get_current_object()  # type: ignore[attr-defined]
    config = app.extensions["settings"]
    upgrade()
    if not db.session.scalar(select(func.count()).select_from(Clinic)):
        load_demonstration(config)
    db.session.remove()
    server = _listen(app, config.host, config.port)
    scheduler = start_scheduler(app, config) if config.scheduler else None
    for line in sign_in_help(config):
        click.echo(line)
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(0))
    try:
        server.run()
    except (KeyboardInterrupt, SystemExit):
        pass
    finally:
        server.close()
        if scheduler is not None:
            stop_scheduler(scheduler)
        db.engine.dispose()
        click.echo("Stopped. Everything is saved.")


def _listen(app: Flask, host: str, port: int) -> Any:
    try:
        return create_server(app, host=host, port=port, threads=THREADS, ident=None)
    except OSError as error:
        raise click.ClickException(
            f"PORT: {port} cannot be used ({error.strerror}). "
            f"Choose another: PORT={port + 1} script/server"
        ) from None




COMMANDS = (serve,)
