"""Pictures of one layer over time: utilization, ports against their limits, room in buffers."""


from pathlib import Path
from typing import TYPE_CHECKING, Any

from simulator.report.numbers import count, short
from simulator.report.pictures.plots import heading
from simulator.report.pictures.series import (
    Floats,
    PortSeries,
    RoomSeries,
    edges,
    occupancy,
    ports,
    utilization,
)
from simulator.report.pictures.style import (
    DARK,
    DATA_TYPE_LOOKS,
    MIDDLE,
    bare,
    bars_height,
    drawn,
    scale_of,
    shortened,
    wrapped,
)

if TYPE_CHECKING:
    from simulator.report.result import LayerResult, Run

ACROSS = 2
"""Ports beside each other."""
AVERAGE: dict[str, Any] = {"color": "black", "ls": "--", "lw": 1.0}
LIMIT: dict[str, Any] = {"color": "black", "ls": "-", "lw": 2.0}
STRIP = 0.82
"""Height of one layer's strip, of the room that it has."""


def utilization_over_time(run: "Run", layer: str, path: str | Path) -> Path:
    """Draw the utilization of all PEs in every window of a layer, its average marked; `InputError`."""
    path, result = Path(path), run.layers[layer]
    values, times = 100 * utilization(result, run.architecture), edges(result)
    with drawn(path, 8, 3.2) as figure:
        axes = figure.add_subplot()
        axes.stairs(values, times, fill=True, color=MIDDLE)
        axes.stairs(values, times, color=DARK, lw=0.8)
        average = 100 * result.utilization
        axes.axhline(average, **AVERAGE)
        axes.set_ylim(0, 1.05 * scale_of(float(values.max(initial=average))))
        axes.set_ylabel("MACs of those possible, %")
        _time_axis(axes, result)
        told = f"utilization over time,\naverage {average:.1f} % (dashed)"
        axes.set_title(_title(run, result, told), loc="left")
    return path


def utilization_strips(run: "Run", path: str | Path) -> Path:
    """Draw a strip of utilization over time for every layer with MACs below each other; `InputError`."""
    path = Path(path)
    layers = [result for result in run.layers.values() if result.macs]
    strips = [(result, utilization(result, run.architecture), edges(result)) for result in layers]
    with drawn(path, 8, bars_height(len(strips))) as figure:
        axes = figure.add_subplot()
        for place, (result, values, times) in enumerate(strips):
            _strip(axes, place, result, values, times)
        axes.set_yticks(range(len(layers)), [f"{shortened(x.name)}  {x.milliseconds:.3g} ms" for x in layers])
        axes.set_ylim(len(layers) - 0.4, -0.6)
        axes.set_xlim(0, 100)
        axes.set_xlabel("time in the layer, %; a strip is as high as all PEs busy, its average is dashed")
        bare(axes)
        axes.set_title(wrapped(f"{heading(run)}: utilization over time"), loc="left")
    return path


def _strip(axes: Any, place: int, result: "LayerResult", values: Floats, times: Floats) -> None:
    floor = place + STRIP / 2
    share = 100 * times / result.cycles
    axes.stairs(floor - STRIP * values, share, baseline=floor, fill=True, color=MIDDLE)
    axes.stairs(floor - STRIP * values, share, baseline=None, color=DARK, lw=0.6)
    axes.hlines([floor, floor - STRIP], 0, 100, color="#808b96", lw=0.4)
    axes.hlines(floor - STRIP * result.utilization, 0, 100, **AVERAGE)
    axes.text(101, place, f"{100 * result.utilization:.1f} %", va="center", fontsize=8)


