"""Parameters of workload files: sizes that are expressions over them, and layers that are repeated."""

import re
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from simulator.errors import InputError, Problem
from simulator.formats.load import load_workload
from simulator.report.save import resolved as resolved_description
from simulator.spec.catalog import shipped
from simulator.spec.layer import Layer
from simulator.spec.layers import LayerSpec, Repeat, Stack
from simulator.spec.parameters import Parameters, resolved
from simulator.spec.reader import read_yaml, write_yaml
from simulator.spec.schema import schemas
from simulator.spec.workload import Workload


def values(**given: int) -> Parameters:
    parameters = Parameters()
    assert list(parameters.declare(given)) == []
    return parameters


def written(tmp_path: Path, text: str) -> Path:
    path = tmp_path / "net.yaml"
    path.write_text(text, encoding="utf-8")
    return path


def problems(path: Path, parameters: dict[str, Any] | None = None) -> list[Problem]:
    with pytest.raises(InputError) as refused:
        load_workload(path, parameters)
    assert {problem.place for problem in refused.value.problems} == {str(path)}
    return list(refused.value.problems)


@pytest.mark.parametrize(
    ("text", "value"),
    [
        ("a", 12),
        (" a ", 12),
        ("a // b * 3", 9),
        ("a//b*3", 9),
        ("3 * a // b", 9),
        ("2 + a - b * (1 + 1)", 6),
        ("a - b - 1", 7),
        ("((a))", 12),
        ("a - a + 1", 1),
        ("4 * a_2", 28),
    ],
)
def test_expressions_mean_what_they_look_like(text: str, value: int) -> None:
    assert resolved(text, 1, values(a=12, b=4, a_2=7)) == value


names = st.sampled_from("abc")
terms = st.recursive(
    names | st.integers(0, 99).map(str),
    lambda inner: st.tuples(inner, st.sampled_from([" + ", "-", "*", " // "]), inner).map(lambda t: f"({t[0]}{t[1]}{t[2]})") | st.tuples(inner, st.sampled_from(["+", " - ", " * ", "//"]), inner).map("".join),
    max_leaves=8,
)


@given(terms, st.integers(0, 9), st.integers(0, 9), st.integers(0, 9))
def test_expressions_are_those_of_arithmetic(text: str, a: int, b: int, c: int) -> None:
    """Whatever has a value here has the one that Python gives it, and divides without remainder."""
    try:
        found = resolved(text, 0, values(a=a, b=b, c=c))
    except ValueError:
        return
    if found == text:
        assert not re.search("[abc]", text)
        return
    assert found == eval(text, {}, {"a": a, "b": b, "c": c})


@pytest.mark.parametrize("text", ["a +", "* a", "a b", "(a", "a)", "a / 2", "a ** 2", "a % 5", "-a", "a.b", "a[0]", "f(a)", "a; b", "2a", "a" * 101, "a + 1e3", "aä", "0xa", "a\n+ 1", "a + 1_000", "a or 1", "()a"])
def test_what_is_no_expression_is_refused(text: str) -> None:
    with pytest.raises(ValueError, match="parameters and whole numbers with"):
        resolved(text, 1, values(a=12, b=4))


@pytest.mark.parametrize(
    ("text", "told"),
    [("a // b", "without remainder was expected, and it is 12 // 5"), ("a // (b - 5)", "12 // 0"), ("b - a", "with a 12, b 5 it is -7"), ("b - 5", "from 1 to 2147483647 was expected; with b 5 it is 0"), ("a * 2147483647", "it is 25769803764"), ("c", "c is no parameter")],
)
def test_values_that_are_no_sizes_are_refused(text: str, told: str) -> None:
    with pytest.raises(ValueError, match=re.escape(told)):
        resolved(text, 1, values(a=12, b=5))


