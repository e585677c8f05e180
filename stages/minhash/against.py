"""Near-duplicates of what earlier runs have kept: the same bands and the same comparison, against their kept indexes.

    lookup     shards -> partitions    each key of a window once
    hits       partitions -> shards    which kept documents have it: of each key the first MAX_HITS of all runs
    requests   shards -> partitions    the signatures of documents with a hit, to the kept documents' partitions
    matches    partitions -> shards    kept documents whose signatures agree enough

Of the earlier runs only their indexes are read: band keys, and the signatures and ids of kept documents.
"""

from collections.abc import Iterator
from typing import NamedTuple

import numpy as np
import numpy.typing as npt
import pyarrow as pa

from dspipe.kernels.sorted_arrays import match_sorted, rank_in_run, unique_pairs
from dspipe.pipeline.doc_id import UInt32, UInt64, doc_ids, doc_ids_at, rows_of, shards_of
from dspipe.pipeline.stage import StageSettings
from dspipe.pipeline.tasks.records import Received, partition_of, read_partition, record_batch
from dspipe.pipeline.tasks.records_by_row import RecordsByRow
from dspipe.pipeline.tasks.task import Task
from dspipe.stages.minhash.received_keys import read_keys
from dspipe.stages.minhash.signatures import signature_array, stored_signatures
from dspipe.stages.minhash.windows import read_windows
from dspipe.stages.shared.dedup.kept_index import KeptIndex, open_indexes

MAX_HITS = 16
"""kept documents of one band key that a document is compared with: kept documents are seldom alike in a whole band, and
a page's frame that is in millions of them must not make millions of comparisons"""
_LOOKUPS_AT_A_TIME = 1 << 16
"""keys that are answered, each with MAX_HITS at most"""
_PAIRS_AT_A_TIME = 1 << 13
"""pairs of documents whose signatures are sent, or compared"""


_HITS = pa.schema({"row": pa.uint32(), "key": pa.uint64(), "run": pa.uint32(), "document": pa.uint64()})


class Hits(NamedTuple):
    """Kept documents that have a key, by key, then run, then document."""

    key: UInt64
    run: UInt32
    """the position of the run in `against`"""
    document: UInt64
    """its number in its run"""


class KeptNumbers:
    """Numbers for the kept documents of all earlier runs together: the second run's shards follow the first's."""

    def __init__(self, indexes: list[KeptIndex]) -> None:
        self._first_shards: npt.NDArray[np.int64] = np.cumsum([0, *(len(index.shards) for index in indexes)])

    def of(self, run: npt.NDArray[np.integer], document: UInt64) -> UInt64:
        """The numbers of documents of the runs at these positions."""
        return doc_ids_at(self._first_shards[run] + shards_of(document), rows_of(document))

    def partition_of(self, kept: UInt64, partitions: int) -> npt.NDArray[np.int64]:
        """The partition in which a kept document is compared: neighbouring shards are in one."""
        return shards_of(kept).astype(np.int64) * partitions // int(self._first_shards[-1])

    def run_and_shard(self, shard: int) -> tuple[int, int]:
        """The position of the run of a shard, and the shard's number there."""
        run = int(np.searchsorted(self._first_shards, shard, "right")) - 1
        return run, shard - int(self._first_shards[run])


class KeptRows(NamedTuple):
    """Some kept documents of one shard of one run."""

    run: int
    numbers: UInt64
    """`KeptNumbers`, ascending"""
    documents: UInt64
    """their numbers in their run"""
    ids: pa.Array
    signatures: npt.NDArray[np.uint32]


