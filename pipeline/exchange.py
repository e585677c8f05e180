"""The exchange: how records go from tasks that have them to tasks that need them, through files.

Each sender writes one file. It holds, per segment (a bounded amount of buffered records), one Arrow message per
partition that has records, and at its end an index of int64 offsets. A receiver reads two index entries and one byte
range per segment and sender, so it never needs memory for more than its own partition, and a lost worker loses nothing.

    "DSX1" | messages, segment by segment, partition by partition | schema message | index | tail (40 bytes)
    index  int64[segments * partitions + 1]: entry i is where message i starts, the last where the messages end;
           equal neighbours: no records
    tail   int64 index offset, schema offset, segments, partitions, and "DSX1" + 4 zero bytes
"""

import struct
from collections.abc import Iterator
from contextlib import AbstractContextManager
from typing import BinaryIO

import numpy as np
import numpy.typing as npt
import pyarrow as pa

from pipeline.store import Store

_MAGIC = b"DSX1"
_TAIL = struct.Struct("<qqqq8s")
_END_BYTES = 1 << 16


class ExchangeWriter:
    """Writes one sender's file. Memory: about twice `segment_bytes`."""

    def __init__(self, file: BinaryIO, partitions: int, segment_bytes: int) -> None:
        self._file, self._partitions, self._segment_bytes = file, partitions, segment_bytes
        self._waiting: list[tuple[npt.NDArray[np.int64], pa.RecordBatch]] = []
        self._waiting_bytes = 0
        self._schema: pa.Schema | None = None
        self._offsets = [len(_MAGIC)]
        self._position = len(_MAGIC)
        self._segments = 0
        self.records = 0
        file.write(_MAGIC)

    def write(self, partition: npt.NDArray[np.integer], batch: pa.RecordBatch) -> None:
        """Send row i of the batch to partition[i]."""
        if len(partition) != batch.num_rows:
            raise ValueError(f"{len(partition)} partition numbers for {batch.num_rows} records")
        if batch.num_rows == 0:
            return
        if self._schema is None:
            self._schema = batch.schema
        elif not batch.schema.equals(self._schema):
            raise ValueError(f"records of another schema: {batch.schema} after {self._schema}")
        numbers = np.asarray(partition, np.int64)
        if numbers.min() < 0 or numbers.max() >= self._partitions:
            raise ValueError(f"partition {numbers.min()} or {numbers.max()} is outside 0..{self._partitions - 1}")
        self._waiting.append((numbers, batch))
        self._waiting_bytes += batch.nbytes + numbers.nbytes
        self.records += batch.num_rows
        if self._waiting_bytes >= self._segment_bytes:
            self._flush()

    def close(self) -> None:
        """Write what is waiting, the schema and the index; the file itself stays open."""
        self._flush()
        schema_at = self._position
        schema = b"" if self._schema is None else self._schema.serialize().to_pybytes()
        index = np.asarray(self._offsets, "<i8").tobytes()
        index_at = schema_at + len(schema)
        tail = _TAIL.pack(index_at, schema_at, self._segments, self._partitions, _MAGIC)
        self._file.write(schema + index + tail)

    def _flush(self) -> None:
        if not self._waiting:
            return
        numbers = np.concatenate([numbers for numbers, _ in self._waiting])
        records = pa.Table.from_batches([batch for _, batch in self._waiting]).combine_chunks()
        self._waiting, self._waiting_bytes = [], 0
        order = np.argsort(numbers, kind="stable")
        records = records.take(pa.array(order))
        ends = np.searchsorted(numbers[order], np.arange(self._partitions), side="right")
        start = 0
        for end in ends.tolist():
            if end > start:
                # a slice is one batch: take() gave one chunk a column
                (batch,) = records.slice(start, end - start).combine_chunks().to_batches()
                message = batch.serialize()
                self._file.write(message)
                self._position += message.size
            self._offsets.append(self._position)
            start = end
        self._segments += 1


class ExchangeReader:
    """Reads partitions of one sender's file."""

    def __init__(self, store: Store, name: str) -> None:
        self._store, self._name = store, name
        size = store.size(name)
        # schema, index and tail come in one request unless there are more than about 8,000 partitions and segments
        start = max(0, size - _END_BYTES)
        end = store.read_range(name, start, size - start)
        index_at, schema_at, self._segments, self.partitions, magic = _TAIL.unpack(end[-_TAIL.size :])
        if magic[:4] != _MAGIC:
            raise ValueError(f"{store.path(name)} is not an exchange file")
        if schema_at < start:
            start, end = schema_at, store.read_range(name, schema_at, size - schema_at)
        schema = end[schema_at - start : index_at - start]
        self._schema = pa.ipc.read_schema(pa.py_buffer(schema)) if schema else None
        self._index = np.frombuffer(end, "<i8", self._segments * self.partitions + 1, index_at - start)

    def read(self, partition: int) -> Iterator[pa.RecordBatch]:
        """The partition's records in the order in which they were sent, a batch a segment."""
        for segment in range(self._segments):
            at = segment * self.partitions + partition
            start, end = int(self._index[at]), int(self._index[at + 1])
            if end > start:
                message = self._store.read_range(self._name, start, end - start)
                yield pa.ipc.read_record_batch(pa.py_buffer(message), self._schema)


class OpenExchange:
    """An exchange file being written to the store: a writer that commits with its context."""

    def __init__(self, writing: AbstractContextManager[BinaryIO], partitions: int, segment_bytes: int) -> None:
        self._writing = writing
        self.writer = ExchangeWriter(writing.__enter__(), partitions, segment_bytes)

    def commit(self) -> None:
        """Finish the file; it appears under its name."""
        self.writer.close()
        self._writing.__exit__(None, None, None)

    def abandon(self) -> None:
        """Leave no file."""
        error = RuntimeError("abandoned")
        try:
            self._writing.__exit__(RuntimeError, error, None)
        except RuntimeError as raised:
            if raised is not error:
                raise
