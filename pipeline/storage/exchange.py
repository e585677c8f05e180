"""The exchange: how records go from tasks that have them to tasks that need them, through files.

Each sender writes one file. It holds, per segment (a bounded amount of buffered records), one message per partition
that has records, and at its end an index by partition. A receiver reads its own entry of the index and one byte range
per segment and sender, so it never needs memory for more than its own partition, and a lost worker loses nothing. Where
senders and partitions are many, the files of neighbouring senders are merged in between
(`pipeline.tasks.merge_exchange`).

    "DSX4" + 4 zero bytes | messages, segment by segment, partition by partition | index | digests
    message  int64 sender, records, bytes, uint64 checksum, and an Arrow record batch of so many bytes
    index    for each partition int64[segments, 2], where its messages of each segment begin and end, uint64 checksum
    digests  for each partition 16 bytes that stand for its messages, zeros where there are none; uint64 checksum. Of up
             to FEW_PARTITIONS they stand in the manifest, in Base64, and not here

Checksums are xxh3 of what they stand for, so that a file which was cut or changed is found by whoever reads it and
never gives fewer or other records: a receiver's entry of the index says what it was sent, and messages must fill it.
Digests (xxh3, 128 bits) are what the keys of receivers cover: who is sent the same as before has nothing to do anew.
A file may have fewer partitions than there are now (one was made for a shard that came later): those were sent nothing.
A merged file may hold some partitions only, from `first` on; to the others it sends nothing.

The sender is counted from the first of the file: 0 where nothing is merged, so that a file doesn't depend on its
sender's number. Where the index begins, how many segments and partitions there are and the schema stand in the task's
manifest: a receiver asks for nothing that it doesn't need.
"""

import base64
import struct
from collections.abc import Iterable, Iterator
from contextlib import AbstractContextManager
from typing import Any, BinaryIO

import numpy as np
import numpy.typing as npt
import pyarrow as pa
import xxhash

from dspipe.pipeline.errors import DamagedFileError
from dspipe.pipeline.storage.store import Store

Index = npt.NDArray[np.int64]
Message = tuple[int, int, pa.Buffer]
"""sender, records, Arrow message"""

Range = tuple[str, int, int]
"""file, start, length"""

MAGIC = b"DSX4\0\0\0\0"
DIGEST_BYTES = 16
FEW_PARTITIONS = 256
"""the driver needs digests for the keys of receivers: of thousands of senders it needn't ask for each one's file"""
LAYOUT = ("index", "segments", "partitions", "first")
"""what a reader must know of a file, as its manifest names it"""
_HEAD = struct.Struct("<qqqQ")
PIECE = 16 << 20
"""bytes asked for at a time, unless a message is longer"""


class ExchangeWriter:
    """Writes one sender's file. Memory: about twice `segment_bytes`."""

    def __init__(self, file: BinaryIO, partitions: int, segment_bytes: int) -> None:
        self._partitions, self._segment_bytes = partitions, segment_bytes
        self._messages = MessageWriter(file, partitions)
        self._waiting: list[tuple[npt.NDArray[np.int64], pa.RecordBatch]] = []
        self._waiting_bytes = 0
        self._schema: pa.Schema | None = None
        self._segments: list[Index] = []

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
        if self._waiting_bytes >= self._segment_bytes:
            self._flush()

    def close(self) -> dict[str, Any]:
        """Write what is waiting and the index; the file itself stays open. Returns what the manifest says of it."""
        self._flush()
        schema = None if self._schema is None else self._schema.serialize().to_pybytes().hex()
        index = np.stack(self._segments, axis=1) if self._segments else np.empty((self._partitions, 0, 2), np.int64)
        return {**self._messages.close(index), "schema": schema}

    def _flush(self) -> None:
        if not self._waiting:
            return
        numbers = np.concatenate([numbers for numbers, _ in self._waiting])
        records = pa.Table.from_batches([batch for _, batch in self._waiting]).combine_chunks()
        self._waiting, self._waiting_bytes = [], 0
        order = np.argsort(numbers, kind="stable")
        records = records.take(pa.array(order))
        ends = np.searchsorted(numbers[order], np.arange(self._partitions), side="right")
        segment = np.empty((self._partitions, 2), np.int64)
        start = 0
        for partition, end in enumerate(ends.tolist()):
            segment[partition] = self._messages.position
            if end > start:
                # a slice is one batch: take() gave one chunk a column
                (batch,) = records.slice(start, end - start).combine_chunks().to_batches()
                # copied, since the message of a slice ends in bytes of the next partition's records (2 us)
                batch = pa.concat_batches([batch, batch.slice(0, 0)])
                self._messages.write(partition, 0, batch.num_rows, batch.serialize())
                segment[partition, 1] = self._messages.position
            start = end
        self._segments.append(segment)


