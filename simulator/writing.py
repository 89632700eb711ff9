"""Writing files: whole or not at all, and equal contents as equal bytes."""

import os
import re
import tempfile
import zipfile
from collections.abc import Callable, Iterator, Mapping
from pathlib import Path
from typing import Any

import numpy as np

from simulator.errors import refuse


def flatten(tree: Mapping[str, Any], joint: str) -> Iterator[tuple[str, Any]]:
    """Leaves of nested mappings with their joined keys."""
    for key, value in tree.items():
        if isinstance(value, Mapping):
            yield from ((f"{key}{joint}{rest}", leaf) for rest, leaf in flatten(value, joint))
        else:
            yield str(key), value


def write_arrays(path: Path, layers: Mapping[str, Any]) -> None:
    """Write nested arrays as an ``.npz``, keyed ``layer/series``; equal arrays give equal bytes."""
    with zipfile.ZipFile(path, "w") as archive:
        for key, values in flatten(layers, "/"):
            entry = zipfile.ZipInfo(f"{key}.npy", date_time=(1980, 1, 1, 0, 0, 0))
            entry.compress_type = zipfile.ZIP_DEFLATED
            with archive.open(entry, "w", force_zip64=True) as file:
                np.lib.format.write_array(file, np.asarray(values), allow_pickle=False)


def write_whole(path: Path, write: Callable[[Path], object]) -> None:
    """Let ``write`` fill a draft beside ``path`` and move it there; `InputError` where that cannot be."""
    try:
        handle, name = tempfile.mkstemp(
            prefix=f".{path.name}-", suffix=path.suffix, dir=path.absolute().parent
        )
    except OSError as error:
        told = f"a file in a directory that exists was expected: {error.strerror}"
        raise refuse(str(path), "", None, told) from None
    os.close(handle)
    draft = Path(name)
    try:
        write(draft)
        draft.chmod(0o666 & ~umask())
        draft.replace(path)
    except OSError as error:
        draft.unlink(missing_ok=True)
        raise refuse(
            str(path), "", None, f"a file that can be written was expected: {error.strerror}"
        ) from None
    except BaseException:
        draft.unlink(missing_ok=True)
        raise


def file_name(text: str) -> str:
    """``text`` as it may stand in the name of a file."""
    return re.sub(r"[^\w.+-]+", "_", text).strip(".")[:60] or "unnamed"


def umask() -> int:
    """The permissions that new files of this process do not get."""
    mask = os.umask(0)
    os.umask(mask)
    return mask
