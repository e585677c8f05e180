"""Encoding a shard's documents."""

from functools import lru_cache

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from dspipe.pipeline.stage import StageSettings
from dspipe.pipeline.tasks.task import Task
from dspipe.tokenizer.encoder import AnyEncoder, load

UINT16_SIZE = 1 << 16


def encode_shard(task: Task, stage: StageSettings) -> None:
    """Make the artifact `token_ids` of the shard's kept documents, and write the number of ids of every row.

    Settings: special_in_text; padded_size, rows of the model's embedding, None for those of a given tokenizer.json.
    """
    tokenizer = task.artifact("tokenizer")[0]
    encoder = _load_once(tokenizer.sha256, tokenizer.path(), stage.settings["special_in_text"])
    size = stage.settings["padded_size"] or encoder.vocab_size
    dtype = np.dtype("<u2" if max(size, encoder.vocab_size) <= UINT16_SIZE else "<u4")
    task.note("encoder", encoder.engine)
    with task.make("token_ids", ".bin") as file:
        for batch in task.rows(["text", "reason"]):
            kept = pc.is_null(batch.column("reason"))
            ids, offsets = encoder.encode(batch.column("text").filter(kept))
            file.write(ids.astype(dtype, copy=False).data)
            tokens = np.zeros(batch.num_rows, np.int64)
            tokens[kept.to_numpy(zero_copy_only=False)] = np.diff(offsets)
            task.write(pa.RecordBatch.from_arrays([pa.array(tokens)], names=["tokens"]))
            task.count("tokens", len(ids))
            task.progress(documents=batch.num_rows, bytes=batch.nbytes)


@lru_cache(maxsize=2)
def _load_once(sha256: str, path: str, special: bool) -> AnyEncoder:
    """The encoder, kept from shard to shard of a worker; the hash tells files of the same path apart."""
    return load(path, special)
