"""Where mails go: an outbox delivers one message at a time, or says how it failed."""

from __future__ import annotations

import os
import tempfile
from email.message import EmailMessage
from pathlib import Path
from types import TracebackType
from typing import Protocol

from compliance.mail.dkim_signature import Signer
from compliance.mail.smtp import SmtpOutbox

WRITTEN = "Written to the file"


class Outbox(Protocol):
    """Takes messages while it is open; one connection serves many."""

    def __enter__(self) -> Outbox:
        """Open it; whatever needs a connection makes it with the first message."""

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        """Close it."""

    def deliver(self, message: EmailMessage) -> str:
        """Hand over one message and say what was answered; raises Undelivered."""


class FileOutbox:
    """Writes each mail as an .eml file: nothing leaves the building.

    The name follows from the Message-ID, so that a mail written twice is still one file.
    """

    def __init__(self, directory: Path) -> None:
        self.directory = directory

    def __enter__(self) -> FileOutbox:
        self.directory.mkdir(parents=True, exist_ok=True, mode=0o700)
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        """Nothing to close."""

    def deliver(self, message: EmailMessage) -> str:
        """Write the whole file or none."""
        name = file_name(message["Message-ID"])
        handle, part = tempfile.mkstemp(dir=self.directory, suffix=".part")
        try:
            with os.fdopen(handle, "wb") as file:
                file.write(message.as_bytes())
                file.flush()
                os.fsync(file.fileno())
            os.replace(part, self.directory / name)
        except BaseException:
            Path(part).unlink(missing_ok=True)
            raise
        return (
            f"Written to the file {name}; no mail server is configured, nothing left the building."
        )


def file_name(message_id: str) -> str:
    """The file of a message: the part of its Message-ID before the @."""
    return f"{message_id.strip('<>').partition('@')[0]}.eml"


def open_outbox(smtp_url: str, directory: Path, signer: Signer | None = None) -> Outbox:
    """The mail server when one is configured, else files in a directory."""
    return SmtpOutbox(smtp_url, signer=signer) if smtp_url else FileOutbox(directory)
