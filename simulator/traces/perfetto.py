"""Traces as Chrome JSON, which Perfetto and chrome://tracing open: one cycle is one microsecond.

Processes are the PE array, the networks, the buffers and the memories outside; tracks are PEs (or rectangles
of them), networks and ports. Slices of a track never overlap. What repeats is one slice, unless it is
expanded.
"""

import gzip
import json
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np

from simulator.names import PE_CYCLE_NAMES
from simulator.traces.bands import told
from simulator.traces.crossings import BEGIN, END, SERIES, STREAM, TIMES, UNITS, Port
from simulator.traces.layer import MIXED, UNCOUNTED
from simulator.traces.rows import Ints
from simulator.traces.shown import ARRAY, BUFFERS, NETWORKS, OUTSIDE, VECTOR_UNIT, Shown

SCHEMA = "stallion.trace/1"
Event = dict[str, Any]

PROCESSES = {ARRAY: "PE array", NETWORKS: "networks", BUFFERS: "buffers"}
LAYERS, PASSES, FIRST_PE = 1, 2, 3
"""Tracks of the PE array."""
COUNTER_BINS = 512
"""Most values of a counter in a layer."""
BUSY = ("mac", "accumulate")


def write_perfetto(path: Path, layers: Sequence[Shown], told: dict[str, Any], *, compressed: bool) -> None:
    """Write a trace, gzipped where it shall be ``compressed``; ``told`` says what it is of.

    The same trace gives the same bytes.
    """
    data = {
        "displayTimeUnit": "ns",
        "otherData": {"schema": SCHEMA, "time_unit": "1 us is 1 cycle of the core clock", **told},
        "traceEvents": list(events(layers)),
    }
    text = json.dumps(data, allow_nan=False, separators=(",", ":")).encode()
    if compressed:
        text = gzip.compress(text, 6, mtime=0)
    path.write_bytes(text)


def events(layers: Sequence[Shown]) -> Iterator[Event]:
    """All events: names of processes and tracks first, then layer by layer."""
    pes, tracks = _tracks_of_pes(layers), _tracks_of_ports(layers)
    yield from _names(layers, pes, tracks)
    for shown in layers:
        yield from _layer(shown, pes, tracks)


def _tracks_of_ports(layers: Sequence[Shown]) -> dict[str, int]:
    """A track for every port, whatever others a layer has."""
    names = dict.fromkeys(port.name for shown in layers for port in shown.trace.ports)
    return {name: number for number, name in enumerate(names, start=1)}


def _tracks_of_pes(layers: Sequence[Shown]) -> dict[tuple[int, int], int]:
    """A track for every rectangle of PEs, by its corners; layers may have different ones."""
    corners: set[tuple[int, int]] = set()
    for shown in layers:
        pairs = np.stack((shown.slices.first_pe, shown.slices.last_pe), axis=1)
        corners |= {(first, last) for first, last in np.unique(pairs, axis=0).tolist()}
    return {pair: number for number, pair in enumerate(sorted(corners), start=FIRST_PE)}


def _names(
    layers: Sequence[Shown], tracks_of_pes: Mapping[tuple[int, int], int], tracks_of_ports: Mapping[str, int]
) -> Iterator[Event]:
    parts = {port.part: shown.part_kinds[port.part] for shown in layers for port in shown.trace.ports}
    processes = dict(PROCESSES)
    for part, kind in parts.items():
        if kind in (OUTSIDE, VECTOR_UNIT):
            processes[kind] = f"{processes[kind]}, {part}" if kind in processes else part
    for number, name in processes.items():
        yield _meta(number, "process_name", name)
        yield {"ph": "M", "pid": number, "name": "process_sort_index", "args": {"sort_index": number}}
    yield from _track(ARRAY, LAYERS, "layers")
    yield from _track(ARRAY, PASSES, "passes")
    columns = layers[0].trace.bands.columns
    tracks: dict[tuple[int, int], str] = {
        (ARRAY, track): told(first, last, columns) for (first, last), track in tracks_of_pes.items()
    }
    for shown in layers:
        for port in shown.trace.ports:
            tracks[shown.part_kinds[port.part], tracks_of_ports[port.name]] = port.name
    for (process, track), name in sorted(tracks.items()):
        yield from _track(process, track, name)


