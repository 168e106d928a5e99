"""Listen for HL7 v2 messages over MLLP; each is acknowledged only after it is safely stored."""

from __future__ import annotations

import datetime as dt
import ipaddress
import logging
import signal
import socket
import socketserver
import ssl
import threading
from typing import Any

import click
from flask import Flask, current_app
from flask.cli import with_appcontext
from sqlalchemy import select

from compliance.db import db, transaction
from compliance.interop.formats import read_file
from compliance.interop.hl7v2_syntax import RawMessage
from compliance.interop.mllp import (
    LARGEST,
    Reply,
    TooLarge,
    acknowledgement,
    framed,
    frames,
    header_of,
)
from compliance.models import Clinic
from compliance.services.actors import system
from compliance.services.errors import place_of
from compliance.services.intake import receive

log = logging.getLogger(__name__)
CONNECTIONS = 32
SILENCE = 300  # seconds without a byte, after which a connection is closed


@click.command("mllp")
@click.option("--clinic", "code", required=True, help="The code of the clinic whose feed it is.")
@click.option("--host", default="127.0.0.1", show_default=True)
@click.option("--port", default=2575, show_default=True)
@click.option("--tls-certificate", type=click.Path(exists=True), help="Our certificate (PEM).")
@click.option("--tls-key", type=click.Path(exists=True), help="Its key (PEM).")
@click.option("--client-ca", type=click.Path(exists=True), help="Who signs the senders' own.")
@click.option("--without-tls", is_flag=True, help="Listen in the open on a network all the same.")
@with_appcontext
def mllp(
    code: str,
    host: str,
    port: int,
    tls_certificate: str | None,
    tls_key: str | None,
    client_ca: str | None,
    without_tls: bool,
) -> None:
    """Take in HL7 v2 messages over MLLP, each acknowledged once it is stored."""
    app: Flask = current_app._get_current_object()  # type: ignore[attr-defined]
    clinic_id = _clinic(code)
    if tls_certificate is None and not (without_tls or _is_local(host)):
        raise click.ClickException(
            f"--host: {host} is reached from a network, so results would travel in the open."
            " Give --tls-certificate and --tls-key, or say --without-tls."
        )
    context = _tls(tls_certificate, tls_key, client_ca)
    with _listener(app, clinic_id, host, port, context) as server:
        click.echo(
            f"Listening for {code} on {host}:{server.server_address[1]}"
            f" {'with TLS' if context else 'without TLS'}. Ctrl-C ends it."
        )
        signal.signal(signal.SIGTERM, lambda *_: _stop(server))
        signal.signal(signal.SIGINT, lambda *_: _stop(server))
        server.serve_forever()
    click.echo("Stopped; what was acknowledged is stored.")


def _stop(server: Listener) -> None:
    threading.Thread(target=server.shutdown).start()  # it waits for the loop that runs this handler


def _clinic(code: str) -> int:
    found = db.session.scalar(select(Clinic.id).where(Clinic.code == code))
    known = list(db.session.scalars(select(Clinic.code).order_by(Clinic.code)))
    db.session.remove()
    if found is None:
        raise click.ClickException(
            f"--clinic: found {code!r} (there are: {', '.join(known) or 'none yet'})."
        )
    return found


def _is_local(host: str) -> bool:
    try:
        return ipaddress.ip_address(host).is_loopback
    except ValueError:
        return host == "localhost"


def _tls(certificate: str | None, key: str | None, ca: str | None) -> ssl.SSLContext | None:
    if certificate is None:
        return None
    context = ssl.create_default_context(ssl.Purpose.CLIENT_AUTH, cafile=ca)
    context.minimum_version = ssl.TLSVersion.TLSv1_2
    try:
        context.load_cert_chain(certificate, key)
    except ssl.SSLError as error:
        raise click.ClickException(f"--tls-certificate, --tls-key: {error.reason}.") from None
    if ca is not None:
        context.verify_mode = ssl.CERT_REQUIRED
    return context


def _listener(
    app: Flask, clinic_id: int, host: str, port: int, context: ssl.SSLContext | None
) -> Listener:
    try:
        return Listener((host, port), app, clinic_id, context)
    except OSError as error:
        raise click.ClickException(
            f"--port: {port} on {host} cannot be used ({error.strerror})."
        ) from None


class Listener(socketserver.ThreadingTCPServer):
    """One feed of one clinic; a thread a connection, so many at once and no more."""

    allow_reuse_address = True
    daemon_threads = False  # a message in hand is finished before the process ends
    block_on_close = True

    def __init__(
        self,
        address: tuple[str, int],
        app: Flask,
        clinic_id: int,
        context: ssl.SSLContext | None = None,
    ) -> None:
        self.app = app
        self.clinic_id = clinic_id
        self.context = context
        self.room = threading.BoundedSemaphore(CONNECTIONS)
        self.open: set[socket.socket] = set()
        super().__init__(address, Connection)

    def verify_request(self, request: Any, client_address: Any) -> bool:
        """Whether there is room for one connection more."""
        return self.room.acquire(blocking=False)

    def finish_request(self, request: Any, client_address: Any) -> None:
        """Speak TLS where it is asked for, then serve; a failed handshake ends quietly."""
        request.settimeout(SILENCE)
        self.open.add(request)
        try:
            if self.context is None:
                super().finish_request(request, client_address)
                return
            with self.context.wrap_socket(request, server_side=True) as secured:
                super().finish_request(secured, client_address)
        except OSError as error:  # TLS faults are OSErrors too
            log.warning("a connection ended: %s", type(error).__name__)
        finally:
            self.open.discard(request)
            self.room.release()

    def shutdown(self) -> None:
        """Stop listening; connections that wait for a message are told that none is read."""
        super().shutdown()
        for connection in list(self.open):
            try:
                connection.shutdown(socket.SHUT_RD)
            except OSError:
                continue  # it ended by itself


class Connection(socketserver.StreamRequestHandler):
    """One sender: frame after frame, each stored and then answered."""

    server: Listener

    def handle(self) -> None:
        """Answer every message until the sender leaves."""
        try:
            for content in frames(self.rfile):
                raw = header_of(content)
                self._answer(raw, self._take(raw, content))
        except TooLarge:
            reply = Reply("R", f"A message is longer than {LARGEST} bytes; nothing was stored.")
            self._answer(None, reply)

    def _take(self, raw: RawMessage | None, content: bytes) -> Reply:
        if raw is None:
            return Reply("R", "A frame holds exactly one message that begins with MSH.", "100")
        parsed = read_file(content)
        kind = parsed.messages[0].type if parsed.messages else ""
        if not parsed.messages or not parsed.messages[0].carries_results:
            return Reply("R", f"Messages of type {kind or 'unknown'} are not taken; ORU is.", "200")
        try:
            with self.server.app.app_context(), transaction() as session:
                clinic = session.get_one(Clinic, self.server.clinic_id)
                name = f"MLLP {parsed.messages[0].control_id}".strip()
                now = dt.datetime.now(dt.UTC)
                receive(session, system("mllp"), clinic, name, content, parsed, now)
        except Exception as error:
            log.error("not stored: %s at %s", type(error).__name__, place_of(error))
            return Reply("E", "It could not be stored; send it again.")
        return Reply("A")

    def _answer(self, raw: RawMessage | None, reply: Reply) -> None:
        answer = acknowledgement(raw, reply, dt.datetime.now(dt.UTC))
        if answer is not None:
            self.wfile.write(framed(answer))


COMMANDS = (mllp,)
