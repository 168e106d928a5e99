"""How often one address may be wrong: counted in this process, forgotten after a minute."""

from __future__ import annotations

import datetime as dt
from collections import deque
from threading import Lock

WINDOW = dt.timedelta(minutes=1)
MOST_ADDRESSES = 10_000


class Throttle:
    """At most so many misses of one address a minute; what else arrives is turned away unread."""

    def __init__(self, most: int) -> None:
        self.most = most
        self._misses: dict[str, deque[dt.datetime]] = {}
        self._lock = Lock()

    def miss(self, address: str, at: dt.datetime) -> None:
        """Count one miss."""
        with self._lock:
            if len(self._misses) >= MOST_ADDRESSES:
                self._misses.clear()
            self._misses.setdefault(address, deque(maxlen=self.most)).append(at)

    def is_shut(self, address: str, at: dt.datetime) -> bool:
        """Whether an address has to wait."""
        with self._lock:
            misses = self._misses.get(address)
            return misses is not None and len(misses) == self.most and misses[0] > at - WINDOW
