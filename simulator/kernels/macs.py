"""The multiply-accumulates of a schedule on real operands: what every PE's psum scratchpad holds, and when.

One call runs all passes of one output tile of the innermost buffer. Whenever a PE's output tile changes, the sums
of each chain of PEs run from its tail to its head, and the head writes them into the buffer's tile; the tails of
the next one start from what the buffer holds, or from zero where nothing was summed before. Offsets are sums of
those of pass, step, PE and term, because an index of every operand is linear in the loops.
"""

from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from simulator.kernels._jit import jit, stage

A = NDArray[np.int64]

# Pass rows: its steps, offsets of its weights, inputs and outputs, whether no sums were made before, whether it opens an output tile.
PASS_STEP, PASS_END, PASS_W, PASS_I, PASS_O, PASS_FIRST, PASS_NEW = range(7)
# Step rows, relative to the pass.
STEP_KIND, STEP_W, STEP_I, STEP_O, STEP_FIRST, STEP_NEW = range(6)
# Work rows, relative to the step, from tail to head of each chain. UP: the PE whose sums come in, or -1. HEAD: it writes back.
WORK_PE, WORK_UP, WORK_HEAD, WORK_W, WORK_I, WORK_O, WORK_SHAPE = range(7)
# Shape rows: places of its words in the buffer's tile, its terms, and the innermost loop that they share: length and strides.
OUT_START, OUT_COUNT, TERM_START, TERM_END, RUN, RUN_W, RUN_I, RUN_O = range(8)
TERM_W, TERM_I, TERM_O = range(3)


class MacTables(NamedTuple):
    """The schedule of a layer; one row per pass is handed in beside it."""

    step: A  # [steps of all pass types, 6]
    kind: A  # [K, 2] first and last + 1 work row
    work: A  # [W, 7]
    shape: A  # [shapes of a PE's block, 8]
    term: A  # [T, 3] offsets of weights and inputs, relative to the PE's block; of psums, in its scratchpad
    place: A  # [P] offset in the buffer's tile of every word of a scratchpad, relative to the PE's block


@stage
def open_tile(t: MacTables, kind: int, at: int, first: int, psums: A, tile: A) -> None:
    """Start an output tile in every PE: tails from the buffer's sums, all others from zero."""
    for i in range(t.kind[kind, 0], t.kind[kind, 1]):
        pe, start, count = t.work[i, WORK_PE], t.shape[t.work[i, WORK_SHAPE], OUT_START], t.shape[t.work[i, WORK_SHAPE], OUT_COUNT]
        reads, base = t.work[i, WORK_UP] < 0 and first == 0, at + t.work[i, WORK_O]
        for k in range(count):
            psums[pe, k] = tile[base + t.place[start + k]] if reads else 0


@stage
def close_tile(t: MacTables, kind: int, at: int, psums: A, tile: A) -> None:
    """Run the sums up every chain; its head writes them into the buffer's tile."""
    for i in range(t.kind[kind, 0], t.kind[kind, 1]):
        pe, up, base = t.work[i, WORK_PE], t.work[i, WORK_UP], at + t.work[i, WORK_O]
        start, count = t.shape[t.work[i, WORK_SHAPE], OUT_START], t.shape[t.work[i, WORK_SHAPE], OUT_COUNT]
        for k in range(count):
            if up >= 0:
                psums[pe, k] += psums[up, k]
            if t.work[i, WORK_HEAD] != 0:
                tile[base + t.place[start + k]] = psums[pe, k]


@jit
def run_passes(t: MacTables, passes: A, psums: A, tile: A, weights: A, inputs: A) -> int:
    """Run ``passes`` ([n, 7]) on flat operands; returns how many MACs had a zero input.

    ``psums`` [PEs, words] are the scratchpads, ``tile`` the flat output tile of the buffer; both are changed.
    """
    zeros, kind, at = 0, -1, 0
    for p in range(passes.shape[0]):
        for j in range(passes[p, PASS_STEP], passes[p, PASS_END]):
            if (passes[p, PASS_NEW] if j == passes[p, PASS_STEP] else t.step[j, STEP_NEW]) != 0:
                if kind >= 0:
                    close_tile(t, kind, at, psums, tile)
                kind, at = t.step[j, STEP_KIND], passes[p, PASS_O] + t.step[j, STEP_O]
                open_tile(t, kind, at, passes[p, PASS_FIRST] * t.step[j, STEP_FIRST], psums, tile)
            for i in range(t.kind[t.step[j, STEP_KIND], 0], t.kind[t.step[j, STEP_KIND], 1]):
                sums, shape = psums[t.work[i, WORK_PE]], t.work[i, WORK_SHAPE]
                w0 = passes[p, PASS_W] + t.step[j, STEP_W] + t.work[i, WORK_W]
                i0 = passes[p, PASS_I] + t.step[j, STEP_I] + t.work[i, WORK_I]
                n, by_w, by_i, by_o = t.shape[shape, RUN], t.shape[shape, RUN_W], t.shape[shape, RUN_I], t.shape[shape, RUN_O]
                for m in range(t.shape[shape, TERM_START], t.shape[shape, TERM_END]):
                    w, x, o = w0 + t.term[m, TERM_W], i0 + t.term[m, TERM_I], t.term[m, TERM_O]
                    if by_i == 0:  # one input, filters side by side
                        value = np.int64(inputs[x])
                        if value == 0:
                            zeros += n
                        else:
                            for k in range(n):
                                sums[o + k] += value * weights[w + k]
                    elif by_o == 0:  # one psum
                        total = np.int64(0)
                        for k in range(n):
                            zeros += inputs[x + k * by_i] == 0
                            total += np.int64(inputs[x + k * by_i]) * weights[w + k * by_w]
                        sums[o] += total
                    else:  # psums side by side
                        for k in range(n):
                            zeros += inputs[x + k * by_i] == 0
                            sums[o + k] += np.int64(inputs[x + k * by_i]) * weights[w + k * by_w]
    if kind >= 0:
        close_tile(t, kind, at, psums, tile)
    return zeros
