"""What each mechanism of Eyeriss v1 costs in AlexNet's convolutions, and what is left unexplained.

`python benchmarks/mechanisms.py` prints the tables of DESIGN.md, "Eyeriss v1: what costs how much";
`--into DESIGN.md` puts them there, between the two lines that are marked. A change is one of the shipped
architecture: of a value, or a part gets an unlimited rate. The mapping stays.
"""

import argparse
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import simulator
from simulator.errors import InputError
from simulator.mapping.nest import INDEX
from simulator.report.result import LayerResult
from simulator.validation.case import Case, load_case

CASE = "eyeriss_v1_alexnet"
OVERLAPPED = ("dram",)
"""What is relaxed for processing latency: the chip's paper counts it as if DRAM were fully overlapped."""
THOUSAND, BYTES_PER_MB = 1e3, 1e6
BEGIN, END = "<!-- python benchmarks/mechanisms.py -->", "<!-- end of the tables -->"


@dataclass(frozen=True, slots=True)
class StepWords:
    """Words that one PE needs for one step of a layer: its weights, its input window and its psums."""

    weight: int
    input: int
    psum: int


Changes = Callable[[StepWords], dict[str, Any]]


def always(**changes: Any) -> Changes:
    """The same changes of the architecture for every layer."""
    return lambda _: changes


UNCHANGED = always()
BOTH, PROCESSING, TOTAL = ("processing", "total"), ("processing",), ("total",)
"""Latencies in which a mechanism shows: those between DRAM and buffers only in the total one."""


@dataclass(frozen=True, slots=True)
class Mechanism:
    """A mechanism, and the change of the architecture that it is held against.

    ``changes`` are for `Architecture.replace`, ``relax`` has unlimited rates, ``instead`` is both in words.
    They take the mechanism away, or make it scarcer.
    """

    name: str
    instead: str
    changes: Changes = UNCHANGED
    relax: tuple[str, ...] = ()
    shows_in: tuple[str, ...] = PROCESSING


PE = "array__pe__"
BUSES = ("weight_in", "input_in", "psum_in", "psum_out")


def no_spare_room(words: StepWords) -> dict[str, Any]:
    """Scratchpads and FIFOs that hold one step's words and nothing else."""
    return {
        f"{PE}weight_words": words.weight, f"{PE}weight_fifo_words": 0, f"{PE}input_words": words.input,
        f"{PE}input_fifo_words": 0, f"{PE}psum_in_fifo_words": words.psum,
        f"{PE}psum_out_fifo_words": words.psum,
    }  # fmt: skip


def much_room(words: StepWords) -> dict[str, Any]:
    """Room for another pass's weights, another window and two more tiles of psums."""
    return {
        f"{PE}weight_fifo_words": words.weight, f"{PE}input_fifo_words": words.input,
        f"{PE}psum_in_fifo_words": 3 * words.psum, f"{PE}psum_out_fifo_words": 3 * words.psum,
    }  # fmt: skip


def small_fifos(words: StepWords) -> dict[str, Any]:
    """FIFOs of one step's psums, the least that the engine takes, and none for weights and inputs."""
    return {key: value for key, value in no_spare_room(words).items() if "fifo" in key}


def rate(network: str, words_per_cycle: int | str) -> Changes:
    """Another width of a network."""
    return always(**{f"networks__{network}__words_per_cycle": words_per_cycle})


def weight_banks(banks: int) -> Changes:
    """Another size of the weights' prefetch buffer."""
    return always(memories__weight_buffer__banks=banks)


PLAIN = always(memories__dram__codecs={})


WEIGHT_BUS, INPUT_BUS = ("weight_in", "weight_buffer.read"), ("input_in", "glb.input_read")
PSUMS_IN, PSUMS_OUT = ("psum_in", "glb.output_read"), ("psum_out", "glb.output_write")
"""Each network with the port of its buffer, which is as wide."""

