"""Near-duplicates of what earlier runs have kept: the same bands and the same comparison, against their kept indexes.

    keys        shards -> partitions    each key of a window once
    known       partitions -> shards    which kept documents have it: of each key the first KNOWN of all runs
    questions   shards -> partitions    the signatures of the documents that ask, to the kept documents' partitions
    matches     partitions -> shards    kept documents whose signatures agree in the least number of places

Of the earlier runs only their indexes are read: band keys, and the signatures and ids of kept documents.
"""

from typing import TYPE_CHECKING

import numpy as np
import numpy.typing as npt
import pyarrow as pa
import pyarrow.parquet as pq

from dspipe.pipeline.storage.records import Numbers, key_slices, received, record_batch, rows_kept, spread
from dspipe.stages.minhash.settings import Banding
from dspipe.stages.minhash.signatures import signature_column, stored_signatures, unique_pairs, windows
from dspipe.stages.shared.dedup.kept_index import GROUP, KeptIndex

if TYPE_CHECKING:
    from dspipe.pipeline.tasks.task import Task

KNOWN = 16
"""kept documents of one band key that a document is compared with: kept documents are seldom alike in a whole band, and
a page's frame that is in millions of them must not make millions of comparisons"""
_COMPARED = 1 << 13
"""pairs of signatures compared at a time"""


def send_kept(task: "Task", column: str, name: str, banding: Banding) -> None:
    """Send the keys of all kept documents to the index, and write their rows, ids and signatures beside it."""
    from dspipe.kernels.dedup.minhash import band_keys

    fields = [pa.field("row", pa.uint32()), pa.field("id", pa.string())]
    schema = pa.schema([*fields, pa.field("signature", pa.binary(4 * banding.permutations))])
    with task.make(name, ".parquet") as file, pq.ParquetWriter(file, schema, compression="zstd") as writer:
        for numbers, batch in rows_kept(task, [column, "id"]):
            signed, known = stored_signatures(batch.column(0))
            rows, keys = numbers[known], band_keys(signed, *banding.cut)
            records = record_batch({"key": keys.reshape(-1), "row": np.repeat(rows, keys.shape[1])})
            task.emit(spread(keys.reshape(-1), task.partitions), records)
            if len(rows):
                arrays = [pa.array(rows), batch.column(1).filter(pa.array(known)), signature_column(signed)]
                writer.write_batch(pa.RecordBatch.from_arrays(arrays, schema=schema), row_group_size=GROUP)


