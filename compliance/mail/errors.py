"""How a mail can fail."""

from __future__ import annotations


class Undelivered(Exception):
    """A mail that was not taken.

    `for_good` when trying again is of no use; `server_wide` when no other mail would fare better.
    """

    def __init__(self, detail: str, *, for_good: bool = False, server_wide: bool = False) -> None:
        super().__init__(detail)
        self.detail = detail
        self.for_good = for_good
        self.server_wide = server_wide
