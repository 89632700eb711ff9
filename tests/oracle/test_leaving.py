"""Stories of psums that leave the heads of chains word by word, worked out by hand; and the FIFO against one that counts words."""

from itertools import accumulate
from types import SimpleNamespace
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from .out_fifo import OutFifo
from .stories import Tree, causes, layer, machine, names, told

SLOW = {"networks__psum_out__words_per_cycle": "1/3"}
SHARED = {"array__pe__adder": "shared", "array__initial_psums": "buffer"}


def fifo(words: int) -> Tree:
    return {"array__pe__psum_out_fifo_words": words}


def test_a_head_adds_when_the_first_word_of_the_tile_before_has_left() -> None:
    """Two MACs and two additions a tile, words of three cycles, a FIFO of one tile: the first is added in 2-4, out at 7 and 10.

    The second, MACs in 4-6, begins to add at 7 and has room for its last word at 10, two cycles after 8, when it could
    have been done. It is out at 13 and 16; the third has MACs in 10-12, adds from 13 to 16 and is out at 22.
    """
    out = told(machine(**SLOW, **SHARED, **fifo(2)), layer(M=2, Q=3), steps=["Q 3"], pe=["M 2"])
    assert (out["cycles"], names(out)) == (22, {"mac": 6, "accumulate": 6, "stall_output": 2 + 2, "imbalance": 6})
    assert causes(out) == {"stall_output": {"psum_out": 4}}


def test_a_head_that_began_late_ends_late() -> None:
    """A word a cycle, four cycles on the way: the first tile, added in 2-4, is out at 9 and 10. The second adds in 9-11, not by 10.

    It could have been done at 8. It is out at 16 and 17; the third, MACs in 11-13, adds in 16-18 instead of 13-15; out at 24.
    """
    late = {"networks__psum_out__words_per_cycle": 1, "networks__psum_out__latency_cycles": 4}
    out = told(machine(**late, **SHARED, **fifo(2)), layer(M=2, Q=3), steps=["Q 3"], pe=["M 2"])
    assert (out["cycles"], names(out)) == (24, {"mac": 6, "accumulate": 6, "stall_output": 3 + 3, "imbalance": 6})
    assert causes(out) == {"stall_output": {"psum_out": 6}}


def test_a_head_has_room_for_half_a_tile_more() -> None:
    """Four words a tile, a FIFO of six: the first tile, added in 4-8, is out at 11, 14, 17, 20.

    The second adds in 12-16 (two words have left at 14) and is out at 23, 26, 29, 32. The third, MACs in 16-20, begins
    at 20 (three words of the first have left at 17), and has room for its last word at 26, two after 24; out from 32 on,
    two words at 38. The fourth, MACs in 26-30, begins at 30 (29 would do) and ends at 38, four after 34; out in 44-56.
    """
    out = told(machine(**SLOW, **SHARED, **fifo(6)), layer(M=4, Q=4), steps=["Q 4"], pe=["M 4"])
    assert (out["cycles"], names(out)) == (56, {"mac": 16, "accumulate": 16, "stall_output": 2 + 4, "imbalance": 18})
    assert causes(out) == {"stall_output": {"psum_out": 6}}


def test_the_first_word_may_have_to_wait_for_the_tile_before_the_last() -> None:
    """A FIFO of three words, two a tile, five cycles each: the first tile, added in 2-4, is out at 9 and 14.

    The second begins at 6 and ends when one word has left, at 9, one after 8; it is out at 19 and 24. The third, MACs in
    9-11, begins when both words of the first have left, at 14, and ends with the first of the second, at 19, six
    after 13; out in 24-34.
    """
    slow = {"networks__psum_out__words_per_cycle": "1/5"}
    out = told(machine(**slow, **SHARED, **fifo(3)), layer(M=2, Q=3), steps=["Q 3"], pe=["M 2"])
    assert (out["cycles"], names(out)) == (34, {"mac": 6, "accumulate": 6, "stall_output": 1 + 6, "imbalance": 15})


def test_a_small_tile_is_followed_when_the_one_before_it_has_left() -> None:
    """Four words, one, four, one; a MAC cycle each, a FIFO of five, three cycles a word: the first, added in 1-5, is out at 8, 11, 14, 17.

    The second, MAC in 5-6, could be complete at 7 and has room beside one of the first at 14; it is out at 20. The third, MACs in
    14-15, begins to add when all of the first have left, at 17, and ends four later, though the second has left by 20; it could
    have been complete at 19. It is out at 24, 27, 30, 33; the fourth, MAC in 21-22, ends at 30 instead of 23; out at 36.
    """
    wide = machine(**SLOW, **SHARED, **fifo(5), array__pe__macs_per_cycle=4)
    out = told(wide, layer(M=5, Q=2), steps=["Q 2", "M 2"], pe=["M 4"])
    assert (out["cycles"], names(out)) == (36, {"mac": 4, "accumulate": 10, "stall_output": 7 + 2 + 7, "imbalance": 6})


