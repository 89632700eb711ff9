"""What a result must not depend on: spare PEs, the array's outline, names, and ways of writing one loop nest."""

from dataclasses import replace
from typing import Any

from hypothesis import assume, given
from hypothesis import strategies as st
from random_machines import cases, changed, free_cases, measured
from test_laws import SIDES, Case, both, buffers_of, counts, law, with_rates

from simulator.mapping.mapping import Loops, Mapping
from simulator.mapping.nest import Loop
from simulator.names import PE_CYCLE_NAMES, REDUCTION
from simulator.report.sums import plain


def summed_on_the_array(mapping: Mapping) -> bool:
    """Whether PEs pass psums to each other."""
    return any(loop.dimension in REDUCTION and loop.trips > 1 for loop in mapping.spatial)


def trips(loops: Loops) -> int:
    out = 1
    for loop in loops:
        out *= loop.trips
    return out


def assert_only_idle_pes_differ(small: dict[str, Any], large: dict[str, Any]) -> None:
    """Whether ``large`` is ``small`` with more PEs that never have work."""
    spare = large["pes"] - small["pes"]
    between = small["pe_cycles"]["between"] // small["pes"]
    idle = {"between": spare * between, "unmapped": spare * (small["cycles"] - between)}
    expected = {name: n + idle.get(name, 0) for name, n in small["pe_cycles"].items()}
    assert large["pe_cycles"] == expected
    same = {key: value for key, value in small.items() if key not in ("pes", "pe_cycles", "windows")}
    assert plain({key: large[key] for key in same}) == plain(same)
    few, many = small["windows"], large["windows"]
    assert plain({key: few[key] for key in few if key != "pe_cycles"}) == plain({key: many[key] for key in few if key != "pe_cycles"})
    rows, columns, _ = few["pe_cycles"].shape
    assert (many["pe_cycles"][:rows, :columns] == few["pe_cycles"]).all()


@law(40)
@given(both(), st.integers(0, 3), st.integers(0, 3))
def test_spare_rows_and_columns_only_add_unmapped_pes(case: Case, rows: int, columns: int) -> None:
    description, layer, mapping = case
    array = description["array"]
    large = changed(description, array__rows=array["rows"] + rows, array__columns=array["columns"] + columns)
    assert_only_idle_pes_differ(measured(*case), measured(large, layer, mapping))


def row_major(out: dict[str, Any]) -> Any:
    """A result with its PEs in one list."""
    by_pe = out["windows"]["pe_cycles"]
    return plain({**out, "windows": {**out["windows"], "pe_cycles": by_pe.reshape(-1, by_pe.shape[-1])}})


@law(40)
@given(both())
def test_the_arrays_outline_is_nothing_to_pes_that_do_not_talk(case: Case) -> None:
    """PEs keep their order when all of the array is laid out in one row, or in one column."""
    description, layer, mapping = case
    assume(not summed_on_the_array(mapping))
    tight = changed(description, array__columns=trips(mapping.columns))
    pes = tight["array"]["rows"] * tight["array"]["columns"]
    one_row = measured(changed(tight, array__rows=1, array__columns=pes), layer, replace(mapping, rows=(), columns=mapping.spatial))
    one_column = measured(changed(tight, array__rows=pes, array__columns=1), layer, replace(mapping, rows=mapping.spatial, columns=()))
    rectangle = row_major(measured(tight, layer, mapping))
    assert row_major(one_row) == rectangle
    assert row_major(one_column) == rectangle


@law(40)
@given(both(), st.data())
def test_a_loop_of_one_trip_is_no_loop(case: Case, data: st.DataObject) -> None:
    description, layer, mapping = case

    def with_idle_loop(loops: Loops) -> Loops:
        at = data.draw(st.integers(0, len(loops)))
        return (*loops[:at], Loop(data.draw(st.sampled_from("NGMCPQRS")), 1), *loops[at:])  # type: ignore[arg-type]

    wordy = replace(
        mapping, levels={name: with_idle_loop(loops) for name, loops in mapping.levels.items()},
        rows=with_idle_loop(mapping.rows), columns=with_idle_loop(mapping.columns),
        steps=with_idle_loop(mapping.steps), pe=with_idle_loop(mapping.pe),
    )  # fmt: skip
    assert plain(measured(description, layer, wordy)) == plain(measured(*case))