def _meta(process: int, key: str, name: str, track: int | None = None) -> Event:
    out: Event = {"ph": "M", "pid": process, "name": key, "args": {"name": name}}
    return out if track is None else out | {"tid": track}


def _track(process: int, track: int, name: str) -> Iterator[Event]:
    yield _meta(process, "thread_name", name, track)
    yield {
        "ph": "M",
        "pid": process,
        "tid": track,
        "name": "thread_sort_index",
        "args": {"sort_index": track},
    }


def _layer(
    shown: Shown, pes: Mapping[tuple[int, int], int], tracks: Mapping[str, int]
) -> Iterator[Event]:
    first, last = shown.window
    yield {
        "ph": "X", "pid": ARRAY, "tid": LAYERS, "name": shown.name, "cat": "layer",
        "ts": shown.begin + first, "dur": last - first,
        "args": {"cycles": shown.trace.cycles, "from_cycle": first, "to_cycle": last},
    }  # fmt: skip
    crossings = shown.trace.crossings
    single = crossings.single(first, last, shown.most) if crossings.complete else None
    yield from _passes(shown)
    yield from _pe_slices(shown, pes)
    if crossings.complete:
        yield from _transfers(shown, tracks, crossings.folded() if single is None else single)
    yield from _counters(shown, single)


def _passes(shown: Shown) -> Iterator[Event]:
    """The passes of the first PE: one slice each, or a stretch of them."""
    slices = shown.slices
    own = np.flatnonzero((slices.first_pe == 0) & (slices.first_pass >= 0))
    if not len(own):
        return
    first, last = slices.first_pass[own], slices.last_pass[own]
    new = np.ones(len(own), dtype=np.bool_)
    new[1:] = (first[1:] != last[:-1]) | (first[1:] != last[1:]) | (first[:-1] != last[:-1])
    run = np.cumsum(new) - 1
    heads = np.searchsorted(run, np.arange(int(run[-1]) + 1))
    tails = np.append(heads[1:], len(own)) - 1
    for head, tail in zip(own[heads].tolist(), own[tails].tolist(), strict=True):
        begin, end = int(slices.start[head]), int(slices.start[tail] + slices.length[tail])
        number, upto = int(slices.first_pass[head]), int(slices.last_pass[tail])
        single = number == upto
        yield {
            "ph": "X", "pid": ARRAY, "tid": PASSES, "cat": "pass",
            "name": f"pass {number}" if single else f"passes {number} to {upto}",
            "ts": shown.begin + begin, "dur": end - begin, "args": shown.trace.places.told(number),
        }  # fmt: skip


def _pe_slices(shown: Shown, tracks: Mapping[tuple[int, int], int]) -> Iterator[Event]:
    slices = shown.slices
    names = [name if cause is None else f"{name}: {cause}" for name, cause in slices.states]
    parts = np.searchsorted(slices.owner, np.arange(len(slices) + 1)).tolist()
    part, count = slices.part.tolist(), slices.pe_cycles.tolist()
    columns = (
        slices.start, slices.length, slices.first_pe, slices.last_pe, slices.state, slices.first_pass,
        slices.last_pass, slices.times, slices.period, slices.steps,
    )  # fmt: skip
    for i, row in enumerate(zip(*(column.tolist() for column in columns), strict=True)):
        start, length, pe, last_pe, state, first_pass, last_pass, times, period, steps = row
        event: Event = {
            "ph": "X", "pid": ARRAY, "tid": tracks[pe, last_pe], "ts": shown.begin + start, "dur": length,
        }  # fmt: skip
        args: Event = {}
        if first_pass >= 0:
            args["pass"] = first_pass if first_pass == last_pass else f"{first_pass} to {last_pass}"
        own = {names[part[k]]: count[k] for k in range(parts[i], parts[i + 1])}
        if times:
            event |= {"name": f"\u00d7 {times}", "cat": "repeat"}
            args |= {"repeats": times, "period_cycles": period, "pe_cycles": own}
        elif state == MIXED:
            event |= {"name": f"{max(own, key=lambda name: own[name])} (merged)", "cat": "merged"}
            args |= _merged(steps) | {"pe_cycles": own}
        else:
            event |= {"name": names[state], "cat": _category(names[state])}
            args |= _merged(steps) | ({"pe_cycles": own} if own[names[state]] != length else {})
        yield event | ({"args": args} if args else {})


