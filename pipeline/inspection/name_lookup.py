"""Looking documents up in the index of a run by id or address (`pipeline.tasks.name_index`)."""

import numpy as np

from dspipe.kernels.hashing import hash_string
from dspipe.pipeline.doc_id import UInt64
from dspipe.pipeline.run.run_file import RunFile
from dspipe.pipeline.storage.store import Store
from dspipe.pipeline.tasks.name_index import ENTRY_BYTES, NAME_INDEX, OF_ADDRESS, OF_ID, bare_address
from dspipe.pipeline.tasks.records import partition_of

_WINDOW = 4096
"""entries that are read around the place where a hash is to be expected"""


def look_up(store: Store, run: RunFile, wanted: str) -> list[int] | None:
    """The numbers of the documents whose id or address may be this one, by their hashes; None where the run has no
    index (yet). Two small reads of each partition asked, at most a few where hashes lie unevenly."""
    files = run.artifacts.get(NAME_INDEX)
    if not files:
        return None
    keys = [(wanted, OF_ID), (bare_address(wanted), OF_ADDRESS)]
    found: dict[int, None] = {}
    for name, kind in keys:
        hashed = np.uint64(hash_string(name, int(kind)))
        file = files[int(partition_of(np.array([hashed]), len(files))[0])]
        found |= dict.fromkeys(_numbers_of(store, file, hashed, len(files)))
    return list(found)


def _numbers_of(store: Store, file: str, wanted: np.uint64, partitions: int) -> list[int]:
    """The numbers beside a hash in a partition's file, at most `_WINDOW` of them."""
    entries = store.size(file) // ENTRY_BYTES
    # the hashes of a partition are spread evenly over its part of the 64 bits
    expected = int((int(wanted) * partitions % (1 << 64)) / (1 << 64) * entries)
    first = _first_at_least(store, file, wanted, entries, expected)
    hashes = _read(store, file, first, min(_WINDOW, entries - first))
    equal = int(np.searchsorted(hashes, wanted, "right"))
    return [int(number) for number in _read(store, file, entries + first, equal)]


def _first_at_least(store: Store, file: str, wanted: np.uint64, entries: int, expected: int) -> int:
    """The place of the first hash that isn't less: a binary search by windows that begins where it is expected."""
    low, high, middle = 0, entries, expected
    while low < high:
        length = min(_WINDOW, high - low)
        start = min(max(middle - length // 2, low), high - length)
        window = _read(store, file, start, length)
        if window[-1] < wanted:
            low = start + length
        elif window[0] >= wanted:
            high = start
        else:
            return start + int(np.searchsorted(window, wanted))
        middle = (low + high) // 2
    return low


def _read(store: Store, file: str, first: int, values: int) -> UInt64:
    return np.frombuffer(store.read_range(file, 8 * first, 8 * values), "<u8")
