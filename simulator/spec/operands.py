"""Real operands of layers: given as arrays or in a file, or drawn at random; checked before anything runs.

Shapes are those of the loop nest. Weights are ``[G*M, C, R, S]``, as frameworks have them (M and C per
group), or ``[G, M, C, R, S]``; where R = S = 1 also ``[G*M, C]`` or ``[G, M, C]``. Inputs are
``[N, G*C, H, W]`` without padding, or ``[N, G, C, H, W]``; where H = W = 1 also ``[N, G*C]`` or
``[N, G, C]``. Of a matrix multiply the K x M operand takes the place of the weights, transposed, and N are
its rows, those of all images.

Signed arrays hold two's complement words, unsigned arrays hold unsigned words, of the architecture's width.
"""

import hashlib
import lzma
import re
import zipfile
import zlib
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from fractions import Fraction
from pathlib import Path
from typing import Any, Final

import numpy as np
from numpy.typing import NDArray

from simulator.errors import InputError, Problem, refuse
from simulator.names import DataType
from simulator.spec.architecture import Architecture
from simulator.spec.layer import Layer, VectorLayer
from simulator.spec.layers import folded
from simulator.spec.validation import did_you_mean, shown

Integers = NDArray[np.integer[Any]]
OPERAND_NAMES: Final[dict[str, DataType]] = {"weights": "weight", "inputs": "input"}
"""What the two operands are called, and their data types."""
_UNREADABLE: Final = (
    OSError, ValueError, EOFError, MemoryError, RuntimeError, zipfile.BadZipFile, zlib.error, lzma.LZMAError,
)  # fmt: skip
"""What reading an archive raises that is absent, damaged, encrypted, packed in an odd way or too large."""
ALL_LAYERS: Final = "all"
MOST_BITS: Final = 64


@dataclass(frozen=True, eq=False)
class Operands:
    """One layer's integers: weights [G, M, C, R, S] and inputs [N, G, C, H, W] without padding."""

    weights: Integers
    inputs: Integers

    def of(self, layer: Layer, architecture: Architecture) -> "Operands":
        """Themselves; see `Drawn.of`."""
        return self


@dataclass(frozen=True)
class Drawn:
    """Operands of one layer that are drawn when they are needed: fractions of zero words, and a seed."""

    zeros: dict[DataType, Fraction]
    seed: int

    def of(self, layer: Layer, architecture: Architecture) -> Operands:
        """The operands of ``layer`` on ``architecture``."""
        return random_operands(layer, architecture, self.zeros, self.seed)


@dataclass(frozen=True)
class RandomOperands:
    """Random operands for all layers.

    ``zeros`` are fractions of zero inputs by layer name, ``all`` for all others, and of zero weights by
    ``NAME.weights``; where nothing is said, what the workload says holds, or else nothing is zero on purpose.
    """

    zeros: Mapping[str, Fraction | float | str] = field(default_factory=dict)
    seed: int = 0


RANDOM: Final = "random"
Given = Mapping[str, Any] | RandomOperands | str | Path
"""What `simulate` takes: (weights, inputs) by layer name, ``random``, or the path of an ``.npz`` file."""


def random_operands(
    layer: Layer, architecture: Architecture, zeros: Mapping[DataType, Fraction], seed: int
) -> Operands:
    """Draw operands: the same for the same seed, layer name, shape, widths and fractions.

    Of n words, floor(fraction * n + 1/2) are zero, at random places; the others are uniform over the words
    of the architecture's width (two's complement, at most 64 bits) that are not zero.
    """
    drawn = []
    for data_type, shape in (("weight", weight_shape(layer)), ("input", input_shape(layer))):
        name = hashlib.sha256(f"{layer.name}/{data_type}".encode()).digest()
        entropy = np.random.SeedSequence([seed, int.from_bytes(name, "big")])
        generator = np.random.Generator(np.random.PCG64(entropy))
        bits = architecture.word_bits[data_type]  # type: ignore[index]
        drawn.append(_draw(generator, shape, bits, zeros.get(data_type, Fraction(0))))  # type: ignore[call-overload]
    return Operands(*drawn)