MECHANISMS = (
    Mechanism("weight bus, 4 words per cycle", "unlimited", relax=WEIGHT_BUS),
    Mechanism("", "1 word", rate("weight_in", 1)),
    Mechanism("input bus, 1 word per cycle, over which windows are filled", "unlimited", relax=INPUT_BUS),
    Mechanism("", "a word every second cycle", rate("input_in", "1/2")),
    Mechanism("psums into the array, 4 words per cycle", "unlimited", relax=PSUMS_IN),
    Mechanism("", "1 word", rate("psum_in", 1)),
    Mechanism("psums out of the array, 4 words per cycle", "unlimited", relax=PSUMS_OUT),
    Mechanism("", "1 word", rate("psum_out", 1)),
    Mechanism("psum links along a column, 4 words per cycle", "unlimited", relax=("psum_local",)),
    Mechanism("first psums come from the buffer, too", "they start at zero",
              always(array__initial_psums="zero")),
    Mechanism("incoming psums take cycles of a PE's adder", "an adder of their own",
              always(array__pe__adder="private")),
    Mechanism("multicast of weights", "a word per PE", always(networks__weight_in__kind="unicast_bus")),
    Mechanism("multicast of inputs", "a word per PE", always(networks__input_in__kind="unicast_bus")),
    Mechanism("room in a PE: what crosses before it is due", "for a step more", much_room),
    Mechanism("", "for one step only", no_spare_room),
    Mechanism("", "the same, input bus unlimited", no_spare_room, relax=INPUT_BUS),
    Mechanism("", "the same, weight bus unlimited", no_spare_room, relax=WEIGHT_BUS),
    Mechanism("FIFOs at the PEs' ports", "for one step's psums, no other", small_fifos),
    Mechanism("PEs not in lock-step", "they wait for each other between passes",
              always(array__pass_barrier=True)),
    Mechanism("pipeline of 3 stages", "1 stage", always(array__pe__pipeline_cycles=1)),
    Mechanism("buses with 1 cycle of latency", "none",
              always(**{f"networks__{bus}__latency_cycles": 0 for bus in BUSES})),
    Mechanism("configuration through the scan chain", "none", always(configuration=None), shows_in=BOTH),
    Mechanism("DRAM link, 8 bytes at 60 MHz", "unlimited", relax=OVERLAPPED, shows_in=TOTAL),
    Mechanism("", "8 bytes at 200 MHz", always(memories__dram__clock_mhz=200), shows_in=TOTAL),
    Mechanism("run-length coding of feature maps", "plain", PLAIN, shows_in=TOTAL),
    Mechanism("inputs and outputs do not overlap with passes", "they do where two tiles fit",
              always(memories__glb__single_buffered=[]), shows_in=TOTAL),
    Mechanism("prefetch buffer of weights, 2 banks", "4 banks", weight_banks(4), shows_in=TOTAL),
    Mechanism("", "1 bank", weight_banks(1), shows_in=TOTAL),
)  # fmt: skip
"""Without a name: another change of the one before."""


class Ablation:
    """The case's layers, with all mechanisms and without some."""

    def __init__(self) -> None:
        self.case: Case = load_case(CASE)
        self.processing, self.total = self.case.simulate(relax=OVERLAPPED), self.case.simulate()

    @property
    def layers(self) -> tuple[str, ...]:
        """Names of the layers."""
        return tuple(self.case.rows)

    def step_words(self, layer: str) -> StepWords:
        """What one PE needs for a step, from the layer's mapping."""
        extents = self.processing.mappings[layer].pe_extents
        taps, channels, filters = (extents[INDEX[d]] for d in ("S", "C", "M"))
        return StepWords(taps * channels * filters, taps * channels, filters)

    def without(self, mechanism: Mechanism, layer: str, relax: Sequence[str] = ()) -> LayerResult | None:
        """A layer on the machine without a mechanism; None where it no longer fits."""
        try:
            machine = self.case.machine.replace(**mechanism.changes(self.step_words(layer)))
            run = simulator.simulate(
                machine, self.case.network, batch=self.case.run.batch, layers=[layer],
                relax={*mechanism.relax, *relax},
            )  # fmt: skip
        except InputError:
            return None
        return run.layers[layer]


