"""One pass over columns of all documents, for as many collectors as want to see them.

A collector adds up what it needs in bounded memory; the columns of all collectors are read once, and handed on in
batches large enough for arithmetic on whole columns.
"""

from collections.abc import Iterator, Sequence
from typing import Protocol

import pyarrow as pa

from dspipe.pipeline.inspection.document_table import DocumentTable

_ROWS_AT_ONCE = 1 << 16


class Collector(Protocol):
    """What looks at documents in a pass."""

    @property
    def columns(self) -> Sequence[str]:
        """The columns that `add` reads."""

    def add(self, batch: pa.RecordBatch) -> None:
        """Look at some documents; `batch` has at least `columns`, without dictionaries. Called in the order of the
        documents, however they are batched."""


def pass_over(table: DocumentTable, collectors: Sequence[Collector]) -> None:
    """Show all documents to the collectors. Raises DamagedFileError."""
    names = list(dict.fromkeys(name for collector in collectors for name in collector.columns))
    if not names:
        return
    for batch in _large_batches(table, names):
        for collector in collectors:
            collector.add(batch)


def _large_batches(table: DocumentTable, names: list[str]) -> Iterator[pa.RecordBatch]:
    waiting: list[pa.RecordBatch] = []
    for rows in table.read(names):
        waiting.append(_plain(rows.batch))
        if sum(batch.num_rows for batch in waiting) >= _ROWS_AT_ONCE:
            yield pa.concat_batches(waiting)
            waiting = []
    if waiting:
        yield pa.concat_batches(waiting)


def _plain(batch: pa.RecordBatch) -> pa.RecordBatch:
    columns = [c.dictionary_decode() if pa.types.is_dictionary(c.type) else c for c in batch.columns]
    return pa.RecordBatch.from_arrays(columns, names=batch.schema.names)
