"""Tables, comparisons and pictures."""

from dataclasses import replace
from pathlib import Path

import pytest

from simulator.energy.price import energy_parts, total_pj
from simulator.report.compare import compare, comparison_grid
from simulator.report.pictures.plots import pe_cycle_bars, pe_cycle_shares
from simulator.report.result import Layers, Run
from simulator.report.tables import Grid, cycle_grid, energy_grid, grids, layer_grid, rich_tables


def column(grid: Grid, name: str) -> list[str]:
    return [row[grid.columns.index(name)] for row in grid.rows]


def test_the_layer_table_ends_with_the_total(run: Run) -> None:
    grid = layer_grid(run)
    assert column(grid, "layer") == ["CONV1-1", "FC", "total"]
    assert column(grid, "cycles") == ["100", "300", "400"]
    assert column(grid, "util. %") == [
        f"{100 * share:.1f}" for share in (100 / 400, 1000 / 1200, 1100 / 1600)
    ]
    assert column(grid, "energy uJ") == ["2", "1", "3"]
    assert column(grid, "glb MB") == [f"{words * 2 / 1e6:.2e}" for words in (30, 30, 60)]


def test_shares_of_pe_cycles_are_shown_for_names_that_occur(run: Run) -> None:
    grid = cycle_grid(run)
    assert grid.columns == ("layer", "mac", "stall_input", "unmapped", "between")
    assert grid.rows[0] == ("CONV1-1", "25.0", "50.0", "", "25.0")


def test_energy_is_told_by_the_parts_that_papers_tell_apart(run: Run) -> None:
    def each(pj: float) -> dict[str, dict[str, float]]:
        return {"input": {"read": pj}, "all": {"clock": 1.0, "leakage": 2.0}}

    machine = run.architecture
    buffers = [name for name in machine.memories if name != machine.outermost]
    spent = {"mac": {"all": {"compute": 5.0, "gated": 1.0}}, "scratchpad": {"weight": {"read": 7.0, "write": 8.0}}}
    spent |= {name: each(10.0) for name in machine.networks} | {name: each(20.0) for name in buffers}
    spent |= {machine.outermost: {"input": {"read": 40.0}}, "array": {"all": {"clock": 100.0, "leakage": 0.0}}}
    clocked = 3.0 * (len(machine.networks) + len(buffers)) + 100.0
    parts = energy_parts(spent, machine)
    assert parts == {
        "ALU": 6.0, "RF": 15.0, "NoC": 10.0 * len(machine.networks), "buffer": 20.0 * len(buffers), "DRAM": 40.0,
        "clock and leakage": clocked,
    }  # fmt: skip
    assert sum(parts.values()) == total_pj(spent)


def test_the_energy_table_sums_to_the_layers_energy(run: Run) -> None:
    grid = energy_grid(run)
    assert column(grid, "layer") == ["CONV1-1", "FC", "total"]
    assert [sum(map(float, row[1:])) for row in grid.rows] == [2, 1, 3]


def test_layers_that_are_not_simulated_are_listed(run: Run) -> None:
    assert grids(run)[-1].rows == (("POOL", "pool", "50", "10", "1.40e-04"),)
    assert len(grids(replace(run, not_simulated=()))) == len(grids(run)) - 1


def test_the_terminal_shows_every_table_and_note(run: Run) -> None:
    from rich.console import Console

    console = Console(width=160)
    with console.capture() as printed:
        console.print(rich_tables(run))
    text = printed.get()
    for expected in (
        "CONV1-1",
        "POOL",
        "n was clipped",
        "table_x",
        "limited by input_in",
        "net on tiny, batch 2",
    ):
        assert expected in text


def test_repr_is_one_line_with_the_essentials(run: Run) -> None:
    assert repr(run).startswith("<Run net on tiny, batch 2, 100 MHz: 2 layers, 1 not simulated, 400 cycles")
    assert "\n" not in repr(run)


def test_names_cannot_inject_markup(run: Run) -> None:
    odd = replace(run.layers["FC"], name="<b>[red]x[/red]")
    html = replace(run, layers=Layers((odd,)))._repr_html_()
    assert "<b>" not in html
    assert "&lt;b&gt;[red]x[/red]" in html


def test_a_comparison_has_ratios_per_layer_name_and_cause(run: Run) -> None:
    slower = replace(run.layers["FC"], cycles=450)
    other = replace(run, layers=Layers((slower,)))
    found = {(row.layer, row.quantity): row for row in compare(run, other)}
    assert found["FC", "cycles"].ratio == "1.500"
    assert found["CONV1-1", "stall_input: dram"].ratio == "only in A"
    assert found["CONV1-1", "cycles"].after is None
    assert found["total", "energy_pj"].ratio == f"{1 / 3:.3f}"
    assert ("FC", "stall_input") not in found


def test_a_run_equals_itself_in_every_ratio(run: Run) -> None:
    assert {row.ratio for row in compare(run, run)} == {"1.000"}
    assert column(comparison_grid(run, run), "layer")[0] == "CONV1-1"


@pytest.mark.parametrize("suffix", ["svg", "png", "pdf"])
def test_a_picture_is_the_same_each_time(run: Run, tmp_path: Path, suffix: str) -> None:
    first = pe_cycle_bars(run, tmp_path / f"a.{suffix}").read_bytes()
    assert first == pe_cycle_bars(run, tmp_path / f"b.{suffix}").read_bytes()
    assert len(first) > 1000


def test_bars_are_whole(run: Run) -> None:
    bars = pe_cycle_shares(run)
    assert len(bars) == 3
    assert all(sum(shares.values()) == pytest.approx(100) for _, shares in bars)
