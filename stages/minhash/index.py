"""What a run leaves of its kept documents for later runs: band keys, signatures and ids (`shared.dedup.kept_index`)."""

import numpy as np
import pyarrow as pa

from dspipe.kernels.dedup.minhash import band_keys
from dspipe.pipeline.stage import StageSettings
from dspipe.pipeline.tasks.records import partition_of, read_kept_rows, record_batch
from dspipe.pipeline.tasks.task import Task
from dspipe.stages.minhash.signatures import signature_array, signature_column_of, stored_signatures
from dspipe.stages.shared.dedup.index_format import IndexWriter


def send_kept(task: Task, stage: StageSettings) -> None:
    """Send the keys of all kept documents to the index, and write rows, ids and signatures to `<prefix>.kept`.

    Settings: bands, rows (of a band), permutations.
    """
    bands, band_rows = stage.settings["bands"], stage.settings["rows"]
    fields = [pa.field("row", pa.uint32()), pa.field("id", pa.string())]
    schema = pa.schema([*fields, pa.field("signature", pa.binary(4 * stage.settings["permutations"]))])
    with (
        task.make(f"{stage.name}.kept", ".parquet") as file,
        IndexWriter(file, schema, {}) as writer,
    ):
        for numbers, batch in read_kept_rows(task, [signature_column_of(stage.name), "id"]):
            signed, known = stored_signatures(batch.column(0))
            rows, keys = numbers[known], band_keys(signed, bands, band_rows)
            records = record_batch({"key": keys.reshape(-1), "row": np.repeat(rows, keys.shape[1])})
            task.emit(partition_of(keys.reshape(-1), task.partitions), records)
            if len(rows):
                arrays = [pa.array(rows), batch.column(1).filter(pa.array(known)), signature_array(signed)]
                writer.write(pa.Table.from_arrays(arrays, schema=schema))
