"""What a transaction that need not last costs less, and that the next lasting one is full again."""

from __future__ import annotations

import pytest
from sqlalchemy import text

from compliance.db import transaction


def how_lasting(app, *, lasting: bool) -> str:
    with transaction(lasting=lasting) as session:
        sqlite = session.get_bind().dialect.name == "sqlite"
        asked = "PRAGMA synchronous" if sqlite else "SHOW synchronous_commit"
        return str(session.scalar(text(asked)))


@pytest.mark.parametrize("turns", [(True, False, True), (False, True, False)])
def test_only_the_transactions_that_say_so_do_not_wait_for_the_disk(app, turns):
    said = [how_lasting(app, lasting=lasting) for lasting in turns]
    assert all(
        answer in (("2", "on") if lasting else ("1", "off"))
        for answer, lasting in zip(said, turns, strict=True)
    )
