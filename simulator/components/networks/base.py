"""The contract of a network: what it carries between which parts, and in which order words leave."""

from dataclasses import dataclass
from typing import ClassVar

import numpy as np
from numpy.typing import NDArray
from pydantic import Field

from simulator.components.base import Arbitrated, CountOrZero, DataTypes, Rate

Ints = NDArray[np.int64]


@dataclass(frozen=True, slots=True)
class Delivery:
    """One step's words as a network moves them: a row of its route table.

    ``port_words`` cross the port in all. PEs with the same words are one ``group[pe]``; the group's ``i``-th
    word has crossed when ``position[i, group]`` words have (0: it has no such word), and the PE has it
    ``extra_latency[pe]`` cycles later. ``prefix[a]`` words have crossed when every PE got its first ``a``
    words; ``hops`` counts words × links for the energy.
    """

    port_words: int
    group: Ints
    position: Ints
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

    multicast: ClassVar[bool] = True
    """Whether a word that several PEs need crosses once, and not once for each of them."""

    def deliver(self, needs: list[Ints], rows: int, columns: int) -> Delivery:
        """Order the words of one step on the port. ``needs`` has rows × columns entries."""
        raise NotImplementedError

    def chains(self, rows: int, columns: int) -> Ints | None:
        """Between PEs: the PE that each PE passes its psums to, -1 at the end; None otherwise."""
        return None


def interleave(needs: list[Ints], *, multicast: bool) -> Delivery:
    """Deliver word by word, round-robin over PEs: every PE's first word, then every PE's second, ...

    With ``multicast`` a word that several PEs need crosses once, in the first place where one needs it.
    PEs that share one array of words cost no more than one of them.
    """
    counts = np.array([len(words) for words in needs], dtype=np.int64)
    total = int(counts.sum())
    none = np.zeros(len(needs), dtype=np.int64)
    if total == 0:
        return Delivery(0, none, np.zeros((0, 1), dtype=np.int64), none, none[:1], 0)
    if not multicast:
        position, prefix = _one_by_one(counts)
        return Delivery(total, np.arange(len(needs)), position, none, prefix, total)
    shared = {id(words): words for words in needs}
    position, prefix = _each_once(list(shared.values()))
    number = {key: i for i, key in enumerate(shared)}
    group = np.array([number[id(words)] for words in needs], dtype=np.int64)
    return Delivery(int(prefix[-1]), group, position, none, prefix, total)


def _one_by_one(counts: Ints) -> tuple[Ints, Ints]:
    """(position, prefix) where every word of every PE crosses on its own."""
    there = counts > np.arange(int(counts.max()))[:, None]
    position = np.where(there, there.ravel().cumsum().reshape(there.shape), 0)
    return position, np.concatenate((np.zeros(1, dtype=np.int64), there.sum(axis=1).cumsum()))


def _each_once(lists: list[Ints]) -> tuple[Ints, Ints]:
    """(position, prefix) where every distinct word crosses once; positions are per list.

    A list stands for all PEs that share it: the first of them needs each word first.
    """
    counts = np.array([len(words) for words in lists], dtype=np.int64)
    there = np.arange(int(counts.max())) < counts[:, None]
    table = np.zeros(there.shape, dtype=np.int64)
    table[there] = _dense(np.concatenate(lists))
    ids, turns = table.T[there.T], np.arange(int(counts.sum()))
    first = np.empty(int(ids.max()) + 1, dtype=np.int64)
    first[ids[::-1]] = turns[::-1]  # the last assignment stays: the earliest turn
    rank = (first[ids] == turns).cumsum()
    position = np.zeros(there.T.shape, dtype=np.int64)
    position[there.T] = rank[first[ids]]
    prefix = np.concatenate((np.zeros(1, dtype=np.int64), np.maximum.accumulate(position.max(axis=1))))
    return position, prefix


def _dense(ids: Ints) -> Ints:
    """The same words under small numbers from 0."""
    low, high = int(ids.min()), int(ids.max())
    if high - low < max(4 * len(ids), 1 << 16):
        return ids - low
    return np.unique(ids, return_inverse=True)[1].astype(np.int64)
