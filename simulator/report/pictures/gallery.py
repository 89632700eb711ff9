"""All pictures of a run: one at a time in Python, or all of them into a directory."""

import os
import shutil
import tempfile
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING

from simulator.errors import InputError, Problem, refuse
from simulator.report.pictures.heat import pe_heat_map
from simulator.report.pictures.plots import energy_bars, heading, pe_cycle_bars
from simulator.report.pictures.stalls import EDGES, of_run, stall_timeline
from simulator.report.pictures.style import check_format
from simulator.report.pictures.timelines import (
    bandwidth_over_time,
    occupancy_over_time,
    utilization_over_time,
    utilization_strips,
)
from simulator.writing import file_name

if TYPE_CHECKING:
    from simulator.report.result import LayerResult, Run


@dataclass(frozen=True, slots=True)
class Picture:
    """A picture that can be drawn: its file's name without suffix, what it shows, and of which layer."""

    name: str
    caption: str
    draw: Callable[[Path], Path]
    layer: str | None = None


class Plots:
    """The pictures of a run. Each is written to a path whose suffix decides the format: png, svg or pdf.

    Pictures of one layer take its name; without one they show the layer with the most cycles. What cannot be
    drawn raises `InputError`.
    """

    def __init__(self, run: "Run") -> None:
        self._run = run

    def pe_cycles(self, path: str | Path) -> Path:
        """Where every PE-cycle went, one bar per layer."""
        return pe_cycle_bars(self._some(), path)

    def energy(self, path: str | Path, by: str = "component") -> Path:
        """Where the energy went, one bar per layer, by ``component`` or by ``data_type``."""
        return energy_bars(self._some(), path, by)

    def utilization_strips(self, path: str | Path) -> Path:
        """Utilization over time, one strip per layer."""
        heaviest(self._run)
        return utilization_strips(self._run, path)

    def utilization(self, path: str | Path, layer: str | None = None) -> Path:
        """Utilization over time in one layer."""
        return utilization_over_time(self._run, self._named(layer), path)

    def bandwidth(self, path: str | Path, layer: str | None = None) -> Path:
        """What crossed every port per cycle in one layer, against the port's limit."""
        return bandwidth_over_time(self._run, self._named(layer), path)

    def occupancy(self, path: str | Path, layer: str | None = None) -> Path:
        """Room that tiles take in every on-chip memory over time in one layer."""
        return occupancy_over_time(self._run, self._named(layer), path)

    def heat_map(self, path: str | Path, layer: str | None = None, name: str = "mac") -> Path:
        """Share of one layer's cycles that every PE of the array spent as ``name``, a PE-cycle name."""
        return pe_heat_map(self._run, self._named(layer), path, name)

    def stalls(self, path: str | Path, layer: str | None = None) -> Path:
        """What the PEs do over time and what they wait for, in all layers or in one of a traced run."""
        return stalls_over_time(self._some(), None if layer is None else self._named(layer), path)

    def all(
        self, directory: str | Path, *, layers: Sequence[str] = (), kind: str = "png", force: bool = False
    ) -> "Drawn":
        """Draw every picture into ``directory``; see `draw_all`."""
        return draw_all(self._run, Path(directory), layers=layers, kind=kind, force=force)

    def _some(self) -> "Run":
        return some_layers(self._run)

    def _named(self, layer: str | None) -> str:
        return heaviest(self._run).name if layer is None else find_layers(self._run, [layer])[0].name


@dataclass(frozen=True, slots=True)
class Drawn:
    """The files that were written, and why others were not."""

    files: tuple[Path, ...]
    notes: tuple[str, ...]


def some_layers(run: "Run") -> "Run":
    """The run itself; `InputError` where no layer of it was simulated."""
    if not run.layers:
        raise refuse(run.workload, "layers", None, "at least one simulated layer was expected")
    return run


def heaviest(run: "Run") -> "LayerResult":
    """The layer with the most cycles among those with MACs; `InputError` where there is none."""
    found = [result for result in some_layers(run).layers.values() if result.macs]
    if not found:
        raise refuse(run.workload, "layers", None, "at least one simulated layer with MACs was expected")
    return max(found, key=lambda result: result.cycles)


def find_layers(run: "Run", names: Sequence[str]) -> list["LayerResult"]:
    """Layers by name, each once; `InputError` lists all names that no layer has, and layers without MACs."""
    found: dict[str, LayerResult] = {}
    problems = []
    for name in names:
        try:
            result = run.layers[name]
        except KeyError as error:
            problems.append(Problem("--layer", "", name, str(error.args[0])))
            continue
        if not result.macs:
            told = "a layer with MACs was expected: the vector unit ran this one, without series over time"
            problems.append(Problem("--layer", "", name, told))
        found[result.name] = result
    if problems:
        raise InputError(problems)
    return list(found.values())


