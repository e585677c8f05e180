"""Where documents are, by id and by address: what `dspipe explain` asks instead of reading every shard.

Each document has an entry for its id and one for its address: 64 bits of hash and its number (`pipeline.doc_id`), so
16 bytes each. Tasks over shards send them to partitions of the hashes; each partition is a file of two arrays of
uint64, the sorted hashes and the numbers in step with them. A hash is no proof: who looks up compares the stored names.
"""

import re

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from dspipe.kernels.arrow import text_buffers
from dspipe.kernels.hashing import hash_strings
from dspipe.pipeline.doc_id import UInt64, doc_ids
from dspipe.pipeline.stage import StageSettings
from dspipe.pipeline.tasks.records import partition_of, record_batch
from dspipe.pipeline.tasks.task import Task

NAME_INDEX = "name_index"
"""the artifact, a file a partition"""
ENTRY_BYTES = 16
OF_ID, OF_ADDRESS = np.uint64(1), np.uint64(2)
"""which kind of name a hash is of"""
_SCHEME_AND_SLASH = r"^https?://|/$", ""
"""what two forms of an address differ in"""


def send_names(task: Task, stage: StageSettings) -> None:
    """Send hash and row of every document's id and address, kept or not."""
    first = 0
    for batch in task.rows(["id", "url"]):
        rows = np.arange(first, first + batch.num_rows, dtype=np.uint32)
        first += batch.num_rows
        known = pc.is_valid(batch.column("url")).to_numpy(zero_copy_only=False)
        addresses = bare_addresses(batch.column("url").drop_null())
        hashes = np.concatenate([name_hashes(batch.column("id"), OF_ID), name_hashes(addresses, OF_ADDRESS)])
        columns = {"hash": hashes, "row": np.concatenate([rows, rows[known]])}
        task.emit(partition_of(hashes, task.partitions), record_batch(columns))


def sort_names(task: Task, stage: StageSettings) -> None:
    """Write one partition: its hashes in order, then the documents' numbers."""
    hashes, numbers = [np.empty(0, np.uint64)], [np.empty(0, np.uint64)]
    for sender, batch in task.received():
        hashes.append(batch.column("hash").to_numpy())
        numbers.append(doc_ids(sender, batch.column("row").to_numpy()))
    found = np.concatenate(hashes)
    order = np.argsort(found, kind="stable")
    with task.make(NAME_INDEX, ".bin") as file:
        file.write(found[order].astype("<u8").data)
        file.write(np.concatenate(numbers)[order].astype("<u8").data)


def bare_address(url: str) -> str:
    """An address without what two forms of it differ in."""
    return re.sub(*_SCHEME_AND_SLASH, url)


def bare_addresses(urls: pa.Array) -> pa.Array:
    """`bare_address` of each."""
    return pc.replace_substring_regex(urls, *_SCHEME_AND_SLASH)


def name_hashes(names: pa.Array, kind: np.uint64) -> UInt64:
    """The hash of each name (string) of a kind."""
    found: UInt64 = hash_strings(*text_buffers(names), kind)
    return found
