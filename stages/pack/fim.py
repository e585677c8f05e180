"""Fill-in-the-middle: some documents are rearranged so that a model learns to fill a gap.

A document is cut at two places, drawn evenly, into prefix, middle and suffix (Bavarian et al. 2022, "Efficient
training of language models to fill in the middle", section 3). With their sentinels they are set as

    1   PREFIX prefix  SUFFIX suffix  MIDDLE middle
    2   PREFIX         SUFFIX suffix  MIDDLE prefix middle      (the paper's second form, SPM variant 2, section 4.3)

The cuts are at tokens, and depend on the document's order key alone (seed, id, copy).
"""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from dspipe.stages.pack.settings import FillInTheMiddle
from dspipe.stages.pack.tokenizer_json import Added, find_token

SENTINELS = (
    ("<｜fim▁begin｜>", "<|fim_prefix|>", "<fim_prefix>", "<PRE>"),
    ("<｜fim▁hole｜>", "<|fim_suffix|>", "<fim_suffix>", "<SUF>"),
    ("<｜fim▁end｜>", "<|fim_middle|>", "<fim_middle>", "<MID>"),
)
"""Names of the three sentinels in public tokenizers (DeepSeek-Coder, Qwen2.5-Coder, StarCoder, Code Llama)."""

TOKENS = 3
"""How many tokens a rearranged document is longer."""


@dataclass(frozen=True)
class Layout:
    """How documents are written: layout (0, 1, 2) and cuts (documents, 2), as in `Documents.arrays`."""

    layout: npt.NDArray[np.uint8]
    cuts: npt.NDArray[np.int64]


def find_sentinels(tokens: Added, names: tuple[str, str, str] | None) -> npt.NDArray[np.int64]:
    """The ids of the sentinels before prefix, suffix and middle. Raises KeyError, saying which names were tried."""
    wanted = tuple((name,) for name in names) if names else SENTINELS
    return np.array([find_token(tokens, tried) for tried in wanted], np.int64)


def plan_layout(
    middle: FillInTheMiddle | None,
    keys: npt.NDArray[np.uint64],
    lengths: npt.NDArray[np.int64],
    domain: npt.NDArray[np.int32],
    domains: Sequence[str],
) -> Layout:
    """The layout of documents with these order keys, lengths in tokens, and numbers into `domains`."""
    count = len(keys)
    if middle is None or middle.rate == 0:
        return Layout(np.zeros(count, np.uint8), np.zeros((count, 2), np.int64))
    wanted = np.array([middle.domains is None or name in middle.domains for name in domains], bool)
    return Layout(*rearrange(keys, lengths, wanted[domain], middle.rate, middle.second_form))


def rearrange(
    keys: npt.NDArray[np.uint64],
    lengths: npt.NDArray[np.int64],
    chosen: npt.NDArray[np.bool_],
    rate: float,
    second_form: float,
) -> tuple[npt.NDArray[np.uint8], npt.NDArray[np.int64]]:
    """For documents with these order keys and lengths in tokens: layout (0, 1, 2) and cuts (documents, 2).

    A `rate` of the `chosen` documents is rearranged, a part `second_form` of them in the second form.
    """
    from dspipe.kernels.hashing import hash64_with

    def draw(salt: int) -> npt.NDArray[np.float64]:
        hashes = hash64_with(keys, np.full(len(keys), salt, np.int64))
        drawn: npt.NDArray[np.float64] = (hashes >> np.uint64(11)).astype(np.float64) * 2.0**-53
        return drawn

    taken = chosen & (draw(1) < rate) & (lengths > 0)
    layout = np.where(taken, np.where(draw(2) < second_form, 2, 1), 0).astype(np.uint8)
    places = np.sort(np.stack([draw(3), draw(4)], axis=1), axis=1)
    cuts = np.floor(places * (lengths + 1)[:, None]).astype(np.int64)
    cuts[~taken] = 0
    return layout, cuts


def restore(stream: npt.NDArray[np.integer], layout: int, cuts: tuple[int, int]) -> npt.NDArray[np.integer]:
    """The document's tokens from its rearranged stream (without begin and end tokens)."""
    if layout == 0:
        return stream
    middle = cuts[1] - cuts[0]
    if layout == 1:
        prefix = stream[1 : 1 + cuts[0]]
        suffix = stream[2 + cuts[0] : len(stream) - 1 - middle]
        return np.concatenate([prefix, stream[len(stream) - middle :], suffix])
    suffix_length = len(stream) - TOKENS - cuts[1]
    suffix = stream[2 : 2 + suffix_length]
    return np.concatenate([stream[TOKENS + suffix_length :], suffix])