def test_a_head_with_nothing_to_add_waits_for_room_for_all() -> None:
    """Psums that start at zero: the first tile is done at 2 and out at 5 and 8, the second, MACs in 2-4, is done at 8; out at 14."""
    alone = machine(**SLOW, array__pe__adder="shared", **fifo(2))
    out = told(alone, layer(M=2, Q=2), steps=["Q 2"], pe=["M 2"])
    assert (out["cycles"], names(out)) == (14, {"mac": 4, "stall_output": 4, "imbalance": 6})


@pytest.mark.parametrize(
    ("words", "ends", "stalled"),
    [
        (4, 23, {"array": 5, "psum_out": 14 + 7}),  # both add from 14 on and have room for all at 23
        (6, 17, {"array": 5, "psum_out": 8 + 1}),  # both begin at once and have room when two words of each have left
    ],
)
def test_heads_of_different_size_share_the_way_out(words: int, ends: int, stalled: dict[str, int]) -> None:
    """Four words in one head, one in the other: added in 4-8 and 1-2, they cross from 8 on: the first of both until 14, then 17, 20, 23.

    The next tile could be complete at 16 (MACs in 8-12) and at 4 (MAC in 2-3). Waits are told as if they came before the
    additions, from 12 and from 3 on: until 8 the smaller head's is for the larger one. The next tile crosses in 23-38.
    """
    wide = machine(array__columns=2, **SLOW, **SHARED, **fifo(words))
    out = told(wide, layer(M=5, Q=2), columns=["M 2"], steps=["Q 2"], pe=["M 4"])
    waits = (ends - 4) + (ends - 16)
    assert (out["cycles"], causes(out)) == (38, {"stall_output": stalled})
    assert names(out) == {"mac": 10, "accumulate": 10, "stall_output": waits, "imbalance": 2 * (38 - ends)}


def test_a_chain_adds_up_while_its_head_has_room() -> None:
    """Two PEs, two words a tile, a FIFO of two, three cycles each: the lower PE's are above at 3 and 4, added in 3-5; out at 8, 11.

    The next MACs of the lower PE are in 2-4, and its psums go up when the head has added the ones before: at 5, so one is
    there at 6, both at 7. The head, MACs in 5-7, adds from 8 to 11, two after 9; out at 17.
    """
    two = machine(array__rows=2, **SLOW, array__pe__adder="shared", **fifo(2))
    out = told(two, layer(M=2, C=2, Q=2), rows=["C 2"], steps=["Q 2"], pe=["M 2"])
    assert out["cycles"] == 17
    assert out["stall_causes"]["stall_output"] == {"array": 1, "psum_out": 2}


@pytest.mark.parametrize(
    ("words", "waits", "last_mac"),
    [
        (4, 8 + 8, 32),  # tiles go when the one before is out: at 4, 16, 28, 40
        (6, 2 + 8, 26),  # when half of the one before is out: at 4, 10, 22, 34
    ],
)
def test_a_private_adder_sends_a_tile_when_there_is_room_for_its_last_word(words: int, waits: int, last_mac: int) -> None:
    """Four words a tile, three cycles each, and storage for one tile: psums cross in 4-16, 16-28, 28-40, 40-52.

    MACs of the next tile begin when the psums of the one before have gone.
    """
    small = machine(**SLOW, **fifo(words), array__pe__psum_words=4)
    out = told(small, layer(M=4, Q=4), steps=["Q 4"], pe=["M 4"])
    assert (out["cycles"], names(out)) == (52, {"mac": 16, "stall_output": waits, "imbalance": 52 - last_mac})
    assert causes(out) == {"stall_output": {"psum_out": waits}}


@given(st.data(), st.integers(1, 5), st.integers(1, 14))
def test_room_is_what_a_fifo_that_counts_words_has(data: st.DataObject, widest: int, words: int) -> None:
    """Tiles of equal size: a word may come when fewer than the FIFO holds are ahead of it and have not left."""
    gaps = data.draw(st.lists(st.integers(0, 3), min_size=widest * 5, max_size=widest * 5))
    left = list(accumulate(gaps))
    starts = range(0, len(left), widest)
    tiles: list[Any] = [
        SimpleNamespace(number=n, words={0: widest}, left=left[first : first + widest]) for n, first in enumerate(starts)
    ]
    one = OutFifo(tiles, words)
    for tile, start in zip(tiles, starts, strict=True):
        for told_of_it, word in ((one.first(tile), start), (one.last(tile), start + widest - 1)):
            must_have_left = word + 1 - max(words, widest)
            assert told_of_it == (left[must_have_left - 1] if must_have_left > 0 else 0)
