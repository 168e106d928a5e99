"""A small real IMAP server: it signs in, selects, searches, hands out mails and keeps flags."""

from __future__ import annotations

import re
import socketserver
import ssl
import threading
from collections.abc import Iterator
from contextlib import contextmanager

PASSWORD = "p@ss word"


class Box:
    """The mails of one mailbox by number, and which were read."""

    def __init__(self) -> None:
        self.mails: dict[int, bytes] = {}
        self.seen: set[int] = set()
        self.era = 1
        self.fetched: list[int] = []
        self.break_after = 10**9  # fetches, then the line goes dead

    def add(self, raw: bytes) -> int:
        number = max(self.mails, default=0) + 1
        self.mails[number] = raw
        return number


class _Talk(socketserver.StreamRequestHandler):
    box: Box
    tls: ssl.SSLContext | None

    def handle(self) -> None:
        if self.tls is not None:
            self.request = self.tls.wrap_socket(self.request, server_side=True)
            self.rfile, self.wfile = self.request.makefile("rb"), self.request.makefile("wb", 0)
        self._say("* OK ready")
        while line := self.rfile.readline():
            tag, _, rest = line.decode().strip().partition(" ")
            word, _, said = rest.partition(" ")
            if word == "UID":
                word, _, said = said.partition(" ")
            if not getattr(self, "_" + word.lower())(tag, said):
                return

    def _say(self, *lines: str) -> bool:
        self.wfile.write("".join(line + "\r\n" for line in lines).encode())
        return True

    def _capability(self, tag: str, said: str) -> bool:
        return self._say("* CAPABILITY IMAP4rev1", f"{tag} OK done")

    def _login(self, tag: str, said: str) -> bool:
        right = said.replace("\\", "") in (f'clinic "{PASSWORD}"', f'"clinic" "{PASSWORD}"')
        return self._say(f"{tag} {'OK' if right else 'NO'} signed in or not")

    def _select(self, tag: str, said: str) -> bool:
        if said.strip('"') != "INBOX":
            return self._say(f"{tag} NO no such mailbox")
        era = f"* OK [UIDVALIDITY {self.box.era}] is the era"
        return self._say(f"* {len(self.box.mails)} EXISTS", era, f"{tag} OK [READ-WRITE] done")

    def _search(self, tag: str, said: str) -> bool:
        first = int(re.findall(r"UID (\d+):\*", said)[0])
        last = max(self.box.mails, default=0)
        found = [n for n in self.box.mails if n >= min(first, last) and n not in self.box.seen]
        return self._say(f"* SEARCH {' '.join(map(str, found))}".rstrip(), f"{tag} OK done")

    def _fetch(self, tag: str, said: str) -> bool:
        number = int(said.split()[0])
        if len(self.box.fetched) >= self.box.break_after:
            return False
        self.box.fetched.append(number)
        raw = self.box.mails[number][: int(re.findall(r"<0\.(\d+)>", said)[0])]
        self.wfile.write(f"* 1 FETCH (UID {number} BODY[]<0> {{{len(raw)}}}\r\n".encode() + raw)
        return self._say(")", f"{tag} OK done")

    def _store(self, tag: str, said: str) -> bool:
        assert "\\Seen" in said
        self.box.seen.add(int(said.split()[0]))
        return self._say(f"{tag} OK done")

    def _logout(self, tag: str, said: str) -> bool:
        self._say("* BYE", f"{tag} OK done")
        return False


class _Server(socketserver.ThreadingTCPServer):
    daemon_threads = True
    allow_reuse_address = True


@contextmanager
def mailbox(box: Box, tls: ssl.SSLContext | None = None) -> Iterator[str]:
    """The address of the mailbox, with the sign-in in it; over TLS with a context."""
    handler = type("Talk", (_Talk,), {"box": box, "tls": tls})
    with _Server(("127.0.0.1", 0), handler) as server:
        threading.Thread(target=server.serve_forever, args=(0.05,), daemon=True).start()
        scheme, host = ("imaps", "localhost") if tls else ("imap", "127.0.0.1")
        try:
            yield f"{scheme}://clinic:p%40ss%20word@{host}:{server.server_address[1]}"
        finally:
            server.shutdown()
