"""Fill-in-the-middle: some documents are rearranged so that a model learns to fill a gap.

A document is cut twice, evenly at random, into prefix, middle and suffix (Bavarian et al. 2022, "Efficient training of
language models to fill in the middle", section 3). With their sentinels they are set as

    1   PREFIX prefix  SUFFIX suffix  MIDDLE middle
    2   PREFIX         SUFFIX suffix  MIDDLE prefix middle      (the paper's second form, SPM variant 2, section 4.3)

The cuts are at tokens, or at characters (`stages.pack.fim_characters`). Where they fall depends on the document's
order key (seed, id, copy) and its length alone.
"""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from dspipe.kernels.hashing import hash64_with
from dspipe.stages.pack.settings import FillInTheMiddle

SENTINELS = 3
"""How many tokens a rearranged document is longer."""


@dataclass(frozen=True)
class Layout:
    """How documents are written: layout uint8[documents] (0, 1, 2) and cuts int64[documents, 2], where the middle
    starts and ends (0, 0 where nothing is rearranged)."""

    layout: npt.NDArray[np.uint8]
    cuts: npt.NDArray[np.int64]


def plan_layout(
    fim: FillInTheMiddle | None,
    keys: npt.NDArray[np.uint64],
    lengths: npt.NDArray[np.int64],
    domain: npt.NDArray[np.int32],
    domains: Sequence[str],
) -> Layout:
    """The layout of documents with these order keys, lengths in tokens (or in bytes: then cuts are too), and numbers
    into `domains`."""
    if fim is None or fim.rate == 0:
        return Layout(np.zeros(len(keys), np.uint8), np.zeros((len(keys), 2), np.int64))
    chosen = np.array([fim.domains is None or name in fim.domains for name in domains], bool)
    return rearrange(keys, lengths, chosen[domain], fim.rate, fim.second_form)


def rearrange(
    keys: npt.NDArray[np.uint64],
    lengths: npt.NDArray[np.int64],
    chosen: npt.NDArray[np.bool_],
    rate: float,
    second_form: float,
) -> Layout:
    """The layout of documents with these order keys and lengths in tokens.

    A `rate` of the `chosen` documents is rearranged, a part `second_form` of them in the second form.
    """

    def draw(salt: int) -> npt.NDArray[np.float64]:
        hashes = hash64_with(keys, np.full(len(keys), salt, np.int64))
        drawn: npt.NDArray[np.float64] = (hashes >> np.uint64(11)).astype(np.float64) * 2.0**-53
        return drawn

    taken = chosen & (draw(1) < rate) & (lengths > 0)
    layout = np.where(taken, np.where(draw(2) < second_form, 2, 1), 0).astype(np.uint8)
    positions = np.sort(np.stack([draw(3), draw(4)], axis=1), axis=1)
    cuts = np.floor(positions * (lengths + 1)[:, None]).astype(np.int64)
    cuts[~taken] = 0
    return Layout(layout, cuts)


def restore(stream: npt.NDArray[np.integer], layout: int, cuts: tuple[int, int]) -> npt.NDArray[np.integer]:
    """The document's tokens from its rearranged stream (without begin and end tokens)."""
    if layout == 0:
        return stream
    middle = cuts[1] - cuts[0]
    if layout == 1:
        prefix = stream[1 : 1 + cuts[0]]
        suffix = stream[2 + cuts[0] : len(stream) - 1 - middle]
        return np.concatenate([prefix, stream[len(stream) - middle :], suffix])
    suffix_length = len(stream) - SENTINELS - cuts[1]
    suffix = stream[2 : 2 + suffix_length]
    return np.concatenate([stream[SENTINELS + suffix_length :], suffix])
