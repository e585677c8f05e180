"""A shard's documents that are still kept, with the hash of what a round compares."""

from collections.abc import Iterator, Sequence

import pyarrow as pa
import pyarrow.compute as pc

from dspipe.pipeline.doc_id import UInt32
from dspipe.pipeline.stage import StageSettings
from dspipe.pipeline.tasks.records import partition_of, read_kept_rows, record_batch
from dspipe.pipeline.tasks.task import Task
from dspipe.stages.exact_dedup.hashes import Halves, address_hashes, hash_column_of, stored_hashes


def read_hashed_rows(
    task: Task, stage: StageSettings, others: Sequence[str] = ()
) -> Iterator[tuple[UInt32, Halves, pa.RecordBatch]]:
    """(rows, their hashes, the columns in `others`), batch by batch; documents without an address have no hash of it.

    Settings: by, `text` or `url`.
    """
    by_url = stage.settings["by"] == "url"
    column = "url" if by_url else hash_column_of(stage.name)
    for rows, batch in read_kept_rows(task, [column, *others]):
        known = pc.is_valid(batch.column(column))
        batch, rows = batch.filter(known), rows[known.to_numpy(zero_copy_only=False)]
        values = batch.column(column)
        yield rows, address_hashes(values) if by_url else stored_hashes(values), batch


def send_hashes(task: Task, stage: StageSettings, others: Sequence[str] = ()) -> None:
    """Send hash and row of each of these documents, and other columns. Settings: by, `text` or `url`."""
    for rows, hashes, batch in read_hashed_rows(task, stage, others):
        columns = {"key": hashes.high, "low": hashes.low, "row": rows} | {name: batch.column(name) for name in others}
        task.emit(partition_of(hashes.high, task.partitions), record_batch(columns))