NET = """
name: net
parameters: {width: {value: 8, source: "a paper"}, blocks: 3, none: 0}
layers:
  - {name: A, conv: {C: 3, M: 2 * width, H: width, W: [w], R: 1, S: 1, stride: width // 8, padding: [none, none + 1]}}
  - repeat:
      count: blocks
      name: B
      layers:
        - {name: up, fc: {C: width, M: 4 * width}, zeros: {input: {value: 0.5, assumed: "a guess"}}}
        - repeat: {count: 2, name: I, first: 1, layers: [{name: r, activation: {C: width}}]}
        - {name: down, matmul: {K: 4 * width, M: width, rows: (width + 1) * 2}}
  - {name: Z, fc: {C: width, M: 10}, zeros: {weight: {value: 0.25, source: "counted"}}}
""".replace("[w]", "width")


def test_layers_are_repeated_with_the_sizes_that_parameters_give(tmp_path: Path) -> None:
    net = load_workload(written(tmp_path, NET), {"width": 16, "blocks": 2})
    blocks = [f"B{n}.{name}" for n in range(2) for name in ("up", "I1.r", "I2.r", "down")]
    assert [layer.name for layer in net.layers] == ["A", *blocks, "Z"]
    lowered = {layer.name: layer for layer in net.lower(1)}
    first, down = lowered["A"], lowered["B1.down"]
    assert isinstance(first, Layer)
    assert isinstance(down, Layer)
    assert (first.sizes["M"], first.input_size, first.stride, first.padding_before) == (32, (16, 16), (2, 2), (0, 1))
    assert (down.sizes["N"], down.sizes["C"], down.sizes["M"]) == (34, 64, 16)
    assert net.origin.parameters == {"width": 16, "blocks": 2, "none": 0}
    default = load_workload(written(tmp_path, NET))
    assert (len(default.layers), default.origin.parameters["width"]) == (14, 8)


def test_what_stands_beside_a_number_goes_to_every_repetition_and_with_a_selection(tmp_path: Path) -> None:
    net = load_workload(written(tmp_path, NET))
    guess, counted = {"assumed": "a guess"}, {"source": "counted"}
    at = {layer.name: i for i, layer in enumerate(net.layers)}
    zeros = {f"layers.{at[f'B{n}.up']}.zeros.input": guess for n in range(3)}
    assert net.provenance == {**zeros, f"layers.{at['Z']}.zeros.weight": counted}
    few = net.select(["b1.up", "Z"])
    assert few.provenance == {"layers.0.zeros.input": guess, "layers.1.zeros.weight": counted}
    assert few.origin.parameters == net.origin.parameters


@pytest.mark.parametrize("name", [None, *shipped("workload")])
def test_a_workload_is_written_so_that_it_reads_back_equal(name: str | None, tmp_path: Path) -> None:
    net = load_workload(written(tmp_path, NET) if name is None else name)
    path = tmp_path / "again.yaml"
    path.write_text(write_yaml(resolved_description(net)), encoding="utf-8")
    again = load_workload(path)
    assert again == net
    assert again.provenance == net.provenance
    assert again.origin.parameters == {}


def test_repeated_layers_in_python() -> None:
    block = Repeat(count=2, name="L", layers=(LayerSpec.model_validate({"name": "q", "fc": {"C": 1, "M": 1}}),))
    net = Workload(name="net", layers=(Stack(repeat=block),))  # type: ignore[arg-type]
    assert [layer.name for layer in net.layers] == ["L0.q", "L1.q"]
    assert net.replace(name="other").layers == net.layers


LAYER = "{name: A, fc: {C: n, M: m}}"


