"""One partition as a shard: its documents in order, cut into rows; what is less than a row is sent on."""

from dataclasses import replace

import numpy as np

from dspipe.pipeline.errors import UnfitSettingError
from dspipe.pipeline.stage import StageSettings
from dspipe.pipeline.tasks.task import Task
from dspipe.stages.pack.document_table import make_table
from dspipe.stages.pack.fim import Layout, plan_layout
from dspipe.stages.pack.fit_documents import fit_documents
from dspipe.stages.pack.formats.mds import ShardTooLargeError
from dspipe.stages.pack.partition import Partition
from dspipe.stages.pack.remainder import make_records
from dspipe.stages.pack.segments import split_documents
from dspipe.stages.pack.settings import RowSettings
from dspipe.stages.pack.shard_writer import write_shard
from dspipe.stages.pack.special_tokens import find_special_tokens
from dspipe.stages.pack.summary import PackedCounts, PartitionSummary, describe_shard


def write_partition(task: Task, stage: StageSettings) -> None:
    """Sort a partition's documents by their order keys, and write them. Settings: those of RowSettings."""
    write_rows(task, RowSettings.model_validate(stage.settings), Partition(task.received, shuffle=True))


def write_rows(task: Task, config: RowSettings, partition: Partition) -> None:
    """Write a partition's rows, emit what is less than one, and make its summary.

    Raises UnfitSettingError for special tokens that the tokenizer hasn't, and a shard too large for its format.
    """
    special = find_special_tokens(config, task.artifact("tokenizer")[0].read())
    plain = partition.documents
    if plain.drawn is not None:
        layout = Layout(plain.layout, plain.cuts)
    else:
        layout = plan_layout(config.fill_in_the_middle, partition.keys, plain.tokens, plain.domain, plain.domains)
    lengths = partition.stream_lengths(special, layout)
    documents = replace(plain, tokens=lengths, layout=layout.layout, cuts=layout.cuts)
    row_length, total = config.length, int(lengths.sum())
    if config.mode == "split":
        segments, rows = split_documents(lengths, row_length), total // row_length
    else:
        segments, rows = fit_documents(lengths, row_length, config.mode == "aligned")
    in_rows = segments[: int(np.searchsorted(segments.row, rows))]
    remainder = segments[len(in_rows) :]
    tokens = int(in_rows.length.sum())
    segments_of = np.bincount(segments.document, minlength=len(partition))
    packed = np.bincount(segments.document, segments.length, minlength=len(partition)).astype(np.int64)
    counts = PackedCounts(
        rows=rows,
        tokens=tokens,
        padding=rows * row_length - tokens,
        documents=len(partition),
        cut=int(((segments_of > 1) | (packed < lengths)).sum()),
        segments=len(segments),
        rearranged=int((layout.layout > 0).sum()),
        added=total - int(plain.tokens.sum()),
        cropped=total - int(packed.sum()),
        remainder=int(remainder.length.sum()),
    )
    contents = None
    if rows:
        table = make_table(documents, in_rows, rows)
        contents = describe_shard(table, partition.dtype.name)
        blocks = partition.fill_blocks(in_rows, rows, row_length, special, layout, task.memory // 8)
        try:
            write_shard(
                lambda suffix: task.make("shards", suffix, product=task.spec.label),
                config.format,
                blocks,
                table,
                rows,
                row_length,
                partition.dtype,
            )
        except ShardTooLargeError as error:
            raise UnfitSettingError(str(error), ("shard_bytes",)) from None
    if len(remainder):
        row = partition.fill_rows(remainder, rows, 1, row_length, special, layout)[0]
        task.emit(np.zeros(len(remainder), np.int64), make_records(documents, remainder, row))
    PartitionSummary(counts, contents).write(task, "summaries")