def _draw(generator: np.random.Generator, shape: tuple[int, ...], bits: int, zeros: Fraction) -> NDArray[Any]:
    bits = min(bits, MOST_BITS)
    words = int(np.prod(shape))
    low, high = -(1 << (bits - 1)), (1 << (bits - 1)) - 1
    dtype = next(d for d in (np.int8, np.int16, np.int32, np.int64) if bits <= np.iinfo(d).bits)
    if high == 0:  # one bit: the only word that is not zero
        data = np.full(words, low, dtype=dtype)
    else:
        data = generator.integers(low, high, size=words, dtype=dtype)  # one short of all, as 0 is left out
        data[data >= 0] += 1
    count = int(zeros * words + Fraction(1, 2))
    data[generator.choice(words, size=count, replace=False, shuffle=False)] = 0
    return data.reshape(shape)


def weight_shape(layer: Layer) -> tuple[int, ...]:
    """[G, M, C, R, S]."""
    return tuple(layer.sizes[d] for d in ("G", "M", "C", "R", "S"))


def input_shape(layer: Layer) -> tuple[int, ...]:
    """[N, G, C, H, W] without padding."""
    return (*(layer.sizes[d] for d in ("N", "G", "C")), *layer.input_size)


def _spelled_out(given: Given) -> Given:
    return RandomOperands() if isinstance(given, str) and given == RANDOM else given


def describe(given: Given) -> dict[str, Any]:
    """Where operands come from, so that a result can be traced: a seed, or a hash of the data."""
    given = _spelled_out(given)
    if isinstance(given, RandomOperands):
        return {"random": {"seed": given.seed, "zeros": {k: str(v) for k, v in given.zeros.items()}}}
    if isinstance(given, str | Path):
        with Path(given).open("rb") as file:
            return {"file": str(given), "sha256": hashlib.file_digest(file, "sha256").hexdigest()}
    digest = hashlib.sha256()
    for name, pair in given.items():
        for data in pair:
            array = np.ascontiguousarray(data)
            digest.update(f"{name} {array.dtype.str} {array.shape}".encode())
            digest.update(array.tobytes())
    return {"layers": sorted(map(str, given)), "sha256": digest.hexdigest()}


def operands_of(
    given: Given,
    architecture: Architecture,
    layers: Sequence[Layer | VectorLayer],
    known: Sequence[str],
) -> dict[str, Operands | Drawn]:
    """Operands by layer name, for those of ``layers`` that have some.

    ``known`` are the names of all layers of the workload. Raises `InputError` with everything that is wrong.
    """
    given = _spelled_out(given)
    if isinstance(given, RandomOperands):
        return _drawn(given, layers, known)
    if isinstance(given, str | Path):
        return _from_file(Path(given), architecture, layers, known)
    if not isinstance(given, Mapping):
        raise refuse("operands", "", shown(given), "(weights, inputs) by layer name were expected")
    return _from_arrays("operands", given, architecture, layers, known)


def _from_file(
    path: Path, architecture: Architecture, layers: Sequence[Layer | VectorLayer], known: Sequence[str]
) -> dict[str, Operands | Drawn]:
    """Arrays ``LAYER.weights`` and ``LAYER.inputs`` of an ``.npz`` file."""
    place = str(path)
    try:
        archive = np.load(path, allow_pickle=False)
        if not isinstance(archive, np.lib.npyio.NpzFile):
            raise refuse(place, "", "one array", "an .npz file was expected")
        with archive:
            pairs, faults = _pairs(place, archive.files)
            if faults:
                raise InputError(faults)
            arrays = {n: tuple(archive[k] for k in keys) for n, keys in pairs.items()}
    except _UNREADABLE as error:
        reason = (error.strerror if isinstance(error, OSError) else None) or "it cannot be read as one"
        raise refuse(place, "", None, f"an .npz file of integer arrays was expected: {reason}") from None
    return _from_arrays(place, arrays, architecture, layers, known)


def _pairs(place: str, keys: Iterable[str]) -> tuple[dict[str, tuple[str, str]], list[Problem]]:
    """(weights key, inputs key) by layer name."""
    found: dict[str, set[str]] = {}
    faults = []
    for key in keys:
        name, _, operand = key.rpartition(".")
        if name and operand in OPERAND_NAMES:
            found.setdefault(name, set()).add(operand)
        else:
            faults.append(
                Problem(place, shown(key), "", "an array called LAYER.weights or LAYER.inputs was expected")
            )
    for name, operands in found.items():
        for missing in sorted(OPERAND_NAMES.keys() - operands):
            faults.append(Problem(place, f"{name}.{missing}", "", "this array is missing"))
    return {name: (f"{name}.weights", f"{name}.inputs") for name in found}, faults