@pytest.mark.parametrize(
    ("parameters", "layers", "key", "value", "expected"),
    [
        ("{n: 1, m: 1, k: 2}", LAYER, "parameters.k", "2", "a parameter that a size uses was expected"),
        ("{n: 1, m: 2.5}", LAYER, "parameters.m", "2.5", "a whole number from 0 to 2147483647 was expected"),
        ("{n: 1, m: true}", LAYER, "parameters.m", "true", "a whole number"),
        ("{n: 1, m: -1}", LAYER, "parameters.m", "-1", "a whole number"),
        ("{n: 1, m: n}", LAYER, "parameters.m", "n", "a whole number"),
        ("{n: 1, m: 1e3}", LAYER, "parameters.m", "1e3", "write 1.0e+3"),
        ("{n: 1, m: 2147483648}", LAYER, "parameters.m", "2147483648", "a whole number"),
        ("{n: 1, m: 1, 2x: 3}", LAYER, "parameters.2x", "", "a name of letters, digits and _"),
        ("[n, m]", "{name: A, fc: {C: 1, M: 1}}", "parameters", "['n', 'm']", "a mapping of names to numbers"),
        ("{n: 1}", LAYER, "layers.0.fc.M", "m", "m is no parameter; parameters are: n"),
        ("{n: 1, mm: 2}", LAYER, "layers.0.fc.M", "m", "did you mean mm?"),
        ("{n: 1, m: 0}", LAYER, "layers.0.fc.M", "m", "with m 0 it is 0"),
        ("{n: 1}", "{name: A, fc: {C: n, M: n +}}", "layers.0.fc.M", "n +", "parameters and whole numbers with"),
        ("{n: 1}", "{name: A, fc: {C: n, M: '8'}}", "layers.0.fc.M", "'8'", "a whole number was expected"),
        ("{n: 1}", "{repeat: {count: n - 1, name: L, layers: [{name: A, fc: {C: 1, M: 1}}]}}", "layers.0.repeat.count", "n - 1", "with n 1 it is 0"),
        ("{n: 1}", "{repeat: {count: n, name: L, layers: []}}", "layers.0.repeat.layers", "[]", "a list of at least 1"),
        ("{n: 1}", "{repeat: {count: n, layers: [{name: A, fc: {C: 1, M: 1}}]}}", "layers.0.repeat.name", "", "required"),
        ("{n: 1}", "{repeat: {count: n, name: L, layer: []}}", "layers.0.repeat.layer", "[]", "did you mean layers?"),
        ("{n: 1}", "{name: B, repeat: {count: n, name: L, layers: [{name: A, fc: {C: 1, M: 1}}]}}", "layers.0.name", "B", "unknown key"),
        ("{n: 1}", "{repeat: {count: n, name: L, layers: [{name: A, fc: {C: 1, K: 1, M: 1}}]}}", "layers.0.repeat.layers.0.fc.K", "1", "unknown key"),
        ("{n: 9}", "{repeat: {count: n, name: L, layers: [{name: A, fc: {C: 1, M: 1}}, {name: a, fc: {C: 1, M: 1}}]}}", "layers.0.repeat.layers.1.name", "L0.a", "layers.0.repeat.layers.0 is called L0.A"),
        ("{n: 9}", "{repeat: {count: n, name: L, layers: [{name: A, matmul: {M: 2147483647, K: 2147483647, rows: n}}]}}", "layers.0.repeat.layers.0", f"{9 * (2**31 - 1) ** 2:,}", "fewer than 2^62"),
        ("{n: 50001}", "{repeat: {count: n, name: L, layers: [{name: A, fc: {C: 1, M: 1}}, {name: B, fc: {C: 1, M: 1}}]}}", "layers", "100,002 layers", "at most 100,000 layers"),
        ("{n: 2147483647}", "{repeat: {count: n, name: L, layers: [{repeat: {count: n, name: L, layers: [{name: A, fc: {C: 1, M: 1}}]}}]}}", "layers", "4,611,686,014,132,420,609 layers", "at most 100,000"),
        ("{n: 1}", "{repeats: {count: n}}", "layers.0.repeats", "", "did you mean repeat?"),
    ],
)  # fmt: skip
def test_what_is_wrong_is_told_with_its_place(parameters: str, layers: str, key: str, value: str, expected: str, tmp_path: Path) -> None:
    path = written(tmp_path, f"name: net\nparameters: {parameters}\nlayers:\n  - {layers}\n")
    found = {problem.key: problem for problem in problems(path)}
    assert found[key].value == value
    assert expected in found[key].expected
    missing = {"layers.0.repeat.layers"} if "layer: []" in layers else {"layers.0.name"} if "repeats" in layers else set()
    assert set(found) == {key} | missing