def ask_keys(task: "Task", column: str, banding: Banding) -> None:
    """Send each key of a window once."""
    for rows, keys, _ in windows(task, column, banding.cut):
        unique, places = np.unique(keys, return_index=True)
        records = record_batch({"key": unique, "row": rows[places // keys.shape[1]]})
        task.emit(spread(unique, task.partitions), records)


def answer_keys(task: "Task", indexes: list[KeptIndex]) -> None:
    """Send back the kept documents that have a key."""
    for asked, documents in key_slices(task):
        if not len(asked):
            continue
        order = np.argsort(asked, kind="stable")
        asked, shards = asked[order], (documents[order] >> np.uint64(32)).astype(np.int64)
        wanted = np.unique(asked)
        keys, runs, kept = [np.empty(0, np.uint64)], [np.empty(0, np.uint32)], [np.empty(0, np.uint64)]
        for run, index in enumerate(indexes):
            for table in index.lookup(wanted):
                # rows ascend by key and document, here and in all
                key = table.column("key").to_numpy()
                early = _rank(key) < KNOWN
                keys.append(key[early])
                runs.append(np.full(int(early.sum()), run, np.uint32))
                kept.append(table.column("document").to_numpy()[early])
        key, run_of, document = np.concatenate(keys), np.concatenate(runs), np.concatenate(kept)
        by_key = np.argsort(key, kind="stable")
        by_key = by_key[_rank(key[by_key]) < KNOWN]
        key, run_of, document = key[by_key], run_of[by_key], document[by_key]
        askers, found = _matching(asked, key)
        records = record_batch({"key": key[found], "run": run_of[found], "document": document[found]})
        task.emit(shards[askers], records)
        task.count("keys known", len(np.unique(key)))


def ask_documents(task: "Task", column: str, banding: Banding, indexes: list[KeptIndex]) -> None:
    """Send each document's signature to the kept documents that share a key with it."""
    batches = [batch for _, batch in task.received()]
    if not batches:
        return
    table = pa.Table.from_batches(batches)
    key, run, document = (table.column(name).to_numpy() for name in ("key", "run", "document"))
    order = np.lexsort([document, run, key])
    key = key[order]
    starts = _first_shards(indexes)
    earlier = (starts[run[order]] << np.uint64(32)) + document[order]
    for rows, keys, signed in windows(task, column, banding.cut):
        places, found = _matching(keys.reshape(-1), key)
        place, kept = unique_pairs(places // keys.shape[1], earlier[found])
        records = pa.RecordBatch.from_arrays(
            [pa.array(rows[place]), pa.array(kept, pa.uint64()), signature_column(signed[place])],
            names=["row", "earlier", "signature"],
        )
        partition = (kept >> np.uint64(32)) * np.uint64(task.partitions) // starts[-1]
        task.emit(partition.astype(np.int64), records)
        task.count("pairs", len(place))


def answer_documents(task: "Task", banding: Banding, indexes: list[KeptIndex]) -> None:
    """Compare signatures with those of kept documents, and send back the ones that agree."""
    starts = _first_shards(indexes)
    for records in received(task, "earlier", "signature"):
        earlier = records.numbers("earlier")
        order = np.argsort(earlier, kind="stable")
        shards = earlier[order] >> np.uint64(32)
        for shard in np.unique(shards):
            begin, end = np.searchsorted(shards, [shard, shard + np.uint64(1)])
            here = order[begin:end]
            asked = (earlier[here] & np.uint64(0xFFFFFFFF)).astype(np.uint32)
            rows, of = np.unique(asked, return_inverse=True)
            by_place = np.argsort(of, kind="stable")
            here, of = here[by_place], of[by_place]
            run = int(np.searchsorted(starts, shard, "right")) - 1
            number = int(shard - starts[run])
            for places, kept in indexes[run].rows(number, rows):
                signed, _ = stored_signatures(kept.column("signature").combine_chunks())
                first, last = np.searchsorted(of, [places[0], places[-1] + 1])
                asking, asked_for = here[first:last], of[first:last] - places[0]
                for start in range(0, len(asking), _COMPARED):
                    some, other = asking[start : start + _COMPARED], asked_for[start : start + _COMPARED]
                    equal = (records.signed[some] == signed[other]).sum(axis=1)
                    alike = equal >= banding.least
                    some, other = some[alike], other[alike]
                    values = {
                        "row": (records.documents[some] & np.uint64(0xFFFFFFFF)).astype(np.uint32),
                        "run": np.full(len(some), run, np.uint32),
                        "document": np.uint64(number << 32) | rows[places[other]].astype(np.uint64),
                        "id": kept.column("id").combine_chunks().take(pa.array(other)),
                        "similarity": (equal[alike] / banding.permutations).astype(np.float32),
                    }
                    task.emit((records.documents[some] >> np.uint64(32)).astype(np.int64), record_batch(values))


def _first_shards(indexes: list[KeptIndex]) -> Numbers:
    """uint64[runs + 1]: the number of each run's first shard among the shards of all, and how many these are."""
    return np.cumsum([0, *(len(index.shards) for index in indexes)]).astype(np.uint64)


def _rank(values: Numbers) -> npt.NDArray[np.int64]:
    """The place of each value, which ascend, among those equal to it."""
    return np.arange(len(values)) - np.searchsorted(values, values)


def _matching(asked: Numbers, known: Numbers) -> tuple[npt.NDArray[np.int64], npt.NDArray[np.int64]]:
    """All pairs (place in `asked`, place in `known`) of equal values; `known` ascends."""
    starts = np.searchsorted(known, asked)
    counts = np.searchsorted(known, asked, "right") - starts
    askers = np.repeat(np.arange(len(asked)), counts)
    offsets = np.repeat(starts - (np.cumsum(counts) - counts), counts)
    return askers, np.arange(len(askers)) + offsets
