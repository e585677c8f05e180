"""The tail: what is left of all partitions, in their order, joined into rows of one more shard."""

import numpy as np

from dspipe.pipeline.stage import StageSettings
from dspipe.pipeline.tasks.task import Task
from dspipe.stages.pack.document_table import make_table
from dspipe.stages.pack.remainder import Remainders, read_remainders
from dspipe.stages.pack.segments import Segments, split_documents
from dspipe.stages.pack.settings import TailSettings
from dspipe.stages.pack.shard_writer import write_shard
from dspipe.stages.pack.special_tokens import find_special_tokens
from dspipe.stages.pack.summary import PackedCounts, PartitionSummary, ShardContents, describe_shard


def write_tail(task: Task, stage: StageSettings) -> None:
    """Write the tail's rows and make its summary. Settings: those of TailSettings."""
    config = TailSettings.model_validate(stage.settings)
    pad = find_special_tokens(config, task.artifact("tokenizer")[0].read()).pad
    remainders = read_remainders(task)
    summary = PartitionSummary(PackedCounts(), None)
    if remainders is not None:
        counts, segments = plan_tail(remainders, config.length, config.remainder == "drop")
        contents = _write_rows(task, config, remainders, segments, counts, pad) if counts.rows else None
        summary = PartitionSummary(counts, contents)
    summary.write(task, "tail_summary")


def plan_tail(remainders: Remainders, row_length: int, drop_short: bool) -> tuple[PackedCounts, Segments]:
    """What goes where: counts for the summary, and the segments of the documents of `remainders` in the tail's rows.

    drop_short: leave the last row out unless it is full.
    """
    lengths = remainders.lengths
    total = int(lengths.sum())
    rows = total // row_length if drop_short else -(-total // row_length)
    cuts = split_documents(lengths, row_length)
    cuts = cuts[: int(np.searchsorted(cuts.row, rows))]
    tokens = int(cuts.length.sum())
    parts = np.bincount(cuts.document, minlength=len(lengths))
    counts = PackedCounts(
        rows=rows,
        tokens=tokens,
        padding=rows * row_length - tokens,
        # a remainder that is a whole document is counted as one segment, and as not cut, by its partition
        cut=int(((parts > 1) & (lengths == remainders.documents.tokens)).sum()),
        segments=int(np.maximum(parts - 1, 0).sum()),
        dropped=total - tokens,
        dropped_documents=int(((parts == 0) & (remainders.starts == 0)).sum()),
    )
    start = remainders.starts[cuts.document] + cuts.start
    return counts, Segments(cuts.document, start, cuts.length, cuts.row, cuts.column)


def _write_rows(
    task: Task, config: TailSettings, remainders: Remainders, segments: Segments, counts: PackedCounts, pad: int
) -> ShardContents:
    rows, row_length, dtype = counts.rows, config.length, remainders.tokens.dtype
    flat = np.full(rows * row_length, pad, dtype)
    flat[: counts.tokens] = remainders.tokens[: counts.tokens]
    table = make_table(remainders.documents, segments, rows)
    block = flat.reshape(rows, row_length)
    write_shard(
        lambda suffix: task.make("tail", suffix, product="tail"),
        config.format,
        iter([block]),
        table,
        rows,
        row_length,
        dtype,
    )
    return describe_shard(table, dtype.name)
