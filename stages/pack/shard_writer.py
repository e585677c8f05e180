"""Writing one shard: its rows in the chosen format, and the table of its documents beside them."""

from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager
from typing import Any, BinaryIO

import numpy as np
import numpy.typing as npt

from dspipe.stages.pack.document_table import SUFFIX, DocumentTable
from dspipe.stages.pack.formats import mds, megatron, parquet
from dspipe.stages.pack.manifest import ROWS_SUFFIX

Make = Callable[[str], AbstractContextManager[BinaryIO]]


def write_shard(
    make: Make,
    format: str,
    blocks: Iterator[npt.NDArray[Any]],
    table: DocumentTable,
    rows: int,
    row_length: int,
    dtype: npt.DTypeLike,
) -> None:
    """Write a shard of `rows` rows that come in blocks (n, row_length); `make(suffix)` opens one of its files."""
    with make(ROWS_SUFFIX[format]) as file:
        if format == "parquet":
            parquet.write_rows(file, blocks, table, row_length)
        else:
            if format == "mds":
                mds.write_header(file, rows, row_length, dtype)
            for block in blocks:
                file.write(np.ascontiguousarray(block).data)
                del block  # before the next one is made
    if format == "megatron":
        with make(".idx") as file:
            megatron.write_index(file, rows, row_length, dtype)
    with make(SUFFIX) as file:
        table.save(file)
