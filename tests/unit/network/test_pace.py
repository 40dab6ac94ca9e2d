"""Rates with bursts, and refusals that grow."""

from dataclasses import replace

from weft.network.bounds import BOUNDS
from weft.network.pace import Allowance, Standing


def test_a_burst_is_free_and_debt_takes_its_time() -> None:
    """10 a second with room for 20: the 21st waits a tenth of a second, and rest refills the room."""
    allowance = Allowance(10, 20)
    assert allowance.take(20, now=100) == 0
    assert allowance.take(1, now=100) == 0.1
    assert allowance.take(1, now=101.1) == 0
    assert allowance.take(20, now=1_000) == 0
    assert allowance.take(1, now=1_000) == 0.1


def test_only_debt_without_rest_counts_as_a_flood() -> None:
    """Who lets half of the burst come back is busy; who only waits off debts is flooding."""
    flood, busy = Allowance(10, 4), Allowance(10, 4)
    now = 0.0
    for _ in range(100):
        now += flood.take(5, now)
    for second in range(100):
        assert busy.take(5, now=second)
    assert flood.strained_for(now) == now > 40
    assert busy.strained_for(now=99) == 0


def test_each_cut_refuses_for_twice_as_long_up_to_a_bound() -> None:
    """1, 2, 4 … 60 seconds; after ten quiet minutes it begins again."""
    standing, now, times = Standing(BOUNDS), 0.0, []
    assert standing.refused_for(now) == 0
    for _ in range(8):
        times.append(standing.cut("lied", now))
        assert standing.refused_for(now) == times[-1]
        now += times[-1]
        assert standing.refused_for(now) == 0
    assert times == [1, 2, 4, 8, 16, 32, 60, 60]
    assert standing.cut("lied", now + BOUNDS.forgive_s + 1) == 1


def test_bounds_that_do_not_agree_are_noticed() -> None:
    """Relations between bounds are asserted where they are made."""
    try:
        replace(BOUNDS, calls_max=BOUNDS.asks_max)
    except AssertionError:
        return
    raise AssertionError("bounds that contradict each other were taken")
