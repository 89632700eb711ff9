"""Energy: every action priced, none for free."""

from pathlib import Path
from typing import Any

import pytest

from simulator.energy.price import PricedPart, action_pj, parts_of, price, total_pj
from simulator.energy.table import EnergyTable, load_energy_table
from simulator.errors import InputError
from simulator.spec.architecture import Architecture
from simulator.spec.catalog import load_architecture, shipped

SHIPPED = ("eyeriss_65nm", "eyeriss_normalized", "horowitz_45nm")


def table(actions: dict[str, Any], **changes: Any) -> EnergyTable:
    data = {"name": "t", "unit": "pj", "word_bits": 16, "actions": actions, **changes}
    return EnergyTable.model_validate(data)


def cost(value: float, **more: Any) -> dict[str, Any]:
    return {"value": value, "assumed": "for the test", **more}


def test_words_cost_in_proportion_to_their_width() -> None:
    prices = table({"sram": {"read": cost(6.0)}, "dram": {"read": cost(1300, word_bits=64)}})
    parts = {
        "glb": PricedPart("sram", "memory", {"input": 8, "output": 32}),
        "dram": PricedPart("dram", "memory", {"input": 8}),
    }
    counts = {"glb": {"input": {"read": 10}, "output": {"read": 1}}, "dram": {"input": {"read": 2}}}
    energy = price(counts, parts, prices)
    assert energy["glb"] == {"input": {"read": 10 * 6.0 * 8 / 16}, "output": {"read": 6.0 * 32 / 16}}
    assert energy["dram"]["input"]["read"] == 2 * 1300 * 8 / 64
    assert total_pj(energy) == 30 + 12 + 325


def test_a_relative_table_counts_in_macs_of_its_anchor() -> None:
    prices = table({"mac": {"compute": cost(1)}}, unit="mac", mac_pj=cost(2.5))
    part = PricedPart("mac", "mac", {"all": 16})
    assert prices.in_words == "t, relative costs with 1 MAC = 2.5 pJ (assumed: for the test)"
    assert price({"mac": {"all": {"compute": 4}}}, {"mac": part}, prices) == {
        "mac": {"all": {"compute": 10.0}}
    }


@pytest.mark.parametrize(("bits", "pj"), [(4, 1.0), (8, 1.0), (9, 3.0), (16, 3.0), (17, None)])
def test_operations_take_the_first_width_that_holds_their_operands(bits: int, pj: float | None) -> None:
    prices = table({"mac": {"compute": [cost(1.0, word_bits=8), cost(3.0)]}})
    assert action_pj(PricedPart("mac", "mac", {"all": bits}), "all", "compute", prices) == pj


@pytest.mark.parametrize(("size", "pj"), [(0, 10.0), (8192, 10.0), (8193, 20.0), (32769, None)])
def test_a_buffer_takes_the_first_size_that_holds_it(size: int, pj: float | None) -> None:
    prices = table({"sram": {"read": [cost(10.0, capacity_bytes=8192), cost(20.0, capacity_bytes=32768)]}})
    part = PricedPart("sram", "memory", {"input": 16}, {"input": size})
    assert action_pj(part, "input", "read", prices) == pj


def test_a_kind_takes_its_familys_prices_unless_it_has_its_own() -> None:
    prices = table({"network": {"deliver": cost(2.0)}, "fast_bus": {"deliver": cost(1.0)}})
    for kind, pj in {"new_bus": 2.0, "fast_bus": 1.0}.items():
        assert action_pj(PricedPart(kind, "network", {"input": 16}), "input", "deliver", prices) == pj


def test_all_missing_prices_are_listed_at_once_even_for_counts_of_zero() -> None:
    prices = table({"sram": {"read": cost(1.0, capacity_bytes=8)}})
    parts = {
        "glb": PricedPart("sram", "memory", {"input": 16}, {"input": 64}),
        "bus": PricedPart("tube", "network", {"input": 16}),
    }
    counts = {
        "glb": {"input": {"read": 1, "write": 0}, "all": {"clock": 5}},
        "bus": {"input": {"deliver": 1}},
    }
    with pytest.raises(InputError) as caught:
        price(counts, parts, prices)
    keys = {problem.key for problem in caught.value.problems}
    assert keys == {"actions.sram.read", "actions.sram.write", "actions.sram.clock", "actions.tube.deliver"}
    assert "64 bytes" in str(caught.value)