def bandwidth_over_time(run: "Run", layer: str, path: str | Path) -> Path:
    """Draw what crossed every port of a layer per cycle against its limit, peak and average; `InputError`."""
    path, result = Path(path), run.layers[layer]
    found, times = ports(result, run.architecture), edges(result)
    lines = -(-len(found) // ACROSS)
    with drawn(path, 10, 0.9 + 1.7 * lines) as figure:
        areas = list(figure.subplots(lines, ACROSS, sharex=True, squeeze=False).flat)
        for axes, port in zip(areas, found, strict=False):
            _draw_port(axes, port, times)
        for axes in areas[len(found) :]:
            axes.remove()
        for axes in list(figure.axes)[-ACROSS:]:
            axes.tick_params(labelbottom=True)
            _time_axis(axes, result)
        width = count(float(times[1] - times[0]))
        told = f"bandwidth in windows of {width} cycles\n— limit   - - average   ▼ peak"
        figure.suptitle(_title(run, result, told), x=0.01, ha="left", fontsize=10)
    return path


def _draw_port(axes: Any, port: PortSeries, times: Floats) -> None:
    axes.stairs(port.per_cycle, times, fill=True, color=MIDDLE)
    axes.stairs(port.per_cycle, times, color=DARK, lw=0.6)
    axes.axhline(port.average, **AVERAGE)
    if port.limit is not None:
        axes.axhline(port.limit, **LIMIT)
    top = max(port.peak, port.limit or 0.0)
    busiest = int(port.per_cycle.argmax())
    middle = (times[busiest] + times[busiest + 1]) / 2
    axes.plot([middle], [port.peak + 0.07 * top], marker="v", color="black", ms=5, clip_on=False)
    axes.set_ylim(0, 1.2 * top or 1)
    axes.set_ylabel(f"{port.unit}/cycle", fontsize=8)
    limit = "unlimited" if port.limit is None else f"limit {short(port.limit)}"
    told = f"peak {short(port.peak, 3)}, average {short(port.average, 3)}, {limit}"
    axes.set_title(f"{shortened(port.name)}: {told}", loc="left", fontsize=9)
    bare(axes)


def occupancy_over_time(run: "Run", layer: str, path: str | Path) -> Path:
    """Draw the room that tiles take in every on-chip memory of a layer, against its size; `InputError`."""
    path, result = Path(path), run.layers[layer]
    found, times = occupancy(result, run.architecture), edges(result)
    with drawn(path, 8, 1.0 + 2.1 * max(len(found), 1)) as figure:
        areas = figure.subplots(max(len(found), 1), 1, sharex=True, squeeze=False).flat
        for axes, room in zip(areas, found, strict=False):
            _draw_room(axes, room, times)
        _time_axis(figure.axes[-1], result)
        width = count(float(times[1] - times[0]))
        told = f"room taken by tiles at the end of windows of {width} cycles"
        figure.suptitle(_title(run, result, told), x=0.01, ha="left", fontsize=10)
    return path


def _draw_room(axes: Any, room: RoomSeries, times: Floats) -> None:
    floor: Any = 0.0
    for data_type, held in room.by_type.items():
        colour, hatch = DATA_TYPE_LOOKS[data_type]
        top = floor + held / 1e3
        axes.stairs(
            top, times, baseline=floor, fill=True, fc=colour, hatch=hatch, ec="black", lw=0.5, label=data_type
        )
        floor = top
    capacity = room.capacity_bytes / 1e3
    axes.axhline(capacity, **LIMIT, label=f"capacity {short(capacity)} kB")
    axes.set_ylim(0, 1.15 * max(capacity, float(floor.max())))
    axes.set_ylabel("kB")
    axes.set_title(shortened(room.memory), loc="left", fontsize=9)
    axes.legend(loc="center left", bbox_to_anchor=(1, 0.5), frameon=False)
    bare(axes)


def _time_axis(axes: Any, result: "LayerResult") -> None:
    axes.set_xlim(0, result.cycles)
    axes.set_xlabel("cycle")
    axes.xaxis.set_major_formatter(lambda value, _: count(value))
    axes.xaxis.set_major_locator(_few_ticks())
    bare(axes)


def _few_ticks() -> Any:
    from matplotlib.ticker import MaxNLocator

    return MaxNLocator(5, integer=True)


def _title(run: "Run", result: "LayerResult", what: str) -> str:
    lasting = f"{count(result.cycles)} cycles, {short(result.milliseconds)} ms"
    return wrapped(f"{heading(run)}, {shortened(result.name)} ({lasting}):\n{what}")