@law(40)
@given(both(), st.integers(2, 3))
def test_a_loop_of_a_memory_may_be_written_as_two(case: Case, inner: int) -> None:
    """One right around the other, where trips divide evenly."""
    description, layer, mapping = case

    def in_two(loops: Loops) -> Loops:
        out: Loops = ()
        for loop in loops:
            whole = loop.by == 0 and loop.trips % inner == 0
            out += (replace(loop, trips=loop.trips // inner), replace(loop, trips=inner)) if whole else (loop,)
        return out

    split = replace(mapping, levels={name: in_two(loops) for name, loops in mapping.levels.items()})
    assume(split != mapping)
    assert without_skips(measured(description, layer, split)) == without_skips(measured(*case))


def without_skips(told: dict[str, Any]) -> dict[str, Any]:
    """What is told of a run apart from how much of it was skipped: that depends on the loops that there are."""
    return {key: value for key, value in plain(told).items() if key not in ("passes_simulated", "passes_skipped")}


def measured_under_names(case: Case, names: dict[str, str]) -> dict[str, Any]:
    """Run a case whose memories and networks have other names."""
    description, layer, mapping = case
    parts = {family: {names[key]: dict(part) for key, part in description[family].items()} for family in ("memories", "networks")}
    for wire in parts["networks"].values():
        wire["from"], wire["to"] = names.get(wire["from"], wire["from"]), names.get(wire["to"], wire["to"])
    levels = {names[name]: loops for name, loops in mapping.levels.items()}
    out: dict[str, Any] = plain(measured({**description, **parts}, layer, replace(mapping, levels=levels)))
    return out


def renamed(value: Any, names: dict[str, str]) -> Any:
    """The same results under other names, also inside keys such as ``glb.read``."""
    if isinstance(value, dict):
        return {".".join(names.get(part, part) for part in key.split(".")): renamed(item, names) for key, item in value.items()}
    return value


@law(40)
@given(both())
def test_the_names_of_parts_mean_nothing(case: Case) -> None:
    """Names in the opposite alphabetical order: anything sorted by name would change."""
    known = [*case[0]["memories"], *case[0]["networks"]]
    rising = {name: f"part_{i}" for i, name in enumerate(known)}
    falling = {name: f"other_{len(known) - i}" for i, name in enumerate(known)}
    first, second = measured_under_names(case, rising), measured_under_names(case, falling)
    assert second == renamed(first, {rising[name]: falling[name] for name in known})


UNLIMITED = {"memories__dram__bytes_per_cycle": "unlimited", "memories__dram__burst_bytes": 1, "networks__*__words_per_cycle": "unlimited"}


@law(60)
@given(st.one_of(cases(**UNLIMITED), free_cases(**UNLIMITED)), st.integers(2, 3))
def test_groups_beside_each_other_take_as_long_as_one_of_them(case: Case, copies: int) -> None:
    """Where ports have no rates: ``copies`` times the groups, the columns and the room in buffers."""
    description, layer, mapping = case
    assume(all(loop.dimension != "G" or loop.by == 0 for loops in mapping.levels.values() for loop in loops))
    alone = with_rates(description, "unlimited", SIDES)
    wide = changed(alone, array__columns=copies * alone["array"]["columns"])
    wide = changed(wide, **{f"memories__{name}__capacity_bytes": copies * wide["memories"][name]["capacity_bytes"] for name in buffers_of(wide)})
    grouped = replace(layer, sizes={**layer.sizes, "G": copies * layer.sizes["G"]})
    one = measured(alone, layer, mapping)
    all_of_them = measured(wide, grouped, replace(mapping, columns=(Loop("G", copies), *mapping.columns)))
    for key in ("cycles", "passes", "steps"):
        assert all_of_them[key] == one[key], key
    for key in ("macs", "pes", "active_pes"):
        assert all_of_them[key] == copies * one[key], key
    assert all_of_them["pe_cycles"] == {name: copies * one["pe_cycles"][name] for name in PE_CYCLE_NAMES}
    assert all_of_them["words"] == times(copies, one["words"])
    assert all_of_them["stall_causes"] == times(copies, one["stall_causes"])
    assert counts(all_of_them)["actions"] == times(copies, counts(one)["actions"])


def times(factor: int, tree: Any) -> Any:
    """Every number of a tree so many times."""
    return {key: times(factor, value) for key, value in tree.items()} if isinstance(tree, dict) else factor * tree