def test_a_repeated_name_that_is_too_long(tmp_path: Path) -> None:
    text = f"name: net\nlayers: [{{repeat: {{count: 11, name: {'L' * 100}, layers: [{{name: {'q' * 98}, fc: {{C: 1, M: 1}}}}]}}}}]"
    (found,) = problems(written(tmp_path, text))
    assert found.key == "layers.0.repeat.layers.0.name"
    assert "at most 200 characters" in found.expected


@pytest.mark.parametrize(
    ("given", "key", "expected"),
    [
        ({"widht": 5}, "parameters.widht", "unknown parameter; did you mean width?"),
        ({"zzz": 5}, "parameters.zzz", "unknown parameter; parameters are: blocks, none, width"),
        ({"width": 0}, "parameters.width", ""),
        ({"width": "16"}, "parameters.width", "a whole number from 0"),
        ({"width": 2.0}, "parameters.width", "a whole number from 0"),
        ({"width": True}, "parameters.width", "a whole number from 0"),
        ({"blocks": 1 << 40}, "parameters.blocks", "a whole number from 0"),
    ],
)
def test_values_that_are_given_are_checked_alike(given: dict[str, Any], key: str, expected: str, tmp_path: Path) -> None:
    path = written(tmp_path, NET)
    if given == {"width": 0}:
        # every size that is now 0 is told once, in one of its places
        assert sorted(problem.value for problem in problems(path, given)) == ["2 * width", "4 * width", "width", "width // 8"]
        return
    (found,) = problems(path, given)
    assert (found.key, expected in found.expected) == (key, True)


def test_a_file_without_parameters_takes_none(tmp_path: Path) -> None:
    with pytest.raises(InputError, match=r"parameters\.sequence: unknown parameter; parameters are: none"):
        load_workload("alexnet", {"sequence": 5})
    path = written(tmp_path, "name: net\nlayers: [{name: A, fc: {C: width, M: 1}}]")
    (found,) = problems(path)
    assert "width is no parameter; parameters are: none" in found.expected


def faults(schema: dict[str, Any], value: Any, whole: dict[str, Any]) -> list[str]:
    """Where a file does not follow its JSON Schema, for the words of it that are used here."""
    if "$ref" in schema:
        schema = {**whole["$defs"][schema["$ref"].rpartition("/")[2]], **{k: v for k, v in schema.items() if k == "x"}}
    if "anyOf" in schema:
        return min((faults(choice, value, whole) for choice in schema["anyOf"]), key=len)
    if "enum" in schema:
        return [] if value in schema["enum"] else [f"{value!r} is none of {schema['enum']}"]
    kinds = {"object": dict, "array": list, "string": str, "boolean": bool, "integer": int, "number": (int, float)}
    if "type" not in schema:
        return []
    if not isinstance(value, kinds[schema["type"]]) or ("pattern" in schema and not re.search(schema["pattern"], value)):
        return [f"{value!r} is no {schema['type']}"]
    found: list[str] = []
    if isinstance(value, list):
        for item in value:
            found += faults(schema.get("items", {}), item, whole)
    if isinstance(value, dict):
        known, other = schema.get("properties", {}), schema.get("additionalProperties", {})
        found += [f"{key} is missing" for key in schema.get("required", []) if key not in value]
        for key, item in value.items():
            part = known.get(key, other)
            found += [f"{key} is unknown"] if part is False else faults(part, item, whole)
    return found


@pytest.mark.parametrize("name", [None, *shipped("workload")])
def test_files_follow_the_schema_that_editors_get(name: str | None, tmp_path: Path) -> None:
    schema = schemas()["workload"]
    path = written(tmp_path, NET) if name is None else Path(__file__).parents[2] / "workloads" / f"{name}.yaml"
    data = read_yaml(path)
    assert faults(schema, data, schema) == []
    data["layers"].append({"repeat": {"count": 1.5, "layers": []}})
    assert faults(schema, data, schema) != []
