"""The engine gives the same integers as the brute-force model: cycles, every name, cause and counter."""

from typing import Any

import pytest

from .campaign import run_block


@pytest.mark.parametrize(("kind", "number"), [("any", i) for i in range(10)] + [("long", i) for i in range(3)])
def test_the_engine_agrees_with_the_model_that_advances_cycle_by_cycle(kind: str, number: int) -> None:
    """Thirteen seeds of random cases, run in full and fast-forwarded; `campaign` runs as many as one likes."""
    found: list[Any] = []
    assert run_block(number, found, show=1, kind=kind) > 0
    assert [told for _, _, _, told in found] == []
