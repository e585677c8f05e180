"""The documents of a finished run."""

from collections.abc import Callable, Iterator, Sequence

import pyarrow as pa

from dspipe.pipeline.storage.columns import Column, read_rows
from dspipe.pipeline.storage.store import Store

ReadRows = Callable[[Sequence[str]], Iterator[pa.RecordBatch]]


def run_rows(root: str) -> ReadRows:
    """Reads columns of all documents of a run, shard by shard, each from the newest phase that wrote it."""
    store = Store(root)
    shards: list[tuple[dict[str, Column], list[int]]] = []
    for phase in store.read_json("run.json")["phases"]:
        manifests = [store.read_json(name) for name in phase["manifests"]]
        if phase["name"] == "documents":
            shards = [({}, manifest["groups"]) for manifest in manifests]
        if any(manifest["columns"] for manifest in manifests):
            for (columns, _), manifest in zip(shards, manifests, strict=True):
                columns.update({name: Column(*place) for name, place in manifest["columns"].items()})

    def read(columns: Sequence[str]) -> Iterator[pa.RecordBatch]:
        for places, groups in shards:
            known = [name for name in columns if name in places]
            for batch in read_rows(store, places, known, groups):
                for name in columns:
                    if name not in places:
                        batch = batch.append_column(name, pa.nulls(batch.num_rows, pa.int32()))
                yield batch.select(list(columns))

    return read
