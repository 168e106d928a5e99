"""Other ways to a patient than mail: one Protocol, a file by default, Twilio where configured."""

from __future__ import annotations

import base64
import hashlib
import json
import urllib.error
import urllib.parse
import urllib.request
from pathlib import Path
from typing import Protocol

from compliance.mail.errors import Undelivered

TWILIO = "https://api.twilio.com/2010-04-01/Accounts"
WAIT = 15  # seconds


class Channel(Protocol):
    """Hands one short neutral text to one number."""

    def send(self, number: str, text: str) -> str:
        """Hand it over and say what was answered; raises Undelivered."""


class FileChannel:
    """Writes each text as a file: nothing leaves the building."""

    def __init__(self, directory: Path) -> None:
        self.directory = directory

    def send(self, number: str, text: str) -> str:
        """Write one text; the same text to the same number is one file."""
        self.directory.mkdir(parents=True, exist_ok=True, mode=0o700)
        name = hashlib.sha256(f"{number}|{text}".encode()).hexdigest()[:40] + ".txt"
        (self.directory / name).write_text(f"To: {number}\n\n{text}\n", encoding="utf-8")
        return f"Written to the file {name}; nothing left the building."


class TwilioChannel:
    """Sends texts through Twilio's API over HTTPS."""

    def __init__(self, account: str, secret: str, sender: str, base: str = TWILIO) -> None:
        self.sender = sender
        self.address = f"{base}/{account}/Messages.json"
        self.sign_in = base64.b64encode(f"{account}:{secret}".encode()).decode()

    def send(self, number: str, text: str) -> str:
        """Send one text; refused for good on 4xx but 429, else it may be tried again."""
        body = urllib.parse.urlencode({"To": number, "From": self.sender, "Body": text})
        request = urllib.request.Request(  # noqa: S310 - the scheme is ours
            self.address, body.encode(), {"Authorization": f"Basic {self.sign_in}"}
        )
        try:
            with urllib.request.urlopen(request, timeout=WAIT) as answer:  # noqa: S310
                return f"Accepted as {json.load(answer)['sid']}"
        except urllib.error.HTTPError as error:
            final = 400 <= error.code < 500 and error.code != 429
            said = f"The service for texts answered {error.code}."
            raise Undelivered(said, for_good=final) from None
        except (OSError, ValueError, KeyError):
            said = "The service for texts cannot be reached."
            raise Undelivered(said, server_wide=True) from None


def open_channel(sms_url: str, directory: Path) -> Channel:
    """Twilio for twilio://ACCOUNT:SECRET@SENDER, files while nothing is configured."""
    if not sms_url:
        return FileChannel(directory)
    place = urllib.parse.urlsplit(sms_url)
    return TwilioChannel(place.username or "", place.password or "", place.hostname or "")
