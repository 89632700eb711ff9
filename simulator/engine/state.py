"""The mutable state of an array at the start of a layer, as large as the layer can need it."""

from dataclasses import dataclass
from typing import Self

import numpy as np

from simulator.engine.program import Tables
from simulator.kernels import tables as kernel
from simulator.mapping.nest import INDEX

Shapes = dict[str, tuple[int, ...]]
UNSET = ("slices", "stack", "picture", "known", "log", "late_part", "late_use")
"""What is large and written before it is read."""
SLICES = 1 << 17
"""Room for slices beside those that one stage of the kernel can write."""


@dataclass(frozen=True, slots=True)
class _Sizes:
    """How much of everything there can be at once: output tiles, deliveries and parts under way, marks."""

    pes: int
    groups: int
    kinds: int
    loops: int
    ports: int
    slots: int
    releases: int
    ring: int
    parts: int
    tiles: int
    tile_marks: int
    marks: int
    rows: int
    stills: int

    @classmethod
    def of(cls, tables: Tables, program: kernel.Program, tiles: int) -> Self:
        kinds, _, pes = program.work.shape
        machine, room = program.machine.tolist(), program.stream[:, kernel.CAPACITY]
        open_tiles = machine[kernel.OPEN_TILES] + machine[kernel.IDLE_TILES] + machine[kernel.FIRST_BACK]
        ring = _outstanding(program) + open_tiles + kernel.TILES_AHEAD + 8
        psums = int(program.delivery.reshape(kinds, kernel.DELIVERIES, -1)[:, 3, kernel.MOST].max())
        parts = int(room.max()) + ring + 4 + psums * (open_tiles + 1)
        rows = int(program.delivery[:, kernel.MOST].max()) if machine[kernel.SYSTOLIC] else 0
        parts += 2 * rows  # a tile's rows may come one by one
        tile_marks = 6 * len(tables.architecture.memories) + 1  # asked for, begun, arrived, and out again
        loops, ports, slots = len(program.nest), len(program.port), machine[kernel.OPEN_TILES]
        return cls(
            pes,
            int(program.delivery[:, kernel.GROUPS].max()),
            kinds,
            loops,
            ports,
            slots,
            int(room.max()) + 4,
            ring,
            parts,
            tiles,
            tile_marks,
            tile_marks + 5,
            max(rows, machine[kernel.ALL_ROWS]),
            4 * (open_tiles + rows) + 1024 if rows else 0,
        )

    def most_slices_at_once(self) -> int:
        """More slices than one stage of the kernel can write: a few waits per PE, with all their causes."""
        return 4 * self.pes * (self.marks + 4) + 4

    def picture(self) -> int:
        """Room for the state relative to some cycle."""
        per_pe = 8 + 5 * self.slots
        words = 9 * self.ring * self.groups
        marks = 4 * self.tiles + 3 * self.parts + 4 * self.ring
        wave = 3 * self.stills + self.rows
        per_mark = 2 * self.marks + 4
        return 4096 + wave + 16 * self.releases + per_pe * self.pes + words + marks * per_mark


def _outstanding(program: kernel.Program) -> int:
    """How many deliveries of one stream can be under way at once."""
    rows = program.delivery[:, kernel.MOST].reshape(-1, kernel.DELIVERIES)
    least = [rows[:, 0], rows[:, 1:3], rows[:, 3]]
    room = program.stream[:, kernel.CAPACITY]
    return max(
        int(room[i]) // max(1, int(words[words > 0].min(initial=room[i]))) for i, words in enumerate(least)
    )


