"""Pictures: which there are, what they divide, where they go, and that they are the same each time."""

from dataclasses import replace
from pathlib import Path

import pytest

from simulator.energy.price import ENERGY_PARTS, total_pj
from simulator.errors import InputError
from simulator.report.pictures.gallery import draw_all, heaviest
from simulator.report.pictures.plots import by_data_type, energy_shares, pe_cycle_shares
from simulator.report.pictures.style import LONGEST_LABEL, shortened, wrapped
from simulator.report.result import Layers, Run

OF_THE_RUN = ["pe_cycles", "energy_by_component", "energy_by_data_type", "utilization"]
OF_A_LAYER = ["utilization", "bandwidth", "occupancy", "pe_heat_map"]


def test_every_picture_of_the_layer_with_most_cycles(timed: Run, tmp_path: Path) -> None:
    found = timed.plot.all(tmp_path / "new" / "plots", kind="svg")
    expected = [*OF_THE_RUN, *(f"{kind}-CONV1-1" for kind in OF_A_LAYER)]  # RELU is longer, but has no series
    assert [path.name for path in found.files] == [f"{name}.svg" for name in expected]
    assert sorted(path.name for path in (tmp_path / "new" / "plots").iterdir()) == sorted(p.name for p in found.files)
    assert found.notes == ()


@pytest.mark.parametrize("kind", ["png", "svg", "pdf"])
def test_the_same_run_gives_the_same_bytes(timed: Run, tmp_path: Path, kind: str) -> None:
    first = timed.plot.all(tmp_path / "a", kind=kind).files
    second = timed.plot.all(tmp_path / "b", kind=kind).files
    assert [path.read_bytes() for path in first] == [path.read_bytes() for path in second]


def test_energy_by_component_and_by_data_type_sums_to_the_layers(timed: Run) -> None:
    for by in ("component", "data_type"):
        for (_, shares), layer in zip(energy_shares(timed, by), timed.layers.values(), strict=True):
            assert sum(shares.values()) == layer.energy_pj
    assert set(energy_shares(timed, "component")[0][1]) == set(ENERGY_PARTS)


def test_what_has_no_data_type_has_a_name_of_its_own() -> None:
    spent = {
        "mac": {"all": {"compute": 5.0, "gated": 1.0}},
        "scratchpad": {"weight": {"read": 7.0, "write": 8.0}, "output": {"read": 2.0}},
        "glb": {"input": {"read": 20.0}, "all": {"clock": 3.0, "leakage": 4.0}},
    }
    parts = by_data_type(spent)
    assert parts == {"weight": 15.0, "input": 20.0, "output": 2.0, "computation": 6.0, "clock and leakage": 7.0}
    assert sum(parts.values()) == total_pj(spent)


def test_energy_by_anything_else_is_refused(timed: Run, tmp_path: Path) -> None:
    with pytest.raises(InputError, match="one of component, data_type was expected"):
        timed.plot.energy(tmp_path / "a.png", by="layer")


def test_one_picture_at_a_time(timed: Run, tmp_path: Path) -> None:
    plot = timed.plot
    for name in ("pe_cycles", "energy", "utilization_strips", "utilization", "bandwidth", "occupancy", "heat_map"):
        assert getattr(plot, name)(tmp_path / f"{name}.svg").stat().st_size > 1000
    by_name = plot.bandwidth(tmp_path / "x.svg", "conv1_1").read_bytes()  # names match as everywhere
    assert by_name == (tmp_path / "bandwidth.svg").read_bytes()
    assert plot.heat_map(tmp_path / "w.svg", name="stall_input").read_bytes() != (tmp_path / "heat_map.svg").read_bytes()


@pytest.mark.parametrize("name", ["a.jpg", "a", "a.PNG", ".png"])
def test_another_format_is_refused_and_nothing_is_written(timed: Run, tmp_path: Path, name: str) -> None:
    with pytest.raises(InputError, match=r"a file ending in \.png, \.svg, \.pdf was expected"):
        timed.plot.pe_cycles(tmp_path / name)
    assert not list(tmp_path.iterdir())


def test_fifty_layers_with_odd_names(fifty: Run, tmp_path: Path) -> None:
    names = list(fifty.layers)
    found = fifty.plot.all(tmp_path, layers=[*names[:3], names[3]], kind="svg")
    assert len(found.files) == len(OF_THE_RUN) + 4 * len(OF_A_LAYER)
    assert {path.name for path in found.files} == {path.name for path in tmp_path.iterdir()}
    assert all(path.parent == tmp_path for path in found.files)
    drawn = {path.name for path in found.files}
    assert {"utilization-a_b.svg", "utilization-a+b.svg", "utilization-a_b-2.svg"} <= drawn
    assert len(pe_cycle_shares(fifty)) == 51