def _merged(slices: int) -> Event:
    """Of how many slices one was made, if of several."""
    return {} if slices == 1 else {"merged_slices": "several" if slices == UNCOUNTED else slices}


def _category(name: str) -> str:
    return "stall" if name.startswith("stall") else "work" if name in BUSY else "idle"


def _transfers(shown: Shown, tracks: Mapping[str, int], rows: Ints) -> Iterator[Event]:
    """What crossed every port: slices of busy time on the port's own track, from transactions."""
    trace = shown.trace
    most = max(1, shown.most // len(trace.ports))
    for port in trace.ports:
        own = rows[np.isin(rows[:, SERIES], port.series)]
        for begin, end, units, times, number in _apart(own, port, trace.crossings.ticks, shown.window, most):
            stream = trace.streams[number] if number >= 0 else "several streams"
            args: Event = {port.unit: units}
            if times > 1:
                busy = round(units * port.ticks_per_unit / trace.crossings.ticks, 3)
                args |= {"transactions": times, "busy_cycles": busy}
            yield {
                "ph": "X", "pid": shown.part_kinds[port.part], "tid": tracks[port.name],
                "name": stream if times == 1 else f"{stream} \u00d7 {times}", "cat": "transfer",
                "ts": _microseconds(shown.begin, begin), "dur": _microseconds(0, end - begin), "args": args,
            }  # fmt: skip


def _microseconds(offset: int, thousandths: int) -> float | int:
    whole, rest = divmod(thousandths, 1000)
    return offset + whole + (rest / 1000 if rest else 0)


def _apart(
    rows: Ints, port: Port, ticks: int, window: tuple[int, int], most: int
) -> Iterator[tuple[int, int, int, int, int]]:
    """Stretches of a port, each after the one before: from, to, units, transactions, stream (-1: several).

    From and to are in thousandths of cycles, cut to the window. What repeats at the same time is one stretch;
    beyond ``most`` of them neighbours are put together.
    """
    if not len(rows):
        return
    rows = rows[np.argsort(rows[:, BEGIN], kind="stable")]
    once = rows[:, TIMES] == 1
    ends = np.where(once, rows[:, BEGIN] + (rows[:, UNITS] * port.ticks_per_unit), rows[:, END])
    reach = np.maximum.accumulate(np.where(once, 0, rows[:, END]))
    group = np.cumsum(np.append(False, rows[1:, BEGIN] >= reach[:-1]))
    group //= -(-(int(group[-1]) + 1) // most)
    heads = np.searchsorted(group, np.arange(int(group[-1]) + 1))
    begins = rows[heads, BEGIN] * 1000 // ticks
    upto = (np.maximum.reduceat(ends, heads) * 1000 // ticks).astype(np.int64)
    units, times = (np.add.reduceat(rows[:, column], heads).tolist() for column in (UNITS, TIMES))
    least, largest = (reduce.reduceat(rows[:, STREAM], heads) for reduce in (np.minimum, np.maximum))
    streams = np.where(least == largest, least, -1).tolist()
    low, high = 1000 * window[0], 1000 * window[1]
    free = low
    for first, last, *rest in zip(begins.tolist(), upto.tolist(), units, times, streams, strict=True):
        begin, free = max(first, free), min(max(last, free), high)
        if begin <= free and begin < high:
            yield begin, free, rest[0], rest[1], rest[2]


def _counters(shown: Shown, single: Ints | None) -> Iterator[Event]:
    """Values over time; ``single``: the transactions of ports (None: only their sums over time are known)."""
    trace, (first, last) = shown.trace, shown.window
    bins = max(1, min(COUNTER_BINS, last - first, shown.most // 8))
    edges, sums = trace.over_time(bins, shown.window)
    width = np.maximum(np.diff(edges), 1)
    by_name = {name: np.zeros(bins) for name in PE_CYCLE_NAMES}
    for (name, _), column in zip(trace.states, sums.T, strict=True):
        by_name[name] = by_name[name] + column
    averages = {name: column / width for name, column in by_name.items()}
    active = sum(by_name[name] for name in BUSY) / width
    yield from _counter(ARRAY, "active PEs", shown.begin, edges, {"PEs": active}, last)
    yield from _counter(ARRAY, "PEs by what they do", shown.begin, edges, averages, last)
    for port in trace.ports:
        if single is None:
            values = _sums_of_port(shown, port)
        else:
            values = edges, trace.crossings.per_bin(port, single, edges) / width
        if values is not None:
            name = f"{port.name}, {port.unit} per cycle"
            process = shown.part_kinds[port.part]
            yield from _counter(process, name, shown.begin, values[0], {port.unit: values[1]}, last)
    yield from _occupancy(shown)


def _counter(
    process: int, name: str, offset: int, edges: Ints, values: dict[str, Ints], last: int
) -> Iterator[Event]:
    keys, columns = list(values), [np.round(column, 3).tolist() for column in values.values()]
    before = None
    for time, *row in zip(edges.tolist(), *columns, strict=False):
        if row != before:
            yield {
                "ph": "C",
                "pid": process,
                "name": name,
                "ts": offset + time,
                "args": dict(zip(keys, row, strict=True)),
            }
        before = row
    yield {"ph": "C", "pid": process, "name": name, "ts": offset + last, "args": dict.fromkeys(keys, 0)}


def _sums_of_port(shown: Shown, port: Port) -> tuple[Ints, Ints] | None:
    """(edges, units per cycle) of a port as the layer's series over time have them; None if they do not."""
    trace = shown.trace
    keys = [f"words.{trace.streams[i]}" for i in port.series if i < len(trace.streams)] or [
        f"units.{port.name}"
    ]
    if any(key not in trace.series for key in keys):
        return None
    width, units = int(trace.series["width_cycles"]), np.sum([trace.series[key] for key in keys], axis=0)
    edges = np.minimum(np.arange(len(units) + 1) * width, trace.cycles)  # the last one ends with the layer
    low, high, fold = _folded(width, shown)
    at = np.append(np.arange(low, high, fold), high)
    sums = np.add.reduceat(units[:high], at[:-1])
    return np.maximum(shown.window[0], edges[at]), sums / np.maximum(np.diff(edges[at]), 1)


def _folded(width: int, shown: Shown) -> tuple[int, int, int]:
    """Which windows of time of a width lie in what is shown: from, up to, and how many make one value."""
    first, last = shown.window
    low, high = first // width, -(-last // width)
    return low, high, -(-(high - low) // max(1, min(COUNTER_BINS, shown.most // 8)))


def _occupancy(shown: Shown) -> Iterator[Event]:
    """Room that tiles take in every memory, in KiB, known at the end of each window of time."""
    series = shown.trace.series
    held: dict[str, dict[str, Ints]] = {}
    for key in series:
        kind, _, rest = key.partition(".")
        if kind == "tiles" and f"tile_bytes.{rest}" in series:
            memory, _, data_type = rest.rpartition(".")
            values = np.asarray(series[key], dtype=np.float64) * float(series[f"tile_bytes.{rest}"]) / 1024
            held.setdefault(memory, {})[data_type] = values
    for memory, tiles in held.items():
        width, (first, last) = int(series["width_cycles"]), shown.window
        low, high, fold = _folded(width, shown)
        ends = np.append(low, np.arange(low + fold, high, fold))
        rooms = {data_type: np.append(0, column)[ends] for data_type, column in tiles.items()}
        times = np.maximum(first, ends * width)
        yield from _counter(shown.part_kinds[memory], f"{memory} held, KiB", shown.begin, times, rooms, last)
