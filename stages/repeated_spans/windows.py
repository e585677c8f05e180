"""Windows whose contexts didn't settle it: sent by each shard as hashes, and compared in partitions.

An anchor that takes more memory than a worker has is split by its windows.
"""

from collections.abc import Iterator
from itertools import pairwise

import numpy as np
import numpy.typing as npt
import pyarrow as pa

from dspipe.kernels.arrow import Bytes, Offsets, text_buffers
from dspipe.kernels.dedup.winnowing import window_hashes
from dspipe.kernels.sorted_arrays import expand_ranges
from dspipe.pipeline.doc_id import rows_of, shards_of
from dspipe.pipeline.stage import StageSettings
from dspipe.pipeline.tasks.records import murmur_hash64, partition_of, record_batch, slice_of, slices_that_fit
from dspipe.pipeline.tasks.task import Task
from dspipe.stages.repeated_spans.anchors import WINDOW_HELD
from dspipe.stages.repeated_spans.records import Columns, read_passages, read_rows_with_records
from dspipe.stages.repeated_spans.spans import format_spans, judge_passages, merge, parse_spans, spans_of_anchors

WINDOW_SENT = 8
"""bytes of a window in an exchange"""
_HASHED_WINDOWS = 1 << 20
"""windows that are hashed and sent at a time"""
_ANCHORS = pa.schema(
    {
        "start": pa.uint32(),
        "owned": pa.uint16(),
        "gram_at": pa.uint16(),
        "gram": pa.uint64(),
        "row": pa.uint32(),
        "drop": pa.bool_(),
        "compare": pa.bool_(),
        "split": pa.bool_(),
    }
)


def send_windows(task: Task, stage: StageSettings) -> None:
    """Note what is to be dropped, and send the hashes of the windows that must be compared. Settings: min_bytes."""
    min_bytes, column = stage.settings["min_bytes"], f"{stage.name}.spans"
    for first, batch, anchors in read_rows_with_records(task, _ANCHORS, ["text", column]):
        drop, compare = anchors["drop"], anchors["compare"]
        found = spans_of_anchors(
            anchors["row"][drop] - first, anchors["start"][drop], anchors["owned"][drop], min_bytes
        )
        spans = merge(parse_spans(batch[column]), found)
        task.write(pa.RecordBatch.from_arrays([format_spans(spans, batch.num_rows)], names=[column]))
        text = text_buffers(batch["text"].cast(pa.large_string()))
        anchors = {name: values[compare] for name, values in anchors.items()}
        for piece in _pieces(anchors["owned"]):
            records = _window_records(
                {name: values[piece] for name, values in anchors.items()}, first, *text, min_bytes
            )
            task.emit(partition_of(records["key"].to_numpy(), task.partitions), records)


def compare_windows(task: Task, stage: StageSettings) -> None:
    """Tell shards which windows were seen before. Settings: min_bytes, keep."""
    min_bytes, keep = stage.settings["min_bytes"], stage.settings["keep"]
    slices = slices_that_fit(task, WINDOW_SENT, WINDOW_HELD, share=2)
    for documents, columns in read_passages(
        task, slices, lambda batch: slice_of(murmur_hash64(batch["key"].to_numpy()), slices)
    ):
        owner = np.repeat(np.arange(len(columns["sizes"])), columns["sizes"])
        starts = expand_ranges(columns["start"], columns["sizes"])
        keys, repeated = (columns["key"][owner], columns["windows"]), columns["repeated"][owner]
        found = np.flatnonzero(judge_passages(keys, documents[owner], starts, min_bytes, keep, repeated).drop)
        # windows side by side are one span
        apart = (np.diff(found) > 1) | (np.diff(owner[found]) > 0)
        heads, tails = found[np.append(True, apart)[: len(found)]], found[np.append(apart, True)[: len(found)]]
        of_span = documents[owner[heads]]
        spans = {
            "row": rows_of(of_span),
            "start": starts[heads].astype(np.uint32),
            "end": (starts[tails] + min_bytes).astype(np.uint32),
        }
        task.emit(shards_of(of_span), record_batch(spans))
        task.count("windows", len(owner))


def _window_records(anchors: Columns, first: int, data: Bytes, offsets: Offsets, min_bytes: int) -> pa.RecordBatch:
    """The windows of some anchors: those of an anchor are one record, of one that must be split one each."""
    rows = (anchors["row"] - first).astype(np.uint32)
    hashes = window_hashes(data, offsets, min_bytes, rows, anchors["start"], anchors["owned"], anchors["gram_at"])
    owned = anchors["owned"].astype(np.int64)
    records = np.where(anchors["split"], owned, 1)
    owner = np.repeat(np.arange(len(records)), records)
    split = anchors["split"][owner]
    ends = np.append(np.int32(0), np.cumsum(np.where(split, 1, owned[owner]), dtype=np.int32))
    gram = anchors["gram"][owner]
    return record_batch(
        {
            "key": np.where(split, murmur_hash64(gram ^ hashes[ends[:-1]]), gram),
            "row": anchors["row"][owner],
            "start": expand_ranges(anchors["start"], records).astype(np.uint32),
            "windows": pa.ListArray.from_arrays(pa.array(ends), pa.array(hashes)),
            "repeated": anchors["drop"][owner],
        }
    )


def _pieces(owned: npt.NDArray[np.uint16]) -> Iterator[slice]:
    """Neighbouring anchors with about _HASHED_WINDOWS windows together."""
    ends = np.cumsum(owned, dtype=np.int64)
    cuts = np.searchsorted(ends, np.arange(_HASHED_WINDOWS, int(ends[-1]) if len(ends) else 0, _HASHED_WINDOWS))
    for start, end in pairwise(np.unique(np.concatenate([[0], cuts, [len(owned)]])).tolist()):
        yield slice(start, end)
