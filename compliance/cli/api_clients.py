"""Commands about programs that use the API: add one, list them, refuse one."""

from __future__ import annotations

import datetime as dt

import click
from flask.cli import AppGroup
from sqlalchemy import select

from compliance.db import db, transaction
from compliance.models import Clinic
from compliance.services import api_clients
from compliance.services.actors import system
from compliance.services.errors import DomainError

api_client = AppGroup("api-client", help="Programs that may use the API.")


@api_client.command("add")
@click.argument("name")
@click.option("--clinic", "code", required=True, help="The code of the clinic it belongs to.")
@click.option("--scope", "scopes", multiple=True, required=True, help="Repeat for several.")
def add(name: str, code: str, scopes: tuple[str, ...]) -> None:
    """Let a program sign in; its secret is shown once."""
    with transaction() as session:
        clinic = session.scalar(select(Clinic).where(Clinic.code == code))
        if clinic is None:
            raise click.ClickException(f"--clinic: found {code!r}; no clinic has that code.")
        try:
            client, secret = api_clients.add_client(
                session, system("command line"), clinic, name, scopes, dt.datetime.now(dt.UTC)
            )
        except DomainError as error:
            raise click.ClickException(str(error)) from None
        click.echo(f"client_id:     {client.client_id}\nclient_secret: {secret}")
    click.echo("The secret is shown this once and kept nowhere.")


@api_client.command("list")
def list_all() -> None:
    """Every program: its clinic, scopes and when it was last used."""
    for client in api_clients.clients(db.session()):
        used = f"last used {client.last_used_at:%Y-%m-%d}" if client.last_used_at else "never used"
        state = f"revoked {client.revoked_at:%Y-%m-%d}" if client.revoked_at else used
        click.echo(f"{client.client_id}  {client.clinic.code}  {client.name}  {state}")
        click.echo(f"  {client.scopes}")


@api_client.command("revoke")
@click.argument("client_id")
def revoke(client_id: str) -> None:
    """Refuse a program from now on, with the tokens it still has."""
    try:
        with transaction() as session:
            api_clients.revoke_client(
                session, system("command line"), client_id, dt.datetime.now(dt.UTC)
            )
    except DomainError as error:
        raise click.ClickException(str(error)) from None
    click.echo(f"{client_id} is refused from now on.")


COMMANDS = (api_client,)
