"""The contract of a network: what it carries between which parts, and in which order words leave."""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from pydantic import Field

from simulator.components.base import Arbitrated, CountOrZero, DataTypes, Rate

Ints = NDArray[np.int64]


@dataclass(frozen=True, slots=True)
class Delivery:
    """One step's words as a network moves them: a row of its route table.

    ``port_words`` cross the port in all. A PE has everything it needs when ``complete[pe]`` words have
    crossed (0: it needs none) and ``extra_latency[pe]`` more cycles have passed. ``prefix[a]`` words have
    crossed when every PE got its first ``a`` words; ``hops`` counts words × links for the energy.
    """

    port_words: int
    complete: Ints
    extra_latency: Ints
    prefix: Ints
    hops: int


class Network(Arbitrated):
    """A set of wires with a finite rate. Subclass, register a kind, implement `deliver`: a new network.

    ``deliver`` gets, for each PE (row-major), the ids of the words that it needs in the order in which it
    uses them; equal ids are the same word. For a network that collects, the same ids are what PEs send.
    """

    kind: str
    carries: DataTypes
    source: str = Field(alias="from", description="name of a memory, or `array`")
    target: str = Field(alias="to", description="name of a memory, or `array`")
    words_per_cycle: Rate
    latency_cycles: CountOrZero = 0

    def deliver(self, needs: list[Ints], rows: int, columns: int) -> Delivery:
        """Order the words of one step on the port. ``needs`` has rows × columns entries."""
        raise NotImplementedError

    def chains(self, rows: int, columns: int) -> Ints | None:
        """Between PEs: the PE that each PE passes its psums to, -1 at the end; None otherwise."""
        return None


def interleave(needs: list[Ints], *, multicast: bool) -> Delivery:
    """Deliver word by word, round-robin over PEs: every PE's first word, then every PE's second, ...

    With ``multicast`` a word that several PEs need crosses once, in the first place where one needs it.
    """
    counts = np.array([len(words) for words in needs], dtype=np.int64)
    total = int(counts.sum())
    none = np.zeros(len(needs), dtype=np.int64)
    if total == 0:
        return Delivery(0, none, none, np.zeros(1, dtype=np.int64), 0)
    owner = np.repeat(np.arange(len(needs)), counts)
    ids = np.concatenate(needs)
    local = np.concatenate([np.arange(n) for n in counts])
    order = np.lexsort((owner, local))
    ids, local, owner = ids[order], local[order], owner[order]
    if multicast:
        _, first, inverse = np.unique(ids, return_index=True, return_inverse=True)
        rank = np.empty(len(first), dtype=np.int64)
        rank[np.argsort(first, kind="stable")] = np.arange(len(first))
        position = rank[inverse] + 1
    else:
        position = np.arange(1, total + 1)
    complete = np.zeros(len(needs), dtype=np.int64)
    np.maximum.at(complete, owner, position)
    prefix = np.zeros(int(counts.max()) + 1, dtype=np.int64)
    np.maximum.at(prefix, local + 1, position)
    prefix = np.maximum.accumulate(prefix)
    crossing = int(position.max())
    return Delivery(crossing, complete, none, prefix, total)
