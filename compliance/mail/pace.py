"""Gently: no domain gets more than its share a minute, and each gets its mails in order."""

from __future__ import annotations

import time
from collections import deque
from collections.abc import Callable, Iterable, Iterator
from typing import NamedTuple

Wait = Callable[[float], object]


class Due(NamedTuple):
    """A reminder that is due, and the domain of its recipient ("" for staff)."""

    id: int
    domain: str


class Pace:
    """How fast mails may go to one domain; `per_minute` 0 is as fast as they are taken."""

    def __init__(
        self,
        per_minute: int = 0,
        now: Callable[[], float] = time.monotonic,
        wait: Wait = time.sleep,
    ) -> None:
        self._gap = 60 / per_minute if per_minute else 0.0
        self._now, self._wait = now, wait
        self._free: dict[str, float] = {}  # from when on each domain may get its next mail

    def in_turn(self, due: Iterable[Due]) -> Iterator[int]:
        """The reminders, each when its domain may get it; waits when none may yet."""
        queues: dict[str, deque[tuple[int, int]]] = {}
        for place, item in enumerate(due):
            queues.setdefault(item.domain, deque()).append((place, item.id))
        while queues:
            pause, (_, reminder_id), domain = min(
                (self._pause(name), queue[0], name) for name, queue in queues.items()
            )
            if pause > 0:
                self._wait(pause)
            self._free[domain] = self._now() + self._gap
            queues[domain].popleft()
            if not queues[domain]:
                del queues[domain]
            yield reminder_id

    def _pause(self, domain: str) -> float:
        return max(0.0, self._free.get(domain, 0.0) - self._now())
