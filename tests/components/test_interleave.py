"""The order of words on a bus, against its obvious twin: lay every word out, one turn after another."""

import numpy as np
from hypothesis import given, settings
from hypothesis import strategies as st

from simulator.components.networks.base import Delivery, Ints, interleave


def laid_out(needs: list[list[int]], *, multicast: bool) -> Delivery:
    """Round-robin, word by word: turn 0 of every PE, then turn 1 of every PE, ..."""
    longest = max(len(words) for words in needs)
    position: dict[object, int] = {}  # of a word (multicast) or of one PE's copy of it
    places, prefix = np.zeros((longest, len(needs)), dtype=np.int64), [0]
    for turn in range(longest):
        prefix.append(prefix[-1])
        for pe, words in enumerate(needs):
            if turn < len(words):
                crossing = words[turn] if multicast else (pe, turn)
                at = position.setdefault(crossing, len(position) + 1)
                places[turn, pe] = at
                prefix[-1] = max(prefix[-1], at)
    hops = sum(len(words) for words in needs)
    each = ints(list(range(len(needs))))
    return Delivery(len(position), each, places, ints([0] * len(needs)), ints(prefix), hops)


def ints(values: list[int]) -> Ints:
    return np.array(values, dtype=np.int64)


def assert_same(got: Delivery, expected: Delivery) -> None:
    assert positions(got) == positions(expected)
    for name in ("extra_latency", "prefix"):
        mine, twin = getattr(got, name), getattr(expected, name)
        assert mine.dtype == np.int64
        assert mine.tolist() == twin.tolist(), name
    assert (got.port_words, got.hops) == (expected.port_words, expected.hops)
    assert (type(got.port_words), type(got.hops)) == (int, int)


def positions(delivery: Delivery) -> list[list[int]]:
    """Where each PE's words are on the port."""
    assert delivery.position.dtype == delivery.group.dtype == np.int64
    return [[at for at in delivery.position[:, group].tolist() if at] for group in delivery.group.tolist()]


words = st.lists(st.integers(0, 20), max_size=6)


@settings(max_examples=300, deadline=None, derandomize=True, database=None)
@given(st.lists(words, min_size=1, max_size=5), st.data(), st.booleans(), st.sampled_from([1, 1 << 40]))
def test_words_cross_as_if_laid_out_one_by_one(
    lists: list[list[int]], data: st.DataObject, multicast: bool, spacing: int
) -> None:
    """PEs share arrays, have equal words in different arrays, and the same word several times over."""
    chosen = data.draw(st.lists(st.integers(0, len(lists) - 1), min_size=1, max_size=9))
    arrays = [ints(some) * spacing for some in lists]
    got = interleave([arrays[i] for i in chosen], multicast=multicast)
    assert_same(got, laid_out([lists[i] for i in chosen], multicast=multicast))


def test_a_multicast_word_crosses_where_the_first_pe_needs_it() -> None:
    needs = [ints([7, 8, 9]), ints([]), ints([8, 7]), ints([5])]
    together = interleave(needs, multicast=True)  # 7 8 5 | 8 7 | 9 -> 7 8 5 9
    assert (together.port_words, together.hops) == (4, 6)
    assert positions(together) == [[1, 2, 4], [], [2, 1], [3]]
    assert together.prefix.tolist() == [0, 3, 3, 4]
    apart = interleave(needs, multicast=False)  # 7 8 5 8 7 9
    assert apart.port_words == 6
    assert positions(apart) == [[1, 4, 6], [], [2, 5], [3]]
    assert apart.prefix.tolist() == [0, 3, 5, 6]
