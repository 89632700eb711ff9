"""Five very different machines and a workload in the one schema; their parts are added from outside."""

import sys
from importlib import import_module
from pathlib import Path

import pytest

from simulator.components.arrays import ARRAYS
from simulator.components.memories import MEMORIES
from simulator.components.networks import NETWORKS
from simulator.errors import InputError
from simulator.formats.load import load_workload
from simulator.spec.architecture import Architecture
from simulator.spec.catalog import load_architecture
from simulator.spec.layer import Layer, VectorLayer
from simulator.spec.reader import load, validate, write_yaml

SKETCHES = Path(__file__).parent / "sketches"
MACHINES = ["eyeriss_v1", "eyeriss_v2", "tpu_v1", "crossbar_pim", "six_chiplets"]


@pytest.fixture(autouse=True)
def _sketched_kinds(monkeypatch: pytest.MonkeyPatch) -> None:
    for registry in (ARRAYS, MEMORIES, NETWORKS):
        monkeypatch.setattr(registry, "_kinds", registry.all())
    monkeypatch.delitem(sys.modules, "sketch_kinds", raising=False)
    import_module("sketch_kinds")


@pytest.mark.parametrize("machine", MACHINES)
def test_machine_is_read_and_reads_back(machine: str, tmp_path: Path) -> None:
    read = load_architecture(SKETCHES / f"{machine}.yaml")
    written = tmp_path / "resolved.yaml"
    written.write_text(write_yaml(read.model_dump(by_alias=True)), encoding="utf-8")
    assert load(Architecture, written) == read


def test_special_things_are_where_they_were_said() -> None:
    v2, tpu, package = (
        load_architecture(SKETCHES / f"{m}.yaml") for m in ("eyeriss_v2", "tpu_v1", "six_chiplets")
    )
    assert v2.memories["glb"].model_dump()["per_cluster"]["output"] == {"banks": 4, "bank_bytes": 1920}
    assert v2.network("weight", "dram", "array") == "weight_in"
    assert tpu.levels("output") == ("host", "unified_buffer", "accumulators")
    assert package.array.pes == 6


@pytest.mark.parametrize(
    ("machine", "change", "key"),
    [
        ("eyeriss_v2", {"networks__input_in__reach": "everywhere"}, "networks.input_in.reach"),
        ("crossbar_pim", {"array__adc__bits": 0}, "array.adc.bits"),
        ("tpu_v1", {"memories__weight_dram__keeps": "input"}, "memories.host.kind"),
    ],
)
def test_added_kinds_are_checked_like_shipped_ones(machine: str, change: dict[str, object], key: str) -> None:
    with pytest.raises(InputError) as refused:
        load_architecture(SKETCHES / f"{machine}.yaml").replace(**change)
    assert key in [problem.key for problem in refused.value.problems]


def test_engine_names_the_array_that_it_does_not_run() -> None:
    with pytest.raises(InputError, match=r"array\.kind: .* kind spatial or systolic .*\(got crossbar\)"):
        _ = load_architecture(SKETCHES / "crossbar_pim.yaml").spatial


def test_workload_sketch() -> None:
    layers = load_workload(SKETCHES / "small_cnn.yaml").lower(2)
    conv2, depthwise, pool, product = layers[1:]
    assert isinstance(conv2, Layer)
    assert conv2.sizes == {"N": 2, "G": 2, "M": 128, "C": 48, "P": 27, "Q": 27, "R": 5, "S": 5}
    assert isinstance(depthwise, Layer)
    assert depthwise.sizes == {"N": 2, "G": 256, "M": 1, "C": 1, "P": 13, "Q": 13, "R": 3, "S": 3}
    assert pool == VectorLayer("POOL", "max pool", 2 * 256 * 13 * 13, 2 * 256 * 6 * 6, 2 * 256 * 6 * 6 * 9)
    assert isinstance(product, Layer)
    assert product.macs == 2 * 1000 * 9216


def test_a_network_kind_is_one_class() -> None:
    data = load_architecture(SKETCHES / "six_chiplets.yaml").model_dump(by_alias=True)
    data["networks"]["in"]["kind"] = "packet_mess"
    with pytest.raises(InputError, match=r"networks\.in\.kind: .*did you mean packet_mesh\?"):
        validate(Architecture, data, "x")
