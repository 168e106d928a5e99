"""The mailbox to which undelivered mail comes back, read over IMAP."""

from __future__ import annotations

import imaplib
import ssl
from collections.abc import Iterator
from types import TracebackType
from typing import Any
from urllib.parse import unquote, urlsplit

from compliance.mail.reports import MOST_BYTES

TIMEOUT = 20.0  # seconds for each answer
PORTS = {"imap": 143, "imaps": 993}


class MailboxFault(Exception):
    """The mailbox cannot be read; its text holds neither password nor content."""


class Mailbox:
    """A mailbox at `imaps://USER:PASSWORD@HOST[:PORT][/FOLDER]`, INBOX unless said; `imap://` too.

    Its methods raise MailboxFault.
    """

    def __init__(self, url: str, tls: ssl.SSLContext | None = None) -> None:
        self.place = urlsplit(url)
        self.folder = unquote(self.place.path.strip("/")) or "INBOX"
        self._tls = tls or ssl.create_default_context()
        self._server: imaplib.IMAP4

    def __enter__(self) -> Mailbox:
        try:
            self._server = self._connect()
            self._server.login(
                unquote(self.place.username or ""), unquote(self.place.password or "")
            )
            self._asked(*self._server.select(f'"{self.folder}"'))
        except (imaplib.IMAP4.error, OSError) as error:
            raise MailboxFault(f"The mailbox cannot be opened ({type(error).__name__}).") from None
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        try:
            self._server.logout()
        except (imaplib.IMAP4.error, OSError):
            self._server.shutdown()

    def _connect(self) -> imaplib.IMAP4:
        host, port = str(self.place.hostname), self.place.port or PORTS[self.place.scheme]
        if self.place.scheme == "imaps":
            return imaplib.IMAP4_SSL(host, port, ssl_context=self._tls, timeout=TIMEOUT)
        return imaplib.IMAP4(host, port, timeout=TIMEOUT)

    @property
    def era(self) -> int:
        """The mailbox's UIDVALIDITY: numbers of mails mean something only within one."""
        _, values = self._server.response("UIDVALIDITY")
        return int(values[0] or 0) if values else 0

    def unseen(self, after: int) -> Iterator[tuple[int, bytes]]:
        """The unseen mails with a number above `after`, and their first 256 KB, unmarked."""
        try:
            (found,) = self._asked(*self._server.uid("SEARCH", f"UID {after + 1}:*", "UNSEEN"))
            for number in sorted(int(each) for each in (found or b"").split()):
                if number > after:  # a server answers n:* with its last mail, whatever n is
                    yield number, self._fetched(number)
        except (imaplib.IMAP4.error, OSError) as error:
            raise MailboxFault(f"The mailbox broke off ({type(error).__name__}).") from None

    def _fetched(self, number: int) -> bytes:
        parts = self._asked(
            *self._server.uid("FETCH", str(number), f"(BODY.PEEK[]<0.{MOST_BYTES}>)")
        )
        return b"".join(part[1] for part in parts if isinstance(part, tuple))

    def mark_seen(self, number: int) -> None:
        """Flag a mail as read."""
        try:
            self._asked(*self._server.uid("STORE", str(number), "+FLAGS.SILENT", r"(\Seen)"))
        except (imaplib.IMAP4.error, OSError) as error:
            raise MailboxFault(f"The mailbox broke off ({type(error).__name__}).") from None

    @staticmethod
    def _asked(kind: str, data: list[Any]) -> list[Any]:
        if kind != "OK":
            raise imaplib.IMAP4.error
        return data
