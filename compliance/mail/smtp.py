"""Mails to a real server: TLS, sign-in, one connection for many, failures told apart."""

from __future__ import annotations

import smtplib
import ssl
from email.message import EmailMessage
from types import TracebackType
from urllib.parse import SplitResult, unquote, urlsplit

from compliance.mail.errors import Undelivered

TIMEOUT = 20.0  # seconds for each answer
PORTS = {"smtp": 25, "smtp+starttls": 587, "smtps": 465}
GOING_DOWN, SIGN_IN_FIRST = 421, 530
LOOPBACK = ("localhost", "127.0.0.1", "::1")


class SmtpOutbox:
    """Delivers to `smtp://`, `smtp+starttls://` or `smtps://`, each [USER:PASSWORD@]HOST[:PORT].

    Raises ValueError for an address that would send a password in the clear.
    """

    def __init__(self, url: str, tls: ssl.SSLContext | None = None) -> None:
        self.place = urlsplit(url)
        if self.place.scheme not in PORTS or not self.place.hostname:
            allowed = " | ".join(f"{scheme}://HOST" for scheme in PORTS)
            raise ValueError(f"SMTP_URL: found {self.place.scheme}:// (allowed: {allowed})")
        if _clear_password(self.place):
            raise ValueError(
                "SMTP_URL: found a password with smtp:// (allowed: smtp+starttls:// or smtps://)"
            )
        self._tls = tls or ssl.create_default_context()
        self._server: smtplib.SMTP | None = None

    def __enter__(self) -> SmtpOutbox:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        server, self._server = self._server, None
        if server is not None:
            try:
                server.quit()
            except (smtplib.SMTPException, OSError):
                server.close()

    def deliver(self, message: EmailMessage) -> str:
        """Hand over one message to its one recipient; raises Undelivered."""
        try:
            server = self._connected()
            refused = server.send_message(message)
        except smtplib.SMTPRecipientsRefused as error:
            raise _recipient(error.recipients) from error
        except (smtplib.SMTPException, OSError) as error:
            failure = _failure(error)
            if failure.server_wide:
                self._drop()
            raise failure from error
        if refused:
            raise _recipient(refused)
        return f"Accepted by {self.place.hostname}."

    def _connected(self) -> smtplib.SMTP:
        if self._server is None:
            self._server = self._connect()
        return self._server

    def _connect(self) -> smtplib.SMTP:
        place = self.place
        host, port = str(place.hostname), place.port or PORTS[place.scheme]
        server: smtplib.SMTP
        if place.scheme == "smtps":
            server = smtplib.SMTP_SSL(host, port, timeout=TIMEOUT, context=self._tls)
        else:
            server = smtplib.SMTP(host, port, timeout=TIMEOUT)
        try:
            if place.scheme == "smtp+starttls":
                _demand_tls(server, self._tls)
            if place.username:
                server.login(unquote(place.username), unquote(place.password or ""))
        except BaseException:
            server.close()
            raise
        return server

    def _drop(self) -> None:
        server, self._server = self._server, None
        if server is not None:
            server.close()


def _demand_tls(server: smtplib.SMTP, tls: ssl.SSLContext) -> None:
    server.ehlo()
    if not server.has_extn("starttls"):
        raise Undelivered("The mail server does not offer TLS.", server_wide=True)
    server.starttls(context=tls)


def _clear_password(place: SplitResult) -> bool:
    return place.scheme == "smtp" and bool(place.password) and place.hostname not in LOOPBACK


def _recipient(refused: dict[str, tuple[int, bytes]]) -> Undelivered:
    code, said = next(iter(refused.values()))
    text = f"The address was refused: {_said(code, said)}"
    return Undelivered(text, for_good=_for_good(code, said), server_wide=code == GOING_DOWN)


def _failure(error: smtplib.SMTPException | OSError) -> Undelivered:
    """What an error of the library means for this mail, and for those after it."""
    match error:
        case smtplib.SMTPDataError(smtp_code=code, smtp_error=said):
            text = f"The mail was refused: {_said(code, said)}"
            down = code == GOING_DOWN
            return Undelivered(text, for_good=_for_good(code, said), server_wide=down)
        case smtplib.SMTPSenderRefused(smtp_code=code, smtp_error=said):
            text = f"The sender's address (MAIL_FROM) was refused: {_said(code, said)}"
            return Undelivered(text, server_wide=True)
        case smtplib.SMTPAuthenticationError(smtp_code=code):
            return Undelivered(f"The mail server refused the sign-in ({code}).", server_wide=True)
        case smtplib.SMTPNotSupportedError():
            return Undelivered("The mail server cannot take this address.", for_good=True)
        case smtplib.SMTPException():
            text = f"The mail server broke off ({type(error).__name__})."
            return Undelivered(text, server_wide=True)
        case _:
            text = f"The mail server cannot be reached ({error.strerror or type(error).__name__})."
            return Undelivered(text, server_wide=True)


def _for_good(code: int, said: bytes | str) -> bool:
    """A refusal that stays; one for reasons of policy (5.7.x) may be our own settings' fault."""
    text = said.decode("utf-8", "replace") if isinstance(said, bytes) else said
    return code >= 500 and code != SIGN_IN_FIRST and not text.lstrip().startswith("5.7.")


def _said(code: int, said: bytes | str) -> str:
    """A server's answer: its code and first line, without the address that it may quote."""
    text = said.decode("utf-8", "replace") if isinstance(said, bytes) else said
    words = [word for word in text.split("\n")[0].split() if "@" not in word]
    return f"{code} {' '.join(words)}"[:200]
