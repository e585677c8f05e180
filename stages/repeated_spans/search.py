"""The search for windows of bytes that occurred before, in four phases; `stages.repeated_spans.stage` says what they
are for.

All of them use one rule (`stages.repeated_spans.spans.judged`): contexts of anchors in a batch, contexts in a
partition, windows in a partition. What repeats at one step isn't sent on, but for its first place, so that no step sees
a passage more often than there are batches. An anchor that takes more memory than a worker has is split by its contexts
when it is matched, and by its windows when they are compared.
"""

from collections.abc import Callable, Iterator
from itertools import pairwise
from typing import TYPE_CHECKING, Any

import numpy as np
import numpy.typing as npt
import pyarrow as pa
import pyarrow.compute as pc

from dspipe.kernels.arrow import text_buffers
from dspipe.kernels.dedup.cut_spans import cut_spans
from dspipe.kernels.dedup.first_positions import first_positions
from dspipe.kernels.dedup.winnowing import Winnowing, gram_bytes, window_hashes
from dspipe.pipeline.storage.records import mixed, record_batch, slice_of, spread
from dspipe.pipeline.storage.records_by_row import RecordsByRow
from dspipe.pipeline.storage.spill import received_slices
from dspipe.stages.repeated_spans.spans import Spans, judged, merged, read, written

if TYPE_CHECKING:
    from dspipe.pipeline.tasks.task import Task

Columns = dict[str, npt.NDArray[Any]]

_ANCHOR_SENT, _ANCHOR_BYTES = 29, 120
"""bytes of an anchor in an exchange, and in memory while it is matched"""
_WINDOW_SENT, _WINDOW_BYTES = 8, 64
"""the same of a window and while it is compared"""
_HASHED = 1 << 20
"""windows that are hashed and sent at a time"""
_BUCKETS = 1 << 16


def anchor_bytes(least: int) -> float:
    """Memory that the anchors of a byte of text take in a partition."""
    return _ANCHOR_BYTES * 2 / (least - gram_bytes(least) + 2)


def send_anchors(task: "Task", column: str, texts: Callable[[pa.RecordBatch], pa.Array], least: int, keep: int) -> None:
    """Send each anchor with its context; what repeats within a batch goes already. texts(batch) are those that take
    part, null for others."""
    first = 0
    for batch in task.rows(["text", "reason", "domain"]):
        given = texts(batch)
        rows = pc.indices_nonzero(pc.is_valid(given)).to_numpy().astype(np.int64)
        data, offsets = text_buffers(given.drop_null() if given.null_count else given)
        gone = [Spans(*np.zeros((3, 0), np.int64))]
        for anchors in Winnowing(data, offsets, least):
            verdict = judged((anchors.gram, anchors.context), anchors.row, anchors.start, least, keep)
            goes, sent = verdict.goes, ~verdict.repeats
            gone.append(merged(_owned(rows[anchors.row[goes]], anchors.start[goes], anchors.owned[goes], least)))
            columns: Columns = {name: values[sent] for name, values in anchors._asdict().items()}
            columns |= {"row": (first + rows[columns["row"]]).astype(np.uint32), "repeated": goes[sent]}
            task.emit(spread(columns["gram"], task.partitions), record_batch(columns))
        task.write(pa.RecordBatch.from_arrays([written(merged(*gone), batch.num_rows)], names=[column]))
        task.progress(documents=batch.num_rows, bytes=len(data))
        first += batch.num_rows