def draw_all(
    run: "Run", directory: Path, *, layers: Sequence[str] = (), kind: str = "png", force: bool = False
) -> Drawn:
    """Draw every picture of a run into ``directory``, those of one layer for each of ``layers``.

    Without ``layers`` it is the one with the most cycles. Files appear when all are drawn, or not at all;
    existing ones are only replaced with ``force``. A picture whose series the results lack is left out with a
    note. `InputError` for anything else that cannot be drawn or written.
    """
    chosen = find_layers(run, layers) if layers else default_layers(run)
    wanted = {f"{picture.name}.{kind}": picture.draw for picture in pictures(some_layers(run), chosen)}
    for name in wanted:
        check_format(Path(name))
    _check_free(directory, wanted, force=force)
    with tempfile.TemporaryDirectory(prefix="stallion-plots-") as draft:
        files, notes = _draw(wanted, Path(draft))
        if not files:
            raise InputError(Problem(run.workload, "", "", note) for note in notes)
        return Drawn(tuple(_into_place(files, directory)), tuple(notes))


def default_layers(run: "Run") -> list["LayerResult"]:
    """The layer with the most cycles among those with MACs, if there is any."""
    return [heaviest(run)] if any(result.macs for result in run.layers.values()) else []


def pictures(run: "Run", layers: Sequence["LayerResult"]) -> list[Picture]:
    """Every picture of a run, then those of some of its layers; stall timelines where it was traced."""
    out = [
        Picture("pe_cycles", "Where every PE-cycle went, per layer and in all", partial(pe_cycle_bars, run)),
        Picture("energy_by_component", "Energy by component", partial(energy_bars, run, by="component")),
        Picture("energy_by_data_type", "Energy by data type", partial(energy_bars, run, by="data_type")),
    ]
    if any(result.macs for result in run.layers.values()):
        told = "Utilization over time, a strip per layer"
        out.append(Picture("utilization", told, partial(utilization_strips, run)))
    if all(EDGES in result.windows for result in run.layers.values()):
        told = "What the PEs do over time, and which parts they wait for"
        out.append(Picture("stalls", told, partial(stalls_over_time, run, None)))
    for name, result in zip(_file_names(layers), layers, strict=True):
        if EDGES in result.windows:
            told = f"{result.name}: what the PEs do over time, and which parts they wait for"
            draw_stalls = partial(stalls_over_time, run, result.name)
            out.append(Picture(f"stalls-{name}", told, draw_stalls, result.name))
        out += [
            Picture(f"{kind}-{name}", f"{result.name}: {told}", partial(draw, run, result.name), result.name)
            for kind, (told, draw) in _OF_A_LAYER.items()
        ]
    return out


def stalls_over_time(run: "Run", layer: str | None, path: str | Path) -> Path:
    """Draw the stall timeline of a traced run, or of one of its layers; `InputError`."""
    return stall_timeline(of_run(run, layer), heading(run), path)


_OF_A_LAYER: dict[str, tuple[str, Callable[["Run", str, Path], Path]]] = {
    "utilization": ("utilization over time", utilization_over_time),
    "bandwidth": ("what crossed every port over time, against its limit", bandwidth_over_time),
    "occupancy": ("room taken by tiles in every buffer on the chip", occupancy_over_time),
    "pe_heat_map": ("share of cycles in which each PE issued MACs", pe_heat_map),
}


def _file_names(layers: Sequence["LayerResult"]) -> list[str]:
    """Names of layers as they may stand in a file name; a number where two would be the same."""
    out: list[str] = []
    for result in layers:
        base = name = file_name(result.name)
        number = 1
        while name.casefold() in map(str.casefold, out):
            number += 1
            name = f"{base}-{number}"
        out.append(name)
    return out


def _draw(wanted: dict[str, Callable[[Path], Path]], draft: Path) -> tuple[list[Path], list[str]]:
    """Files drawn in ``draft``, and what was missing for the others."""
    files, notes = [], []
    for name, draw in wanted.items():
        try:
            files.append(draw(draft / name))
        except InputError as error:
            notes += [f"{name} is not drawn: {problem}" for problem in error.problems]
    return files, notes


def _check_free(directory: Path, names: Iterable[str], *, force: bool) -> None:
    """Refuse, before anything is drawn, a place that cannot be written to or holds such files already."""
    nearest = next(place for place in (directory, *directory.absolute().parents) if place.exists())
    if not nearest.is_dir() or not os.access(nearest, os.W_OK | os.X_OK):
        told = f"a directory to write pictures to was expected: nothing can be made in {nearest}"
        raise refuse(str(directory), "", None, told)
    there = [directory / name for name in names if (directory / name).exists()]
    folders = [path for path in there if path.is_dir()]
    if folders or (there and not force):
        told = "a file was expected" if folders else "exists already; replace it with --force, or give --out"
        raise InputError(Problem(str(path), "", "", told) for path in folders or there)


def _into_place(files: Sequence[Path], directory: Path) -> list[Path]:
    """Move finished files to ``directory``."""
    try:
        directory.mkdir(parents=True, exist_ok=True)
        for file in files:  # first beside their places: the disk may be full
            shutil.copyfile(file, directory / f".{file.name}.part")
        return [(directory / f".{file.name}.part").replace(directory / file.name) for file in files]
    except OSError as error:
        for file in files:
            (directory / f".{file.name}.part").unlink(missing_ok=True)
        told = f"a place that can be written was expected: {error.strerror}"
        raise refuse(str(directory), "", None, told) from None
