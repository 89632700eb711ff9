"""A step worked off cycle by cycle against what must come out: its end, and how its wait is told."""

from types import SimpleNamespace
from typing import Any

from hypothesis import given
from hypothesis import strategies as st

from .nest import Words
from .work import last_mac, waited_for

word_lists = st.lists(st.tuples(st.integers(0, 30), st.integers(0, 5)), max_size=6)
"""When words of a PE are there, and the working cycle in which each is first needed."""


def step_of(cycles: int, **streams: list[tuple[int, int]]) -> Any:
    """A step of PE 0; every word is marked with its stream and number."""
    new = {
        name: Words(
            places={0: [i + 1 for i in range(len(told))]},
            crossed=list(range(len(told) + 1)),
            needed={0: [needed for _, needed in told]},
            there={0: {i: (there, [(0, f"{name} {i}")]) for i, (there, _) in enumerate(told)}},
        )
        for name, told in streams.items()
    }
    return SimpleNamespace(cycles={0: cycles}, new=new)


@given(st.integers(0, 20), word_lists, word_lists)
def test_the_end_is_the_begin_or_the_latest_word_and_the_working_cycles(
    begin: int, weights: list[tuple[int, int]], inputs: list[tuple[int, int]]
) -> None:
    late = [there - needed for there, needed in [*weights, *inputs]]
    assert last_mac(step_of(6, weight=weights, input=inputs), 0, begin) == max([begin, *late]) + 6


@given(word_lists, word_lists)
def test_the_word_that_is_latest_for_its_cycle_names_the_wait(weights: list[tuple[int, int]], inputs: list[tuple[int, int]]) -> None:
    """Weights come before inputs, and what crossed first before the others, among equals."""
    late = [(there - needed, "weight", i) for i, (there, needed) in enumerate(weights)]
    late += [(there - needed, "input", i) for i, (there, needed) in enumerate(inputs)]
    most = max((cycles for cycles, _, _ in late), default=0)
    if most <= 0:
        return
    name, number = next((name, i) for cycles, name, i in late if cycles == most)
    there = {"weight": weights, "input": inputs}[name][number][0]
    told = waited_for(step_of(6, weight=weights, input=inputs), 0, most)
    assert told == (f"stall_{name}", there - most, there, [(0, f"{name} {number}")])
