"""A mail server that takes everything and keeps nothing: what measurements send to."""

from __future__ import annotations

import asyncio
import multiprocessing
from collections.abc import Iterator
from contextlib import contextmanager
from multiprocessing.connection import Connection
from multiprocessing.sharedctypes import Synchronized

ANSWERS = {b"EHLO": b"250 sink\r\n", b"DATA": b"354 go on\r\n", b"QUIT": b"221 bye\r\n"}


class _Talk(asyncio.Protocol):
    """One connection: a command a line, and after DATA everything up to the lone dot."""

    def __init__(self, taken: Synchronized[int]) -> None:
        self._taken, self._held, self._within = taken, b"", False

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self._out: asyncio.Transport = transport  # type: ignore[assignment]
        self._out.write(b"220 sink\r\n")

    def data_received(self, data: bytes) -> None:
        self._held += data
        while True:
            end = b"\r\n.\r\n" if self._within else b"\r\n"
            line, found, rest = self._held.partition(end)
            if not found:
                return
            self._held = rest
            self._answer(line)

    def _answer(self, line: bytes) -> None:
        if self._within:
            self._within = False
            self._taken.value += 1
            self._out.write(b"250 taken\r\n")
            return
        word = line[:4].upper()
        self._within = word == b"DATA"
        self._out.write(ANSWERS.get(word, b"250 ok\r\n"))
        if word == b"QUIT":
            self._out.close()


async def _serve(port: Connection, taken: Synchronized[int]) -> None:
    server = await asyncio.get_running_loop().create_server(
        lambda: _Talk(taken), "127.0.0.1", 0, backlog=512
    )
    port.send(server.sockets[0].getsockname()[1])
    await server.serve_forever()


def _run(port: Connection, taken: Synchronized[int]) -> None:
    asyncio.run(_serve(port, taken))


@contextmanager
def sink() -> Iterator[tuple[int, Synchronized[int]]]:
    """The port of a sink in a process of its own, and how many mails it has taken."""
    context = multiprocessing.get_context("spawn")
    ours, theirs = context.Pipe()
    taken: Synchronized[int] = context.Value("q", 0)
    process = context.Process(target=_run, args=(theirs, taken), daemon=True)
    process.start()
    try:
        yield ours.recv(), taken
    finally:
        process.terminate()
        process.join()
