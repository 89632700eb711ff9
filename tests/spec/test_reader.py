"""YAML that means something else than it looks like is refused, everything wrong at once."""

import time
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from simulator.errors import InputError
from simulator.spec.reader import parse, read_yaml, strip_provenance, write_yaml


def complaints(text: str) -> list[tuple[str, str, str]]:
    """(key, value, expected) of every problem of a text."""
    try:
        problems = parse(text, "file.yaml").problems
    except InputError as error:
        problems = list(error.problems)
    assert all(problem.place == "file.yaml" for problem in problems)
    return [(problem.key, problem.value, problem.expected) for problem in problems]


@pytest.mark.parametrize(
    ("word", "expected"),
    [
        ("1e9", "write 1.0e+9"),
        ("1.5e9", "write 1.5e+9"),
        ("1E-3", "write 1.0e-3"),
        ("-.5e3", "write -0.5e+3"),
        ("no", "true or false"),
        ("Yes", "true or false"),
        ("on", "true or false"),
        ("OFF", "true or false"),
        ("010", "decimal number without leading zeros"),
        ("08", "decimal number without leading zeros"),
        ("0x1F", "decimal number"),
        ("0o17", "decimal number"),
        ("1_000", "number without _"),
        ("12:30", "number was expected"),
        (".nan", "finite number"),
        ("-.inf", "finite number"),
        ("NaN", "finite number"),
        ("1.0e+400", "finite number"),
        ("1234567890123456789", "at most 18 digits"),
        ("9" * 5000, "at most 18 digits"),
    ],
)
def test_deceptive_word_is_refused_and_named(word: str, expected: str) -> None:
    [(key, value, told)] = complaints(f"a:\n  b: [1, {word}]")
    assert key == "a.b.1"
    assert value in (word, word[:57] + "...")
    assert expected in told


def test_honest_words() -> None:
    numbers = "a: 1, b: -2, c: 2.5, d: 1.0e+9, k: 0, l: .5"
    rest = "e: true, f: null, g: 12/5, h: 'no', i: \"1e9\", j: 2016-01-01"
    assert read(f"{{{numbers}, {rest}}}") == {
        "a": 1, "b": -2, "c": 2.5, "d": 1e9, "e": True, "f": None,
        "g": "12/5", "h": "no", "i": "1e9", "j": "2016-01-01", "k": 0, "l": 0.5,
    }  # fmt: skip


def read(text: str) -> dict[str, object]:
    document = parse(text, "file.yaml")
    assert document.problems == []
    return document.data


def test_keys_are_words_as_written() -> None:
    assert read("{on: 1, N: 2, 010: 3, 1e9: 4}") == {"on": 1, "N": 2, "010": 3, "1e9": 4}


def test_all_problems_come_at_once_in_order() -> None:
    keys = [key for key, _, _ in complaints("a: 1e9\nb: {c: no, c: 2}\nd:\n  - 010\n")]
    assert keys == ["a", "b.c", "b.c", "d.0"]


def test_duplicate_key_names_both_lines() -> None:
    [(key, value, told)] = complaints("x:\n  banks: 1\n  size: 2\n  banks: 3\n")
    assert (key, value) == ("x.banks", "")
    assert "line 2 and in line 4" in told


@pytest.mark.parametrize(
    ("text", "key", "expected"),
    [
        ("", "", "a mapping of keys to values"),
        ("# nothing\n", "", "a mapping of keys to values"),
        ("- 1\n", "", "a mapping of keys to values"),
        ("a: [1, 2\nb: 3\n", "line 2, column", "YAML was expected"),
        ("a:\n\tb: 1\n", "line 2, column 1", "spaces, not tabs"),
        ("a: \0\n", "", "YAML was expected"),
        ("a: 1\n---\nb: 2\n", "", "one document per file"),
        ("a: !!python/name:os.system x\n", "a", "without a tag"),
        ("a: &x {b: 1}\nc: *x\n", "c", "not an alias"),
        ("a: {<<: {b: 1}}\n", "a", "a word as key"),
        ("? [1, 2]\n: 3\n", "", "a word as key"),
        ("a: " + "[" * 100_000, "a.0", "levels of nesting"),
        ("a:\n" + "- " * 100_000, "a.0", "levels of nesting"),
    ],
)
def test_what_is_not_a_plain_mapping(text: str, key: str, expected: str) -> None:
    problems = complaints(text)
    assert any(found.startswith(key) and expected in told for found, _, told in problems)


def test_aliases_cannot_explode() -> None:
    lines = ["a0: &a0 [x, x]", *(f"a{i}: &a{i} [*a{i - 1}, *a{i - 1}]" for i in range(1, 60))]
    assert len(complaints("\n".join(lines))) == 2 * 59


def test_files_that_cannot_be_read(tmp_path: Path) -> None:
    latin = tmp_path / "latin.yaml"
    latin.write_bytes(b"name: \xe9")
    for path, expected in (
        (tmp_path, "a readable file"),
        (tmp_path / "no.yaml", "No such file"),
        (latin, "UTF-8"),
    ):
        with pytest.raises(InputError, match=expected) as refused:
            read_yaml(path)
        assert str(refused.value).startswith(str(path))


def test_byte_order_mark_is_skipped(tmp_path: Path) -> None:
    path = tmp_path / "bom.yaml"
    path.write_bytes(b"\xef\xbb\xbfa: 1\n")
    assert read_yaml(path) == {"a": 1}


def test_ten_thousand_layers_are_read_quickly() -> None:
    text = "layers:\n" + "".join(
        f"  - {{name: L{i}, conv: {{C: 3, M: 96, H: 227}}}}\n" for i in range(10_000)
    )
    start = time.perf_counter()
    layers = read(text)["layers"]
    assert time.perf_counter() - start < 5
    assert isinstance(layers, list)
    assert layers[9_999] == {"name": "L9999", "conv": {"C": 3, "M": 96, "H": 227}}


def test_provenance_is_taken_off_and_kept_by_path() -> None:
    data = {
        "a": {"value": 4, "source": "here"},
        "b": [{"value": [1, 2], "assumed": "why not"}],
        "c": {"value": 1},
    }
    plain, told = strip_provenance(data)
    assert plain == {"a": 4, "b": [[1, 2]], "c": {"value": 1}}
    assert told == {"a": {"source": "here"}, "b.0": {"assumed": "why not"}}


@pytest.mark.parametrize(
    "wrong", [{"source": "x", "assumed": "y"}, {"source": 5}, {"source": " "}, {"sauce": "x"}]
)
def test_what_is_no_provenance_stays(wrong: dict[str, object]) -> None:
    data = {"a": {"value": 4, **wrong}}
    assert strip_provenance(data) == (data, {})


words = st.one_of(
    st.text(max_size=8),
    st.sampled_from(
        ["1e9", "no", "010", "null", "~", "", "a: b", "# x", "*x", "1_0", "12:30", "nan", "<<", "- a"]
    ),
)
numbers = st.integers(-(10**17), 10**17) | st.floats(allow_nan=False, allow_infinity=False)
keys = words.filter(lambda key: key != "<<")
values = st.recursive(
    st.none() | st.booleans() | numbers | words,
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(keys, inner, max_size=3),
    max_leaves=8,
)


@given(st.dictionaries(keys, values, max_size=3))
def test_what_is_written_reads_back_equal(data: dict[str, object]) -> None:
    assert read(write_yaml(data)) == data
