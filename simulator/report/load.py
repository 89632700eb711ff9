"""Reading a results directory back, enough to compare and to tabulate."""

import json
import zipfile
from pathlib import Path
from typing import Any

import numpy as np

from simulator.errors import refuse
from simulator.report.result import SCHEMA, LayerResult, Layers, NotSimulated, Run
from simulator.report.save import RUN_FILE, WINDOWS_FILE
from simulator.spec.catalog import load_architecture


def load(directory: Path) -> Run:
    """Return the `Run` in ``directory``, without mappings and workload.

    Windows are empty where the directory has no file of them. `InputError` for what is no such directory.
    """
    data = _read(directory)
    if data.get("schema") != SCHEMA:
        raise refuse(str(directory / RUN_FILE), "schema", data.get("schema"), f"{SCHEMA} was expected")
    architecture = load_architecture(directory / "architecture.yaml")
    windows = _windows(directory / WINDOWS_FILE)
    try:
        return Run(
            architecture=architecture,
            layers=Layers(
                tuple(LayerResult(**x, windows=windows.get(x["name"], {})) for x in data["layers"])
            ),
            not_simulated=tuple(NotSimulated(**layer) for layer in data["not_simulated"]),
            notes=tuple(data["notes"]),
            relax=tuple(data["relax"]),
            **{key: data[key] for key in _AS_THEY_ARE},
        )
    except (KeyError, TypeError) as error:
        raise refuse(
            str(directory / RUN_FILE), "", None, f"a result of this version was expected: {error}"
        ) from None


_AS_THEY_ARE = ("workload", "batch", "clock_mhz", "energy_table", "provenance", "interrupted")


def _read(directory: Path) -> dict[str, Any]:
    path = directory / RUN_FILE
    try:
        data = json.loads(path.read_text(encoding="utf-8"))
    except OSError as error:
        raise refuse(str(path), "", None, f"a results directory was expected: {error.strerror}") from None
    except ValueError as error:
        raise refuse(str(path), "", None, f"a JSON document was expected: {error}") from None
    if not isinstance(data, dict):
        raise refuse(str(path), "", type(data).__name__, "a result was expected")
    return data


def _series(name: str, values: Any) -> Any:
    """One series as it was read; `ValueError` where it cannot be one."""
    if values.dtype.kind not in "iuf" or (name == "width_cycles" and (values.shape or values <= 0)):
        raise ValueError(f"{name} is no series")
    return values


def _windows(path: Path) -> dict[str, dict[str, Any]]:
    """Series over time by layer and name; empty where there is no file."""
    out: dict[str, dict[str, Any]] = {}
    if not path.exists():
        return out
    try:
        with np.load(path, allow_pickle=False) as archive:
            for key in archive.files:
                layer, _, series = key.partition("/")
                out.setdefault(layer, {})[series] = _series(series, archive[key])
    except (OSError, ValueError, EOFError, zipfile.BadZipFile) as error:
        raise refuse(str(path), "", None, f"an archive of NumPy arrays was expected: {error}") from None
    return out
