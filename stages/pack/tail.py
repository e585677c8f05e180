"""The tail: what is left of all partitions, in their order, joined into rows of one more shard."""

import json
from typing import Any

import numpy as np

from dspipe.pipeline.stage import StageSettings
from dspipe.pipeline.tasks.task import Task
from dspipe.stages.pack.document_table import with_pieces
from dspipe.stages.pack.manifest import COUNTED, describe
from dspipe.stages.pack.remainder import received_rests
from dspipe.stages.pack.segments import Pieces, split_pieces
from dspipe.stages.pack.settings import TailSettings
from dspipe.stages.pack.shard_writer import write_shard
from dspipe.stages.pack.special_tokens import find_special


def write_tail(task: Task, stage: StageSettings) -> None:
    """Write the tail's rows and make its summary."""
    config = TailSettings.model_validate(stage.settings)
    special = find_special(config, task.artifact("tokenizer")[0].read())
    table, starts, tokens, lengths = received_rests(task)
    length, total = config.length, int(lengths.sum())
    again = split_pieces(lengths, length)
    rows = total // length if config.remainder == "drop" else -(-total // length)
    again = again[: int(np.searchsorted(again.row, rows))]
    pieces = Pieces(again.document, starts[again.document] + again.start, again.length, again.row, again.column)
    in_rows = int(pieces.length.sum())
    per_rest = np.bincount(again.document, minlength=len(lengths))
    summary: dict[str, Any] = dict.fromkeys(COUNTED, 0) | {
        "rows": rows,
        "tokens": in_rows,
        "padding": rows * length - in_rows,
        # a rest that is a whole document is counted as one piece, and as not cut, by its partition
        "cut": int(((per_rest > 1) & (lengths == table.arrays["tokens"])).sum()),
        "pieces": int(np.maximum(per_rest - 1, 0).sum()),
        "dropped": total - in_rows,
        "dropped_documents": int(((per_rest == 0) & (starts == 0)).sum()),
    }
    if rows:
        flat = np.full(rows * length, special.pad, tokens.dtype)
        flat[:in_rows] = tokens[:in_rows]
        documents = with_pieces(table, pieces, rows)
        describe(summary, documents, tokens.dtype.name)
        write_shard(
            lambda suffix: task.make("tail", suffix),
            config.format,
            iter([flat.reshape(rows, length)]),
            documents,
            rows,
            length,
            tokens.dtype,
        )
    for name in (*COUNTED, "dropped"):
        task.count(name, summary[name])
    with task.make("tail_summary", ".summary.json") as file:
        file.write(json.dumps(summary).encode())
