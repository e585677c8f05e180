"""The kernels of packing called on little, to compile them."""

from collections.abc import Iterator

import numpy as np
import pyarrow as pa

from dspipe.kernels.hashing import FEW, hash64_with
from dspipe.stages.pack.drawn import RECORD
from dspipe.stages.pack.fim import Layout
from dspipe.stages.pack.fit_documents import fit_documents
from dspipe.stages.pack.partition import Partition
from dspipe.stages.pack.segments import split_documents
from dspipe.stages.pack.settings import PackConfig
from dspipe.stages.pack.shuffle_keys import OrderKeys
from dspipe.stages.pack.special_tokens import SpecialTokens


def compile_kernels(config: PackConfig, seed: int) -> None:
    """Compile what the phases call."""
    one, name = np.zeros(1, np.int64), pa.array(["a"])
    key = OrderKeys(seed).of(pa.array(np.zeros(1, np.uint64)), name, one, one)
    hash64_with(np.zeros(FEW + 1, np.uint64), np.zeros(FEW + 1, np.int64))
    special = SpecialTokens(0, -1, 0, np.empty(0, np.int64))
    layout = Layout(np.zeros(1, np.uint8), np.zeros((1, 2), np.int64))
    for dtype in (np.uint16, np.uint32):
        ids = np.zeros(1, dtype)
        width = pa.array(np.full(1, ids.itemsize, np.uint8))
        tokens = pa.array([ids.tobytes()], pa.large_binary())
        columns = [pa.array(key), name, pa.array(one.astype(np.int32)), name, name, width, tokens]
        batch = pa.RecordBatch.from_arrays(columns, names=RECORD)

        def read(batch: pa.RecordBatch = batch) -> Iterator[tuple[int, pa.RecordBatch]]:
            yield 0, batch

        partition = Partition(read, config.shuffle)
        lengths = partition.stream_lengths(special, layout)
        partition.fill_rows(split_documents(lengths, 2), 0, 1, 2, special, layout)
    if config.mode != "split":
        fit_documents(lengths, 2, config.mode == "aligned")
