"""Documents within rows, from the tokens alone, for readers that give nothing else: Megatron's, and MDS' own.

A document ends with the end token, and a row begins one anew (or goes on with one, which counts anew too). So this is
what `PackedDataset` reads from the shards' tables, as long as no document has the end token in its text, which only
`special_in_text` allows. Numpy only.
"""

from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt

Int64 = npt.NDArray[np.int64]


@dataclass(frozen=True)
class Boundaries:
    """As the fields of `PackedDataset.sample`, each of the tokens' shape."""

    position_ids: Int64
    """from 0 in each document, and in the padding"""
    document_ids: Int64
    """the number of the document within its row, -1 for padding"""
    loss_mask: npt.NDArray[np.bool_]
    """False for padding"""


def find_boundaries(tokens: npt.NDArray[Any], end_token: int, pad_token: int) -> Boundaries:
    """The documents in rows of tokens, (..., row length); `index.json` has the two ids as end_token and pad_token."""
    tokens = np.asarray(tokens)
    length = tokens.shape[-1]
    column = np.arange(length)
    is_end = tokens == end_token
    # what stands behind the last token that is no padding, and, where padding is the end token, that document's own
    last = length - np.argmax(np.flip(tokens != pad_token, -1), axis=-1, keepdims=True)
    if end_token == pad_token:
        last = np.minimum(last + 1, length)
    last = np.where((tokens != pad_token).any(axis=-1, keepdims=True), last, 0)
    loss_mask = column < last
    begins = np.zeros(tokens.shape, bool)
    begins[..., 1:] = is_end[..., :-1]
    begins |= (column == last) | (column == 0)
    begins &= loss_mask | (column == last)
    starts = np.maximum.accumulate(np.where(begins, column, 0), axis=-1)
    document_ids = np.where(loss_mask, np.cumsum(begins, axis=-1) - 1, -1)
    return Boundaries((column - starts).astype(np.int64), document_ids.astype(np.int64), loss_mask)
