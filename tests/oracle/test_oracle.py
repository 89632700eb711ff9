"""The engine gives the same integers as the brute-force model: cycles, every name, cause and counter."""

from typing import Any

import pytest

from .campaign import run_block

SEEDS = {"any": 10, "busy": 3, "crowded": 2, "leaving": 4, "long": 2, "systolic": 2, "long_systolic": 2, "windowed_systolic": 3}


ONCE_WRONG = [("long_systolic", 7100)]
"""Blocks in which something was found."""
LONGEST = {("long", 0)}


def blocks() -> list[object]:
    every = [(kind, number) for kind, seeds in SEEDS.items() for number in range(seeds)] + ONCE_WRONG
    return [pytest.param(*block, marks=[pytest.mark.slow] if block in LONGEST else []) for block in every]


@pytest.mark.parametrize(("kind", "number"), blocks())
def test_the_engine_agrees_with_the_model_that_advances_cycle_by_cycle(kind: str, number: int) -> None:
    """A few seeds of random cases, run in full and fast-forwarded; `campaign` runs as many as one likes."""
    found: list[Any] = []
    assert run_block(number, found, show=1, kind=kind) > 0
    assert [told for _, _, _, told in found] == []
