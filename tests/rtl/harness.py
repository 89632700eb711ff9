"""Runs the arrays of this folder in Icarus Verilog: operands in, values and the cycles in which they leave out.

Cycle 0 is the first one after reset: the first in which a row of weights or a vector may enter, and in which an edge
port may start to bring words. What leaves in cycle c is at the array's edge, in a register, during cycle c; its last
product was added in cycle c - 1. So "cycles until everything has left" is the cycle in which the last sum leaves.
"""

import shutil
import subprocess
import tempfile
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np
import pytest

HERE = Path(__file__).parent
OPERAND_BITS, SUM_BITS = 8, 32
SECONDS = 60


@dataclass(frozen=True)
class Port:
    """An edge port: at most ``words`` per transfer of ``every`` cycles into a FIFO of ``depth`` words.

    Without ``words`` it is unlimited. ``blocked`` are the cycles in which the memory behind it starts no transfer
    (of an unlimited port: in which nothing is there); not for ``outputs``, whose ``depth`` is room at the array's edge.
    """

    words: int | None = None
    every: int = 1
    depth: int = 0
    blocked: frozenset[int] = frozenset()


@dataclass(frozen=True)
class Fold:
    """What a weight-stationary array does with one tile of weights.

    ``weights`` [r, c] and ``inputs`` [vectors, r], integers of 8 bits, r <= R, c <= C; ``psums`` [vectors, c] of 32
    bits, or None: sums start at zero. ``after`` [vectors]: of how many vectors, from the first fold on, all sums must
    be home before a vector's psums are in their memory; None: they are there from the beginning.
    """

    weights: Any
    inputs: Any
    psums: Any = None
    after: Sequence[int] | None = None


@dataclass(frozen=True)
class Tile:
    """One tile of outputs of an output-stationary array: ``inputs`` [r, K] times ``weights`` [K, c], of 8 bits."""

    inputs: Any
    weights: Any


@dataclass
class Run:
    """What the hardware did, by fold: when rows of weights and vectors entered, and what left when.

    ``values`` and ``leaves`` are [vectors, c] of every fold, or [r, c] of every output-stationary tile.
    """

    rows: list[list[int]]
    vectors: list[list[int]]
    values: list[Any]
    leaves: list[Any]
    homes: list[int]  # when each sum is home behind the output port, in the order of leaving (then of columns, PEs)
    done: int = field(init=False)  # the cycle in which the last sum leaves

    def __post_init__(self) -> None:
        self.done = max(int(fold.max()) for fold in self.leaves)


class NotDoneError(AssertionError):
    """The array has not given back every sum in the cycles that it could need at most."""


def require_verilog() -> None:
    """Skip the test that asks, with the reason, where Icarus Verilog is not installed."""
    for program in ("iverilog", "vvp"):
        if shutil.which(program) is None:
            pytest.skip(f"{program} is not installed (Debian's package iverilog has it)")


def weight_stationary(
    rows: int,
    columns: int,
    folds: Sequence[Fold],
    *,
    shadow: bool = False,
    skewed: bool = False,
    freeze: bool = False,
    gaps: Sequence[int] | None = None,
    shift_used_rows: bool = False,
    inputs: Port | None = None,
    weights: Port | None = None,
    psums: Port | None = None,
    outputs: Port | None = None,
) -> Run:
    """Run ``folds`` on an array of ``rows`` x ``columns`` PEs. Parameters as in ``weight_stationary.v``.

    ``gaps``, per fold: the cycles from its last vector (with ``shadow``: its first one) to the one in which the next
    fold's weights may start to enter; by default the fewest that the array allows. With ``shift_used_rows`` a partly
    filled tile enters in as many rows as it has, else in all R (rows of zeros first, into the unused PEs below).
    Every row, vector and vector of psums is as many words at its port as the tile is wide; a row of zeros is none.
    """
    gaps = gaps or [weight_gap(rows, columns, shadow, skewed)] * len(folds)
    tallest, widest = (max(fold.weights.shape[axis] for fold in folds) for axis in (0, 1))
    entering = [fold.weights.shape[0] if shift_used_rows else rows for fold in folds]
    table = [
        [len(fold.inputs), n, *fold.weights.shape, 0 if fold.psums is None else fold.weights.shape[1], gap]
        for fold, n, gap in zip(folds, entering, gaps, strict=True)
    ]
    streams = {
        "input": (inputs or Port(), concatenated(fold.inputs for fold in folds), tallest, OPERAND_BITS),
        "weight": (weights or Port(), concatenated(fold.weights[::-1] for fold in folds), widest, OPERAND_BITS),
        "psum": (psums or Port(), concatenated(f.psums for f in folds if f.psums is not None), widest, SUM_BITS),
    }
    flags = {"R": rows, "C": columns, "SHADOW": shadow, "SKEWED": skewed, "FREEZE": freeze}
    after = [
        vectors
        for fold in folds
        if fold.psums is not None
        for vectors in fold.after or [0] * len(fold.inputs)
        for _ in range(fold.weights.shape[1])
    ]
    flags["VECTORS"] = sum(len(fold.inputs) for fold in folds)
    expected = flags["VECTORS"] * columns
    home = sum(len(fold.inputs) * fold.weights.shape[1] for fold in folds)
    out = (outputs or Port(), widest, expected, home)
    told = run("weight_stationary", flags, table, streams, out, {"psums_after.hex": after})
    counts = [len(fold.inputs) for fold in folds]
    used = left_from_columns(told["sum"], columns, folds)
    return Run(
        split([cycle for (cycle,) in told["row"]], entering),
        split([cycle for (cycle,) in told["vector"]], counts),
        [part[..., 1] for part in used],
        [part[..., 0] for part in used],
        [cycle for cycle, count in told["home"] for _ in range(count)],
    )


