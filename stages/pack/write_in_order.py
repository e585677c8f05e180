"""An input shard's drawn documents as a shard of rows, in their order: packing without a shuffle.

No document leaves its input shard, so nothing is sent: the shard is read, cut into rows and written by one task.
"""

from collections.abc import Iterator

import pyarrow as pa

from dspipe.pipeline.errors import ConfigError
from dspipe.pipeline.stage import StageSettings
from dspipe.pipeline.tasks.task import Task
from dspipe.stages.pack.drawn import DrawnDocuments, write_counts
from dspipe.stages.pack.partition import Partition
from dspipe.stages.pack.settings import RowSettings, cut_at_characters
from dspipe.stages.pack.write_partition import write_rows


def write_input_shard(task: Task, stage: StageSettings) -> None:
    """Write the rows of the task's input shard. Raises ConfigError for a mixture with phases, which is an order."""
    rows = RowSettings.model_validate(stage.settings["rows"])
    documents = DrawnDocuments(task, stage.settings["remixed"], cut_at_characters(rows.fill_in_the_middle))
    if documents.order_keys.phases > 1:
        raise ConfigError("phases of a mixture need shuffle: true", ("shuffle",))

    def read() -> Iterator[tuple[int, pa.RecordBatch]]:
        return ((0, batch) for batch in documents.read())

    partition = Partition(read, shuffle=False)
    write_counts(task, documents.counts)
    write_rows(task, rows, partition)
