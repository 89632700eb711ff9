"""Tables, pictures and sheets of systolic machines: one DRAM, two, none; homes on the chip."""

from pathlib import Path
from typing import Any

import numpy as np
import pytest
from systolic_files import MEMORIES

import simulator
from simulator.cli import main
from simulator.energy.price import energy_parts
from simulator.report.pictures.series import edges, occupancy, pe_shares, ports
from simulator.report.result import Run
from simulator.report.tables import layer_grid
from simulator.studies.metrics import entries_of, on_chip_bytes


def called(*arguments: str) -> int:
    with pytest.raises(SystemExit) as ended:
        main(arguments)
    assert isinstance(ended.value.code, int | None)
    return ended.value.code or 0


@pytest.fixture(params=MEMORIES)
def run(request: pytest.FixtureRequest) -> Run:
    return simulator.simulate(f"{request.param}.yaml", "net.yaml", trace=True)


OFF_CHIP = {"sysm": ["dram"], "two_drams": ["ddr", "weight_dram"], "unified": ["weight_dram"], "on_chip": []}


def test_off_chip_is_told_apart(run: Run) -> None:
    outside = OFF_CHIP[run.architecture.name]
    columns = layer_grid(run).columns
    assert [name for name in run.architecture.memories if f"{name} MB" not in columns] == outside
    parts = energy_parts(run.total.energy, run.architecture)
    assert (parts["DRAM"] > 0) == bool(outside)
    assert parts["buffer"] > 0
    assert parts["RF"] > 0
    spent = sum(n for name in outside for by in run.total.energy[name].values() for n in by.values())
    assert parts["DRAM"] == pytest.approx(spent)
    assert sum(parts.values()) == pytest.approx(run.total.energy_pj)
    moved = sum(port["words"] for port in run.total.ports.values() if port["unit"] == "bytes")
    assert run.total.bytes_dram == moved
    assert (moved == 0) == (not outside)


def test_the_heat_map_is_the_account(run: Run) -> None:
    for result in run.layers.values():
        macs = pe_shares(result)
        assert macs.shape == (16, 16)
        assert round(float(macs.sum()) * result.cycles) == result.pe_cycles["mac"] == result.macs
        for name in ("unmapped", "fill_drain"):
            assert round(float(pe_shares(result, name).sum()) * result.cycles) == result.pe_cycles[name]


def test_series_add_up_and_homes_hold_everything(run: Run) -> None:
    machine = run.architecture
    for result in run.layers.values():
        width = np.diff(edges(result))
        for port in ports(result, machine):
            assert round(float(port.per_cycle @ width)) == result.ports[port.name]["words"]
        rooms = {room.memory: room for room in occupancy(result, machine)}
        assert list(rooms) == [name for name, memory in machine.memories.items() if not memory.off_chip]
        for room in rooms.values():
            assert (sum(room.by_type.values()) <= room.capacity_bytes).all()  # type: ignore[union-attr]
    if machine.name == "unified":
        held = {room.memory: room for room in occupancy(run.layers["CONV"], machine)}["unified_buffer"].by_type
        assert set(held["input"].tolist()) == {8 * 12 * 12}
        assert set(held["output"].tolist()) == {24 * 12 * 12}


@pytest.mark.parametrize(
    "run", [pytest.param(x, marks=[] if x in ("sysm", "on_chip") else [pytest.mark.slow]) for x in MEMORIES], indirect=True
)
def test_every_command_draws(run: Run, capsys: pytest.CaptureFixture[str]) -> None:
    run.save("results")
    assert called("plot", "results") == 0
    assert {file.stem for file in Path("results/plots").iterdir()} >= {"stalls", "pe_heat_map-FC", "occupancy-FC", "bandwidth-FC"}
    assert called("report", "results", "--layer", "CONV") == 0
    text = Path("results/report.html").read_text(encoding="utf-8")
    assert "CONV: room taken by tiles" in text
    assert "registers" in text
    assert ">None<" not in text
    assert Run.load("results").total.to_dict() == run.total.to_dict()


def test_the_sheet_knows_what_is_on_the_chip(run: Run) -> None:
    machine = run.architecture
    parts = on_chip_bytes(machine)
    assert list(parts) == [*(n for n, m in machine.memories.items() if not m.off_chip), "registers", "edge FIFOs"]
    assert parts["registers"] == 3 * 256
    coming = 0 if machine.accumulates() else 2
    assert parts["edge FIFOs"] == 16 * (2 + 2 + 2 + coming)
    rows: dict[str, Any] = {entry.quantity: entry for entry in entries_of(run)}
    links = ", ".join(f"{name}.link" for name in OFF_CHIP[machine.name])
    assert rows["bandwidth provided"].note == (links or "no memory is off the chip")
    assert rows["bandwidth provided"].value == {"sysm": 16e3, "two_drams": 24e3, "unified": 16e3, "on_chip": None}[machine.name]


def test_a_large_array_is_drawn_as_quickly(tmp_path: Path) -> None:
    machine = simulator.load_architecture("unified.yaml").replace(array__rows=256, array__columns=256)
    run = simulator.simulate(machine, "net.yaml", layers=["CONV"], trace=True)
    assert pe_shares(run.layers["CONV"]).shape == (256, 256)
    run.plot.heat_map(tmp_path / "heat.png")
    trace = run.layers["CONV"].trace
    assert trace is not None
    assert trace.pe_rows.pes < 10


def test_outputs_that_stay_have_a_fifo_in_every_pe() -> None:
    machine = simulator.load_architecture("sysm.yaml").replace(array__stationary="output", array__output_fifo_words=3)
    assert on_chip_bytes(machine)["edge FIFOs"] == 16 * 4 + 256 * 3
    inputs = simulator.load_architecture("two_drams.yaml").replace(array__stationary="input", word_bits__input=16)
    assert on_chip_bytes(inputs)["edge FIFOs"] == 16 * 2 * (1 + 2) + 16 * 4
