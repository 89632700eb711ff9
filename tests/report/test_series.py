"""What pictures over time show: the numbers behind them, worked out by hand."""

from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from simulator import simulate
from simulator.errors import InputError
from simulator.report.pictures.series import array_side, edges, occupancy, pe_shares, ports, utilization
from simulator.report.pictures.style import scale_of
from simulator.report.result import Run


def test_the_last_window_ends_with_the_layer(timed: Run) -> None:
    assert edges(timed.layers["CONV1-1"]).tolist() == [0, 30, 60, 90, 100]


def test_a_layer_that_ends_with_a_window_has_no_empty_one(timed: Run) -> None:
    windows = {"width_cycles": np.array(50), "macs": np.array([100, 95, 5])}  # one begins at the end
    layer = replace(timed.layers["CONV1-1"], windows=windows)
    assert edges(layer).tolist() == [0, 50, 100]
    assert utilization(layer, timed.architecture).tolist() == [100 / 200, 100 / 200]


def test_utilization_is_macs_over_those_possible(timed: Run) -> None:
    found = utilization(timed.layers["CONV1-1"], timed.architecture)
    assert found.tolist() == pytest.approx([60 / 120, 30 / 120, 0, 10 / 40])
    assert found @ np.diff(edges(timed.layers["CONV1-1"])) / 100 == pytest.approx(100 / (4 * 100))


def test_ports_have_their_streams_limits_peaks_and_averages(timed: Run) -> None:
    found = {port.name: port for port in ports(timed.layers["CONV1-1"], timed.architecture)}
    assert "psum_in" not in found  # nothing moved
    read = found["glb.read"]  # weights and inputs share it
    assert read.per_cycle.tolist() == pytest.approx([45 / 30, 15 / 30, 15 / 30, 5 / 10])
    assert (read.peak, read.average, read.limit) == (1.5, pytest.approx(0.8), None)
    link = found["dram.link"]
    assert (link.unit, link.limit, link.peak, link.average) == ("bytes", 8, 8, 4)
    assert found["input_in"].limit == 0.5
    assert found["input_in"].peak == 0.5


def test_streams_cross_the_buffer_and_its_network(timed: Run) -> None:
    assert array_side(timed.architecture) == {
        "glb.read": ["weight", "input", "psum_in"],
        "glb.write": ["psum_out"],
        "weight_in": ["weight"],
        "input_in": ["input"],
        "psum_in": ["psum_in"],
        "psum_out": ["psum_out"],
    }


def test_room_is_tiles_times_their_size(timed: Run) -> None:
    (room,) = occupancy(timed.layers["CONV1-1"], timed.architecture)
    assert (room.memory, room.capacity_bytes) == ("glb", 4096)
    assert room.by_type["weight"].tolist() == [512, 512, 512, 0]
    assert room.by_type["input"].tolist() == [1024, 2048, 2048, 0]
    assert room.by_type["output"].tolist() == [0, 256, 256, 0]


def test_the_share_of_every_pe(timed: Run) -> None:
    assert pe_shares(timed.layers["CONV1-1"]).tolist() == [[0.5, 0.2], [0.3, 0]]
    assert pe_shares(timed.layers["CONV1-1"], "stall_input").tolist() == [[0.5, 0.8], [0.7, 1]]
    with pytest.raises(InputError, match="one of mac, accumulate"):
        pe_shares(timed.layers["CONV1-1"], "macs")


@pytest.mark.parametrize(("most", "scale"), [(0.0, 2), (1.9, 2), (3, 5), (50, 50), (51, 100), (100, 100)])
def test_scales_end_at_the_next_round_number(most: float, scale: int) -> None:
    assert scale_of(most) == scale


def test_a_layer_of_the_vector_unit_has_no_series(timed: Run) -> None:
    with pytest.raises(InputError, match="RELU: a layer with MACs was expected"):
        pe_shares(timed.layers["RELU"])
    with pytest.raises(InputError, match="RELU: a layer with MACs was expected"):
        utilization(timed.layers["RELU"], timed.architecture)


def test_results_of_an_older_version_name_what_they_lack(timed: Run) -> None:
    old = {key: x for key, x in timed.layers["CONV1-1"].windows.items() if key != "macs" and "tile_bytes" not in key}
    layer = replace(timed.layers["CONV1-1"], windows=old)
    with pytest.raises(InputError, match=r"CONV1-1: windows\.macs: this series was expected: an older version"):
        utilization(layer, timed.architecture)
    with pytest.raises(InputError, match=r"windows\.tile_bytes\.glb\.weight"):
        occupancy(layer, timed.architecture)


def test_windows_come_back_from_a_directory(timed: Run, tmp_path: Path) -> None:
    timed.save(tmp_path / "run")
    back = Run.load(tmp_path / "run")
    for name, layer in timed.layers.items():
        assert back.layers[name].windows.keys() == layer.windows.keys()
        for key, series in layer.windows.items():
            assert np.array_equal(back.layers[name].windows[key], series)
            assert back.layers[name].windows[key].dtype == series.dtype
    assert back.to_dict() == timed.to_dict()


def test_a_directory_without_windows_is_read(timed: Run, tmp_path: Path) -> None:
    timed.save(tmp_path / "run")
    (tmp_path / "run" / "windows.npz").unlink()
    assert Run.load(tmp_path / "run").layers["CONV1-1"].windows == {}


@pytest.mark.parametrize("content", [b"", b"not a zip", b"PK\x03\x04 half of one"])
def test_broken_windows_are_one_error(timed: Run, tmp_path: Path, content: bytes) -> None:
    timed.save(tmp_path / "run")
    (tmp_path / "run" / "windows.npz").write_bytes(content)
    with pytest.raises(InputError, match=r"windows\.npz: an archive of NumPy arrays was expected"):
        Run.load(tmp_path / "run")


def test_windows_with_pickled_objects_are_refused(timed: Run, tmp_path: Path) -> None:
    timed.save(tmp_path / "run")
    np.savez(tmp_path / "run" / "windows.npz", **{"CONV1-1/macs": np.array([{}], dtype=object)})
    with pytest.raises(InputError, match="an archive of NumPy arrays was expected"):
        Run.load(tmp_path / "run")


@pytest.mark.parametrize("machine", ["eyeriss_v1", "ws16", "os16"])
def test_series_of_a_real_layer_sum_to_its_ports(machine: str) -> None:
    run = simulate(machine, "alexnet", layers=["CONV5"])
    layer = run.layers["CONV5"]
    widths = np.diff(edges(layer))
    found = ports(layer, run.architecture)
    assert {port.name for port in found} == {name for name, told in layer.ports.items() if told["words"]}
    for port in found:
        assert port.per_cycle @ widths == pytest.approx(layer.ports[port.name]["words"])
        assert port.average == pytest.approx(layer.ports[port.name]["words"] / layer.cycles)
    pes = run.architecture.array.pes
    assert utilization(layer, run.architecture) @ widths == pytest.approx(layer.macs / pes)
    assert pe_shares(layer).sum() * layer.cycles == pytest.approx(layer.pe_cycles["mac"])
    for room in occupancy(layer, run.architecture):
        held = np.sum(list(room.by_type.values()), axis=0)
        assert 0 < held.max() <= room.capacity_bytes

