"""What leaves is signed by the clinic's domain, as a verifier with the public key sees it."""

from __future__ import annotations

import base64
import subprocess
from pathlib import Path

import dkim
import pytest

from compliance.mail.dkim_signature import Signer
from compliance.mail.post import outbox_of
from compliance.mail.smtp import SmtpOutbox
from tests.conftest import make_config
from tests.mail.servers import Keeper, mail_server
from tests.mail.test_outbox import a_message


@pytest.fixture(scope="module")
def key(tmp_path_factory: pytest.TempPathFactory) -> Path:
    file = tmp_path_factory.mktemp("dkim") / "dkim.pem"
    subprocess.run(["openssl", "genrsa", "-traditional", "-out", file, "2048"], check=True,
                   capture_output=True)  # fmt: skip
    return file


def published(key: Path) -> bytes:
    """The text record of the domain."""
    public = subprocess.run(["openssl", "rsa", "-in", key, "-pubout", "-outform", "DER"],
                            check=True, capture_output=True).stdout  # fmt: skip
    return b"v=DKIM1; k=rsa; p=" + base64.b64encode(public)


def verified(raw: bytes, key: Path, asked: list[str]) -> bool:
    def look_up(name: bytes, timeout: int = 5) -> bytes:
        asked.append(name.decode())
        return published(key)

    return bool(dkim.verify(raw, dnsfunc=look_up))


def sent(key: Path) -> bytes:
    """What a server got, as it came over the wire."""
    keeper, signer = Keeper(), Signer("clinic.example.org", "mail1", key)
    with mail_server(keeper) as place, SmtpOutbox(f"smtp://{place}", signer=signer) as outbox:
        outbox.deliver(a_message(clinic="Clínica Señor Núñez"))
    (raw,) = keeper.raw
    return raw


def test_what_arrives_verifies_with_the_key_that_the_domain_publishes(key: Path):
    asked: list[str] = []
    assert verified(sent(key), key, asked)
    assert asked == ["mail1._domainkey.clinic.example.org."]


@pytest.mark.parametrize(
    "change", [(b"Thu 9 Apr 2026", b"Fri 10 Apr 2026"), (b"\r\nReply-To:", b"\r\nReply-To: x")]
)
def test_what_was_changed_on_the_way_does_not_verify(key: Path, change: tuple[bytes, bytes]):
    raw = sent(key)
    assert change[0] in raw
    assert not verified(raw.replace(*change), key, [])


def test_a_key_that_cannot_sign_is_said_before_anything_is_sent(tmp_path: Path):
    (tmp_path / "dkim.pem").write_text("no key")
    config = make_config(
        tmp_path, SMTP_URL="smtp://127.0.0.1:25", DKIM_SELECTOR="mail1", DKIM_DOMAIN="example.org"
    )
    with pytest.raises(ValueError, match="DKIM_KEY"):
        outbox_of(config)
