"""A real mail server on a free port that keeps what it gets, and refuses as told."""

from __future__ import annotations

import asyncio
import ssl
from collections.abc import Iterator
from contextlib import contextmanager
from email import message_from_bytes, policy
from email.message import EmailMessage
from pathlib import Path

from aiosmtpd.controller import Controller
from aiosmtpd.smtp import SMTP, AuthResult, Envelope, LoginPassword, Session

from tests.servers import free_port

CERTIFICATE = Path(__file__).with_name("localhost.pem")


class Keeper:
    """What one server saw; `answers` maps a recipient to the line it is refused with."""

    def __init__(self) -> None:
        self.mails: list[EmailMessage] = []
        self.answers: dict[str, str] = {}
        self.data_answer = ""
        self.most_a_connection = 0  # 0: as many as come
        self.silent_on: set[str] = set()  # recipients on whom the line goes dead
        self.raw: list[bytes] = []
        self.connections = 0
        self.recipients: list[str] = []

    async def handle_EHLO(self, server: SMTP, session: Session, envelope: Envelope,
                          hostname: str, responses: list[str]) -> list[str]:  # fmt: skip
        if not session.host_name:
            self.connections += 1
        session.host_name = hostname
        return responses

    async def handle_MAIL(self, server: SMTP, session: Session, envelope: Envelope,
                          address: str, options: list[str]) -> str:  # fmt: skip
        taken = getattr(session, "taken", 0)
        if self.most_a_connection and taken >= self.most_a_connection:
            return "421 4.7.0 Too many mails on this connection"
        session.taken = taken + 1  # type: ignore[attr-defined]
        envelope.mail_from = address
        return "250 OK"

    async def handle_RCPT(self, server: SMTP, session: Session, envelope: Envelope,
                          address: str, options: list[str]) -> str:  # fmt: skip
        if address in self.silent_on:
            await asyncio.sleep(30)
        if address in self.answers:
            return self.answers[address]
        envelope.rcpt_tos.append(address)
        return "250 OK"

    async def handle_DATA(self, server: SMTP, session: Session, envelope: Envelope) -> str:
        if self.data_answer:
            return self.data_answer
        self.raw.append(bytes(envelope.content or b""))
        message = message_from_bytes(envelope.content or b"", policy=policy.default)
        assert isinstance(message, EmailMessage)
        self.mails.append(message)
        self.recipients += envelope.rcpt_tos
        return "250 Taken"


@contextmanager
def mail_server(
    keeper: Keeper,
    password: str = "",
    tls: ssl.SSLContext | None = None,
    *,
    implicit: bool = False,
) -> Iterator[str]:
    """The address (host:port) of a running server; with a password it demands a sign-in.

    With a TLS context it demands STARTTLS, or speaks TLS from the first byte when `implicit`.
    """

    def check(server: SMTP, session: Session, envelope: Envelope, mechanism: str,
              given: object) -> AuthResult:  # fmt: skip
        ok = isinstance(given, LoginPassword) and given.password.decode() == password
        return AuthResult(success=ok, handled=ok)

    controller = Controller(
        keeper,
        hostname="127.0.0.1",
        port=free_port(),
        authenticator=check if password else None,
        auth_required=bool(password),
        auth_require_tls=False,
        ssl_context=tls if implicit else None,
        tls_context=None if implicit else tls,
        require_starttls=tls is not None and not implicit,
    )
    controller.start()
    try:
        yield f"127.0.0.1:{controller.port}"
    finally:
        controller.stop()


def tls_contexts() -> tuple[ssl.SSLContext, ssl.SSLContext]:
    """A server's context for localhost, and a client's that trusts that certificate alone."""
    server = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    server.load_cert_chain(CERTIFICATE)
    return server, ssl.create_default_context(cafile=str(CERTIFICATE))
