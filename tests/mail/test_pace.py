"""Gently and in order: what was missed for an hour is caught up without a storm."""

from __future__ import annotations

import itertools

from hypothesis import given
from hypothesis import strategies as st

from compliance.mail.pace import Due, Pace


class Watch:
    """Seconds that pass only by waiting."""

    def __init__(self) -> None:
        self.at = 100.0

    def now(self) -> float:
        return self.at

    def wait(self, seconds: float) -> None:
        self.at += seconds


def sent(due: list[Due], per_minute: int) -> list[tuple[float, int]]:
    watch = Watch()
    pace = Pace(per_minute, watch.now, watch.wait)
    return [(watch.at - 100, each) for each in pace.in_turn(due)]


def test_a_domain_gets_its_share_a_minute_and_the_others_need_not_wait_for_it():
    due = [Due(1, "big.org"), Due(2, "big.org"), Due(3, "big.org"), Due(4, "small.org")]
    assert sent(due, 60) == [(0, 1), (0, 4), (1, 2), (2, 3)]


def test_without_a_limit_all_go_at_once_and_in_order():
    due = [Due(1, "a"), Due(2, "b"), Due(3, "a"), Due(4, "c")]
    assert sent(due, 0) == [(0, 1), (0, 2), (0, 3), (0, 4)]


def test_the_pace_is_kept_from_one_reading_to_the_next():
    watch = Watch()
    pace = Pace(60, watch.now, watch.wait)
    assert list(pace.in_turn([Due(1, "a")])) == [1]
    list(pace.in_turn([Due(2, "a")]))
    assert watch.at == 101


@given(st.lists(st.sampled_from(["a", "b", "c"]), max_size=30), st.integers(1, 600))
def test_however_much_waits_each_goes_once_in_order_and_never_too_fast(domains, per_minute):
    due = [Due(number, domain) for number, domain in enumerate(domains)]
    gone = sent(due, per_minute)
    assert sorted(each for _, each in gone) == [item.id for item in due]
    for domain in set(domains):
        mine = [(at, each) for at, each in gone if domains[each] == domain]
        assert mine == sorted(mine, key=lambda item: item[1])
        gaps = [after[0] - before[0] for before, after in itertools.pairwise(mine)]
        assert all(gap >= 60 / per_minute - 1e-6 for gap in gaps)
