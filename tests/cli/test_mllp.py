"""The feed of a laboratory: stored first, acknowledged then, and never acknowledged otherwise."""

from __future__ import annotations

import datetime as dt
import io
import socket
import ssl
import subprocess
import threading
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from sqlalchemy import func, select, text

from compliance.cli.mllp import Listener, _tls
from compliance.db import db
from compliance.interop import mllp
from compliance.models import Evidence, ImportedFile, Role
from tests.interop.messages import TG, obx, oru
from tests.world import a_clinic, a_patient, a_user

BORN = dt.date(1998, 4, 2)


@pytest.fixture
def listener(app: Any) -> Iterator[Listener]:
    clinic_id = a_clinic()
    a_patient(a_user(clinic_id, Role.NURSE), mrn="T-1", family_name="Okafor", birth_date=BORN)
    db.session.remove()
    with _running(app, clinic_id, None) as server:
        yield server


@contextmanager
def _running(app: Any, clinic_id: int, context: ssl.SSLContext | None) -> Iterator[Listener]:
    with Listener(("127.0.0.1", 0), app, clinic_id, context) as server:
        thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.05})
        thread.start()
        try:
            yield server
        finally:
            server.shutdown()
            thread.join()


def _connect(server: Listener) -> socket.socket:
    return socket.create_connection(server.server_address[:2], timeout=20)


def _said(connection: socket.socket) -> str:
    found = b""
    while not found.endswith(mllp.END + mllp.RETURN):
        more = connection.recv(4096)
        if not more:
            break
        found += more
    return found.strip(mllp.START + mllp.END + mllp.RETURN).decode()


def _ask(server: Listener, message: bytes) -> str:
    with _connect(server) as connection:
        connection.sendall(mllp.framed(message))
        return _said(connection)


def _count(table: Any) -> int:
    db.session.rollback()
    return int(db.session.scalar(select(func.count()).select_from(table)) or 0)


def test_a_message_is_stored_and_then_accepted_and_the_same_again_changes_nothing(
    listener: Listener,
) -> None:
    message = oru(obx(TG, "101", "mg/dL"))
    before = _count(Evidence)
    for _ in range(2):
        answer = _ask(listener, message)
        assert "MSA|AA|" in answer
        assert _count(ImportedFile) == 1
        assert _count(Evidence) == before + 1


def test_a_message_that_cannot_be_stored_is_not_accepted(listener: Listener) -> None:
    db.session.execute(text("ALTER TABLE imported_result RENAME TO elsewhere"))
    db.session.commit()
    answer = _ask(listener, oru(obx(TG, "101", "mg/dL")))
    assert "MSA|AE|" in answer
    assert "Okafor" not in answer
    assert _count(ImportedFile) == 0


@pytest.mark.parametrize(
    ("message", "says"),
    [
        (b"PID|1||T-1", "begins with MSH"),
        (b"MSH|^~\\&|A|B|C|D|20261117||ADT^A01|7|P|2.5\rPID|1||T-1\r", "ADT^A01 are not taken"),
        (b"MSH|^~\\&|A|B|C|D|20261117||ORU^R01|7|P|2.5\r" * 2, "exactly one message"),
    ],
)
def test_what_is_no_result_message_is_refused_and_nothing_is_stored(
    listener: Listener, message: bytes, says: str
) -> None:
    answer = _ask(listener, message)
    assert "MSA|AR|" in answer
    assert says.replace("^", " ") in answer
    assert _count(ImportedFile) == 0


def test_many_messages_travel_on_one_connection_each_with_its_own_answer(
    listener: Listener,
) -> None:
    with _connect(listener) as connection:
        for value in ("101", "102", "103"):
            connection.sendall(b"noise" + mllp.framed(oru(obx(TG, value, "mg/dL"))))
            assert "MSA|AA|" in _said(connection)
    assert _count(ImportedFile) == 3


