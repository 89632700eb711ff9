"""The results directory: written beside its place first, then moved there whole."""

import csv
import json
import os
import shutil
import tempfile
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

from simulator.errors import refuse
from simulator.mapping.file import write_mapping_file
from simulator.names import PE_CYCLE_NAMES, STALL_NAMES
from simulator.report.scalesim import check_fits, write_reports
from simulator.spec.architecture import Architecture
from simulator.spec.reader import write_yaml
from simulator.writing import flatten, umask, write_arrays

if TYPE_CHECKING:
    from simulator.report.result import LayerResult, Run

RUN_FILE = "run.json"
WINDOWS_FILE = "windows.npz"
TRACE_FILES = ("trace.json.gz", "stall_trace.csv")
"""What is written where a run was traced."""
COMPAT = ("scalesim",)
"""Tools whose reports can be written beside ours."""

_NUMBERS = ("macs", "cycles", "milliseconds", "pes", "active_pes", "mean_active_pes", "utilization")
_COSTS = ("bytes_dram", "bytes_glb", "energy_pj")
_VOLUME = ("operator", "input_words", "output_words", "bytes")


def save(run: "Run", directory: Path, *, force: bool, compat: str | None = None) -> Path:
    """Write every file of ``run`` into ``directory``; it appears complete or not at all.

    An existing directory needs ``force``, and is only replaced if it is empty or holds an earlier run.
    ``compat`` names another tool whose reports are written beside (see `COMPAT`).
    """
    check_free(directory, force=force)
    if compat is not None:
        check_compat(compat, run.architecture)
    try:
        directory.parent.mkdir(parents=True, exist_ok=True)
        draft = Path(tempfile.mkdtemp(prefix=f".{directory.name}-", dir=directory.parent))
    except OSError as error:
        raise refuse(
            str(directory), "", None, f"a place to write results was expected: {error.strerror}"
        ) from None
    try:
        _write_files(run, draft)
        if compat is not None:
            write_reports(run, draft)
        draft.chmod(0o777 & ~umask())
        _move_into_place(draft, directory)
    except BaseException:
        shutil.rmtree(draft, ignore_errors=True)
        raise
    return directory


def check_compat(compat: str, architecture: Architecture) -> None:
    """Raise `InputError` unless a machine's runs can be reported as another tool reports its own."""
    if compat not in COMPAT:
        raise refuse("--compat", "", compat or "''", f"one of {', '.join(COMPAT)} was expected")
    check_fits(architecture)


def check_free(directory: Path, *, force: bool) -> None:
    """Raise an `InputError` unless results may be written to ``directory``."""
    if not directory.exists() and not directory.is_symlink():
        _check_place(directory)
        return
    if not directory.is_dir() or directory.is_symlink():
        raise refuse(str(directory), "", None, "a directory was expected, this is something else")
    if not force:
        raise refuse(str(directory), "", None, "exists already; name another one, or replace it with --force")
    if any(directory.iterdir()) and not (directory / RUN_FILE).is_file():
        raise refuse(
            str(directory), "", None, f"holds other things than a run (no {RUN_FILE}) and is not replaced"
        )


def _check_place(directory: Path) -> None:
    """Refuse a place where no directory can be made, so that nobody waits for a run that cannot be kept."""
    nearest = next(parent for parent in directory.absolute().parents if parent.exists())
    if not nearest.is_dir() or not os.access(nearest, os.W_OK | os.X_OK):
        raise refuse(
            str(directory),
            "",
            None,
            f"a place to write results was expected: nothing can be made in {nearest}",
        )


def _move_into_place(draft: Path, directory: Path) -> None:
    if not directory.exists():
        draft.rename(directory)
        return
    old = Path(tempfile.mkdtemp(prefix=f".{directory.name}-old-", dir=directory.parent))
    directory.rename(old / directory.name)
    try:
        draft.rename(directory)
    except OSError:
        (old / directory.name).rename(directory)
        raise
    finally:
        shutil.rmtree(old, ignore_errors=True)


