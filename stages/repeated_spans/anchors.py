"""Anchors with their contexts: sent by each shard, and matched in partitions.

What repeats isn't sent on, but for its first place, so that no step sees a passage more often than there are batches.
An anchor that takes more memory than a worker has is split by its contexts when it is matched.
"""

import numpy as np
import numpy.typing as npt
import pyarrow as pa
import pyarrow.compute as pc

from dspipe.kernels.arrow import text_buffers
from dspipe.kernels.dedup.first_positions import first_positions
from dspipe.kernels.dedup.winnowing import Winnowing, gram_bytes
from dspipe.pipeline.doc_id import UInt64, rows_of, shards_of
from dspipe.pipeline.stage import StageSettings
from dspipe.pipeline.tasks.records import murmur_hash64, partition_of, record_batch, slice_of, slices_that_fit
from dspipe.pipeline.tasks.task import Task
from dspipe.stages.repeated_spans.records import Columns, read_passages
from dspipe.stages.repeated_spans.spans import Spans, format_spans, judge_passages, merge, spans_of_anchors

ANCHOR_SENT, ANCHOR_HELD = 29, 120
"""bytes of an anchor in an exchange, and in memory while it is matched"""
WINDOW_HELD = 64
"""bytes of a window in memory while it is compared"""
_BUCKETS = 1 << 16


def anchor_bytes(min_bytes: int) -> float:
    """Memory that the anchors of a byte of text take in a partition."""
    return ANCHOR_HELD * 2 / (min_bytes - gram_bytes(min_bytes) + 2)


def send_anchors(task: Task, stage: StageSettings) -> None:
    """Send each anchor with its context; what repeats within a batch is noted already.

    Settings: min_bytes, keep, domains (null: all).
    """
    min_bytes, keep, domains = (stage.settings[name] for name in ("min_bytes", "keep", "domains"))
    first = 0
    for batch in task.rows(["text", "reason", "domain"]):
        texts = _texts(batch, domains)
        rows = pc.indices_nonzero(pc.is_valid(texts)).to_numpy().astype(np.int64)
        data, offsets = text_buffers(texts.drop_null() if texts.null_count else texts)
        dropped = [Spans(*np.zeros((3, 0), np.int64))]
        for anchors in Winnowing(data, offsets, min_bytes):
            verdict = judge_passages((anchors.gram, anchors.context), anchors.row, anchors.start, min_bytes, keep)
            drop, sent = verdict.drop, ~verdict.repeats
            owned = spans_of_anchors(rows[anchors.row[drop]], anchors.start[drop], anchors.owned[drop], min_bytes)
            dropped.append(merge(owned))
            columns: Columns = {name: values[sent] for name, values in anchors._asdict().items()}
            columns |= {"row": (first + rows[columns["row"]]).astype(np.uint32), "repeated": drop[sent]}
            task.emit(partition_of(columns["gram"], task.partitions), record_batch(columns))
        spans = format_spans(merge(*dropped), batch.num_rows)
        task.write(pa.RecordBatch.from_arrays([spans], names=[f"{stage.name}.spans"]))
        task.progress(documents=batch.num_rows, bytes=len(data))
        first += batch.num_rows


def match_anchors(task: Task, stage: StageSettings) -> None:
    """Tell shards which contexts were seen before, and which must be compared window by window.

    Settings: min_bytes, keep.
    """
    min_bytes, keep = stage.settings["min_bytes"], stage.settings["keep"]
    slices = slices_that_fit(task, ANCHOR_SENT, ANCHOR_HELD, share=2)
    buckets = np.zeros(_BUCKETS, np.int64)
    if slices > 1:
        for _, batch in task.received():
            buckets += np.bincount(_bucket(batch["gram"].to_numpy()), minlength=_BUCKETS)
    # an anchor of such a bucket may be in several slices, its contexts not
    full = buckets > task.memory // (8 * ANCHOR_HELD)

    def slice_of_anchors(batch: pa.RecordBatch) -> UInt64:
        gram = batch["gram"].to_numpy()
        return slice_of(murmur_hash64(np.where(full[_bucket(gram)], batch["context"].to_numpy(), gram)), slices)

    # contexts of one anchor that are compared in one partition
    max_contexts = task.memory // (16 * WINDOW_HELD * (min_bytes - gram_bytes(min_bytes) + 1))
    for documents, columns in read_passages(task, slices, slice_of_anchors):
        gram, context, repeated = columns["gram"], columns.pop("context"), columns.pop("repeated")
        verdict = judge_passages((gram, context), documents, columns["start"], min_bytes, keep, repeated)
        anchor = first_positions(gram, np.zeros(len(gram), np.uint64))
        contexts = np.bincount(anchor[verdict.first == np.arange(len(gram))], minlength=len(gram))[anchor]
        split = full[_bucket(gram)]
        compare = ~verdict.repeats & (split | (contexts > 1))
        split |= contexts > max_contexts
        chosen = verdict.drop | compare
        columns = {name: values[chosen] for name, values in columns.items()}
        columns |= {"row": rows_of(documents[chosen]), "drop": verdict.drop[chosen]}
        columns |= {"compare": compare[chosen], "split": split[chosen]}
        task.emit(shards_of(documents[chosen]), record_batch(columns))
        task.count("anchors", len(gram))
        task.count("compared", int(compare.sum()))


def _texts(batch: pa.RecordBatch, domains: list[str] | None) -> pa.Array:
    """The texts that take part, null for the others."""
    concerned = pc.is_null(batch["reason"])
    if domains is not None:
        of_domain = pc.is_in(batch["domain"].cast(pa.string()), pa.array(domains, pa.string()))
        concerned = pc.and_(concerned, of_domain)
    texts = batch["text"].cast(pa.large_string())
    return texts if pc.all(concerned).as_py() else pc.if_else(concerned, texts, pa.scalar(None, pa.large_string()))


def _bucket(gram: UInt64) -> npt.NDArray[np.int64]:
    return (gram % np.uint64(_BUCKETS)).astype(np.int64)
