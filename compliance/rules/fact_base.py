"""What every fact has."""

from __future__ import annotations

import datetime as dt
from dataclasses import dataclass
from typing import ClassVar


@dataclass(frozen=True, slots=True, kw_only=True)
class Fact:
    """One dated statement about a patient; `day` is when it happened, `id` names the evidence."""

    kind: ClassVar[str]
    day_key: ClassVar[str] = "on"
    id: str = ""

    @property
    def day(self) -> dt.date:
        """The clinic-local date on which this happened or from which it holds."""
        value = getattr(self, self.day_key)
        return value.date() if isinstance(value, dt.datetime) else value
