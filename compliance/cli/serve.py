"""Start the whole thing: tables, demonstration data if there is none, pages, schedule."""

from __future__ import annotations

import signal
import socket
from typing import Any

import click
from flask import Flask, current_app
from flask.cli import with_appcontext
from flask_migrate import upgrade
from sqlalchemy import func, select
from waitress.server import create_server

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
    _check_port(config.host, config.port)
    upgrade()
    if not db.session.scalar(select(func.count()).select_from(Clinic)):
        db.session.rollback()
        click.echo("The database is empty: making up a demonstration clinic ...")
        load_demonstration(config)
    db.session.remove()
    scheduler = start_scheduler(app, config) if config.scheduler else None
    for line in sign_in_help(config):
        click.echo(line)
    signal.signal(signal.SIGINT, _end)  # also where a shell started us in the background
    signal.signal(signal.SIGTERM, _end)
    try:
        _listen(app, config.host, config.port).run()
    except (KeyboardInterrupt, SystemExit):
        pass
    finally:
        click.echo("Stopping ...")
        if scheduler is not None:
            stop_scheduler(scheduler)
        db.engine.dispose()
        click.echo("Stopped. Everything is saved.")


def _end(*_signal: object) -> None:
    raise KeyboardInterrupt


def _check_port(host: str, port: int) -> None:
    with socket.socket() as probe:
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            probe.bind((host, port))
        except OSError as error:
            raise click.ClickException(
                f"PORT: {port} cannot be used ({error.strerror}). "
                f"Choose another: PORT={port + 1} script/server"
            ) from None


def _listen(app: Flask, host: str, port: int) -> Any:
    return create_server(  # type: ignore[no-untyped-call]
        app, host=host, port=port, threads=THREADS, ident=None
    )


COMMANDS = (serve,)
