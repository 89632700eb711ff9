"""Traces show what every PE and port does in every cycle as the brute-force model has it: what, why, and when."""

from collections import defaultdict
from fractions import Fraction
from itertools import pairwise
from math import ceil
from typing import Any

import numpy as np
import pytest
from hypothesis import HealthCheck, Phase, given, seed, settings

from simulator.kernels.tables import STREAMS
from simulator.pipeline import Job, measure_job
from simulator.traces.crossings import BEGIN, SERIES, UNITS
from simulator.traces.layer import LayerTrace, Wanted

from .campaign import KINDS
from .machines import built
from .memories import Port
from .oracle import Oracle

Slice = tuple[str, str | None, int]
CASES = 20
TRACED = [kind for kind in KINDS if "systolic" not in kind]  # the engine does not run those yet


def shown(trace: LayerTrace, pe: int) -> list[Slice]:
    """(name, cause, cycles) of a PE from the layer's start on; what follows itself is one."""
    single = trace.pe_rows.single(0, trace.cycles, 1 << 20)
    assert single is not None
    out: list[Slice] = []
    for _, _, length, what, _ in single[single[:, 0] == trace.bands.of_pe(pe)].tolist():
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


@pytest.mark.parametrize(
    ("kind", "number"),
    [pytest.param(k, i, marks=[pytest.mark.slow] if (k, i) == ("long", 0) else []) for k in TRACED for i in range(2)],
)
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


@pytest.mark.parametrize("kind", TRACED)
def test_transactions_are_those_of_the_model_that_advances_cycle_by_cycle(kind: str, monkeypatch: pytest.MonkeyPatch) -> None:
    """Of every port: when each one starts (between memories the first whole cycle) and its units."""
    crossed: dict[str, list[tuple[Fraction, int]]] = defaultdict(list)
    hold = Port.hold

    def held(port: Port, stream: str, start: Fraction, units: int) -> None:
        if units:
            crossed[port.name].append((start, units))
        hold(port, stream, start, units)

    monkeypatch.setattr(Port, "hold", held)

    @seed(0)
    @settings(max_examples=CASES, deadline=None, database=None, phases=[Phase.generate], suppress_health_check=list(HealthCheck))
    @given(KINDS[kind]())
    def body(case: Any) -> None:
        description, layer, mapping = case
        machine = built(description)
        crossed.clear()
        Oracle(layer, mapping, machine).run()
        trace = measure_job(machine, Job(layer, mapping), frozenset(), trace=Wanted())["trace"]
        rows = trace.crossings.single(0, trace.cycles + 1, 1 << 20)
        for port in trace.ports:
            at_the_array = min(port.series) < STREAMS
            own = rows[np.isin(rows[:, SERIES], port.series)]
            found = [(Fraction(begin, trace.crossings.ticks), units) for begin, units in own[:, [BEGIN, UNITS]].tolist()]
            truth = [(Fraction(start) if at_the_array else Fraction(ceil(start)), n) for start, n in crossed[port.name]]
            assert sorted(found) == sorted(truth), port.name

    body()