def left_from_columns(told: Iterable[Sequence[int]], columns: int, folds: Sequence[Fold]) -> list[Any]:
    """Every fold's sums in the columns that it uses: [vectors, c, (cycle, value)]."""
    by_column: list[list[tuple[int, int]]] = [[] for _ in range(columns)]
    for cycle, column, value in told:
        by_column[column].append((cycle, value))
    left = np.array(by_column).transpose(1, 0, 2)  # [vectors of all folds, columns, (cycle, value)]
    parts = np.split(left, np.cumsum([len(fold.inputs) for fold in folds])[:-1])
    return [part[:, : fold.weights.shape[1]] for part, fold in zip(parts, folds, strict=True)]


def weight_gap(rows: int, columns: int, shadow: bool, skewed: bool) -> int:
    """Cycles from a fold's last (``shadow``: first) vector until the next fold's weights may start to enter."""
    if skewed:
        return 0 if shadow else 1
    return rows + columns - 2 if shadow else rows + columns - 1


DRAINS = ("at_once", "each", "down", "down_apart")


def output_stationary(
    rows: int,
    columns: int,
    tiles: Sequence[Tile],
    *,
    drain: str = "at_once",
    freeze: bool = False,
    gaps: Sequence[int] | None = None,
    wait_for_used: bool = False,
    inputs: Port | None = None,
    weights: Port | None = None,
    outputs: Port | None = None,
) -> Run:
    """Run ``tiles`` on an array of ``rows`` x ``columns`` PEs. ``drain``: one of ``DRAINS``, in the Verilog's order.

    ``gaps``, per tile: the cycles from its last vector to the next tile's first one ("down_apart": last one); by
    default the fewest that the array allows. A partly filled tile that leaves all at once waits for all R x C PEs,
    with ``wait_for_used`` only for those that it uses.
    """
    extents = [
        (tile.inputs.shape[0], tile.weights.shape[1]) if wait_for_used else (rows, columns) for tile in tiles
    ]
    gaps = gaps or [output_gap(*(extent if drain == "at_once" else (rows, columns)), drain) for extent in extents]
    tallest, widest = max(len(tile.inputs) for tile in tiles), max(tile.weights.shape[1] for tile in tiles)
    table = [
        [tile.inputs.shape[1], tile.inputs.shape[0], tile.weights.shape[1], gap, r - 1, c - 1]
        for tile, gap, (r, c) in zip(tiles, gaps, extents, strict=True)
    ]
    streams = {
        "input": (inputs or Port(), concatenated(tile.inputs.T for tile in tiles), tallest, OPERAND_BITS),
        "weight": (weights or Port(), concatenated(tile.weights for tile in tiles), widest, OPERAND_BITS),
    }
    flags = {"R": rows, "C": columns, "DRAIN": DRAINS.index(drain), "FREEZE": freeze}
    home = sum(tile.inputs.shape[0] * tile.weights.shape[1] for tile in tiles)
    at_a_time = widest if "down" in drain else tallest * widest
    out = (outputs or Port(), at_a_time, rows * columns * len(tiles), home)
    told = run("output_stationary", flags, table, streams, out)
    return Run(
        [],
        split([cycle for (cycle,) in told["vector"]], [tile.inputs.shape[1] for tile in tiles]),
        *left_from_pes(told["sum"], rows, columns, tiles, drain),
        [cycle for cycle, count in told["home"] for _ in range(count)],
    )


def output_gap(rows: int, columns: int, drain: str) -> int:
    """Cycles from a tile's last vector until the next tile's first ("down_apart": last) one may enter."""
    return {"at_once": rows + columns - 1, "each": 1, "down": rows, "down_apart": rows}[drain]


