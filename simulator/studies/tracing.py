"""Traces of a run: all of it, one layer, or some cycles of either."""

from collections.abc import Iterable
from dataclasses import replace
from pathlib import Path
from typing import Any

from simulator.formats.load import load_workload
from simulator.mapping.file import MappingFile
from simulator.pipeline import Progress, simulate
from simulator.report.result import Run
from simulator.spec.architecture import Architecture
from simulator.spec.catalog import load_architecture
from simulator.spec.workload import Workload
from simulator.traces.layer import Wanted, Window
from simulator.traces.run import RunTrace, check_window


def trace(
    architecture: str | Path | Architecture,
    workload: str | Path | Workload,
    *,
    layer: str | None = None,
    window: Window = None,
    batch: int = 1,
    mapping: str | Path | dict[str, Any] | MappingFile | None = None,
    dataflow: str | None = None,
    relax: Iterable[str] = (),
    jobs: int = 1,
    progress: Progress | None = None,
) -> RunTrace:
    """Run ``workload`` on ``architecture`` and keep what every PE and port did when.

    ``window`` are the cycles [first, last) that are kept: of ``layer`` where one is named, else of the
    whole run, in which layers follow each other. The other arguments are those of `simulate`. Raises
    `InputError`.
    """
    machine = architecture if isinstance(architecture, Architecture) else load_architecture(architecture)
    network = workload if isinstance(workload, Workload) else load_workload(workload)
    options: dict[str, Any] = {
        "batch": batch, "mapping": mapping, "dataflow": dataflow, "relax": tuple(relax), "jobs": jobs,
    }  # fmt: skip
    if window is not None:
        check_window(window)
    if layer is not None:
        wanted = Wanted(window=window)
        found = simulate(machine, network, layers=[layer], trace=wanted, progress=progress, **options).trace
        if window is not None:
            check_window(window, found.cycles)
        return found
    if window is None:
        return simulate(machine, network, trace=True, progress=progress, **options).trace
    whole = simulate(machine, network, progress=progress, **options)
    check_window(window, whole.total.cycles)
    return _of_window(whole, window, options, machine, network)


def _of_window(
    whole: Run, window: tuple[int, int], options: dict[str, Any], machine: Architecture, network: Workload
) -> RunTrace:
    """Trace the layers of a run that lie in a window of it, each in its own part of the window."""
    begin, layers, found = 0, [], None
    for name, result in whole.layers.items():
        first, last = max(0, window[0] - begin), min(result.cycles, window[1] - begin)
        if first < last:
            wanted = Wanted(window=(first, last))
            found = simulate(machine, network, layers=[name], trace=wanted, **options).trace
            layers.append((name, begin, found.layers[0][2]))
        begin += result.cycles
    assert found is not None, "a window within the run lies in one of its layers"
    return replace(found, layers=tuple(layers))
