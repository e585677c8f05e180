"""What the stages share that look for the same lines in many documents: hashes of lines, and texts without some."""

from collections.abc import Iterator, Sequence

import numpy as np
import numpy.typing as npt
import pyarrow as pa
import pyarrow.compute as pc

from dspipe.kernels.arrow import text_buffers
from dspipe.kernels.dedup.text_hash import text_hashes
from dspipe.pipeline.doc_id import UInt64
from dspipe.pipeline.stage import Phase, Settings
from dspipe.pipeline.tasks.records import murmur_hash64
from dspipe.pipeline.tasks.task import Task
from dspipe.stages.shared.rewriting import without_lines

Positions = npt.NDArray[np.int64]

SLICE_SHARE = 8
"""lines are counted in slices of at most this part of a worker's memory: counting takes five times a slice"""
LINE_BYTES = 20 * 100
"""memory that a document's lines take in a partition, to plan by: 20 bytes each, a hundred lines a page"""


def hash_texts(column: pa.Array) -> UInt64:
    """A 64-bit hash of each text (string or large_string without nulls); blanks don't count."""
    hashes: UInt64 = text_hashes(*text_buffers(column))[:, 0]
    return hashes


def short_hashes(column: pa.Array) -> npt.NDArray[np.uint32]:
    """A 32-bit hash of each text, the lower half of the long one."""
    return hash_texts(column).astype(np.uint32)


def hash64_with(numbers: npt.NDArray[np.integer], hashes: UInt64) -> UInt64:
    """One hash of a number and a hash. Among n pairs a false one has the probability n^2 / 2^64."""
    return murmur_hash64(murmur_hash64(numbers.astype(np.uint64)) + hashes)


def find_worded_lines(split: pa.ListArray) -> tuple[Positions, pa.Array, Positions]:
    """Of all lines with a letter or digit: the position of their text, the line, its position among all lines."""
    lines = split.flatten()
    positions = pc.indices_nonzero(pc.match_substring_regex(lines, r"[\pL\pN]"))
    offsets = split.offsets.to_numpy() - split.offsets[0].as_py()
    numbers = positions.to_numpy().astype(np.int64)
    return np.searchsorted(offsets, numbers, side="right") - 1, lines.take(positions), numbers


def read_batches(task: Task, columns: Sequence[str]) -> Iterator[tuple[int, pa.RecordBatch]]:
    """The batches of the task's shard with their first rows."""
    first = 0
    for batch in task.rows(columns):
        yield first, batch
        first += batch.num_rows


def rewrite_phase(name: str, run: str, title: str, settings: Settings, columns: tuple[str, ...]) -> Phase:
    """Over shards: from the exchange `<name>.found` of the lines found to the texts without them; see `write_texts`."""
    return Phase(
        f"{name}.rewrite",
        "shards",
        run,
        title,
        settings=settings,
        columns=("text", "text_bytes", *columns),
        exchange=f"{name}.found",
        writes=(
            pa.field("text", pa.large_string()),
            pa.field("text_bytes", pa.int64(), nullable=False),
            pa.field(f"{name}.removed", pa.uint32()),
        ),
    )


def write_texts(
    task: Task,
    name: str,
    batch: pa.RecordBatch,
    split: pa.ListArray,
    removed: npt.NDArray[np.bool_],
    separator: str = "\n",
) -> None:
    """Write the texts of a batch of rows, split at the separator, but for the lines that are `removed`."""
    joined, count, _ = without_lines(split, removed, separator)
    # the text of documents that were dropped early isn't stored, but its size is
    stored = pc.is_valid(batch["text"])
    joined = pc.if_else(stored, joined, pa.scalar(None, pa.large_string()))
    size = pc.if_else(stored, pc.binary_length(joined).cast(pa.int64()), batch["text_bytes"])
    names = ["text", "text_bytes", f"{name}.removed"]
    task.write(pa.RecordBatch.from_arrays([joined, size, pa.array(count, pa.uint32())], names=names))
    task.count("removed", int(count.sum()))
