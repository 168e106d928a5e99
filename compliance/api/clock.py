"""The one place where the API asks what time it is."""

from __future__ import annotations

import datetime as dt


def now() -> dt.datetime:
    """This moment, aware, in UTC."""
    return dt.datetime.now(dt.UTC)
