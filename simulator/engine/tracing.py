"""Runs a layer with its trace, within bounded room."""

from collections.abc import Callable, Iterator

import numpy as np

from simulator.engine.machine import LayerMachine
from simulator.engine.measure import windows
from simulator.engine.program import STREAM_NAMES
from simulator.engine.record import MOST_CROSSINGS, Recorder
from simulator.engine.systolic import SystolicTables
from simulator.kernels import tables as kernel
from simulator.names import DIMENSIONS
from simulator.traces.bands import Bands
from simulator.traces.crossings import Crossings, Port
from simulator.traces.layer import LayerTrace, Wanted, Window
from simulator.traces.places import Places
from simulator.traces.rows import Rows

STATES_IN_A_RUN = 4
"""About how many different things a PE does in a short time; each is a slice where they are merged."""


def traced(make: Callable[[int], LayerMachine], wanted: Wanted) -> tuple[LayerMachine, LayerTrace]:
    """Run a layer on machines that ``make`` builds for a number of slices: again where it has more.

    What repeats is then known. Another run keeps the window's slices only; where those are too many, or
    without a window, one merges what is short.
    """
    machine = make(wanted.most)
    machine.run()
    recorder = machine.recorder
    assert recorder is not None
    if not recorder.overflowed:
        return machine, trace_of(machine, recorder, recorder.rows(), wanted.window)
    pe_cycles, stretches, splits = recorder.pe_cycles, None, None
    if wanted.window is not None:
        stretches = recorder.needed_for(wanted.window)
        again = make(wanted.most)
        again.recorder = Recorder(again, wanted.most, only=stretches)
        again.run()
        if not again.recorder.overflowed:
            return again, trace_of(again, again.recorder, again.recorder.rows(), wanted.window)
        known = sum(last - first for first, last in stretches)
        pe_cycles = min(pe_cycles, known * len(machine.tables.group_pes))
        splits = recorder.edges_of(wanted.window)
    width = 1 << (STATES_IN_A_RUN * pe_cycles // wanted.most).bit_length()
    again = make(wanted.most)
    again.recorder = Recorder(
        again, wanted.most, width=width, cuts=recorder.edges_of_repeats(), splits=splits, only=stretches
    )
    again.run()
    return again, trace_of(again, again.recorder, again.recorder.rows(), wanted.window)


def trace_of(machine: LayerMachine, recorder: Recorder, rows: Rows, window: Window) -> LayerTrace:
    """What a finished layer's recorder has, with the machine around it."""
    nest, ticks = machine.nest, machine.array.ticks
    log = (
        np.concatenate(recorder.crossings)
        if recorder.crossings
        else np.zeros((0, kernel.LOG_COLUMNS), dtype=np.int64)
    )
    series = kernel.SERIES + len(machine.ports)
    loops = tuple(
        (loop.dimension, step) for loop, step in zip(nest.loops[: nest.split], nest.steps, strict=False)
    )
    return LayerTrace(
        cycles=machine.end,
        bands=bands_of(machine),
        causes=tuple(machine.tables.causes),
        pe_rows=rows,
        crossings=Crossings(log, ticks, series, recorder.crossed <= MOST_CROSSINGS),
        ports=tuple(ports_of(machine)),
        streams=STREAM_NAMES,
        places=Places(loops, {d: machine.layer.sizes[d] for d in DIMENSIONS}),
        merged=recorder.width,
        window=window or (0, machine.end),
        series=windows(machine),
    )


def bands_of(machine: LayerMachine) -> Bands:
    """Which PEs share slices: those of a systolic array that are used in the same folds."""
    if isinstance(machine.tables, SystolicTables):
        return Bands.of(*machine.tables.bands)
    array = machine.architecture.array
    return Bands.single(array.rows, array.columns)


def ports_of(machine: LayerMachine) -> Iterator[Port]:
    """All ports, those at the array first, with the series of the log that cross them."""
    ticks = machine.array.ticks
    for number, port in enumerate(machine.tables.ports):
        each = int(machine.program.port[number, kernel.PORT_TICKS])
        streams = [i for i, route in enumerate(machine.tables.routes) if number in route]
        yield Port(
            port.name, port.cause, "words", tuple(streams), float(each), ticks / each if each else "unlimited"
        )
    for name, fabric_port in machine.ports.items():
        part = machine.tables.causes[fabric_port.cause]
        slot = fabric_port.ticks_per_unit * ticks / machine.fabric.ticks
        memory = machine.architecture.memories.get(part)
        unit = "bytes" if memory is not None and memory.off_chip else "words"
        limit = machine.fabric.limit_per_cycle(fabric_port)
        yield Port(name, part, unit, (kernel.SERIES + fabric_port.number,), slot, limit)
