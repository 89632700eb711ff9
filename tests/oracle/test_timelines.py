"""Traces show what every PE does in every cycle as the brute-force model has it: name, cause, and when."""

from itertools import pairwise
from typing import Any

import pytest
from hypothesis import HealthCheck, Phase, given, seed, settings

from simulator.pipeline import Job, measure_job
from simulator.traces.layer import LayerTrace, Wanted

from .campaign import KINDS
from .machines import built
from .oracle import Oracle

Slice = tuple[str, str | None, int]
CASES = 20


def shown(trace: LayerTrace, pe: int) -> list[Slice]:
    """(name, cause, cycles) of a PE from the layer's start on; what follows itself is one."""
    single = trace.pe_rows.single(0, trace.cycles, 1 << 20)
    assert single is not None
    out: list[Slice] = []
    for _, _, length, what, _ in single[single[:, 0] == pe].tolist():
        state = trace.states[what]
        out.append((*state, length + (out.pop()[2] if out and out[-1][:2] == state else 0)))
    return out


def sums_within(oracle: Oracle, pes: int, window: tuple[int, int]) -> dict[str, dict[str | None, int]]:
    """PE-cycles by name and cause in some cycles, as the model counts them."""
    out: dict[str, dict[str | None, int]] = {}
    for pe in range(pes):
        at = 0
        for name, cause, cycles in oracle.array.account.timeline(pe):
            inside = min(at + cycles, window[1]) - max(at, window[0])
            if inside > 0:
                out.setdefault(name, {})[cause] = out.get(name, {}).get(cause, 0) + inside
            at += cycles
    return out


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("number", range(2))
def test_slices_are_those_of_the_model_that_advances_cycle_by_cycle(kind: str, number: int) -> None:
    @seed(number)
    @settings(max_examples=CASES, deadline=None, database=None, phases=[Phase.generate], suppress_health_check=list(HealthCheck))
    @given(KINDS[kind]())
    def body(case: Any) -> None:
        description, layer, mapping = case
        machine = built(description)
        oracle = Oracle(layer, mapping, machine)
        oracle.run()
        trace = measure_job(machine, Job(layer, mapping), frozenset(), trace=Wanted())["trace"]
        for pe in range(machine.array.pes):
            assert shown(trace, pe) == oracle.array.account.timeline(pe)
        for window in pairwise([0, 1, *sorted({1 + trace.cycles // 3, trace.cycles})]):
            if window[0] < window[1]:
                assert trace.accounting(window) == sums_within(oracle, machine.array.pes, window)

    body()
