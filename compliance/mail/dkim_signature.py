"""A signature by the sender's domain (DKIM, RFC 6376), so that mails are believed."""

from __future__ import annotations

from pathlib import Path

import dkim

SIGNED = (
    b"from", b"to", b"reply-to", b"subject", b"date", b"message-id", b"mime-version",
    b"content-type", b"auto-submitted", b"list-unsubscribe", b"list-unsubscribe-post",
)  # fmt: skip


class Signer:
    """Signs with one private key, whose public half the domain publishes under the selector.

    Raises ValueError when the key cannot be read or does not sign.
    """

    def __init__(self, domain: str, selector: str, key: Path) -> None:
        self._domain, self._selector = domain.encode("idna"), selector.encode("ascii")
        try:
            self._key = key.read_bytes()
            self.sign(b"From: nobody\r\n\r\n\r\n")
        except (OSError, ValueError, dkim.DKIMException) as error:
            raise ValueError(f"DKIM_KEY: cannot sign with this file ({error})") from None

    def sign(self, raw: bytes) -> bytes:
        """The message with its signature as the first header."""
        there = {
            line.partition(b":")[0].lower() for line in raw.partition(b"\r\n\r\n")[0].split(b"\r\n")
        }
        signature: bytes = dkim.sign(
            raw,
            self._selector,
            self._domain,
            self._key,
            canonicalize=(b"relaxed", b"relaxed"),
            include_headers=[name for name in SIGNED if name in there],
        )
        return signature + raw
