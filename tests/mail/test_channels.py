"""Texts go to a file until a service is configured; what the service answers is told apart."""

from __future__ import annotations

import threading
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, HTTPServer
from pathlib import Path
from urllib.parse import parse_qs

import pytest

from compliance.mail.channels import FileChannel, TwilioChannel, open_channel
from compliance.mail.errors import Undelivered
from config import ConfigError, read_config
from tests.servers import free_port


class Service(BaseHTTPRequestHandler):
    """Answers as it is told to, and keeps what it got."""

    status = 201
    got: list[tuple[str, str, dict[str, list[str]]]]

    def do_POST(self) -> None:
        body = self.rfile.read(int(self.headers["Content-Length"])).decode()
        type(self).got.append((self.path, self.headers["Authorization"], parse_qs(body)))
        self.send_response(self.status)
        self.end_headers()
        self.wfile.write(b'{"sid": "SM1"}')

    def log_message(self, *_: object) -> None:
        """Nothing."""


@pytest.fixture
def service() -> Iterator[str]:
    Service.got, Service.status = [], 201
    server = HTTPServer(("127.0.0.1", 0), Service)
    threading.Thread(target=server.serve_forever, daemon=True).start()
    yield f"http://127.0.0.1:{server.server_port}/Accounts"
    server.shutdown()
    server.server_close()


def test_without_a_service_a_text_becomes_one_file(tmp_path: Path) -> None:
    channel = open_channel("", tmp_path / "sms")
    assert isinstance(channel, FileChannel)
    for _ in range(2):
        channel.send("+1 555 0100", "Your page")
    (file,) = (tmp_path / "sms").iterdir()
    assert file.read_text() == "To: +1 555 0100\n\nYour page\n"


def test_the_service_gets_number_sender_and_text_behind_its_sign_in(service: str) -> None:
    said = TwilioChannel("AC1", "secret", "+15550199", service).send("+15550100", "Su página")
    assert said == "Accepted as SM1"
    path, sign_in, body = Service.got[0]
    assert path == "/Accounts/AC1/Messages.json"
    assert sign_in == "Basic QUMxOnNlY3JldA=="
    assert body == {"To": ["+15550100"], "From": ["+15550199"], "Body": ["Su página"]}


@pytest.mark.parametrize(("status", "for_good"), [(400, True), (429, False), (500, False)])
def test_a_refusal_for_good_is_told_from_one_for_now(
    service: str, status: int, for_good: bool
) -> None:
    Service.status = status
    with pytest.raises(Undelivered) as refused:
        TwilioChannel("AC1", "secret", "+15550199", service).send("+15550100", "Your page")
    assert refused.value.for_good is for_good


def test_a_service_that_is_away_is_away_for_everybody() -> None:
    away = TwilioChannel("AC1", "secret", "+1", f"http://127.0.0.1:{free_port()}")
    with pytest.raises(Undelivered) as refused:
        away.send("+15550100", "Your page")
    assert refused.value.server_wide


def test_the_setting_names_account_secret_and_sender(tmp_path: Path) -> None:
    env = {"INSTANCE_DIR": str(tmp_path), "SMS_URL": "twilio://AC1:secret@+15550199"}
    channel = open_channel(read_config(env).sms_url, tmp_path)
    assert isinstance(channel, TwilioChannel)
    assert channel.sender == "+15550199"
    with pytest.raises(ConfigError, match="SMS_URL"):
        read_config({**env, "SMS_URL": "https://example.org"})