def every_action(architecture: Architecture) -> dict[str, dict[str, dict[str, int]]]:
    """One of each action that a run can count."""
    cycle = {"all": {"clock": 1, "leakage": 1}}
    access = {"read": 1, "write": 1}
    words = {"weight": access, "input": access, "output": access}
    counts: dict[str, dict[str, dict[str, int]]] = {
        "mac": {"all": {"compute": 1, "gated": 1}},
        "scratchpad": words,
        "array": cycle,
    }
    counts |= {
        name: words | ({} if memory.kind == "dram" else cycle)
        for name, memory in architecture.memories.items()
    }
    for name, network in architecture.networks.items():
        action = "hop" if network.kind == "column_chain" else "deliver"
        counts[name] = {data_type: {action: 1} for data_type in network.carries} | cycle
    if architecture.vector_unit is not None:
        counts["vector_unit"] = {"all": {"operate": 1, "clock": 1, "leakage": 1}}
    return counts


@pytest.mark.parametrize("machine", shipped("architecture"))
@pytest.mark.parametrize("name", SHIPPED)
def test_shipped_tables_price_the_shipped_machines(name: str, machine: str) -> None:
    architecture = load_architecture(machine)
    energy = price(every_action(architecture), parts_of(architecture), load_energy_table(name))
    assert total_pj(energy) > 0


@pytest.mark.parametrize("name", SHIPPED)
def test_every_price_says_where_it_comes_from(name: str) -> None:
    table_shipped = load_energy_table(name)
    prices = [
        p for by_action in table_shipped.actions.values() for offers in by_action.values() for p in offers
    ]
    assert prices
    assert all(": " in p.origin for p in prices)


def test_eyeriss_costs_are_the_published_ratios() -> None:
    architecture = load_architecture("eyeriss_v1")
    prices, parts = load_energy_table("eyeriss_normalized"), parts_of(architecture)

    def cost_of(component: str, data_type: str, action: str) -> float:
        found = action_pj(parts[component], data_type, action, prices)
        assert found is not None
        return found / prices.pj_per_unit

    assert cost_of("mac", "all", "compute") == 1
    assert cost_of("scratchpad", "weight", "read") == 1
    assert cost_of("psum_local", "output", "hop") == 2
    assert cost_of("glb", "input", "read") == pytest.approx(6)
    assert cost_of("dram", "weight", "read") == pytest.approx(200)


def test_derived_numbers_of_the_45_nm_table_follow_from_the_published_ones() -> None:
    multiply_8, multiply_32, add_32, cache_8kb, cache_1mb = 0.2, 3.1, 0.1, 10.0, 100.0
    published = load_energy_table("horowitz_45nm")
    mac = {p.word_bits: p.value for p in published.actions["mac"]["compute"]}
    assert mac[16] == pytest.approx((multiply_8 * multiply_32) ** 0.5 + add_32, rel=1e-2)
    assert (mac[8], mac[32]) == (pytest.approx(multiply_8 + add_32), pytest.approx(multiply_32 + add_32))
    for offer in published.actions["scratchpad"]["read"]:
        assert offer.capacity_bytes is not None
        assert offer.value == pytest.approx(
            cache_8kb * 16 / 64 * (offer.capacity_bytes / 8192) ** 0.5, rel=1e-2
        )
    assert published.actions["sram"]["read"][-1].value == pytest.approx(cache_1mb * 32**0.5, rel=1e-2)
    assert published.actions["network"]["hop"][0].value == pytest.approx(2 * mac[16], rel=1e-2)


BAD = """\
name: bad
unit: joule
word_bits: 16
actions:
  mac:
    compute: {value: 1}
    gated: {value: -1, source: s}
  sram:
    read: {value: 1, source: s, assumed: t}
"""


def test_a_bad_table_lists_all_that_is_wrong(tmp_path: Path) -> None:
    path = tmp_path / "bad.yaml"
    path.write_text(BAD)
    with pytest.raises(InputError) as caught:
        load_energy_table(path)
    text = str(caught.value)
    for key in ("unit", "actions.mac.compute", "actions.mac.gated", "actions.sram.read"):
        assert key in text
    assert len(caught.value.problems) == 4


@pytest.mark.parametrize("change", [{"unit": "mac"}, {"mac_pj": {"value": 1, "assumed": "a"}}])
def test_the_anchor_goes_with_the_relative_unit(change: dict[str, Any]) -> None:
    with pytest.raises(ValueError, match="mac_pj"):
        table({}, **change)


@pytest.mark.parametrize(("words", "data_type"), [("weight_words", "weight"), ("psum_words", "output"), ("input_words", "input")])
def test_a_larger_scratchpad_of_the_chip_costs_more_per_word(words: str, data_type: str) -> None:
    """The chip's own table prices machines that are derived from it, too."""
    chip = load_architecture("eyeriss_v1")
    larger = chip.replace(**{f"array__pe__{words}": 4 * getattr(chip.spatial.pe, words)})
    table = load_energy_table("eyeriss_65nm")
    each = [action_pj(parts_of(one)["scratchpad"], data_type, "read", table) for one in (chip, larger)]
    assert each[0] is not None
    assert each[1] is not None
    assert each[1] > each[0]
