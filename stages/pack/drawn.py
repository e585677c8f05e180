"""The drawn documents of an input shard, each copy with its order key and its tokens."""

import json
from collections.abc import Iterator
from dataclasses import asdict, dataclass

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from dspipe.pipeline.tasks.task import Task
from dspipe.stages.pack.fim_characters import CharacterCuts
from dspipe.stages.pack.settings import FillInTheMiddle
from dspipe.stages.pack.shuffle_keys import OrderKeys, read_order_keys
from dspipe.stages.pack.token_ids import TokenIds

RECORD = ["key", "id", "copy", "domain", "source", "width", "tokens"]
"""Columns of a record for each copy of a document. `tokens` are its ids as bytes, `width` (2 or 4) to an id: when Arrow
takes rows of a list column it makes an index of 8 bytes for each element, of bytes it doesn't."""

CUT_RECORD = [*RECORD, "drawn", "layout", "cut_start", "cut_end"]
"""Those of a record where documents are cut at characters, which gives them other tokens: how many the document has by
itself, how it is laid out, and where."""


@dataclass
class DrawnCounts:
    """How many documents were drawn, and how many copies of them."""

    documents: int = 0
    """that are drawn, each counted once"""
    document_tokens: int = 0
    """theirs, each document counted once"""
    copies: int = 0
    """that have tokens"""
    tokens: int = 0
    """of all copies, as they are cut where they are cut at characters"""
    empty: int = 0
    """copies without tokens, which are in no row"""

    def plus(self, more: "DrawnCounts") -> "DrawnCounts":
        """The sum."""
        return DrawnCounts(**{name: value + getattr(more, name) for name, value in asdict(self).items()})


class DrawnDocuments:
    """The drawn copies of the documents of the task's shard, in their order, as batches of RECORD, or CUT_RECORD."""

    def __init__(self, task: Task, remixed: bool, middle: FillInTheMiddle | None = None) -> None:
        """remixed: whether the stage `remix` says how often each document is drawn, and as which domain; middle: the
        settings of fill-in-the-middle where it cuts at characters."""
        self._task, self._remixed = task, remixed
        self._cuts = CharacterCuts(middle, task.artifact("tokenizer")[0]) if middle else None
        self.order_keys: OrderKeys = read_order_keys(task, remixed)
        self.counts = DrawnCounts()
        """of the records read last"""

    def read(self) -> Iterator[pa.RecordBatch]:
        """The records; each call begins at the first."""
        task, counts = self._task, DrawnCounts()
        self.counts = counts
        domain = "remix.domain" if self._remixed else "domain"
        columns = ["id", "origin", "source", domain, "tokens", "reason", *(["copies"] if self._remixed else [])]
        columns += ["text"] if self._cuts else []
        with TokenIds(task) as token_ids:
            for batch in task.rows(columns):
                tokens = batch.column("tokens").to_numpy(zero_copy_only=False).astype(np.int64)
                stored = token_ids.take(tokens)
                kept = batch.column("reason").is_null().to_numpy(zero_copy_only=False)
                copies = batch.column("copies").to_numpy(zero_copy_only=False).astype(np.int64) if self._remixed else 1
                times = np.where(kept, copies, 0)
                counts.documents += int((times > 0).sum())
                counts.document_tokens += int(tokens[times > 0].sum())
                counts.empty += int(times[tokens == 0].sum())
                times[tokens == 0] = 0
                row = np.repeat(np.arange(batch.num_rows), times)
                copy = np.arange(len(row)) - np.repeat(np.cumsum(times) - times, times)
                names = batch.column(domain)
                chosen = pa.array(row)
                keys = self.order_keys.of(batch.column("origin"), names, row, copy)
                records = [
                    pa.array(keys),
                    batch.column("id").take(chosen),
                    pa.array(copy.astype(np.int32)),
                    names.take(chosen),
                    batch.column("source").take(chosen),
                    pa.array(np.full(len(row), token_ids.width, np.uint8)),
                    stored.take(chosen),
                ]
                drawn = tokens[row]
                if self._cuts is not None:
                    texts = batch.column("text").take(chosen)
                    cut = self._cuts.rearrange(keys, names.take(chosen), texts, records[-1], token_ids.width)
                    records[-1] = cut.tokens
                    records += [pa.array(values) for values in (drawn, cut.layout, cut.cuts[:, 0], cut.cuts[:, 1])]
                    drawn = pc.binary_length(cut.tokens).to_numpy() // token_ids.width
                counts.copies += len(row)
                counts.tokens += int(drawn.sum())
                if len(row):
                    yield pa.RecordBatch.from_arrays(records, names=CUT_RECORD if self._cuts else RECORD)


def write_counts(task: Task, counts: DrawnCounts) -> None:
    """Make the artifact `drawn`, from which `pack.index` knows what there was to pack."""
    for name, count in asdict(counts).items():
        task.count(name, count)
    with task.make("drawn", ".drawn.json") as file:
        file.write(json.dumps(asdict(counts)).encode())