def test_long_names_keep_both_ends() -> None:
    assert shortened("CONV1") == "CONV1"
    short = shortened("begin" + "x" * 200 + "end")
    assert len(short) == LONGEST_LABEL
    assert short.startswith("begin")
    assert short.endswith("end")


def test_names_are_no_formulas_and_may_have_any_letters(timed: Run, tmp_path: Path, recwarn: pytest.WarningsRecorder) -> None:
    odd = replace(timed.layers["CONV1-1"], name="$\\frac$ 層")
    replace(timed, layers=Layers((odd,))).plot.all(tmp_path)
    assert not [warning for warning in recwarn if "Glyph" in str(warning.message)]


def test_what_older_results_lack_is_left_out_with_a_note(timed: Run, tmp_path: Path) -> None:
    windows = {key: x for key, x in timed.layers["CONV1-1"].windows.items() if key not in ("macs", "pe_cycles")}
    old = replace(timed, layers=Layers((replace(timed.layers["CONV1-1"], windows=windows),)))
    found = draw_all(old, tmp_path)
    assert [path.stem for path in found.files] == [*OF_THE_RUN[:3], "bandwidth-CONV1-1", "occupancy-CONV1-1"]
    assert len(found.notes) == 3
    assert found.notes[0].startswith("utilization.png is not drawn: CONV1-1: windows.macs: this series was expected")


def test_a_run_of_vector_layers_only_has_pictures_of_the_run(timed: Run, tmp_path: Path) -> None:
    vector = replace(timed, layers=Layers((timed.layers["RELU"],)))
    assert [path.stem for path in draw_all(vector, tmp_path).files] == OF_THE_RUN[:3]
    with pytest.raises(InputError, match="at least one simulated layer with MACs was expected"):
        heaviest(vector)


def test_an_empty_run_has_none(timed: Run, tmp_path: Path) -> None:
    empty = replace(timed, layers=Layers(()), interrupted=True)
    for draw in (empty.plot.pe_cycles, empty.plot.energy, empty.plot.bandwidth, empty.plot.utilization_strips):
        with pytest.raises(InputError, match="at least one simulated layer was expected"):
            draw(tmp_path / "a.png")
    with pytest.raises(InputError, match="at least one simulated layer was expected"):
        empty.plot.all(tmp_path / "plots")
    assert not list(tmp_path.iterdir())


def test_an_interrupted_run_shows_what_it_has(timed: Run, tmp_path: Path) -> None:
    assert replace(timed, interrupted=True).plot.all(tmp_path).files


def test_existing_pictures_are_replaced_only_with_force(timed: Run, tmp_path: Path) -> None:
    (tmp_path / "utilization.png").write_text("mine")
    (tmp_path / "other.txt").write_text("mine, too")
    with pytest.raises(InputError, match=r"utilization\.png: exists already"):
        timed.plot.all(tmp_path)
    assert {path.name for path in tmp_path.iterdir()} == {"utilization.png", "other.txt"}
    timed.plot.all(tmp_path, force=True)
    assert (tmp_path / "utilization.png").read_bytes()[1:4] == b"PNG"
    assert (tmp_path / "other.txt").read_text() == "mine, too"


def test_a_full_disk_leaves_nothing_half_written(timed: Run, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def full(source: Path, target: Path) -> None:
        target.write_text("half")
        if "heat" in target.name:
            raise OSError(28, "No space left on device")

    monkeypatch.setattr("simulator.report.pictures.gallery.shutil.copyfile", full)
    (tmp_path / "pe_cycles.png").write_text("from before")
    with pytest.raises(InputError, match="No space left on device"):
        timed.plot.all(tmp_path, force=True)
    assert [path.name for path in tmp_path.iterdir()] == ["pe_cycles.png"]
    assert (tmp_path / "pe_cycles.png").read_text() == "from before"


def test_pictures_say_what_was_unlimited_or_left_out(timed: Run, tmp_path: Path) -> None:
    changed = replace(timed, relax=("dram", "glb"), interrupted=True)
    for run, said in ((timed, False), (changed, True)):
        drawn = run.plot.pe_cycles(tmp_path / "p.svg").read_text(encoding="utf-8")
        assert ("(unlimited: dram, glb; interrupted)" in drawn) is said


def test_long_titles_are_wrapped() -> None:
    assert wrapped("short\nas it was") == "short\nas it was"
    assert wrapped("one two three\nfour", 7) == "one two\nthree\nfour"
