"""Demonstration data: load them into an empty installation, and say how to sign in to it."""

from __future__ import annotations

import datetime as dt
import os
import secrets
from pathlib import Path

import click
from flask import current_app
from flask.cli import AppGroup, with_appcontext
from sqlalchemy import func, select
from sqlalchemy.orm import Session

from compliance.db import db, transaction
from compliance.interop.hl7v2 import read_file
from compliance.models import Clinic, Setting
from compliance.services.actors import Actor
from compliance.services.demonstration import Loaded, load
from compliance.services.demonstration.messages import lab_files
from compliance.services.demonstration.staff import ACCOUNTS, EAST
from compliance.services.intake import receive
from config import Config

SEED = 1982  # the year in which isotretinoin was first approved
# Letters and digits that cannot be mistaken for one another; 16 of them are 79 bits.
_ALPHABET = "abcdefghjkmnpqrstuvwxyz23456789"
_SHOWN = 5

demonstration = AppGroup("demonstration", help="Made-up clinics to try everything with.")


@demonstration.command("load")
@click.option(
    "--seed", type=int, default=SEED, show_default=True, help="Another seed, other people."
)
@with_appcontext
def load_command(seed: int) -> None:
    """Fill an empty database with two made-up clinics."""
    if db.session.scalar(select(func.count()).select_from(Clinic)):
        raise click.ClickException(
            "There are clinics in this database already; demonstration data are loaded into an "
            "empty one only. Start another: INSTANCE_DIR=another script/server"
        )
    config: Config = current_app.extensions["settings"]
    db.session.rollback()
    loaded = load_demonstration(config, seed)
    click.echo(f"{len(loaded.patients)} made-up patients at {len(loaded.clinics)} clinics.")
    for line in sign_in_help(config):
        click.echo(line)


def load_demonstration(config: Config, seed: int = SEED) -> Loaded:
    """Fill an empty database in one transaction, under a password made at random."""
    password = _password(config, make=True)
    now = dt.datetime.now(dt.UTC)
    with transaction() as session:
        loaded = load(session, now, seed, password)
        import_lab_files(session, loaded, now)
    return loaded


def import_lab_files(session: Session, loaded: Loaded, now: dt.datetime) -> None:
    """Take in the laboratory files of yesterday through the door that real ones come through."""
    nurse = loaded.users["nurse.both@example.org"]
    patients = list(zip(loaded.patients, loaded.situations, strict=True))
    for file in lab_files(patients, now):
        actor = Actor(nurse.name, nurse.id, file.clinic.id)
        receive(session, actor, file.clinic, file.name, file.content, read_file(file.content), now)


def sign_in_help(config: Config) -> list[str]:
    """What to print at the start: the address, and for a demonstration who can sign in and how."""
    lines = ["", f"  Open {config.base_url}"]
    setting = db.session.get(Setting, "demonstration")
    made_up = setting is not None and bool(setting.value)
    db.session.remove()  # whoever prints this goes on to wait, and must not hold the lock
    if not made_up:
        return [*lines, ""]
    shown = [item for item in ACCOUNTS if EAST in item.roles][:_SHOWN]
    width = max(len(item.email) for item in shown)
    return [
        *lines,
        "",
        "  Sign in as",
        *(
            f"    {item.email:<{width}}  {item.roles[EAST].value:<13}  {item.name}"
            for item in shown
        ),
        f"  Password: {_password(config) or 'the one that you have set'}",
        "",
        "  Everything in it is made up: two clinics, their staff and their patients.",
        f"  Database: {_where(config)}",
        f"  Mail: {_mail(config)}",
        "  Ctrl-C stops; nothing is lost.",
        "",
    ]


def _where(config: Config) -> str:
    """The database without the password that its address may carry."""
    return config.database_url.removeprefix("sqlite:///").split("@")[-1]


def _mail(config: Config) -> str:
    if config.mail_leaves:
        return f"sent through {config.smtp_url.split('@')[-1]}"
    return f"nothing leaves this machine; each mail is a file in {config.mail_dir}"


def _password(config: Config, make: bool = False) -> str:
    """The demonstration's password, kept in a file that only its owner reads; "" without one."""
    file: Path = config.instance_dir / "demonstration-password"
    if file.exists():
        return file.read_text().strip()
    if not make:
        return ""
    groups = ("".join(secrets.choice(_ALPHABET) for _ in range(4)) for _ in range(4))
    password = "-".join(groups)
    descriptor = os.open(file, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
    with os.fdopen(descriptor, "w") as handle:
        handle.write(password + "\n")
    return password


COMMANDS = (demonstration,)