def _from_arrays(
    place: str,
    given: Mapping[str, Any],
    architecture: Architecture,
    layers: Sequence[Layer | VectorLayer],
    known: Sequence[str],
) -> dict[str, Operands | Drawn]:
    faults = list(_misnamed(place, given, layers, known))
    by_name = {folded(layer.name): layer for layer in layers}
    out: dict[str, Operands | Drawn] = {}
    for name, value in given.items():
        layer = by_name.get(folded(str(name)))
        if isinstance(layer, Layer):
            found = _checked(place, layer, value, architecture)
            if isinstance(found, Operands):
                out[layer.name] = found
            else:
                faults += found
    if not faults and not out:
        told = f"operands of a layer that runs were expected: {', '.join(layer.name for layer in layers)}"
        faults.append(Problem(place, "", ", ".join(map(str, given)), told))
    if faults:
        raise InputError(faults)
    return out


def _misnamed(
    place: str, given: Iterable[Any], layers: Sequence[Layer | VectorLayer], known: Sequence[str]
) -> Iterator[Problem]:
    """Names that no layer has, that two entries share, or whose layer computes nothing from operands."""
    names = {folded(name): name for name in known}
    vectors = {folded(layer.name): layer for layer in layers if isinstance(layer, VectorLayer)}
    seen: dict[str, Any] = {}
    for name in given:
        key = folded(str(name))
        if key not in names:
            yield Problem(
                place, shown(name), "", f"no such layer; {did_you_mean(str(name), known, family='layers')}"
            )
        elif key in seen:
            yield Problem(place, shown(name), "", f"the same layer as {seen[key]}")
        elif key in vectors:
            yield Problem(place, shown(name), vectors[key].operator, "a layer with MACs was expected")
        seen.setdefault(key, name)


def _checked(place: str, layer: Layer, value: Any, architecture: Architecture) -> Operands | list[Problem]:
    if not isinstance(value, tuple | list) or len(value) != 2:
        told = "a pair (weights, inputs) was expected"
        return [Problem(place, layer.name, type(value).__name__, told)]
    shapes = {"weights": _weight_shapes(layer), "inputs": _input_shapes(layer)}
    found, faults = [], []
    for (operand, data_type), data in zip(OPERAND_NAMES.items(), value, strict=True):
        checked = _array(data, shapes[operand], architecture.word_bits[data_type])
        if isinstance(checked, str):
            got, _, told = checked.partition("|")
            faults.append(Problem(place, f"{layer.name}.{operand}", got, told))
        else:
            found.append(checked)
    return faults or Operands(*found)


Shapes = dict[tuple[int, ...], str]
"""Accepted shapes, each with its dimensions in words; the first one is that of the loop nest."""


def _weight_shapes(layer: Layer) -> Shapes:
    groups, filters, *rest = weight_shape(layer)
    out = {(groups, filters, *rest): "[G, M, C, R, S]", (groups * filters, *rest): "[M, C, R, S]"}
    if rest[1:] == [1, 1]:
        out |= {(groups, filters, rest[0]): "[G, M, C]", (groups * filters, rest[0]): "[M, C]"}
    return out


def _input_shapes(layer: Layer) -> Shapes:
    images, groups, channels, *size = input_shape(layer)
    out = {
        (images, groups, channels, *size): "[N, G, C, H, W]",
        (images, groups * channels, *size): "[N, C, H, W]",
    }
    if size == [1, 1]:
        out |= {(images, groups, channels): "[N, G, C]", (images, groups * channels): "[N, C]"}
    return out


def _array(data: Any, shapes: Shapes, bits: int) -> Integers | str:
    """The array in the shape of the loop nest, or what was got and what was expected."""
    try:
        array = np.asarray(data)
    except (ValueError, TypeError, RuntimeError):
        return f"{type(data).__name__}|an array of integers was expected"
    if array.dtype.kind not in "iu":
        return f"{array.dtype}|integers were expected"
    if array.shape not in shapes:
        told = " or ".join(f"{dims} = {list(shape)}" for shape, dims in reversed(shapes.items()))
        return f"{list(array.shape)}|the shape {told} was expected"
    signed = array.dtype.kind == "i"
    low, high = (-(1 << (bits - 1)), (1 << (bits - 1)) - 1) if signed else (0, (1 << bits) - 1)
    for value in (int(array.min()), int(array.max())):
        if not low <= value <= high:
            return (
                f"{value}|integers from {low} to {high} were expected: words of this machine have {bits} bits"
            )
    return array.reshape(next(iter(shapes)))


