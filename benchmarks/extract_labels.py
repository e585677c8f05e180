"""Which blocks of a page are in the text that a benchmark names as its main content, for extract_train.py.

An alignment of the page's words with the truth's, which keeps their order and prefers long runs: a word that continues
a run counts 1, one that begins it 0.3. In blocks of four words and more, words in no run of three don't count. A block
that stands in another order counts where 80 % of its runs of three are in the truth, while its words are still free.
"""

import re
from collections import Counter
from collections.abc import Sequence
from typing import Any

import numpy as np
import numpy.typing as npt

from dspipe.kernels.jit import jit

WORD = re.compile(r"\w+")
MOST_CELLS = 1_500_000_000
"""Of the alignment's table, a byte each."""


@jit
def _align(page, truth):  # type: ignore[no-untyped-def]
    """Which words of both (int32) the heaviest common subsequence takes: two uint8 arrays."""
    rows, columns = len(page), len(truth)
    steps = np.zeros((rows + 1, columns + 1), np.uint8)  # 1: matched here, 2: from above, 4: the match continues a run
    above, run_above = np.zeros(columns + 1, np.float32), np.full(columns + 1, -1e9, np.float32)
    here, run_here = np.zeros(columns + 1, np.float32), np.full(columns + 1, -1e9, np.float32)
    for i in range(1, rows + 1):
        here[0], run_here[0] = 0, -1e9
        for j in range(1, columns + 1):
            step = 0
            if page[i - 1] == truth[j - 1]:
                begun, continued = above[j - 1] + 0.3, run_above[j - 1] + 1.0
                if continued >= begun:
                    run_here[j] = continued
                    step = 4
                else:
                    run_here[j] = begun
            else:
                run_here[j] = -1e9
            best = here[j - 1]
            if above[j] > best:
                best, step = above[j], step | 2
            if run_here[j] > best:
                best, step = run_here[j], (step | 1) & ~2
            here[j] = best
            steps[i, j] = step
        above, here = here, above
        run_above, run_here = run_here, run_above
    page_hits, truth_hits = np.zeros(rows, np.uint8), np.zeros(columns, np.uint8)
    i, j, in_run = rows, columns, False
    while i > 0 and j > 0:
        step = steps[i, j]
        if in_run or step & 1:
            page_hits[i - 1] = truth_hits[j - 1] = 1
            in_run = step & 4 != 0
            i, j = i - 1, j - 1
        elif step & 2:
            i -= 1
        else:
            j -= 1
    return page_hits, truth_hits


def label_blocks(texts: Sequence[str], truth: str) -> npt.NDArray[np.float64]:
    """The share of each text's words that are in the truth: float64[texts]. Raises MemoryError for pages too long."""
    vocabulary: dict[str, int] = {}
    blocks = [[vocabulary.setdefault(word, len(vocabulary)) for word in WORD.findall(t.lower())] for t in texts]
    wanted = [vocabulary.setdefault(word, len(vocabulary)) for word in WORD.findall(truth.lower())]
    words, goal = np.array([w for b in blocks for w in b], np.int32), np.array(wanted, np.int32)
    if len(words) * len(goal) > MOST_CELLS:
        raise MemoryError(f"{len(words)} words against {len(goal)}")
    hits, used = _align(words, goal)
    triples: set[tuple[int, ...]] = set(zip(wanted, wanted[1:], wanted[2:], strict=False))
    free = Counter(goal[used == 0].tolist())
    shares, at = np.zeros(len(texts)), 0
    for i, block in enumerate(blocks):
        hit = hits[at : at + len(block)].astype(bool)
        at += len(block)
        if block:
            shares[i] = _matched(block, hit, triples, free) / len(block)
    return shares


def _matched(block: list[int], hit: npt.NDArray[np.bool_], triples: set[tuple[int, ...]], free: "Counter[Any]") -> int:
    found = int(hit.sum())
    if len(block) < 4:
        return found
    in_run = np.zeros(len(block), bool)
    for k, triple in enumerate(zip(block, block[1:], block[2:], strict=False)):
        if triple in triples:
            in_run[k : k + 3] = True
    if found < 0.6 * len(block) and in_run.mean() > 0.8:
        taken = Counter(block) & free
        if taken.total() > 0.7 * len(block):
            free.subtract(taken)
            return max(found, taken.total())
    elif not in_run.any():
        return 0
    else:
        return int((hit & (in_run | (found > 0.8 * len(block)))).sum())
    return found
