"""The HTML page of a run: well-formed, on its own, complete and escaped."""

import re
from dataclasses import replace
from html.parser import HTMLParser
from pathlib import Path

import pytest

from simulator.errors import InputError
from simulator.report.html import port_grid, report, stall_grid, write_report
from simulator.report.result import Layers, Run
from simulator.report.tables import Grid, grids, markdown_grid

EMPTY = {"meta", "link", "img", "br"}


class Reader(HTMLParser):
    """Collects what a page holds, and fails where tags are not nested."""

    def __init__(self, page: str) -> None:
        super().__init__(convert_charrefs=True)
        self.open: list[str] = []
        self.ids: list[str] = []
        self.targets: list[str] = []
        self.tags: list[str] = []
        self.text: list[str] = []
        self.alts: list[str] = []
        self.feed(page)
        self.close()
        assert not self.open

    def handle_starttag(self, tag: str, attributes: list[tuple[str, str | None]]) -> None:
        told = dict(attributes)
        self.tags.append(tag)
        if tag not in EMPTY:
            self.open.append(tag)
        self.ids += [told["id"]] if told.get("id") else []
        self.alts += [told["alt"]] if told.get("alt") else []
        self.targets += [value for key, value in attributes if key in ("href", "src", "srcset", "data") and value]

    def handle_endtag(self, tag: str) -> None:
        assert self.open.pop() == tag

    def handle_data(self, data: str) -> None:
        self.text.append(data)

    @property
    def words(self) -> str:
        return " ".join(self.text)


def read(run: Run, **options: object) -> Reader:
    return Reader(report(run, **options)[0])  # type: ignore[arg-type]


def test_the_page_is_well_formed_and_on_its_own(timed: Run) -> None:
    page, missing = report(timed)
    found = Reader(page)
    assert missing == []
    assert page.startswith("<!DOCTYPE html>")
    assert not {"script", "iframe", "object", "embed"} & set(found.tags)
    for target in found.targets:
        assert target.startswith(("#part-", "data:"))
    assert not re.search(r"https?:|@import|url\(", page)
    assert len(found.ids) == len(set(found.ids))
    assert {target[1:] for target in found.targets if target.startswith("#")} == set(found.ids)


def test_every_table_and_picture_is_there(timed: Run) -> None:
    found = read(timed)
    for grid in (*grids(timed), stall_grid(timed), port_grid(timed)):
        assert grid.title in found.words
        for row in grid.rows:
            assert all(cell in found.words for cell in row)
    assert found.tags.count("img") == 8
    assert all(found.alts)
    for said in ("n was clipped", "table_x", "POOL", "source: made up", "assumed: round number", "0.1.0", "abc"):
        assert said in found.words


def test_the_same_run_gives_the_same_page(timed: Run) -> None:
    assert report(timed) == report(timed)


def test_fifty_layers_are_all_named_and_escaped(fifty: Run) -> None:
    page, _ = report(fifty)
    found = Reader(page)
    for name in fifty.layers:
        assert name in found.words
    assert "<b>" not in page
    assert "47 other layers with MACs are not" in found.words
    assert len(page) < 3_000_000


def test_named_layers_are_pictured(fifty: Run) -> None:
    found = read(fifty, layers=["conv40", "<b>&amp;"])
    assert "CONV40: utilization over time" in found.alts
    assert "<b>&amp;: utilization over time" in found.alts
    assert sum(alt.endswith(": utilization over time") for alt in found.alts) == 2


def test_names_of_the_run_are_escaped(timed: Run) -> None:
    page, _ = report(replace(timed, workload="<script>alert(1)</script>", notes=("<i>", "\"'&")))
    Reader(page)
    assert "<script>" not in page
    assert "<i>" not in page


def test_what_is_not_in_the_numbers_stands_in_the_summary(timed: Run) -> None:
    found = read(replace(timed, interrupted=True, relax=("dram",)))
    for said in ("layers that no part of this machine runs: 1", "was interrupted", "unlimited rate: dram"):
        assert said in found.words
    nothing = read(replace(timed, not_simulated=()))
    assert "Nothing: every layer" in nothing.words


def test_older_results_say_what_is_missing(timed: Run) -> None:
    bare = replace(timed, layers=Layers(tuple(replace(x, windows={}) for x in timed.layers.values())))
    page, missing = report(bare)
    found = Reader(page)
    assert found.tags.count("img") == 3
    assert len(missing) == 5
    assert all(line in found.words for line in missing)


def test_vector_layers_only(timed: Run) -> None:
    found = read(replace(timed, layers=Layers((timed.layers["RELU"],))))
    assert found.tags.count("img") == 3
    assert "Shown: no layers." in found.words


def test_an_empty_run_is_refused(timed: Run) -> None:
    with pytest.raises(InputError, match="at least one simulated layer was expected"):
        report(replace(timed, layers=Layers(())))


def test_traces_beside_it_are_named(timed: Run, tmp_path: Path) -> None:
    assert "trace.json.gz" not in read(timed, beside=tmp_path).words
    (tmp_path / "trace.json.gz").write_bytes(b"")
    assert "Stall trace beside this report: trace.json.gz" in read(timed, beside=tmp_path).words


def test_tables_of_ones_own(timed: Run) -> None:
    found = read(timed, extra=[Grid("Evaluation", ("a", "b"), (("x<y", "1"),))])
    assert "Evaluation sheet" in found.words
    assert "x<y" in found.words


def test_stalls_and_ports_in_percent(timed: Run) -> None:
    stalls = stall_grid(timed)
    assert stalls.columns == ("layer", "stall_input: input_in", "stall_input: dram")
    assert stalls.rows[0] == ("CONV1-1", "37.5", "12.5")  # 150 and 50 of 400 PE-cycles
    busy = dict(zip(port_grid(timed).columns, port_grid(timed).rows[0], strict=True))
    assert busy == {
        "layer": "CONV1-1", "glb.read": "20.0", "weight_in": "45.0", "input_in": "70.0", "psum_out": "70.0", "dram.link": "50.0"
    }  # fmt: skip


def test_a_page_that_cannot_be_written_leaves_the_old_one(timed: Run, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    path = tmp_path / "a.html"
    path.write_text("before")

    def full(self: Path, text: str, **_: object) -> int:
        self.write_bytes(text[:10].encode())
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(Path, "write_text", full)
    with pytest.raises(InputError, match="No space left on device"):
        write_report(timed, path)
    assert [p.name for p in tmp_path.iterdir()] == ["a.html"]
    assert path.read_bytes() == b"before"


def test_markdown_cells_cannot_end_a_column() -> None:
    lines = markdown_grid(Grid("t*", ("a", "b"), (("x|y", "1\n2"),))).splitlines()
    assert lines == [r"**t\***", "", "| a | b |", "| --- | --- |", r"| x\|y | 1 2 |"]