def _drawn(
    given: RandomOperands, layers: Sequence[Layer | VectorLayer], known: Sequence[str]
) -> dict[str, Operands | Drawn]:
    if isinstance(given.seed, bool) or not isinstance(given.seed, int) or given.seed < 0:
        raise refuse("operands", "seed", shown(given.seed), "a whole number of at least 0 was expected")
    if not isinstance(given.zeros, Mapping):
        raise refuse("zeros", "", shown(given.zeros), "fractions by layer name were expected")
    wanted, faults = _fractions(given.zeros, layers, known)
    if faults:
        raise InputError(faults)
    out: dict[str, Operands | Drawn] = {}
    for layer in layers:
        if isinstance(layer, Layer):
            own = {d: f for d in OPERAND_NAMES.values() if (f := _wanted(wanted, layer, d)) is not None}
            out[layer.name] = Drawn(own, given.seed)
    if not out:
        raise refuse("operands", "", None, "a layer with MACs that runs was expected")
    return out


def _wanted(
    wanted: Mapping[tuple[str, DataType], Fraction], layer: Layer, data_type: DataType
) -> Fraction | None:
    """The zeros asked for by name, for all layers, or else what the workload says."""
    for name in (folded(layer.name), ALL_LAYERS):
        if (name, data_type) in wanted:
            return wanted[name, data_type]
    return layer.zeros.get(data_type)


def _fractions(
    zeros: Mapping[str, Any], layers: Sequence[Layer | VectorLayer], known: Sequence[str]
) -> tuple[dict[tuple[str, DataType], Fraction], list[Problem]]:
    """Fractions by (folded layer name or ``all``, data type)."""
    names = {folded(name) for name in known}
    running = {folded(layer.name) for layer in layers if isinstance(layer, Layer)} | {ALL_LAYERS}
    out: dict[tuple[str, DataType], Fraction] = {}
    faults: list[Problem] = []
    for key, value in zeros.items():
        name, data_type = folded(str(key)), OPERAND_NAMES["inputs"]
        stem, _, operand = name.rpartition(".")
        if name not in names and operand in OPERAND_NAMES:
            name, data_type = stem, OPERAND_NAMES[operand]
        fraction = _fraction(value)
        if name != ALL_LAYERS and name not in names:
            hint = did_you_mean(str(key), [*known, ALL_LAYERS], family="layers")
            faults.append(Problem("zeros", shown(key), "", f"no such layer; {hint}"))
        elif name not in running:
            faults.append(Problem("zeros", shown(key), "", "a layer with MACs that runs was expected"))
        elif (name, data_type) in out:
            faults.append(Problem("zeros", shown(key), shown(value), "one fraction for a layer was expected"))
        elif fraction is None:
            faults.append(Problem("zeros", shown(key), shown(value), "a fraction from 0 to 1 was expected"))
        else:
            out[name, data_type] = fraction
    return out, faults


def _fraction(value: Any) -> Fraction | None:
    """A number from 0 to 1 as it is written; None for anything else."""
    if isinstance(value, bool) or not isinstance(value, int | float | str | Fraction):
        return None
    if isinstance(value, str) and re.search(r"[eE][+-]?\d{4}", value):  # would take for ever to write out
        return None
    try:
        fraction = value if isinstance(value, Fraction) else Fraction(str(value))
    except (ValueError, ZeroDivisionError):
        return None
    return fraction if 0 <= fraction <= 1 else None


def read_zeros(texts: Iterable[str]) -> dict[str, str]:
    """``LAYER=FRACTION`` as it is given on the command line; raises `InputError`."""
    out: dict[str, str] = {}
    faults = []
    for text in texts:
        name, equals, fraction = (part.strip() for part in text.rpartition("="))
        if not equals or not name:
            faults.append(Problem("--zeros", "", shown(text), "LAYER=FRACTION was expected"))
        elif name in out:
            faults.append(Problem("--zeros", name, fraction, "one fraction for a layer was expected"))
        out[name] = fraction
    if faults:
        raise InputError(faults)
    return out
