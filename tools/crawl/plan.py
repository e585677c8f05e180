"""Who is a copy of whom in a crawl that is to be made: decided before a page is written.

The target is Table 1 of DeepSeek LLM (https://arxiv.org/abs/2401.02954): of one dump 22.2 % of the documents are
removed, of 91 dumps together 89.8 %. A curve with two parameters goes through both: `D` dumps of `n` documents hold
`n (1 - within) D^b` different ones, with `b` such that 91 dumps lose 89.8 %. In between the paper's own figures lie up
to 10 points away (46.7 % of 2 dumps where the curve has 43.1 %, 55.7 % of 6 where it has 65.3 %).

So dump `D` brings the new pages that the curve grows by; the rest of its different pages were in an earlier dump, each
with the same probability; and `within` of its captures repeat a page of the same dump, a few pages very often (Zipf).
"""

import math
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from tools.crawl.draws import key, keys, units

ORIGINAL, EXACT, NEAR = 0, 1, 2
KINDS = ("original", "exact", "near")
WHOLE, TRUNCATED, WRONG_LENGTH, BAD_CHARSET, EMPTY = range(5)
BROKEN = ("", "truncated member", "wrong content-length", "bad charset", "empty body")
_OFTEN = 100.0
"""how flat the head of the distribution of repeats is: of 1e5 repeats the page repeated most takes about 150"""
Ints = npt.NDArray[np.int64]


@dataclass(frozen=True)
class Curve:
    """The shares of documents that are copies. within: of one dump; overall: of `over` dumps together."""

    within: float = 0.222
    overall: float = 0.898
    over: int = 91

    @property
    def exponent(self) -> float:
        """`b` above."""
        return 1 + math.log((1 - self.overall) / (1 - self.within)) / math.log(self.over)

    def different(self, dumps: int) -> float:
        """The different pages of so many dumps, in captures of one dump."""
        return (1 - self.within) * dumps**self.exponent if dumps else 0.0

    def removed(self, dumps: int) -> float:
        """The share of all captures of so many dumps that are copies."""
        return 1 - self.different(dumps) / dumps


@dataclass(frozen=True)
class Dump:
    """The captures of one dump in the order of its shards; all arrays have one entry a capture.

    first: the number of its first capture in the crawl; page: which page (int64); kind: original, exact or near
    (int8); repeat: whether its page is in this dump already, at another address (bool); elsewhere: whether that is on
    another host (bool); broken: what is wrong with it (int8)
    """

    first: int
    page: Ints
    kind: npt.NDArray[np.int8]
    repeat: npt.NDArray[np.bool_]
    elsewhere: npt.NDArray[np.bool_]
    broken: npt.NDArray[np.int8]


@dataclass(frozen=True)
class Crawl:
    """All captures. original: the number of each page's first capture, int64[pages]; 20 bytes a capture."""

    seed: int
    dumps: tuple[Dump, ...]
    original: Ints


def zipf(uniform: npt.NDArray[np.float64] | float, most: int, flat: float) -> npt.NDArray[np.float64] | float:
    """Ranks in [0, most) with density 1 / (rank + flat), of uniform numbers."""
    return flat * ((1 + most / flat) ** uniform - 1)


def plan_crawl(seed: int, captures: int, dumps: int, curve: Curve, near: float, broken: float) -> Crawl:
    """Decide everything about so many captures (those of a dump are the same number each, up to rounding).

    near: the share of copies that differ from their original a little; broken: the share of records that are broken.
    """
    size = captures // dumps
    pages, parts, originals = 0, [], []
    for dump in range(dumps):
        rng = np.random.default_rng([seed, dump])
        new = round(size * (curve.different(dump + 1) - curve.different(dump)))
        again = min(max(round(size * (1 - curve.within)) - new, 0), pages)
        different = np.concatenate([rng.choice(pages, again, replace=False), np.arange(pages, pages + new)])
        rng.shuffle(different)
        ranks = zipf(rng.random(size - len(different)), len(different), _OFTEN)
        page = np.concatenate([different, different[np.asarray(ranks, np.int64)]]).astype(np.int64)
        original = np.concatenate([different >= pages, np.zeros(size - len(different), np.bool_)])
        repeat = np.arange(size) >= len(different)
        order = rng.permutation(size)
        page, original, repeat = page[order], original[order], repeat[order]
        kind = np.where(original, ORIGINAL, np.where(rng.random(size) < near, NEAR, EXACT)).astype(np.int8)
        elsewhere = repeat & (kind == NEAR) & (rng.random(size) < 0.3)
        flaw = np.where(rng.random(size) < broken, rng.integers(TRUNCATED, EMPTY + 1, size), WHOLE).astype(np.int8)
        first = dump * size
        places = np.full(new, -1, np.int64)
        places[page[original] - pages] = first + np.flatnonzero(original)
        originals.append(places)
        parts.append(Dump(first, page, kind, repeat, elsewhere, flaw))
        pages += new
    return Crawl(seed, tuple(parts), np.concatenate(originals))


def hosts_of(seed: int, pages: Ints, hosts: int) -> Ints:
    """The host of every page: of 1e6 hosts the largest has 0.7 % of the pages, half of the pages are on the largest
    thousandth of the hosts."""
    uniform = units(keys(key(seed, 1), pages))
    return np.asarray(zipf(uniform, hosts, 20.0), np.int64)
