"""The documents of a finished run."""

from collections.abc import Iterator, Sequence

import pyarrow as pa

from dspipe.pipeline.run.run_file import read_run
from dspipe.pipeline.storage.columns import Column, read_rows
from dspipe.stages.pack.verify.against_run import ReadRows


def open_rows(root: str) -> ReadRows:
    """Reads columns of all documents of a run, shard by shard, each from the newest phase that wrote it.

    A column that the run hasn't is null. Raises RunNotFoundError.
    """
    store, run = read_run(root)
    shards: list[tuple[dict[str, Column], list[int]]] = []
    for number, phase in enumerate(run.phases):
        manifests = store.read_json_many(phase.manifests)
        if number == 0:  # the text pass, which makes the row groups
            shards = [({}, manifest["groups"]) for manifest in manifests]
        if any(manifest["columns"] for manifest in manifests):
            for (columns, _), manifest in zip(shards, manifests, strict=True):
                columns.update({name: Column(*place) for name, place in manifest["columns"].items()})

    def read(wanted: Sequence[str]) -> Iterator[pa.RecordBatch]:
        for columns, groups in shards:
            known = [name for name in wanted if name in columns]
            for batch in read_rows(store, columns, known, groups):
                for name in wanted:
                    if name not in columns:
                        batch = batch.append_column(name, pa.nulls(batch.num_rows, pa.int32()))
                yield batch.select(list(wanted))

    return read