def send_lookups(task: Task, stage: StageSettings) -> None:
    """Send each key of a window once. Settings: keys (`BandKeys`)."""
    for rows, keys, _ in read_windows(task, stage):
        unique, positions = np.unique(keys, return_index=True)
        records = record_batch({"key": unique, "row": rows[positions // keys.shape[1]]})
        task.emit(partition_of(unique, task.partitions), records)


def send_hits(task: Task, stage: StageSettings) -> None:
    """Look the keys up, and send back the kept documents that have them. Settings: against (`IndexReference`s)."""
    indexes = open_indexes(stage.settings["against"])
    for keys, documents in read_keys(task):
        if not len(keys):
            continue
        order = np.argsort(keys, kind="stable")
        keys, documents = keys[order], documents[order]
        hits = _find_hits(indexes, np.unique(keys))
        task.count("keys known", len(np.unique(hits.key)))
        for start in range(0, len(keys), _LOOKUPS_AT_A_TIME):
            lookup, hit = match_sorted(keys[start : start + _LOOKUPS_AT_A_TIME], hits.key)
            asking = documents[start + lookup]
            records = {name: values[hit] for name, values in hits._asdict().items()}
            # a window looks a key up once, by the row of one of its documents: there the row says which window
            task.emit(shards_of(asking), record_batch({"row": rows_of(asking), **records}))


def send_requests(task: Task, stage: StageSettings) -> None:
    """Send each document's signature to the kept documents that share a key with it. Settings: those of both before."""
    hits = RecordsByRow(task, _HITS)
    numbers = KeptNumbers(open_indexes(stage.settings["against"]))
    for rows, keys, signed in read_windows(task, stage):
        of_window = hits.between(int(rows[0]), int(rows[-1]) + 1).sort_by("key")
        key, run, document = (of_window.column(name).to_numpy() for name in Hits._fields)
        positions, hit = match_sorted(keys.reshape(-1), key)
        member, kept = unique_pairs(positions // keys.shape[1], numbers.of(run[hit], document[hit]))
        for start in range(0, len(member), _PAIRS_AT_A_TIME):
            pairs = slice(start, start + _PAIRS_AT_A_TIME)
            signature = signature_array(signed[member[pairs]])
            records = {"row": rows[member[pairs]], "kept": kept[pairs], "signature": signature}
            task.emit(numbers.partition_of(kept[pairs], task.partitions), record_batch(records))
        task.count("pairs", len(member))


def send_matches(task: Task, stage: StageSettings) -> None:
    """Compare signatures with those of kept documents, and send back the ones that agree.

    Settings: against (`IndexReference`s); min_agreement, numbers of a signature that must.
    """
    indexes, min_agreement = open_indexes(stage.settings["against"]), stage.settings["min_agreement"]
    for requests in read_partition(task, "kept", "signature"):
        wanted = requests.numbers("kept")
        order = np.argsort(wanted, kind="stable")
        wanted = wanted[order]
        for kept in _read_kept(indexes, np.unique(wanted)):
            first, end = np.searchsorted(wanted, kept.numbers[0]), np.searchsorted(wanted, kept.numbers[-1], "right")
            partner = np.searchsorted(kept.numbers, wanted[first:end])
            for start in range(0, end - first, _PAIRS_AT_A_TIME):
                pairs = slice(start, start + _PAIRS_AT_A_TIME)
                _send_matches(task, requests, order[first:end][pairs], kept, partner[pairs], min_agreement)


def _find_hits(indexes: list[KeptIndex], keys: UInt64) -> Hits:
    """The first MAX_HITS kept documents of each key; `keys` ascend."""
    found = [Hits(np.empty(0, np.uint64), np.empty(0, np.uint32), np.empty(0, np.uint64))]
    for run, index in enumerate(indexes):
        for table in index.lookup(keys):
            key = table.column("key").to_numpy()
            # rows ascend by key and document, in a table and over all
            first = rank_in_run(key) < MAX_HITS
            document = table.column("document").to_numpy()[first]
            found.append(Hits(key[first], np.full(len(document), run, np.uint32), document))
    hits = Hits(*map(np.concatenate, zip(*found, strict=True)))
    order = np.argsort(hits.key, kind="stable")
    order = order[rank_in_run(hits.key[order]) < MAX_HITS]
    return Hits(hits.key[order], hits.run[order], hits.document[order])


def _read_kept(indexes: list[KeptIndex], numbers: UInt64) -> Iterator[KeptRows]:
    """Kept documents by their `KeptNumbers`, which ascend: those of a row group of a shard at a time."""
    kept_numbers, shards = KeptNumbers(indexes), shards_of(numbers)
    for shard in np.unique(shards).tolist():
        begin, end = np.searchsorted(shards, [shard, shard + 1])
        run, shard_there = kept_numbers.run_and_shard(shard)
        rows = rows_of(numbers[begin:end])
        for positions, table in indexes[run].rows(shard_there, rows):
            signed, _ = stored_signatures(table.column("signature").combine_chunks())
            ids = table.column("id").combine_chunks()
            documents = doc_ids(shard_there, rows[positions])
            yield KeptRows(run, numbers[begin:end][positions], documents, ids, signed)


def _send_matches(
    task: Task,
    requests: Received,
    request: npt.NDArray[np.int64],
    kept: KeptRows,
    partner: npt.NDArray[np.int64],
    min_agreement: int,
) -> None:
    """Compare request[i] with the kept document partner[i] (positions), for all i."""
    equal = (requests.signatures[request] == kept.signatures[partner]).sum(axis=1)
    alike = equal >= min_agreement
    request, partner = request[alike], partner[alike]
    documents = requests.documents[request]
    records = {
        "row": rows_of(documents),
        "run": np.full(len(request), kept.run, np.uint32),
        "document": kept.documents[partner],
        "id": kept.ids.take(pa.array(partner)),
        "similarity": (equal[alike] / kept.signatures.shape[1]).astype(np.float32),
    }
    task.emit(shards_of(documents), record_batch(records))