def row(*cells: object) -> str:
    """A line of a Markdown table."""
    return f"| {' | '.join(str(cell) for cell in cells)} |"


def head(*cells: str) -> list[str]:
    """A header and the line below; all columns but the first are numbers."""
    return [row(*cells), row("---", *["--:"] * (len(cells) - 1))]


def thousands(cycles: float) -> str:
    """Thousands of cycles with a sign; a dash for none at all."""
    if abs(cycles) < THOUSAND / 20:
        return "<0.1" if cycles else "-"
    return f"{cycles / THOUSAND:+,.1f}"


def gains(ablation: Ablation, mechanism: Mechanism, latency: str) -> Iterator[str]:
    """Cycles that each layer gains by a change; negative where it loses."""
    base, relax = (ablation.total, ()) if latency == "total" else (ablation.processing, OVERLAPPED)
    for layer in ablation.layers:
        result = ablation.without(mechanism, layer, relax)
        yield "does not fit" if result is None else thousands(base.layers[layer].cycles - result.cycles)


def gain_table(ablation: Ablation, latency: str) -> Iterator[str]:
    """All changes that show in one latency."""
    base = ablation.total if latency == "total" else ablation.processing
    yield from head("mechanism", "instead", *ablation.layers)
    cycles = (f"{base.layers[layer].cycles / THOUSAND:,.1f}" for layer in ablation.layers)
    yield row(f"({latency} latency with all of them)", "", *cycles)
    for mechanism in MECHANISMS:
        if latency in mechanism.shows_in:
            yield row(mechanism.name, mechanism.instead, *gains(ablation, mechanism, latency))


def coding_table(ablation: Ablation) -> Iterator[str]:
    """DRAM traffic with and without the run-length codec."""
    plain = Mechanism("run-length coding", "plain", PLAIN)
    yield from head("DRAM MB", *ablation.layers)
    coded = (ablation.total.layers[layer].bytes_dram for layer in ablation.layers)
    found = (ablation.without(plain, layer) for layer in ablation.layers)
    yield row("chip", *ablation.case.quantities["dram_mb"].published.values())
    yield row("coded", *(f"{count / BYTES_PER_MB:.2f}" for count in coded))
    yield row("plain", *("" if x is None else f"{x.bytes_dram / BYTES_PER_MB:.2f}" for x in found))


def percents(parts: Sequence[float], wholes: Sequence[float], digits: int = 1) -> Iterator[str]:
    """Shares in percent."""
    for part, whole in zip(parts, wholes, strict=True):
        yield f"{100 * part / whole:.{digits}f}"


def utilization_table(ablation: Ablation) -> Iterator[str]:
    """What becomes of the peak: PEs without work, cycles outside the passes, and what a PE with work does."""
    results = [ablation.processing.layers[layer] for layer in ablation.layers]
    peak = [x.pes * x.cycles for x in results]
    inside = [n - x.pe_cycles["between"] for n, x in zip(peak, results, strict=True)]
    working = [n - x.pe_cycles["unmapped"] for n, x in zip(inside, results, strict=True)]
    macs = [x.pe_cycles["mac"] for x in results]
    yield from head("processing latency, %", *ablation.layers)
    yield row("utilization of the chip", *percents(macs, [n * c for n, c in chip_peaks(ablation)]))
    yield row("utilization here", *percents(macs, peak))
    yield row("= PEs with work, of 168", *percents(working, inside))
    yield row("x `mac`, of the cycles of PEs with work", *percents(macs, working))
    yield row("x cycles that are not `between`", *percents(inside, peak))
    for name in results[0].pe_cycles:
        counts = [x.pe_cycles[name] for x in results]
        if name not in ("mac", "unmapped", "between") and max(counts) > 0:
            yield row(f"`{name}`, of the cycles of PEs with work", *percents(counts, working, 2))


