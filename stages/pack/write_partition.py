"""One partition as a shard: its documents in order, cut into rows; what is less than a row is sent on."""

import json

import numpy as np

from dspipe.pipeline.stage import StageSettings
from dspipe.pipeline.tasks.task import Task
from dspipe.stages.pack.document_table import Documents, with_pieces
from dspipe.stages.pack.fim import plan_layout
from dspipe.stages.pack.manifest import COUNTED, describe
from dspipe.stages.pack.partition import Partition
from dspipe.stages.pack.remainder import rest_records
from dspipe.stages.pack.segments import split_pieces, whole_pieces
from dspipe.stages.pack.settings import RowSettings
from dspipe.stages.pack.shard_writer import write_shard
from dspipe.stages.pack.special_tokens import find_special


def write_partition(task: Task, stage: StageSettings) -> None:
    """Sort a partition's documents by their order keys, and write them."""
    write_rows(task, RowSettings.model_validate(stage.settings), Partition(task.received, shuffle=True))


def write_rows(task: Task, config: RowSettings, partition: Partition) -> None:
    """Write a partition's rows, emit what is less than one, and make its summary."""
    special = find_special(config, task.artifact("tokenizer")[0].read())
    found = partition.documents
    layout = plan_layout(
        config.fill_in_the_middle, partition.keys, partition.lengths, found.arrays["domain"], found.domains
    )
    lengths = partition.stream_lengths(special, layout)
    length, total = config.length, int(lengths.sum())
    if config.mode == "split":
        pieces, rows = split_pieces(lengths, length), total // length
    else:
        pieces, rows = whole_pieces(lengths, length, config.mode == "aligned")
    table = {**found.arrays, "tokens": lengths, "layout": layout.layout, "cuts": layout.cuts}
    whole = Documents(table, found.domains, found.sources)
    in_rows = pieces[: int(np.searchsorted(pieces.row, rows))]
    tokens = int(in_rows.length.sum())
    rest = pieces[len(in_rows) :]
    per_document = np.bincount(pieces.document, minlength=len(partition))
    kept = np.bincount(pieces.document, pieces.length, minlength=len(partition)).astype(np.int64)
    summary = {
        "rows": rows,
        "tokens": tokens,
        "padding": rows * length - tokens,
        "documents": len(partition),
        "cut": int(((per_document > 1) | (kept < lengths)).sum()),
        "pieces": len(pieces),
        "rearranged": int((layout.layout > 0).sum()),
        "added": total - int(partition.lengths.sum()),
        "cropped": total - int(kept.sum()),
        "rest": int(rest.length.sum()),
    }
    if rows:
        blocks = partition.blocks(in_rows, rows, length, special, layout, task.memory // 8)
        documents = with_pieces(whole, in_rows, rows)
        describe(summary, documents, partition.dtype.name)
        write_shard(
            lambda suffix: task.make("shards", suffix),
            config.format,
            blocks,
            documents,
            rows,
            length,
            partition.dtype,
        )
    if len(rest):
        filled = partition.filled(rest, rows, 1, length, special, layout)
        task.emit(np.zeros(len(rest), np.int64), rest_records(whole, rest, filled[0]))
    for name in COUNTED:
        task.count(name, summary[name])
    with task.make("summaries", ".summary.json") as file:
        file.write(json.dumps(summary).encode())
