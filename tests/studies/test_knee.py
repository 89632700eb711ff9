"""Knees of made-up curves."""

from fractions import Fraction

import pytest

from simulator.studies.knee import find_knee
from simulator.studies.variation import Value


def curve(**times: float) -> list[tuple[Value, float]]:
    """``v4=10`` is a time of 10 at 4; ``unlimited`` is itself."""
    return [(Fraction(key[1:]) if key != "unlimited" else key, time) for key, time in times.items()]


@pytest.mark.parametrize(
    ("times", "share", "value", "side", "at_end"),
    [
        # falls, then is flat: 104 is within 5 % of 100, 110 is not
        (curve(v1=400, v2=200, v4=110, v8=104, v16=100, v32=100), 5, 8, "from", False),
        (curve(v1=400, v2=200, v4=110, v8=104, v16=100, v32=100), 15, 4, "from", False),
        # exactly on the share belongs to it
        (curve(v1=210, v2=105, v4=100, v8=100), 5, 2, "from", False),
        # flat from the start
        (curve(v1=100, v2=100, v4=100), 5, 1, "from", False),
        # a bump is behind the knee, so the knee lies after it
        (curve(v1=100, v2=120, v4=101, v8=100), 5, 4, "from", False),
        # still falling at the end
        (curve(v1=400, v2=200, v4=100), 5, 4, "from", True),
        # the last step still gains more than 1 %, although the knee is found before it
        (curve(v1=400, v2=104, v4=103, v8=100), 5, 2, "from", True),
        # ... and half a percent is not told
        (curve(v1=400, v2=102, v4=100.5, v8=100), 5, 2, "from", False),
        # longer with the value, as with latencies: up to which value it does not matter
        (curve(v0=100, v10=103, v20=106, v40=120), 5, 10, "to", False),
        (curve(v0=100, v10=110), 5, 0, "to", True),
        # one value says nothing of others
        (curve(v7=50), 5, None, "from", False),
        # the best lies inside
        (curve(v1=200, v2=100, v4=150), 5, None, "from", False),
        # unlimited counts as best and is no knee
        (curve(v1=200, v2=150, unlimited=100), 5, None, "from", True),
        (curve(v1=200, v2=103, v4=102, unlimited=100), 5, 2, "from", False),
    ],
)
def test_knees(times: list[tuple[Value, float]], share: float, value: int | None, side: str, at_end: bool) -> None:
    found = find_knee(times, share)
    assert (found.value, found.side, found.at_end) == (value, side, at_end)


def test_a_bound_says_whether_the_range_was_long_enough() -> None:
    falling = curve(v1=400, v2=200, v4=100)
    far, near = find_knee(falling, 5, bound=50), find_knee(falling, 5, bound=99)
    assert (far.value, far.at_end) == (4, True)
    assert "unlimited would save another 50 %" in far.told
    assert (near.value, near.at_end) == (4, False)


def test_words() -> None:
    assert find_knee(curve(v1=10, v2=5, v4=5), 5).told == "from 2 on the time stays within 5 % of the best"
    assert "may lie beyond" in find_knee(curve(v1=10, v2=5), 5).told
    assert find_knee(curve(v1=10, v2=5, v4=10), 5).told.startswith("no knee: the best value is 2")
    assert find_knee(curve(v7=50)).told == "no knee: 7 is the only value"
    assert find_knee([("unlimited", 1.0)]).told == "no knee: no finite value runs"
    assert "beyond 2" in find_knee(curve(v1=9, v2=8, unlimited=1), 5).told
    assert find_knee(curve(v1=0, v2=0)).told == "no knee: nothing takes time"
