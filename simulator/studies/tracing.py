"""Traces of a run: all of it, one layer, or some cycles of either."""

from collections.abc import Iterable
from dataclasses import replace
from pathlib import Path
from typing import Any

from simulator.errors import refuse
from simulator.formats.load import load_architecture, load_workload
from simulator.mapping.file import MappingFile
from simulator.pipeline import Progress, simulate
from simulator.report.result import Run
from simulator.spec.architecture import Architecture
from simulator.spec.workload import Workload
from simulator.studies.points import whole
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
    `InputError`, and `KeyboardInterrupt` on Ctrl-C: no trace ends where nobody asked for it.
    """
    machine = architecture if isinstance(architecture, Architecture) else load_architecture(architecture)
    network = workload if isinstance(workload, Workload) else load_workload(workload)
    options: dict[str, Any] = {
        "batch": batch, "mapping": mapping, "dataflow": dataflow, "relax": tuple(relax), "jobs": jobs,
    }  # fmt: skip
    if window is not None:
        check_window(window)
    if layer is None and window is not None:
        return _of_window(window, options, machine, network, progress)
    layers, wanted = (None, True) if layer is None else ([layer], Wanted(window=window))
    run = _of_layers(simulate(machine, network, layers=layers, trace=wanted, progress=progress, **options))
    if window is not None:
        check_window(window, run.total.cycles)
    return run.trace


def _of_layers(run: Run) -> Run:
    """A run of which there is something to show, up to its end."""
    if not whole(run).layers:
        names = ", ".join(layer.name for layer in run.not_simulated)
        raise refuse(run.workload, "layers", names, "a layer that a part of the machine runs was expected")
    return run


def _of_window(
    window: tuple[int, int],
    options: dict[str, Any],
    machine: Architecture,
    network: Workload,
    progress: Progress | None,
) -> RunTrace:
    """Trace the layers of a run that lie in a window of it, each in its own part of the window."""
    everything = _of_layers(simulate(machine, network, progress=progress, **options))
    check_window(window, everything.total.cycles)
    begin, layers, found = 0, [], None
    for name, result in everything.layers.items():
        first, last = max(0, window[0] - begin), min(result.cycles, window[1] - begin)
        if first < last:
            wanted = Wanted(window=(first, last))
            found = _of_layers(simulate(machine, network, layers=[name], trace=wanted, **options)).trace
            layers.append((name, begin, found.layers[0][2]))
        begin += result.cycles
    assert found is not None, "a window within the run lies in one of its layers"
    left_out = [layer.name for layer in everything.not_simulated]
    return replace(found, layers=tuple(layers), told=found.told | {"not_simulated": left_out})
