"""The rows of a Parquet file's row group, as many at a time as fit in memory when they are decoded."""

from collections.abc import Iterator
from typing import TYPE_CHECKING

from dspipe.stages.sources.reading.parquet_footer import ColumnChunk, page_bytes
from dspipe.stages.sources.reading.watched import Watched

if TYPE_CHECKING:
    import pyarrow as pa
    import pyarrow.parquet as pq


def record_batches(
    parquet: "pq.ParquetFile",
    stream: Watched,
    group: int,
    rows: int,
    columns: list[str],
    texts: list[ColumnChunk],
    memory: int,
) -> Iterator["pa.RecordBatch"]:
    """The columns of a row group, `rows` at a time; fewer where those take more than `memory` bytes.

    The text's stored size doesn't bound its decoded one: 2,000 rows that name one text of 40 MB in a dictionary are
    40 kB in a file and 80 GB decoded.
    """
    count = parquet.metadata.row_group(group).num_rows
    longest = _dictionary_bytes(stream, texts)
    at_once = min(rows, max(1, 2 * memory // longest)) if longest else rows
    if count > at_once:
        yield from _gathered(parquet.iter_batches(at_once, [group], columns, use_threads=False), rows, memory)
    elif count:
        # nothing is kept to read on from: of a document of 100 MB that would be 200 MB
        yield from parquet.read_row_group(group, columns, use_threads=False).combine_chunks().to_batches()


def _gathered(pieces: Iterator["pa.RecordBatch"], rows: int, most_bytes: int) -> Iterator["pa.RecordBatch"]:
    """Batches of `rows` rows from smaller ones, except that one ends when it takes more than `most_bytes` bytes."""
    import pyarrow as pa

    held: list[pa.RecordBatch] = []
    count = size = 0
    for piece in pieces:
        rest = piece
        while rest.num_rows:
            part, rest = rest.slice(0, rows - count), rest.slice(rows - count)
            more = _decoded_bytes(part)
            if held and size + more > most_bytes:
                yield _together(held)
                count = size = 0
            held.append(part)
            count, size = count + part.num_rows, size + more
            if count == rows:
                yield _together(held)
                count = size = 0
    if held:
        yield _together(held)


def _together(held: list["pa.RecordBatch"]) -> "pa.RecordBatch":
    """The batches as one, held by nobody else."""
    import pyarrow as pa

    batch = held.pop() if len(held) == 1 else pa.concat_batches(held)
    held.clear()
    return batch


def _decoded_bytes(batch: "pa.RecordBatch") -> int:
    import pyarrow as pa
    import pyarrow.compute as pc

    size: int = batch.nbytes
    for column in batch.columns:
        # Arrow's own schema in the file may say that the column stays a dictionary
        if isinstance(column, pa.DictionaryArray) and pa.types.is_string(column.type.value_type):
            size += pc.sum(pc.binary_length(column.dictionary).take(column.indices)).as_py() or 0
    return size


def _dictionary_bytes(stream: Watched, texts: list[ColumnChunk]) -> int:
    """Uncompressed bytes of the text's dictionary in a row group, which no value of it exceeds; 0: there is none."""
    longest = 0
    for chunk in texts:
        if chunk.dictionary_offset is not None:
            stream.seek(chunk.dictionary_offset)
            longest = max(longest, page_bytes(stream.read(32)) or chunk.uncompressed_bytes)
    return longest