class MessageWriter:
    """Writes messages of the partitions from `first` on, one after the other, and the index."""

    def __init__(self, file: BinaryIO, partitions: int, first: int = 0) -> None:
        self._file, self._first = file, first
        self._digests = bytearray(DIGEST_BYTES * partitions)
        self.position = len(MAGIC)
        self.records = 0
        file.write(MAGIC)

    def write(self, partition: int, sender: int, records: int, message: pa.Buffer) -> None:
        """Write one message."""
        head = _HEAD.pack(sender, records, message.size, xxhash.xxh3_64_intdigest(message))
        self._file.write(head)
        self._file.write(message)
        self.position += _HEAD.size + message.size
        self.records += records
        # a chain: each digest stands for the one before it, too
        at = DIGEST_BYTES * (partition - self._first)
        place = slice(at, at + DIGEST_BYTES)
        before = bytes(self._digests[place])
        self._digests[place] = xxhash.xxh3_128_digest(before + head + xxhash.xxh3_128_digest(message))

    def close(self, index: Index) -> dict[str, Any]:
        """Write the index and the digests. Returns what the manifest says of the file."""
        for entry in index.astype("<i8"):
            self._file.write(_checked(entry.tobytes()))
        segments, partitions = index.shape[1], index.shape[0]
        layout = {
            "index": self.position,
            "segments": segments,
            "partitions": partitions,
            "first": self._first,
            "records": self.records,
        }
        if partitions <= FEW_PARTITIONS:
            return {**layout, "digests": base64.b64encode(self._digests).decode()}
        self._file.write(_checked(bytes(self._digests)))
        return layout


def _checked(data: bytes) -> bytes:
    return data + xxhash.xxh3_64_intdigest(data).to_bytes(8, "little")


class ExchangeReader:
    """Reads one file of an exchange. `index`, `segments`, `partitions` and `first` are what its manifest says."""

    def __init__(self, store: Store, name: str, index: int, segments: int, partitions: int, first: int = 0) -> None:
        self._store, self._at, self._segments, self.partitions, self._first = store, index, segments, partitions, first
        self._entry_bytes = 16 * segments + 8
        self.name, self.path = name, store.path(name)

    def index_range(self, partition: int, count: int = 1) -> Range:
        """Where the entries of some partitions in the index lie, as `entries` reads them; none of partitions that the
        file doesn't have."""
        start = max(0, partition - self._first)
        count = max(0, min(partition - self._first + count, self.partitions) - start)
        return self.name, self._at + start * self._entry_bytes, count * self._entry_bytes

    def digests_range(self) -> Range:
        """Where the digests lie, as `digests` reads them."""
        at = self._at + self.partitions * self._entry_bytes
        return self.name, at, DIGEST_BYTES * self.partitions + 8

    def digests(self, data: bytes) -> npt.NDArray[np.uint8]:
        """uint8[partitions, DIGEST_BYTES]. Raises DamagedFileError."""
        if _checked(data[:-8]) != data:
            raise DamagedFileError(self.path, "was changed after it was written: its digests have another checksum")
        return np.frombuffer(data[:-8], np.uint8).reshape(self.partitions, DIGEST_BYTES)

    def entries(self, data: bytes) -> Index:
        """int64[count, segments, 2] of entries of the index. Raises DamagedFileError."""
        length = self._entry_bytes
        count = len(data) // length
        for start in range(0, count * length, length):
            entry = data[start : start + length]
            if _checked(entry[:-8]) != entry:
                raise DamagedFileError(self.path, "was changed after it was written: its index has another checksum")
        words = np.frombuffer(data, "<i8").reshape(count, 2 * self._segments + 1)
        return np.ascontiguousarray(words[:, :-1]).reshape(count, self._segments, 2)

    def ranges(self, data: bytes) -> Index:
        """int64[ranges, 2]: where a partition's messages lie, by its entry of the index; none that is empty."""
        ranges: Index = self.entries(data).reshape(-1, 2)
        return ranges[ranges[:, 1] > ranges[:, 0]]

    def bytes(self, start: int, end: int) -> pa.Buffer:
        """A range of the file."""
        return pa.py_buffer(self._store.read_range(self.name, start, end - start))

    def messages(self, start: int, end: int) -> Iterator[Message]:
        """The messages that lie from `start` to `end`, asked for piece by piece."""
        while start < end:
            piece = self.bytes(start, min(start + PIECE, end))
            length = _HEAD.size + _HEAD.unpack_from(piece)[2]
            if length > end - start:
                raise DamagedFileError(self.path, "was changed after it was written: a message is too long")
            if length > piece.size:
                piece = self.bytes(start, start + length)
            for message in split(piece, self.path, whole=start + piece.size >= end):
                yield message
                start += _HEAD.size + message[2].size

    def read(self, entry: Index, schema: pa.Schema | None) -> Iterator[tuple[int, pa.RecordBatch]]:
        """The records of a partition whose entry of the index is given: (sender, batch) in the order of sending.

        The schema is there unless there are none.
        """
        for start, end in entry.tolist():
            for sender, _, message in self.messages(start, end):
                yield sender, pa.ipc.read_record_batch(message, schema)


