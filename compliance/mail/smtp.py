"""Mails to a real server: TLS, sign-in, one connection for many, failures told apart."""

from __future__ import annotations

import smtplib
import ssl
from email.message import EmailMessage
from types import TracebackType
from urllib.parse import SplitResult, unquote, urlsplit

from compliance.mail.dkim_signature import Signer
from compliance.mail.errors import Undelivered

TIMEOUT = 20.0  # seconds for each answer
PORTS = {"smtp": 25, "smtp+starttls": 587, "smtps": 465}
GOING_DOWN, SIGN_IN_FIRST, FULL = 421, 530, 552
UTF8 = ("SMTPUTF8", "BODY=8BITMIME")
LOOPBACK = ("localhost", "127.0.0.1", "::1")


class SmtpOutbox:
    """Delivers to `smtp://`, `smtp+starttls://` or `smtps://`, each [USER:PASSWORD@]HOST[:PORT].

    Raises ValueError for an address that would send a password in the clear.
    """

    def __init__(
        self, url: str, tls: ssl.SSLContext | None = None, signer: Signer | None = None
    ) -> None:
        self.place = urlsplit(url)
        if self.place.scheme not in PORTS or not self.place.hostname:
            allowed = " | ".join(f"{scheme}://HOST" for scheme in PORTS)
            raise ValueError(f"SMTP_URL: found {self.place.scheme}:// (allowed: {allowed})")
        if _clear_password(self.place):
            raise ValueError(
                "SMTP_URL: found a password with smtp:// (allowed: smtp+starttls:// or smtps://)"
            )
        self._tls = tls or ssl.create_default_context()
        self._signer = signer
        self._server: smtplib.SMTP | None = None
        self._taken = 0  # by this connection
        self._broke = False  # the mail before this one broke the connection

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
        """Hand over one message to its one recipient; raises Undelivered.

        A server that ends a connection after so many mails is asked once more on a new one. A
        connection that breaks within a mail fails that mail; two in a row, and the server is away.
        """
        raw = message.as_bytes()
        if self._signer is not None:
            raw = self._signer.sign(raw)
        try:
            try:
                self._send(message, raw)
            except smtplib.SMTPException as error:
                if not (self._taken and _code(error) == GOING_DOWN):
                    raise
                self._drop()
                self._send(message, raw)
        except (smtplib.SMTPException, OSError) as error:
            raise self._failed(error) from error
        self._taken, self._broke = self._taken + 1, False
        return f"Accepted by {self.place.hostname}."

    def _send(self, message: EmailMessage, raw: bytes) -> None:
        server = self._connected()
        sender, to = (message[name].addresses[0].addr_spec for name in ("From", "To"))
        options: tuple[str, ...] = ()
        if not (sender + to).isascii():
            if not server.has_extn("smtputf8"):
                raise smtplib.SMTPNotSupportedError
            options = UTF8
        server.sendmail(sender, to, raw, options)

    def _failed(self, error: smtplib.SMTPException | OSError) -> Undelivered:
        """What it means, with the connection dropped when it is of no more use."""
        broke = _code(error) is None and self._server is not None
        failure = _failure(error, server_wide=self._broke or not broke)
        if broke or failure.server_wide:
            self._drop()
        self._broke = broke
        return failure

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
            server.ehlo_or_helo_if_needed()
        except BaseException:
            server.close()
            raise
        return server

    def _drop(self) -> None:
        server, self._server, self._taken = self._server, None, 0
        if server is not None:
            server.close()


def _demand_tls(server: smtplib.SMTP, tls: ssl.SSLContext) -> None:
    server.ehlo()
    if not server.has_extn("starttls"):
        raise Undelivered("The mail server does not offer TLS.", server_wide=True)
    server.starttls(context=tls)


def _clear_password(place: SplitResult) -> bool:
    return place.scheme == "smtp" and bool(place.password) and place.hostname not in LOOPBACK


def _code(error: Exception) -> int | None:
    """What the server answered; None when it did not answer at all."""
    match error:
        case smtplib.SMTPRecipientsRefused(recipients=refused):
            code, _ = next(iter(refused.values()))
            return int(code)
        case smtplib.SMTPResponseException(smtp_code=code):
            return int(code)
        case smtplib.SMTPNotSupportedError():
            return 0
    return None


def _failure(error: smtplib.SMTPException | OSError, *, server_wide: bool) -> Undelivered:
    """What an error means for this mail and for those after it.

    `server_wide` is for a connection that broke without a word; an answer speaks for itself.
    """
    match error:
        case smtplib.SMTPRecipientsRefused(recipients=refused):
            code, said = next(iter(refused.values()))
            return _refused("The address was refused", code, said)
        case smtplib.SMTPDataError(smtp_code=code, smtp_error=said):
            return _refused("The mail was refused", code, said)
        case smtplib.SMTPSenderRefused(smtp_code=code, smtp_error=said) if code != GOING_DOWN:
            text = f"The sender's address (MAIL_FROM) was refused: {_said(code, said)}"
            return Undelivered(text, server_wide=True)
        case smtplib.SMTPAuthenticationError(smtp_code=code):
            return Undelivered(f"The mail server refused the sign-in ({code}).", server_wide=True)
        case smtplib.SMTPNotSupportedError():
            return Undelivered("The mail server cannot take this address.", for_good=True)
        case smtplib.SMTPResponseException(smtp_code=code, smtp_error=said):
            text = f"The mail server is going down: {_said(code, said)}"
            return Undelivered(text, server_wide=True)
        case smtplib.SMTPException():
            text = f"The mail server broke off ({type(error).__name__})."
            return Undelivered(text, server_wide=server_wide)
        case _:
            text = f"The mail server cannot be reached ({error.strerror or type(error).__name__})."
            return Undelivered(text, server_wide=server_wide)


def _refused(what: str, code: int, said: bytes | str) -> Undelivered:
    text = f"{what}: {_said(code, said)}"
    return Undelivered(text, for_good=_for_good(code, said), server_wide=code == GOING_DOWN)


def _for_good(code: int, said: bytes | str) -> bool:
    """A refusal that stays.

    One for reasons of policy (5.7.x) may be our own settings' fault, and a full mailbox (552,
    5.2.2) is emptied one day; a mail that is too large (5.3.4) stays too large.
    """
    text = said.decode("utf-8", "replace") if isinstance(said, bytes) else said
    status = text.lstrip()
    full = status.startswith("5.2.2") or (code == FULL and not status.startswith("5.3."))
    return code >= 500 and code != SIGN_IN_FIRST and not full and not status.startswith("5.7.")


def _said(code: int, said: bytes | str) -> str:
    """A server's answer: its code and first line, without the address that it may quote."""
    text = said.decode("utf-8", "replace") if isinstance(said, bytes) else said
    words = [word for word in text.split("\n")[0].split() if "@" not in word]
    return f"{code} {' '.join(words)}"[:200]