def _shapes(n: _Sizes, tables: Tables, series: int, tally: int, slices: int) -> Shapes:
    """Everything that is neither a time nor a counter."""
    streams, cursors = kernel.STREAMS, kernel.CURSORS
    return {
        "scalars": (kernel.SCALARS,), "heads": (streams, 6), "digit": (cursors, n.loops),
        "extent": (cursors, n.loops), "stream": (streams, kernel.STREAM_COLUMNS),
        "release_words": (streams, n.releases), "port_free": (n.ports,),
        "tile_time": (streams, n.tiles), "tile_until": (streams, n.tiles, n.tile_marks),
        "come": (3, n.ring, n.groups), "until": (streams, n.parts, n.marks),
        "tile_cause": (streams, n.tiles, n.tile_marks), "cause": (streams, n.parts, n.marks),
        "part": (streams, n.parts), "delivery": (3, n.ring, 2),
        "late_part": (3, n.ring, n.groups), "late_use": (3, n.ring, n.groups),
        "tile": (3, n.ring), "chain": (n.pes, 2),
        "open_kind": (n.slots,), "slot_tile": (n.slots, n.pes), "block_visit": (tables.blocks,),
        "block_time": (tables.blocks, 2), "events": (streams * n.tiles, 2),
        "windows": (series, kernel.WINDOWS),
        "log": (kernel.LOG_ROWS, kernel.LOG_COLUMNS), "slices": (slices, kernel.SLICE_COLUMNS),
        "picture": (n.picture(),), "jump": (5,),
        "known": (n.picture(),), "known_tally": (tally,), "known_digit": (cursors, n.loops),
        "known_tile": (streams, 2), "array": (6,), "still": (n.stills, 2),
        "stack": (kernel.STACK, 5), "sums": (2, series),
    }  # fmt: skip


def _clocks(n: _Sizes) -> Shapes:
    streams = kernel.STREAMS
    return {
        "release_time": (streams, n.releases), "pe": (3, n.pes), "slot": (4, n.slots, n.pes),
        "leaving": (5, n.ring), "passed": (1,), "finish": (streams,), "sent": (streams,),
        "still_at": (n.stills,), "entry": (n.ring if n.rows else 0,), "row_in": (n.rows,), "wave": (3,),
    }  # fmt: skip


def _counters(n: _Sizes, tables: Tables) -> Shapes:
    return {
        "names": (n.pes, 10), "causes": (4, len(tables.causes)), "moved": (n.ports, 2),
        "delivered": (n.kinds * kernel.DELIVERIES,), "computed": (n.kinds,), "added": (n.kinds, 2),
        "passes": (n.kinds,), "zero_words": (1,),
    }  # fmt: skip


def new_state(
    tables: Tables, program: kernel.Program, tile_rings: int, series: int, now: int, *, traced: bool = False
) -> kernel.State:
    """A machine at rest at cycle ``now``; ``series``: how many kinds of traffic are summed over time.

    ``traced``: what PEs do is written down in slices, which somebody has to take out when the kernel is full.
    """
    sizes = _Sizes.of(tables, program, tile_rings)
    most = sizes.most_slices_at_once() if traced else 0
    times, clocks = kernel.parts_of(_clocks(sizes))
    tally, counts = kernel.parts_of(_counters(sizes, tables))
    shapes = _shapes(sizes, tables, series, len(tally), 8 * most + SLICES if traced else 1)
    others = {
        name: (np.empty if name in UNSET else np.zeros)(shape, dtype=np.int64)
        for name, shape in shapes.items()
    }
    state = kernel.State(**others, times=times, tally=tally, **clocks, **counts)
    state.block_visit[:] = -1
    state.scalars[kernel.TRACING] = traced
    state.scalars[kernel.MOST_TRACED] = len(state.slices) - most if traced else 0
    _start(tables, program, state, now)
    return state


def _start(tables: Tables, program: kernel.Program, state: kernel.State, now: int) -> None:
    """Put every cursor at the first step and every clock at ``now``."""
    nest = tables.nest
    for i, parent in enumerate(nest.parents):
        size = nest.sizes[INDEX[nest.loops[i].dimension]]
        state.extent[:, i] = size if parent < 0 else min(nest.steps[parent], int(state.extent[0, parent]))
    kind = 0
    for loop, start in program.leaf.tolist():
        kind += int(program.classes[start + min(nest.steps[loop], int(state.extent[0, loop]))])
    state.stream[:, kernel.KIND], state.stream[:, kernel.MODE], state.stream[:, kernel.FIRST] = kind, 1, 1
    q = state.scalars
    q[[kernel.NEW_W, kernel.NEW_I, kernel.NEW_O]] = 1
    q[[kernel.MAC_KIND, kernel.TILE_KIND, kernel.PASS_KIND]] = kind
    state.port_free[:] = now * int(program.machine[kernel.TICKS])
    state.finish[:] = now
    state.wave[:] = now - 1, now - 1, now
    state.array[kernel.TILES_PLACED] = 1
    systolic, stationary = program.machine[[kernel.SYSTOLIC, kernel.STATIONARY]].tolist()
    state.scalars[kernel.ROWS_WAIT] = bool(systolic) and stationary != kernel.POUT
    state.sent[:] = now