def match_anchors(task: "Task", least: int, keep: int) -> None:
    """Tell shards which contexts were seen before, and which must be compared window by window."""
    slices = -(-task.received_bytes // _ANCHOR_SENT * _ANCHOR_BYTES * 2 // task.memory)
    buckets = np.zeros(_BUCKETS, np.int64)
    if slices > 1:
        for _, batch in task.received():
            buckets += np.bincount(_bucket(batch["gram"].to_numpy()), minlength=_BUCKETS)
    # an anchor of such a bucket may be in several slices, its contexts not
    full = buckets > task.memory // (8 * _ANCHOR_BYTES)

    def place(batch: pa.RecordBatch) -> npt.NDArray[np.uint64]:
        gram = batch["gram"].to_numpy()
        return slice_of(mixed(np.where(full[_bucket(gram)], batch["context"].to_numpy(), gram)), slices)

    # contexts of one anchor that are compared in one place
    most = task.memory // (16 * _WINDOW_BYTES * (least - gram_bytes(least) + 1))
    for documents, columns in _received(task, slices, place):
        gram, context, repeated = columns["gram"], columns.pop("context"), columns.pop("repeated")
        verdict = judged((gram, context), documents, columns["start"], least, keep, repeated)
        anchor = first_positions(gram, np.zeros(len(gram), np.uint64))
        contexts = np.bincount(anchor[verdict.first == np.arange(len(gram))], minlength=len(gram))[anchor]
        split = full[_bucket(gram)]
        asked = ~verdict.repeats & (split | (contexts > 1))
        split |= contexts > most
        chosen = verdict.goes | asked
        columns = {name: values[chosen] for name, values in columns.items()}
        columns |= {"row": documents[chosen].astype(np.uint32), "goes": verdict.goes[chosen]}
        columns |= {"asked": asked[chosen], "split": split[chosen]}
        task.emit((documents[chosen] >> np.uint64(32)).astype(np.int64), record_batch(columns))
        task.count("anchors", len(gram))
        task.count("compared", int(asked.sum()))


def send_windows(task: "Task", column: str, least: int) -> None:
    """Take note of what goes, and send the hashes of the windows that must be compared."""
    fields = {"start": pa.uint32(), "owned": pa.uint16(), "gram_at": pa.uint16(), "gram": pa.uint64()}
    fields |= {"row": pa.uint32(), "goes": pa.bool_(), "asked": pa.bool_(), "split": pa.bool_()}
    for first, batch, known in rows_with_records(task, pa.schema(fields), ["text", column]):
        goes, asked = known["goes"], known["asked"]
        gone = _owned(known["row"][goes] - first, known["start"][goes], known["owned"][goes], least)
        gone = merged(read(batch[column]), gone)
        task.write(pa.RecordBatch.from_arrays([written(gone, batch.num_rows)], names=[column]))
        data, offsets = text_buffers(batch["text"].cast(pa.large_string()))
        known = {name: values[asked] for name, values in known.items()}
        for piece in _pieces(known["owned"]):
            part = {name: values[piece] for name, values in known.items()}
            hashes = window_hashes(
                data,
                offsets,
                least,
                (part["row"] - first).astype(np.uint32),
                part["start"],
                part["owned"],
                part["gram_at"],
            )
            # the windows of an anchor are one record, those of one that must be split one each
            owned = part["owned"].astype(np.int64)
            records = np.where(part["split"], owned, 1)
            owner = np.repeat(np.arange(len(records)), records)
            sizes = np.where(part["split"][owner], 1, owned[owner])
            ends = np.append(np.int32(0), np.cumsum(sizes, dtype=np.int32))
            nth = np.arange(len(owner)) - np.repeat(np.cumsum(records) - records, records)
            gram = part["gram"][owner]
            key = np.where(part["split"][owner], mixed(gram ^ hashes[ends[:-1]]), gram)
            columns = {
                "key": key,
                "row": part["row"][owner],
                "start": (part["start"][owner] + nth).astype(np.uint32),
                "windows": pa.ListArray.from_arrays(pa.array(ends), pa.array(hashes)),
                "repeated": part["goes"][owner],
            }
            task.emit(spread(key, task.partitions), record_batch(columns))


def compare_windows(task: "Task", least: int, keep: int) -> None:
    """Tell shards which windows were seen before."""
    slices = -(-task.received_bytes // _WINDOW_SENT * _WINDOW_BYTES * 2 // task.memory)
    for documents, columns in _received(task, slices, lambda batch: slice_of(mixed(batch["key"].to_numpy()), slices)):
        sizes = columns["sizes"]
        owner = np.repeat(np.arange(len(sizes)), sizes)
        starts = np.repeat(columns["start"] - (np.cumsum(sizes) - sizes), sizes) + np.arange(len(owner))
        keys, repeated = (columns["key"][owner], columns["windows"]), columns["repeated"][owner]
        found = np.flatnonzero(judged(keys, documents[owner], starts, least, keep, repeated).goes)
        # windows side by side are one span
        apart = (np.diff(found) > 1) | (np.diff(owner[found]) > 0)
        heads, tails = found[np.append(True, apart)[: len(found)]], found[np.append(apart, True)[: len(found)]]
        places = documents[owner[heads]]
        spans = {
            "row": places.astype(np.uint32),
            "start": starts[heads].astype(np.uint32),
            "end": (starts[tails] + least).astype(np.uint32),
        }
        task.emit((places >> np.uint64(32)).astype(np.int64), record_batch(spans))
        task.count("windows", len(owner))


def rows_with_records(
    task: "Task", schema: pa.Schema, columns: list[str]
) -> Iterator[tuple[int, pa.RecordBatch, Columns]]:
    """The batches of a shard: (their first row, the columns, the records sent to their rows in the order of places).

    `schema` has `row` and `start`.
    """
    sent = RecordsByRow(task, schema)
    first = 0
    for batch in task.rows(columns):
        table = sent.between(first, first + batch.num_rows)
        records = {name: table[name].to_numpy() for name in schema.names}
        order = np.lexsort([records["start"], records["row"]])
        yield first, batch, {name: values[order] for name, values in records.items()}
        first += batch.num_rows


def warm_kernels(least: int) -> None:
    """Call the kernels on next to nothing."""
    data, offsets = text_buffers(pa.array(["x" * least] * 2, pa.large_string()))
    anchors = next(Winnowing(data, offsets, least))
    judged((anchors.gram, anchors.context), anchors.row, anchors.start, least, 1)
    window_hashes(data, offsets, least, anchors.row, anchors.start, anchors.owned, anchors.gram_at)
    cut_spans(data, offsets, *merged(_owned(anchors.row, anchors.start, anchors.owned, least)), "character")


def _received(
    task: "Task", slices: int, place: Callable[[pa.RecordBatch], npt.NDArray[Any]]
) -> Iterator[tuple[npt.NDArray[np.uint64], Columns]]:
    """The records sent to a partition: (their documents, ascending, their columns), slice by slice. A column of lists
    comes as its values, and `sizes`."""
    for part in received_slices(task, slices, place):
        documents, batches = [], []
        for sender, batch in part:
            documents.append(batch["row"].to_numpy().astype(np.uint64) | np.uint64(sender << 32))
            batches.append(batch.drop_columns(["row"]))
        if batches:
            table = pa.Table.from_batches(batches).combine_chunks()
            columns: Columns = {}
            for name in table.column_names:
                values = table[name]
                if pa.types.is_list(values.type):
                    columns["sizes"] = pc.list_value_length(values).to_numpy().astype(np.int64)
                    values = pc.list_flatten(values)
                columns[name] = values.to_numpy()
            yield np.concatenate(documents), columns


def _owned(rows: npt.NDArray[Any], starts: npt.NDArray[Any], owned: npt.NDArray[Any], least: int) -> Spans:
    """The bytes of the windows that anchors own."""
    begins = starts.astype(np.int64)
    return Spans(rows, begins, begins + owned + (least - 1))


def _bucket(gram: npt.NDArray[np.uint64]) -> npt.NDArray[np.int64]:
    return (gram % np.uint64(_BUCKETS)).astype(np.int64)


def _pieces(owned: npt.NDArray[np.uint16]) -> Iterator[slice]:
    """Neighbouring anchors with about _HASHED windows together."""
    ends = np.cumsum(owned, dtype=np.int64)
    cuts = np.searchsorted(ends, np.arange(_HASHED, int(ends[-1]) if len(ends) else 0, _HASHED))
    for start, end in pairwise(np.unique(np.concatenate([[0], cuts, [len(owned)]])).tolist()):
        yield slice(start, end)
