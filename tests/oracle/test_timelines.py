"""Traces show what every PE does in every cycle as the brute-force model has it: name, cause, and when."""

from typing import Any

import numpy as np
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
        before = np.array([0, 1, trace.cycles // 3, trace.cycles - 1])
        for low, high in zip(before[:-1], before[1:], strict=True):  # sums over any stretch are those of its cycles
            if low < high:
                sums: dict[str, int] = {}
                for pe in range(machine.array.pes):
                    at = 0
                    for name, _, cycles in oracle.array.account.timeline(pe):
                        inside = min(at + cycles, high) - max(at, low)
                        if inside > 0:
                            sums[name] = sums.get(name, 0) + int(inside)
                        at += cycles
                found = trace.accounting((int(low), int(high)))
                assert {name: sum(causes.values()) for name, causes in found.items()} == sums

    body()
