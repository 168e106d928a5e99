"""Mail that came back: read from the mailbox, each report once, and written down."""

from __future__ import annotations

import datetime as dt
import ssl
from collections import Counter
from collections.abc import Callable

from compliance.db import transaction
from compliance.mail.mailbox import Mailbox
from compliance.mail.reports import read_report
from compliance.models import Setting
from compliance.services import bounces

CURSOR = "bounces-cursor"


def read_bounces(
    url: str, clock: Callable[[], dt.datetime], tls: ssl.SSLContext | None = None
) -> Counter[str]:
    """Read what is new: how many were `recorded`, `known`, `unmatched` or `other` mail.

    What is no report about a mail of ours stays unread, for people. Raises MailboxFault.
    """
    tally: Counter[str] = Counter()
    with Mailbox(url, tls) as mailbox:
        era = mailbox.era
        for number, raw in mailbox.unseen(_cursor(era)):
            said = _taken(read_report(raw), era, number, clock())
            tally[said] += 1
            if said in ("recorded", "known"):
                mailbox.mark_seen(number)
    return tally


def _cursor(era: int) -> int:
    with transaction() as session:
        row = session.get(Setting, CURSOR)
        known = row.value if row is not None else None
    return int(known[1]) if known is not None and known[0] == era else 0


def _taken(report: bounces.Returned | None, era: int, number: int, now: dt.datetime) -> str:
    """Written down and passed by in one transaction."""
    with transaction() as session:
        said = "other" if report is None else bounces.record(session, report, now)
        session.merge(Setting(name=CURSOR, value=[era, number]))
    return said
