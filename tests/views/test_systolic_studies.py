"""What-if studies, sweeps and sheets of systolic machines."""

import json
from pathlib import Path

import pytest
from systolic_files import MEMORIES

import simulator
from simulator.cli import main
from simulator.spec.relax import relaxable
from simulator.studies.evaluation import evaluate
from simulator.studies.relaxing import whatif
from simulator.studies.variation import parse_variation
from simulator.studies.varying import vary


def called(*arguments: str) -> int:
    with pytest.raises(SystemExit) as ended:
        main(arguments)
    assert isinstance(ended.value.code, int | None)
    return ended.value.code or 0


@pytest.mark.parametrize("name", MEMORIES)
def test_every_finite_resource_is_relaxed(name: str) -> None:
    study = whatif(f"{name}.yaml", "net.yaml")
    found = {row.resource.name: row.resource.limit for row in study.relaxed}
    links = {"dram": "16 bytes/cycle", "ddr": "8 bytes/cycle", "weight_dram": "16 bytes/cycle"}
    own = {
        "sysm": {}, "two_drams": {"glb": "32 words/cycle"}, "on_chip": {"weights": "16 words/cycle"},
        "unified": dict.fromkeys(["unified_buffer", *(f"unified_buffer.{p}" for p in ("input_read", "output_read", "output_write"))], "16 words/cycle"),
    }[name]  # fmt: skip
    wanted = own | {link: rate for link, rate in links.items() if link in MEMORIES[name]}
    assert found == wanted
    machine = simulator.load_architecture(f"{name}.yaml")
    assert set(found) | set(study.unlimited_already) <= set(relaxable(machine))
    for row in study.relaxed:
        assert row.unlimited is not None
        assert row.unlimited.total.cycles <= study.baseline.total.cycles


def test_ports_at_the_array_can_be_relaxed_without_networks() -> None:
    machine = simulator.load_architecture("sysm.yaml").replace(memories__filter_sram__read_words_per_cycle=2)
    slow = simulator.simulate(machine, "net.yaml", layers=["CONV"])
    free = simulator.simulate(machine, "net.yaml", layers=["CONV"], relax=["filter_sram.read"])
    asked = simulator.simulate("sysm.yaml", "net.yaml", layers=["CONV"])
    assert free.total.cycles == asked.total.cycles < slow.total.cycles
    assert slow.layers["CONV"].stall_causes["stall_weight"]["filter_sram"] > 0


@pytest.mark.parametrize(
    ("text", "mapped"),
    [
        ("array.rows=8:32:x2", "anew"), ("array.rows+array.columns=4,16", "anew"), ("filter_sram.capacity_bytes=1024,65536", "anew"),
        ("array.left_fifo_words=1,2,8", "kept"), ("array.output_fifo_words=1:4:+1", "kept"), ("array.pipeline_cycles=1,3", "kept"),
        ("dram.bytes_per_cycle=4,16,unlimited", "kept"), ("filter_sram.read_words_per_cycle=4,unlimited", "kept"),
    ],
)  # fmt: skip
def test_numbers_of_the_array_vary(text: str, mapped: str, tmp_path: Path) -> None:
    sweep = vary("sysm.yaml", "net.yaml", text, layers=["CONV"])
    assert sweep.mapped == mapped
    cycles = [point.outcome.total.cycles for point in sweep.points if point.outcome is not None]
    assert len(cycles) == len(sweep.points)
    assert cycles == sorted(cycles, reverse=text != "array.pipeline_cycles=1,3") or text.startswith("filter_sram.capacity")
    assert sweep.knee is not None
    sweep.plot(tmp_path / "knee.png")


def test_fifos_in_pes_still_decide_what_fits() -> None:
    machine = simulator.load_architecture("ws16")
    assert not parse_variation("array.pe.psum_in_fifo_words=1,2", machine).is_speed
    assert not parse_variation("array.rows=1,2", machine).is_speed


def test_larger_arrays_in_the_evaluation_sheet() -> None:
    found = evaluate("unified.yaml", "net.yaml", pes=["8x8", "64x64"])
    json.dumps(found.to_dict(), allow_nan=False)
    assert [(point.pes, point.refused) for point in found.points] == [(256, ()), (64, ()), (4096, ())]


def test_mappings_that_were_saved_map_again(tmp_path: Path) -> None:
    run = simulator.simulate("two_drams.yaml", "net.yaml", batch=2)
    run.save(tmp_path / "results")
    again = simulator.simulate("two_drams.yaml", "net.yaml", batch=2, mapping=tmp_path / "results" / "mapping.yaml")
    assert [x.to_dict() for x in again.layers.values()] == [x.to_dict() for x in run.layers.values()]


@pytest.mark.parametrize(
    "arguments",
    [
        ("whatif", "two_drams.yaml", "net.yaml"), ("whatif", "on_chip.yaml", "net.yaml", "--json"),
        ("whatif", "sysm.yaml", "net.yaml", "--vary", "array.columns=8,16", "--plot", "knee.png", "--layer", "CONV"),
        ("evaluate", "unified.yaml", "net.yaml"), ("show", "unified.yaml"), ("check", "on_chip.yaml"), ("run", "sysm.yaml", "net.yaml", "--json"),
    ],
)  # fmt: skip
def test_commands(arguments: tuple[str, ...], capsys: pytest.CaptureFixture[str]) -> None:
    assert called(*arguments) == 0
    assert capsys.readouterr().out
