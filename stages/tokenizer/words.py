"""Words and their counts on their way from shard to shard: as record batches and in files."""

from collections.abc import Iterator
from typing import BinaryIO

import numpy as np
import pyarrow as pa

from dspipe.kernels.arrow import text_buffers
from dspipe.kernels.bpe.count import hash_rows
from dspipe.pipeline.tasks.artifact_file import ArtifactFile
from dspipe.pipeline.tasks.task import Task
from dspipe.tokenizer.counting import WordCounter, WordCounts, thin

SCHEMA = pa.schema([("word", pa.large_binary()), ("count", pa.int64())])
BATCH_ROWS = 1 << 17


def make_batches(words: WordCounts) -> Iterator[pa.RecordBatch]:
    """The words as batches of SCHEMA, without copying."""
    data = pa.py_buffer(words.data)
    for first in range(0, len(words), BATCH_ROWS):
        offsets = words.offsets[first : first + BATCH_ROWS + 1]
        column = pa.Array.from_buffers(pa.large_binary(), len(offsets) - 1, [None, pa.py_buffer(offsets), data])
        counts = pa.array(words.counts[first : first + BATCH_ROWS])
        yield pa.RecordBatch.from_arrays([column, counts], schema=SCHEMA)


def read_words(batch: pa.RecordBatch) -> WordCounts:
    """The words of a batch of SCHEMA, without copying."""
    return WordCounts(*text_buffers(batch.column("word")), batch.column("count").to_numpy())


def write_words(file: BinaryIO, words: WordCounts) -> None:
    """Write a file for StoredWords."""
    options = pa.ipc.IpcWriteOptions(compression="lz4")
    with pa.ipc.new_file(file, SCHEMA, options=options) as writer:
        for batch in make_batches(words):
            writer.write_batch(batch)


class StoredWords:
    """The words of files, thinned out (tokenizer.counting), a batch at a time; they are read each time that they are
    gone through."""

    def __init__(self, files: list[ArtifactFile], thin_below: int) -> None:
        self._files, self._below = files, thin_below

    def __iter__(self) -> Iterator[WordCounts]:
        for stored in self._files:
            with stored.open() as file:
                reader = pa.ipc.open_file(file)
                for number in range(reader.num_record_batches):
                    yield self._thinned(reader.get_batch(number))

    def _thinned(self, batch: pa.RecordBatch) -> WordCounts:
        words = read_words(batch)
        if self._below <= 1:
            return words
        kept, counts = thin(words, self._below)
        return WordCounts(*text_buffers(batch.column("word").filter(pa.array(kept))), counts)


def emit_words(task: Task, counter: WordCounter) -> None:
    """Send each word to the partition that its hash says."""
    partitions = np.uint64(task.partitions)
    for batch in make_batches(counter.words()):
        data, offsets = text_buffers(batch.column("word"))
        hashes = np.empty(batch.num_rows, np.uint64)
        hash_rows(data, offsets, np.uint64(0), hashes)
        task.emit(((hashes >> np.uint64(32)) * partitions >> np.uint64(32)).astype(np.int64), batch)
