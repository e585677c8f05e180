"""One partition's documents: put in order, and read again block by block, so that memory stays bounded.

A first pass over what was received keeps all but the tokens (about 100 bytes a document). Rows are planned from that.
Then blocks of rows are filled, each from a pass that keeps only the tokens it needs; a partition that fits takes one.
"""

from collections.abc import Callable, Iterator
from typing import Any

import numpy as np
import numpy.typing as npt
import pyarrow as pa

from dspipe.kernels.arrow import text_buffers
from dspipe.kernels.pack import copy_pieces, join_documents
from dspipe.stages.pack.document_table import Documents
from dspipe.stages.pack.fim import Layout
from dspipe.stages.pack.segments import Pieces
from dspipe.stages.pack.special_tokens import Special

Int64 = npt.NDArray[np.int64]
Tokens = npt.NDArray[Any]
Received = Callable[[], Iterator[tuple[int, pa.RecordBatch]]]


class Partition:
    """The documents received, in the order in which they are packed: by order key, or as they come without keys."""

    def __init__(self, received: Received, shuffle: bool) -> None:
        self._received = received
        keys, lengths, copies = [np.empty(0, np.uint64)], [np.empty(0, np.int64)], [np.empty(0, np.int32)]
        ids, id_lengths = [np.empty(0, np.uint8)], [np.empty(0, np.int64)]
        names: dict[str, list[str]] = {"domain": [], "source": []}
        codes: dict[str, list[npt.NDArray[np.int32]]] = {name: [np.empty(0, np.int32)] for name in names}
        self.dtype = np.dtype(np.uint16)
        for _, batch in received():
            keys.append(batch.column("key").to_numpy().copy())
            copies.append(batch.column("copy").to_numpy().copy())
            self.dtype = np.dtype(f"u{batch.column('width')[0].as_py()}")
            lengths.append(np.diff(text_buffers(batch.column("tokens"))[1]) // self.dtype.itemsize)
            data, offsets = text_buffers(batch.column("id"))
            ids.append(data[offsets[0] : offsets[-1]].copy())
            id_lengths.append(np.diff(offsets))
            for name, known in names.items():
                encoded = batch.column(name).dictionary_encode()
                values = encoded.dictionary.to_pylist()
                known.extend(value for value in values if value not in known)
                numbers = np.array([known.index(value) for value in values], np.int32)
                codes[name].append(numbers[encoded.indices.to_numpy()])
        key = np.concatenate(keys)
        # stable: documents with one id have one key, and stay in the order of their shards
        order = np.argsort(key, kind="stable") if shuffle else np.arange(len(key))
        self.rank = np.empty(len(key), np.int64)
        self.rank[order] = np.arange(len(key))
        self.keys = key[order]
        self.lengths = np.concatenate(lengths)[order]
        """tokens of each document, in packing order"""
        arrays: dict[str, npt.NDArray[Any]] = {"copy": np.concatenate(copies)[order]}
        sorted_names = {name: sorted(known) for name, known in names.items()}
        for name, known in names.items():
            renumbered = np.array([sorted_names[name].index(value) for value in known], np.int32)
            found = np.concatenate(codes[name])[order]
            arrays[name] = renumbered[found] if len(known) else found
        arrays["ids"], arrays["id_offsets"] = _reordered(np.concatenate(ids), np.concatenate(id_lengths), order)
        self.documents = Documents(arrays, sorted_names["domain"], sorted_names["source"])

    def __len__(self) -> int:
        return len(self.rank)

    def blocks(
        self, pieces: Pieces, rows: int, row_length: int, special: Special, layout: Layout, budget: int
    ) -> Iterator[Tokens]:
        """The rows in blocks (n, row_length); `budget` is about how many bytes of tokens may be held."""
        block_rows = max(1, budget // (row_length * self.dtype.itemsize))
        starts = np.searchsorted(pieces.row, np.arange(0, rows + block_rows, block_rows))
        for number, first_row in enumerate(range(0, rows, block_rows)):
            here = pieces[int(starts[number]) : int(starts[number + 1])]
            count = min(block_rows, rows - first_row)
            yield self.filled(here, first_row, count, row_length, special, layout)

    def filled(
        self, pieces: Pieces, first_row: int, rows: int, row_length: int, special: Special, layout: Layout
    ) -> Tokens:
        """Some rows, (rows, row_length); `pieces` are all of theirs."""
        if not len(pieces):
            return np.full((rows, row_length), special.pad, self.dtype)
        first, last = int(pieces.document.min()), int(pieces.document.max()) + 1
        # of the three arrays of about the size of the block, at most two are held at a time
        stream, begins = self._streams(first, last, special, layout)
        sources = begins[pieces.document - first] + pieces.start
        targets = (pieces.row - first_row) * row_length + pieces.column
        out = np.full(rows * row_length, special.pad, self.dtype)
        copy_pieces(stream, sources, pieces.length, targets, out)
        return out.reshape(rows, row_length)

    def stream_lengths(self, special: Special, layout: Layout) -> Int64:
        """Tokens of each document with all that is added to it."""
        lengths: Int64 = self.lengths + special.around + len(special.sentinels) * (layout.layout > 0)
        return lengths

    def _streams(self, first: int, last: int, special: Special, layout: Layout) -> tuple[Tokens, Int64]:
        """The joined documents first..last of the packing order, and where each of them begins."""
        tokens, starts, ends = self._gathered(first, last)
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

    def _gathered(self, first: int, last: int) -> tuple[Tokens, Int64, Int64]:
        """The documents first..last of the packing order as they come, and where each of them starts and ends."""
        tokens = np.empty(int(self.lengths[first:last].sum()), self.dtype)
        starts, ends = np.empty(last - first, np.int64), np.empty(last - first, np.int64)
        at = arrived = 0
        for _, batch in self._received():
            rank = self.rank[arrived : arrived + batch.num_rows] - first
            arrived += batch.num_rows
            wanted = (rank >= 0) & (rank < last - first)
            if not wanted.any():
                continue
            column = batch.column("tokens")
            data, offsets = text_buffers(column if wanted.all() else column.filter(pa.array(wanted)))
            here = data[offsets[0] : offsets[-1]].view(self.dtype)
            places = (offsets - offsets[0]) // self.dtype.itemsize + at
            tokens[at : at + len(here)] = here
            starts[rank[wanted]], ends[rank[wanted]] = places[:-1], places[1:]
            at += len(here)
        return tokens, starts, ends


def _reordered(
    data: npt.NDArray[np.uint8], lengths: Int64, order: npt.NDArray[np.intp]
) -> tuple[npt.NDArray[np.uint8], Int64]:
    starts = (np.cumsum(lengths) - lengths)[order]
    chosen = lengths[order]
    ends = np.cumsum(chosen)
    index = np.repeat(starts - (ends - chosen), chosen) + np.arange(int(chosen.sum()))
    return data[index], np.concatenate([np.zeros(1, np.int64), ends]).astype(np.int64)