def _write_files(run: "Run", draft: Path) -> None:
    write_json(draft / RUN_FILE, run.to_dict())
    write_json(draft / "provenance.json", run.provenance)
    write_csv(draft / "layers.csv", layer_rows(run))
    write_csv(draft / "stalls.csv", stall_rows(run))
    write_text(draft / "architecture.yaml", write_yaml(resolved(run.architecture)))
    if run.spec is not None:
        write_text(draft / "workload.yaml", write_yaml(resolved(run.spec)))
    write_text(draft / "mapping.yaml", write_mapping_file(run.mappings))
    if run.traced:
        run.trace.save(*(draft / name for name in TRACE_FILES))
    write_arrays(draft / WINDOWS_FILE, {layer.name: layer.windows for layer in run.layers.values()})


def write_json(path: Path, data: object) -> None:
    """Write one JSON document, readable and ending in a newline."""
    write_text(path, json.dumps(data, indent=1, allow_nan=False) + "\n")


def write_text(path: Path, text: str) -> None:
    """Write UTF-8 with the same line ends everywhere."""
    path.write_text(text, encoding="utf-8", newline="\n")


def write_csv(path: Path, rows: Sequence[Mapping[str, Any]]) -> None:
    """Write rows under the union of their columns; what a row lacks stays empty."""
    columns = list(dict.fromkeys(key for row in rows for key in row))
    with path.open("w", newline="", encoding="utf-8") as file:
        writer = csv.DictWriter(file, columns, restval="", lineterminator="\n")
        writer.writeheader()
        writer.writerows(rows)


def layer_rows(run: "Run") -> list[dict[str, Any]]:
    """One row per layer: numbers, PE-cycles by name, words by level; then layers not simulated."""
    rows = [_layer_row(result) for result in run.layers.values()]
    return rows + [{"name": layer.name, "simulated": "no", **layer.to_dict()} for layer in run.not_simulated]


def _layer_row(result: "LayerResult") -> dict[str, Any]:
    row: dict[str, Any] = {"name": result.name, "simulated": "yes"}
    row |= {key: getattr(result, key) for key in _NUMBERS}
    row |= {name: result.pe_cycles.get(name, 0) for name in PE_CYCLE_NAMES}
    row |= {key: getattr(result, key) for key in _COSTS}
    row |= {"verdict": result.verdict} | dict.fromkeys(_VOLUME, "")
    return row | {f"words.{key}": n for key, n in flatten(result.words, ".")}


def stall_rows(run: "Run") -> list[dict[str, Any]]:
    """PE-cycles per layer, name and cause; an empty cause where a name has none, so that all sums up."""
    return [row for result in run.layers.values() for row in _stall_rows(result)]


def _stall_rows(result: "LayerResult") -> Iterator[dict[str, Any]]:
    for name in PE_CYCLE_NAMES:
        causes = (
            result.stall_causes.get(name, {}) if name in STALL_NAMES else {"": result.pe_cycles.get(name, 0)}
        )
        for cause, count in causes.items():
            yield {"layer": result.name, "name": name, "cause": cause, "pe_cycles": count}


def resolved(model: Any, *, defaults: bool = True) -> dict[str, Any]:
    """A validated description as it stands in a file, each number with its origin beside it again.

    Without ``defaults`` what was not said is left out.
    """
    data = model.model_dump(mode="json", by_alias=True, exclude_none=True, exclude_unset=not defaults)
    origins = data.pop("provenance", {})
    nested: dict[str, Any] = _with_origins(data, origins, "")
    return nested


def _with_origins(value: Any, origins: Mapping[str, Mapping[str, str]], path: str) -> Any:
    if path in origins:
        return {"value": value, **origins[path]}
    inside = f"{path}." if path else ""
    if isinstance(value, dict):
        return {key: _with_origins(item, origins, f"{inside}{key}") for key, item in value.items()}
    if isinstance(value, list):
        return [_with_origins(item, origins, f"{inside}{i}") for i, item in enumerate(value)]
    return value


def save_outputs(run: "Run", path: Path) -> None:
    """Write the outputs of layers with real operands as an ``.npz``, keyed by layer."""
    try:
        write_arrays(path, {x.name: x.outputs for x in run.layers.values() if x.outputs is not None})
    except OSError as error:
        raise refuse(str(path), "", None, f"a file to write outputs was expected: {error.strerror}") from None