def test_a_connection_that_breaks_in_the_middle_of_a_message_stores_nothing(
    listener: Listener,
) -> None:
    with _connect(listener) as connection:
        connection.sendall(mllp.framed(oru(obx(TG, "101", "mg/dL")))[:-20])
    assert "MSA|AA|" in _ask(listener, oru(obx(TG, "102", "mg/dL")))
    assert _count(ImportedFile) == 1


def test_with_tls_a_sender_in_the_open_gets_nothing(app: Any, tmp_path: Path) -> None:
    certificate, key = tmp_path / "c.pem", tmp_path / "k.pem"
    subprocess.run(
        ["openssl", "req", "-x509", "-newkey", "rsa:2048", "-nodes", "-days", "1", "-subj",
         "/CN=localhost", "-addext", "subjectAltName=DNS:localhost", "-keyout", str(key), "-out",
         str(certificate)],
        check=True, capture_output=True,
    )  # fmt: skip
    clinic_id = a_clinic()
    db.session.remove()
    with _running(app, clinic_id, _tls(str(certificate), str(key), None)) as server:
        with _connect(server) as plain:
            plain.sendall(mllp.framed(oru(obx(TG, "101", "mg/dL"))))
            with suppress(ConnectionResetError):
                assert _said(plain) == ""
        client = ssl.create_default_context(cafile=str(certificate))
        with client.wrap_socket(_connect(server), server_hostname="localhost") as secured:
            secured.sendall(mllp.framed(oru(obx(TG, "101", "mg/dL"))))
            assert "MSA|AA|" in _said(secured)
    assert _count(ImportedFile) == 1


class Pieces(io.RawIOBase):
    """A stream that arrives in pieces."""

    def __init__(self, pieces: list[bytes]) -> None:
        self.pieces = pieces

    def readable(self) -> bool:
        return True

    def readinto(self, buffer: Any) -> int:
        if not self.pieces:
            return 0
        piece = self.pieces.pop(0)
        buffer[: len(piece)] = piece
        return len(piece)


@given(st.lists(st.binary(max_size=40)), st.integers(1, 7))
def test_however_a_stream_is_cut_the_same_messages_come_out(
    messages: list[bytes], length: int
) -> None:
    kept = [message.translate(None, mllp.START + mllp.END) for message in messages]
    stream = b"".join(b"?" + mllp.framed(message) for message in kept)
    pieces = [stream[at : at + length] for at in range(0, len(stream), length)]
    assert list(mllp.frames(io.BufferedReader(Pieces(pieces)))) == kept


def test_a_message_without_end_is_not_read_for_ever(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(mllp, "LARGEST", 100)
    assert list(mllp.frames(io.BytesIO(mllp.framed(b"x" * 100)))) == [b"x" * 100]
    with pytest.raises(mllp.TooLarge):
        list(mllp.frames(io.BytesIO(mllp.START + b"x" * 101)))


@pytest.mark.parametrize(
    ("wanted", "verdict", "code"),
    [
        ("", "A", "AA"), ("AL", "A", "CA"), ("AL", "E", "CE"), ("NE", "A", None),
        ("NE", "R", None), ("ER", "A", None), ("ER", "R", "CR"), ("SU", "A", "CA"),
        ("SU", "E", None),
    ],
)  # fmt: skip
def test_the_sender_says_which_acknowledgements_it_wants(
    wanted: str, verdict: Any, code: str | None
) -> None:
    raw = f"MSH|^~\\&|LAB|EAST|US|HERE|20261117||ORU^R01^ORU_R01|42|P|2.5.1|||{wanted}\r".encode()
    now = dt.datetime(2026, 11, 20, 12, tzinfo=dt.UTC)
    answer = mllp.acknowledgement(mllp.header_of(raw), mllp.Reply(verdict, "No."), now)
    if code is None:
        assert answer is None
        return
    header, said, *_ = (answer or b"").decode().split("\r")
    assert header.startswith("MSH|^~\\&|US|HERE|LAB|EAST|20261120120000+0000||ACK^R01^ACK|")
    assert said == f"MSA|{code}|42"
