"""The words that travel with data are those that the engine times and counts."""

from dataclasses import replace
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from random_machines import built, cases, free_cases, measured
from test_function import LAYER, Case, computed, law, right

import simulator
from simulator.engine import function
from simulator.kernels import macs as kernel
from simulator.mapping.mapping import Mapping
from simulator.mapping.nest import Loop
from simulator.pipeline import Job, measure_job


class Meter:
    """Counts words at the array's border, along chains, and between memories, while a schedule runs with data."""

    def __init__(self, patch: pytest.MonkeyPatch) -> None:
        self.read = self.first = self.written = self.hops = self.loaded = self.drained = 0
        self.run_passes, self.load, self.drain = kernel.run_passes, function._Buffer.load, function._Buffer.drain
        patch.setattr(kernel, "run_passes", self.passes)

        def load(buffer: function._Buffer) -> None:
            self.tile_in(buffer)

        def drain(buffer: function._Buffer) -> None:
            self.tile_out(buffer)

        patch.setattr(function._Buffer, "load", load)
        patch.setattr(function._Buffer, "drain", drain)

    def passes(self, t: Any, passes: Any, *data: Any) -> int:
        for first_step, last_step, _, _, _, first, new in passes.tolist():
            for j in range(first_step, last_step):
                kind = int(t.step[j, kernel.STEP_KIND])
                if new if j == first_step else t.step[j, kernel.STEP_NEW]:
                    self.tile(t, kind, bool(first and t.step[j, kernel.STEP_FIRST]))
        return int(self.run_passes(t, passes, *data))

    def tile(self, t: Any, kind: int, first: bool) -> None:
        for work in t.work[slice(*t.kind[kind])]:
            words = int(t.shape[work[kernel.WORK_SHAPE], kernel.OUT_COUNT])
            if work[kernel.WORK_UP] >= 0:
                self.hops += words
            elif first:
                self.first += words
            else:
                self.read += words
            self.written += words if work[kernel.WORK_HEAD] else 0

    def tile_in(self, buffer: function._Buffer) -> None:
        self.load(buffer)
        self.loaded += int((buffer.words != function.UNWRITTEN).sum())

    def tile_out(self, buffer: function._Buffer) -> None:
        self.drain(buffer)
        self.drained += 0 if buffer._block is None else int(np.prod([buffer._block.along(d)[1] for d in "NGMPQ"]))


@law(120)
@given(st.one_of(cases(), free_cases()))
def test_sums_travel_as_the_engine_counts_them(case: Case) -> None:
    description = case[0]
    timed = measured(*case)
    with pytest.MonkeyPatch.context() as patch:
        meter = Meter(patch)
        assert right(computed(case))
    *_, inner = levels = built(description).levels("output")
    at_array = timed["words"][inner]["output"]
    zeros_come_in = description["array"]["initial_psums"] == "buffer"
    assert meter.drained == sum(timed["words"][name]["output"]["outer_read"] for name in levels[1:])
    assert meter.loaded == sum(timed["words"][name]["output"]["outer_write"] for name in levels[1:])
    assert at_array["array_write"] == meter.written
    assert at_array["array_read"] == meter.read + (meter.first if zeros_come_in else 0)
    assert timed["actions"].get("links", {}).get("output", {"hop": 0})["hop"] == meter.hops


def test_a_chain_is_as_long_as_in_the_step_that_opens_its_tile() -> None:
    """C = 5 on three rows: in the second pass one row has no work, but sums of the first, in each of five columns."""
    sizes = {**LAYER.sizes, "M": 1, "C": 5, "Q": 1, "R": 1, "S": 1}
    levels = {"dram": (Loop("C", 2),), "glb": (), "weight_buffer": ()}
    mapping = Mapping("by hand", levels, rows=(Loop("C", 3),), columns=(Loop("P", 5),))
    job = Job(replace(LAYER, sizes=sizes, input_size=(5, 1)), mapping)
    assert measure_job(simulator.load_architecture("eyeriss_v1"), job, frozenset())["actions"]["psum_local"]["output"] == {"hop": 10}
