"""One partition's documents: put in order, and read again block by block, so that memory stays bounded.

A first pass over the records keeps all but the tokens (about 100 bytes a document). Rows are planned from that. Then
blocks of rows are filled, each from a pass that keeps only the tokens it needs; a partition that fits takes one.
"""

from collections.abc import Callable, Iterator
from typing import Any

import numpy as np
import numpy.typing as npt
import pyarrow as pa

from dspipe.kernels.arrow import text_buffers
from dspipe.kernels.pack import copy_segments, join_documents
from dspipe.stages.pack.document_table import Documents, Int32
from dspipe.stages.pack.drawn import CUT_RECORD, RECORD
from dspipe.stages.pack.fim import Layout
from dspipe.stages.pack.segments import Int64, Segments
from dspipe.stages.pack.special_tokens import SpecialTokens

Tokens = npt.NDArray[Any]
ReadRecords = Callable[[], Iterator[tuple[int, pa.RecordBatch]]]
"""All records (`stages.pack.drawn.RECORD`), with who sent them; the same at each call."""


class Partition:
    """The documents of the records, in the order in which they are packed: by order key, or as they come."""

    def __init__(self, read_records: ReadRecords, shuffle: bool) -> None:
        self._read_records = read_records
        keys, lengths, copies = [np.empty(0, np.uint64)], [np.empty(0, np.int64)], [np.empty(0, np.int32)]
        ids, id_lengths = [np.empty(0, np.uint8)], [np.empty(0, np.int64)]
        domains, sources = _Names(), _Names()
        cut: list[list[npt.NDArray[Any]]] = []
        self.dtype = np.dtype(np.uint16)
        for _, batch in read_records():
            keys.append(batch.column("key").to_numpy().copy())
            copies.append(batch.column("copy").to_numpy().copy())
            self.dtype = np.dtype(f"u{batch.column('width')[0].as_py()}")
            lengths.append(np.diff(text_buffers(batch.column("tokens"))[1]) // self.dtype.itemsize)
            data, offsets = text_buffers(batch.column("id"))
            ids.append(data[offsets[0] : offsets[-1]].copy())
            id_lengths.append(np.diff(offsets))
            if "drawn" in batch.schema.names:
                cut.append([batch.column(name).to_numpy().copy() for name in CUT_RECORD[len(RECORD) :]])
            domains.add(batch.column("domain"))
            sources.add(batch.column("source"))
        key = np.concatenate(keys)
        # stable: documents with one key, which hardly ever are, stay in the order of their shards
        order = np.argsort(key, kind="stable") if shuffle else np.arange(len(key))
        self._rank = np.empty(len(key), np.int64)
        self._rank[order] = np.arange(len(key))
        self.keys = key[order]
        id_offsets = np.concatenate([np.zeros(1, np.int64), np.cumsum(np.concatenate(id_lengths))])
        count = len(key)
        layout, cuts = np.zeros(count, np.uint8), np.zeros((count, 2), np.int64)
        drawn: Int64 | None = None
        if cut:
            drawn, layout, *bounds = (np.concatenate(parts) for parts in zip(*cut, strict=True))
            cuts = np.column_stack(bounds)
        self.documents = Documents(
            ids=np.concatenate(ids),
            id_offsets=id_offsets,
            copy=np.concatenate(copies),
            domain=domains.codes(),
            source=sources.codes(),
            domains=domains.names(),
            sources=sources.names(),
            tokens=np.concatenate(lengths),
            layout=layout,
            cuts=cuts,
            drawn=drawn,
        ).take(order)
        """in packing order; `tokens` are their own, without begin and end; only those that are cut at characters
        are laid out already"""

    def __len__(self) -> int:
        return len(self._rank)

    def stream_lengths(self, special: SpecialTokens, layout: Layout) -> Int64:
        """Tokens of each document with all that is added to it."""
        sentinels = len(special.sentinels) * (layout.layout > 0)
        lengths: Int64 = self.documents.tokens + special.tokens_added_per_document + sentinels
        return lengths

    def fill_blocks(
        self,
        segments: Segments,
        rows: int,
        row_length: int,
        special: SpecialTokens,
        layout: Layout,
        budget_bytes: int,
    ) -> Iterator[Tokens]:
        """The rows in blocks (n, row_length); `budget_bytes` is about how much of tokens may be held."""
        block_rows = max(1, budget_bytes // (row_length * self.dtype.itemsize))
        starts = np.searchsorted(segments.row, np.arange(0, rows + block_rows, block_rows))
        for number, first_row in enumerate(range(0, rows, block_rows)):
            block = segments[int(starts[number]) : int(starts[number + 1])]
            yield self.fill_rows(block, first_row, min(block_rows, rows - first_row), row_length, special, layout)

    def fill_rows(
        self, segments: Segments, first_row: int, rows: int, row_length: int, special: SpecialTokens, layout: Layout
    ) -> Tokens:
        """Some rows, (rows, row_length); `segments` are all of theirs."""
        if not len(segments):
            return np.full((rows, row_length), special.pad, self.dtype)
        first, last = int(segments.document.min()), int(segments.document.max()) + 1
        # of the three arrays of about the size of the block, at most two are held at a time
        stream, begins = self._join(first, last, special, layout)
        sources = begins[segments.document - first] + segments.start
        targets = (segments.row - first_row) * row_length + segments.column
        out = np.full(rows * row_length, special.pad, self.dtype)
        copy_segments(stream, sources, segments.length, targets, out)
        return out.reshape(rows, row_length)

    def _join(self, first: int, last: int, special: SpecialTokens, layout: Layout) -> tuple[Tokens, Int64]:
        """The joined documents first..last of the packing order, and where each of them begins."""
        tokens, starts, ends = self._gather(first, last)
        lengths = self.stream_lengths(special, layout)[first:last]
        stream = np.empty(int(lengths.sum()), self.dtype)
        chosen = slice(first, last)
        written = join_documents(
            tokens,
            starts,
            ends,
            special.begin,
            special.end,
            layout.layout[chosen],
            layout.cuts[chosen],
            special.sentinels,
            stream,
        )
        if written != len(stream):
            raise AssertionError(f"{written:,} tokens were written where {len(stream):,} were counted")
        return stream, np.cumsum(lengths) - lengths

    def _gather(self, first: int, last: int) -> tuple[Tokens, Int64, Int64]:
        """The documents first..last of the packing order as they come, and where each of them starts and ends."""
        tokens = np.empty(int(self.documents.tokens[first:last].sum()), self.dtype)
        starts, ends = np.empty(last - first, np.int64), np.empty(last - first, np.int64)
        filled = arrived = 0
        for _, batch in self._read_records():
            rank = self._rank[arrived : arrived + batch.num_rows] - first
            arrived += batch.num_rows
            wanted = (rank >= 0) & (rank < last - first)
            if not wanted.any():
                continue
            column = batch.column("tokens")
            data, offsets = text_buffers(column if wanted.all() else column.filter(pa.array(wanted)))
            values = data[offsets[0] : offsets[-1]].view(self.dtype)
            bounds = (offsets - offsets[0]) // self.dtype.itemsize + filled
            tokens[filled : filled + len(values)] = values
            starts[rank[wanted]], ends[rank[wanted]] = bounds[:-1], bounds[1:]
            filled += len(values)
        return tokens, starts, ends


class _Names:
    """The names in a column over batches, numbered in their order."""

    def __init__(self) -> None:
        self._number: dict[str, int] = {}
        self._codes: list[Int32] = [np.empty(0, np.int32)]

    def add(self, column: pa.Array) -> None:
        """Add a batch's column."""
        encoded = column.dictionary_encode()
        numbers = [self._number.setdefault(name, len(self._number)) for name in encoded.dictionary.to_pylist()]
        self._codes.append(np.array(numbers, np.int32)[encoded.indices.to_numpy()])

    def names(self) -> list[str]:
        """All names, sorted."""
        return sorted(self._number)

    def codes(self) -> Int32:
        """The number of each row's name among `names`."""
        rank = {name: number for number, name in enumerate(self.names())}
        ranks = np.array([rank[name] for name in self._number], np.int32)
        codes = np.concatenate(self._codes)
        return ranks[codes] if len(codes) else codes
