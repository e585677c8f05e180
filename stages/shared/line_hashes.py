"""What the stages share that look for the same lines in many documents: hashes of lines, and texts without some."""

from typing import TYPE_CHECKING

import numpy as np
import numpy.typing as npt
import pyarrow as pa
import pyarrow.compute as pc

from dspipe.kernels.arrow import text_buffers
from dspipe.kernels.dedup.text_hash import text_hashes
from dspipe.pipeline.stage import Phase
from dspipe.stages.shared.rewriting import without_lines

if TYPE_CHECKING:
    from dspipe.pipeline.tasks.task import Task

LINE_BYTES = 20 * 100
"""memory that a document's lines take in a partition, to plan by: 20 bytes each, a hundred lines a page"""


def hashes(column: pa.Array) -> npt.NDArray[np.uint64]:
    """A 64-bit hash of each text (string or large_string without nulls); blanks don't count."""
    return text_hashes(*text_buffers(column))[:, 0]


def worded_lines(split: pa.ListArray) -> tuple[npt.NDArray[np.int64], pa.Array, npt.NDArray[np.int64]]:
    """Of all lines with a letter or digit: the number of their text, the line, its number among all lines."""
    lines = split.flatten()
    places = pc.indices_nonzero(pc.match_substring_regex(lines, r"[\pL\pN]"))
    offsets = split.offsets.to_numpy() - split.offsets[0].as_py()
    numbers = places.to_numpy().astype(np.int64)
    return np.searchsorted(offsets, numbers, side="right") - 1, lines.take(places), numbers


def rewrite_phase(name: str, exchange: str, columns: tuple[str, ...] = ()) -> Phase:
    """Over shards: from the exchange of the lines found to the texts without them; see `write_texts`."""
    return Phase(
        f"{name}.rewrite",
        "shards",
        "rewrite",
        columns=("text", "text_bytes", *columns),
        exchange=exchange,
        writes=(
            pa.field("text", pa.large_string()),
            pa.field("text_bytes", pa.int64(), nullable=False),
            pa.field(f"{name}.removed", pa.uint32()),
        ),
    )


def write_texts(task: "Task", name: str, batch: pa.RecordBatch, split: pa.ListArray, removed: npt.NDArray[np.bool_],
                separator: str = "\n") -> None:  # fmt: skip
    """Write the texts of a batch of rows, split at the separator, but for the lines that are `removed`."""
    joined, count, _ = without_lines(split, removed, separator)
    # the text of documents that were dropped early isn't stored, but its size is
    there = pc.is_valid(batch["text"])
    joined = pc.if_else(there, joined, pa.scalar(None, pa.large_string()))
    size = pc.if_else(there, pc.binary_length(joined).cast(pa.int64()), batch["text_bytes"])
    names = ["text", "text_bytes", f"{name}.removed"]
    task.write(pa.RecordBatch.from_arrays([joined, size, pa.array(count, pa.uint32())], names=names))
    task.count("removed", int(count.sum()))