def split(piece: pa.Buffer, path: str, whole: bool = True) -> Iterator[Message]:
    """The messages in a piece of the file at `path`; `whole`: it ends where a message ends, else the last may be cut.

    Raises DamagedFileError where a message isn't what was written.
    """
    position = 0
    while position + _HEAD.size <= piece.size:
        sender, records, length, checksum = _HEAD.unpack_from(piece, position)
        end = position + _HEAD.size + length
        if length < 0 or end > piece.size:
            break
        message = piece.slice(position + _HEAD.size, length)
        if xxhash.xxh3_64_intdigest(message) != checksum:
            raise DamagedFileError(path, "was changed after it was written: a message has another checksum")
        yield sender, records, message
        position = end
    if whole and position != piece.size:
        raise DamagedFileError(path, "was changed after it was written: its messages don't fill their place")


def read_together(
    store: Store, places: Iterable[tuple[int, ExchangeReader, int, int]]
) -> Iterator[tuple[int, Message]]:
    """The messages in ranges of several files, (first sender, reader, start, end), with their first senders.

    As many ranges as fit PIECE are asked for together: one after the other they would be nothing but waiting.
    """
    waiting: list[tuple[int, Range]] = []
    room = PIECE
    for first, reader, start, end in places:
        if waiting and end - start > room:
            yield from _asked(store, waiting)
            waiting, room = [], PIECE
        if end - start > PIECE:
            for message in reader.messages(start, end):
                yield first, message
        else:
            waiting.append((first, (reader.name, start, end - start)))
            room -= end - start
    yield from _asked(store, waiting)


def _asked(store: Store, waiting: list[tuple[int, Range]]) -> Iterator[tuple[int, Message]]:
    pieces = store.read_ranges([range for _, range in waiting])
    for (first, (name, _, _)), piece in zip(waiting, pieces, strict=True):
        for message in split(pa.py_buffer(piece), store.path(name)):
            yield first, message


class OpenExchange:
    """An exchange file being written to the store: a writer that commits with its context."""

    def __init__(self, writing: AbstractContextManager[BinaryIO], partitions: int, segment_bytes: int) -> None:
        self._writing = writing
        self.writer = ExchangeWriter(writing.__enter__(), partitions, segment_bytes)

    def commit(self) -> dict[str, Any]:
        """Finish the file; it appears under its name. Returns what the manifest says of it."""
        layout = self.writer.close()
        self._writing.__exit__(None, None, None)
        return layout

    def abandon(self) -> None:
        """Leave no file."""
        error = RuntimeError("abandoned")
        try:
            self._writing.__exit__(RuntimeError, error, None)
        except RuntimeError as raised:
            if raised is not error:
                raise
