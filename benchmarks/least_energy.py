"""Row-stationary parameters that take little energy: where `eyeriss_isca2016_alexnet.yaml` comes from.

Per layer a local search over m n e p q r t, from the shipped mapping and from random ones, by
`mapping.traffic.cost`: words counted without simulation, priced at 200 (DRAM), 6 (buffer) and 2 (networks).
It finds good mappings, not provably the best. ``python benchmarks/least_energy.py SECONDS`` searches each
layer for so long.
"""

import sys
import time
from random import Random

from simulator.dataflows import map_layer
from simulator.errors import InputError
from simulator.formats.load import load_workload
from simulator.mapping.file import Entry, read_mapping_file
from simulator.mapping.traffic import cost
from simulator.spec.catalog import find, load_architecture
from simulator.spec.layer import Layer

MACHINE = load_architecture("eyeriss_isca2016")
BATCH = 16
Values = dict[str, int]


def energy(layer: Layer, values: Values) -> float:
    """Relative energy of a mapping; infinite where it does not fit."""
    try:
        mapping = map_layer(layer, MACHINE, "row_stationary", Entry("layers.L", "row_stationary", values))
    except InputError:
        return float("inf")
    return cost(mapping, layer, MACHINE).energy


def largest(layer: Layer) -> Values:
    """The largest value of each parameter that could make a difference."""
    size, pe, array = layer.sizes, MACHINE.spatial.pe, MACHINE.array
    sets = max(1, array.rows // size["R"])
    return {
        "m": size["M"], "n": size["N"], "e": size["P"],
        "p": pe.psum_words, "q": max(1, pe.input_words // size["S"]),
        "r": min(sets, size["C"]), "t": min(sets * array.columns, size["M"]),
    }  # fmt: skip


def search(layer: Layer, start: Values, seconds: float, random: Random) -> tuple[float, Values]:
    """The best of many descents, the first from ``start``, the others from random parameters."""
    most, at = largest(layer), start
    best, until = (energy(layer, start), start), time.monotonic() + seconds
    while time.monotonic() < until:
        found, failed = energy(layer, at), 0
        while failed < 400 and time.monotonic() < until:
            some = random.sample(list(most), random.choice((1, 1, 2, 3)))
            near = {key: min(most[key], max(1, at[key] + random.randint(-4, 4))) for key in some}
            far = {key: random.randint(1, most[key]) for key in some}
            other = {**at, **random.choice((near, far))}
            spent = energy(layer, other)
            failed += 1
            if spent < found:
                at, found, failed = other, spent, 0
        best = min(best, (found, at), key=lambda pair: pair[0])
        anywhere = {key: random.randint(1, high) for key, high in most.items()}
        at = random.choice((best[1], anywhere))
    return best


if __name__ == "__main__":
    limit = float(sys.argv[1]) if len(sys.argv) > 1 else 20.0
    shipped = read_mapping_file(find("mapping", "eyeriss_isca2016_alexnet")).entries
    for one in load_workload("alexnet_isca2016").lower(BATCH):
        if isinstance(one, Layer):
            begin = shipped[one.name].parameters or {}
            least, values = search(one, begin, limit, Random(0))
            told = ", ".join(f"{key}: {values[key]}" for key in "mnepqrt")
            print(f"  {one.name}: {{{told}}}  # {least:.5g}, shipped {energy(one, begin):.5g}", flush=True)