def left_from_pes(
    told: Iterable[Sequence[int]], rows: int, columns: int, tiles: Sequence[Tile], drain: str
) -> tuple[list[Any], list[Any]]:
    """Values and cycles of every tile [r, c]. A column that is drained downwards gives its bottom row first."""
    queues: dict[tuple[int, int], list[tuple[int, int]]] = {}
    for cycle, row, column, value in told:
        queues.setdefault((row, column), []).append((cycle, value))
    values, leaves = [], []
    for number, tile in enumerate(tiles):
        r, c = tile.inputs.shape[0], tile.weights.shape[1]
        found = np.empty((r, c, 2), dtype=np.int64)
        for i, j in np.ndindex(r, c):
            found[i, j] = (
                queues[rows - 1, j][number * rows + rows - 1 - i] if "down" in drain else queues[i, j][number]
            )
        values.append(found[..., 1])
        leaves.append(found[..., 0])
    return values, leaves


def run(
    name: str,
    flags: dict[str, int],
    table: list[list[int]],
    streams: dict[str, tuple[Port, list[int], int, int]],
    out: tuple[Port, int, int, int],
    files: Mapping[str, Sequence[int]] | None = None,
) -> dict[str, list[list[int]]]:
    """What the bench ``name`` prints, by its first word: the numbers behind it, line by line."""
    require_verilog()
    port, at_a_time, expected, home = out
    parameters = {**{key: int(value) for key, value in flags.items()}, "FOLDS": len(table), "EXPECTED": expected}
    parameters |= {"HOME": home, **port_parameters("out", port, at_a_time)}
    slowest = home * port.every
    with tempfile.TemporaryDirectory() as folder:
        for stream, (port, words, most, bits) in streams.items():
            key = stream.upper()
            parameters |= {f"{key}_SIZE": max(len(words), 1), **port_parameters(stream, port, most)}
            blocked = [int(c in port.blocked) for c in range(max(port.blocked, default=0) + 1)]
            parameters[f"{key}_BLOCKED"] = len(blocked)
            slowest += len(words) * port.every + len(blocked)
            write(Path(folder) / f"{stream}s.hex", [f"{word % (1 << bits):x}" for word in words or [0]])
            write(Path(folder) / f"{stream}s_blocked.txt", map(str, blocked))
        write(Path(folder) / "folds.hex", [f"{n:x}" for row in [*table, [0] * 6] for n in row])
        for file, numbers in (files or {}).items():
            write(Path(folder) / file, [f"{n:x}" for n in numbers or [0]])
        size = parameters["R"] + parameters["C"]
        parameters["LIMIT"] = 1000 + 2 * slowest + sum(row[0] + 8 * size for row in table)
        program = compiled(name, parameters, Path(folder))
        printed = call(["vvp", "-n", str(program)], folder)
    told: dict[str, list[list[int]]] = {"row": [], "vector": [], "sum": [], "home": []}
    for line in printed.splitlines():
        key, *numbers = line.split()
        if key == "limit":
            raise NotDoneError(f"{name}: not done after {numbers[0]} cycles")
        if key in told:
            told[key].append([int(number) for number in numbers])
    return told


def port_parameters(name: str, port: Port, at_a_time: int) -> dict[str, int]:
    """A bench's parameters for a port at whose edge up to ``at_a_time`` words are taken or come at a time."""
    if port.words is not None and port.depth < at_a_time:
        raise ValueError(f"the FIFO of the {name} port has {port.depth} words, at a time up to {at_a_time}")
    key = name.upper()
    return {
        f"{key}_WORDS": port.words or 1,
        f"{key}_EVERY": port.every,
        f"{key}_DEPTH": port.depth or 1,
        f"{key}_UNLIMITED": int(port.words is None),
    }


def compiled(name: str, parameters: dict[str, int], folder: Path) -> Path:
    """The bench, compiled for these parameters into the folder."""
    program = folder / "bench"
    sources = ["skew.v", f"{name}.v", "edge_port.v", "out_port.v", f"{name}_bench.v"]
    command = ["iverilog", "-g2005", "-s", f"{name}_bench", "-o", str(program)]
    command += [f"-P{name}_bench.{key}={value}" for key, value in parameters.items()]
    call([*command, *(str(HERE / source) for source in sources)], folder)
    return program


def call(command: list[str], folder: Path | str) -> str:
    """What the command prints; fails with what it said."""
    done = subprocess.run(command, cwd=folder, capture_output=True, text=True, timeout=SECONDS, check=False)
    assert done.returncode == 0, f"{command[0]} failed:\n{done.stdout}{done.stderr}"
    return done.stdout


def write(path: Path, lines: Iterable[str]) -> None:
    path.write_text("\n".join(lines) + "\n")


def concatenated(arrays: Iterable[Any]) -> list[int]:
    """All words, row by row."""
    return [int(word) for array in arrays for word in np.asarray(array).reshape(-1)]


def split(cycles: list[int], counts: list[int]) -> list[list[int]]:
    """Cut a list into parts of these lengths."""
    ends = np.cumsum(counts)
    return [cycles[end - count : end] for end, count in zip(ends, counts, strict=True)]
