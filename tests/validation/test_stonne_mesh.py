"""STONNE's output-stationary mesh: its cycles for any matrix product, tile by tile."""

from itertools import product
from pathlib import Path
from random import Random
from typing import Any

import pytest

import simulator
from simulator.spec.catalog import load_architecture

SIDES = (8, 16, 32)


def tiles(length: int, side: int) -> list[int]:
    return [min(side, length - begin) for begin in range(0, length, side)]


def wanted(rows: int, columns: int, summed: int, side: int) -> int:
    """As measured on STONNE: every tile of r x c outputs on its own, K + r + c + 3 cycles."""
    return sum(summed + r + c + 3 for r, c in product(tiles(rows, side), tiles(columns, side)))


def products(side: int) -> list[tuple[int, int, int]]:
    """Outputs down and across and what is summed: whole and partly filled tiles, one PE, more sums than PEs and fewer."""
    random = Random(side)
    some = [(random.randint(1, 3 * side), random.randint(1, 3 * side), random.choice((1, 2, 7, 20, 150))) for _ in range(16)]
    return [(1, 1, 1), (1, 1, 40), (side, side, 1), (side, side, 64), (2 * side, 3 * side, side), (side + 1, side - 1, 3), *some]


@pytest.mark.parametrize("side", SIDES)
def test_every_tile_takes_what_it_takes_there(side: int, tmp_path: Path) -> None:
    machine = load_architecture("stonne_os").replace(array__rows=side, array__columns=side)
    given = products(side)
    layers = "".join(
        f"  - {{name: P{i}, matmul: {{rows: {n}, K: {k}, M: {m}}}}}\n" for i, (n, m, k) in enumerate(given)
    )
    network = tmp_path / "products.yaml"
    network.write_text(f"name: products\nlayers:\n{layers}", encoding="utf-8")
    run = simulator.simulate(machine, network)
    assert [layer.cycles for layer in run.layers.values()] == [wanted(*sizes, side) for sizes in given]
    assert [layer.passes for layer in run.layers.values()] == [len(tiles(n, side)) * len(tiles(m, side)) for n, m, _ in given]


def test_convolutions_are_products_there_too(tmp_path: Path) -> None:
    """14 x 14 positions, 3 x 3 x 12 weights, 40 filters in two groups."""
    network = tmp_path / "conv.yaml"
    conv: dict[str, Any] = {"C": 24, "M": 40, "H": 14, "W": 14, "R": 3, "S": 3, "padding": 1, "groups": 2}
    fields = ", ".join(f"{key}: {value}" for key, value in conv.items())
    network.write_text(f"name: conv\nlayers:\n  - {{name: A, conv: {{{fields}}}}}\n", encoding="utf-8")
    layer = simulator.simulate("stonne_os", network).layers["A"]
    assert layer.cycles == 2 * wanted(14 * 14, 20, 9 * 12, 16)


def test_the_rest_of_a_tile_is_skew_and_pipeline(tmp_path: Path) -> None:
    """Of 64 + 16 + 16 + 3 cycles all PEs multiply in 64, and wait for nothing else."""
    network = tmp_path / "one.yaml"
    network.write_text("name: one\nlayers:\n  - {name: A, matmul: {rows: 16, K: 64, M: 16}}\n", encoding="utf-8")
    layer = simulator.simulate("stonne_os", network).layers["A"]
    assert {name: n // layer.pes for name, n in layer.pe_cycles.items() if n} == {"mac": 64, "fill_drain": 35}
