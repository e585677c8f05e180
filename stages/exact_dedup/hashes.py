"""Hashes of texts and addresses, 128 bits in two halves."""

from typing import NamedTuple

import numpy as np
import numpy.typing as npt
import pyarrow as pa
import pyarrow.compute as pc

from dspipe.kernels.arrow import text_buffers
from dspipe.kernels.dedup.text_hash import text_hashes
from dspipe.pipeline.stage import StageSettings

UInt64 = npt.NDArray[np.uint64]


class Halves(NamedTuple):
    """The halves of hashes, each uint64[n]."""

    high: UInt64
    low: UInt64


def hash_column_of(stage: str) -> str:
    """The name of a stage's column with hashes of texts."""
    return f"{stage}.hash"


def measure(batch: pa.RecordBatch, stage: StageSettings) -> pa.RecordBatch:
    """Add the hash of each text. Settings: text, whether texts are compared at all."""
    if not stage.settings["text"]:
        return batch
    hashes = text_hashes(*text_buffers(batch.column("text")))
    column = pa.Array.from_buffers(pa.binary(16), len(hashes), [None, pa.py_buffer(hashes)])
    return batch.append_column(hash_column_of(stage.name), column)


def stored_hashes(column: pa.Array) -> Halves:
    """The hashes of a column that `measure` made (no nulls)."""
    data = column.buffers()[1]
    values = np.frombuffer(data, np.uint64) if data is not None else np.empty(0, np.uint64)
    return _halves(values.reshape(-1, 2)[column.offset : column.offset + len(column)])


def address_hashes(urls: pa.Array) -> Halves:
    """The hashes of addresses (string, no nulls) without scheme, fragment and closing slash."""
    bare = pc.replace_substring_regex(urls, r"^[A-Za-z][A-Za-z0-9+.-]*://|#.*$", "")
    return _halves(text_hashes(*text_buffers(pc.replace_substring_regex(bare, r"/+$", ""))))


def _halves(hashes: UInt64) -> Halves:
    return Halves(np.ascontiguousarray(hashes[:, 1]), np.ascontiguousarray(hashes[:, 0]))