def published_cycles(ablation: Ablation, quantity: str = "processing_ms") -> dict[str, float]:
    """Cycles of the chip, by layer."""
    milliseconds = ablation.case.quantities[quantity].published
    return {layer: ms * THOUSAND * ablation.case.machine.clock_mhz for layer, ms in milliseconds.items()}


def chip_peaks(ablation: Ablation) -> list[tuple[int, float]]:
    """(PEs, processing cycles of the chip) of every layer."""
    return [(ablation.case.machine.array.pes, cycles) for cycles in published_cycles(ablation).values()]


def rest_table(ablation: Ablation) -> Iterator[str]:
    """Processing cycles of the chip and here, per layer and per pass, and what is left unexplained."""
    results = [ablation.processing.layers[layer] for layer in ablation.layers]
    passes = [x.passes for x in results]
    here, chip = [x.cycles for x in results], list(published_cycles(ablation).values())
    rest = [a - b for a, b in zip(here, chip, strict=True)]
    busy = [(x.pe_cycles["mac"] + x.pe_cycles["accumulate"]) / x.mean_active_pes for x in results]

    def per_pass(counts: Sequence[float], style: str = ",.0f") -> Iterator[str]:
        return (f"{count / n:{style}}" for count, n in zip(counts, passes, strict=True))

    yield from head("processing latency", *ablation.layers)
    yield row("chip, thousands of cycles", *(f"{cycles / THOUSAND:,.0f}" for cycles in chip))
    yield row("here, thousands of cycles", *(f"{cycles / THOUSAND:,.0f}" for cycles in here))
    yield row("**unexplained**: here - chip", *(f"{cycles / THOUSAND:+,.0f}" for cycles in rest))
    yield row("the same, % of the chip's", *(f"{100 * a / b:+.1f}" for a, b in zip(rest, chip, strict=True)))
    yield row("passes", *(f"{n:,}" for n in passes))
    yield row("chip, cycles per pass", *per_pass(chip))
    yield row("here, cycles per pass", *per_pass(here))
    yield row("`mac` + `accumulate` of a PE, per pass", *per_pass(busy))
    yield row("unexplained per pass", *per_pass(rest, "+,.0f"))
    chip_total = published_cycles(ablation, "total_ms").values()
    added = [a - b for a, b in zip(chip_total, chip, strict=True)]
    added_here = [ablation.total.layers[x.name].cycles - x.cycles for x in results]
    yield row("total - processing, chip, thousands", *(f"{cycles / THOUSAND:,.0f}" for cycles in added))
    yield row("total - processing, here, thousands", *(f"{cycles / THOUSAND:,.0f}" for cycles in added_here))


def page(ablation: Ablation) -> str:
    """All tables as they stand in DESIGN.md."""
    gained = "thousands of cycles gained by the change (lost where negative)"
    parts = {
        f"Processing latency (DRAM overlapped), {gained}:": gain_table(ablation, "processing"),
        f"Total latency, {gained}:": gain_table(ablation, "total"),
        "What the codec saves on the DRAM link:": coding_table(ablation),
        "What becomes of the peak:": utilization_table(ablation),
        "What is left:": rest_table(ablation),
    }
    return "\n\n".join("\n".join([title, "", *lines]) for title, lines in parts.items())


def put_into(path: Path, text: str) -> None:
    """Put the tables between the marked lines of a file."""
    before, rest = path.read_text(encoding="utf-8").split(BEGIN)
    after = rest.split(END)[1]
    path.write_text(f"{before}{BEGIN}\n\n{text}\n\n{END}{after}", encoding="utf-8")


def main() -> None:
    """Print the tables, or put them into a file."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--into", type=Path, help="a file with the two marked lines")
    arguments = parser.parse_args()
    text = page(Ablation())
    if arguments.into is None:
        print(text)
    else:
        put_into(arguments.into, text)


if __name__ == "__main__":
    main()
