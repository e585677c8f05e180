"""What was sent to each task of a receiving phase, as a digest: what its key covers of an exchange.

A receiver's records and their senders, in their order, are all that it can see of an exchange. So what other receivers
were sent, or that there are more senders now that sent it nothing, is no reason to do it again.
"""

import base64
from collections.abc import Iterator, Sequence
from typing import Any

import numpy as np
import numpy.typing as npt
import xxhash

from dspipe.pipeline.storage.exchange import DIGEST_BYTES, LAYOUT, ExchangeReader
from dspipe.pipeline.storage.store import Store

_TOGETHER = 32 << 20
"""bytes of digests asked for at a time"""
_ROWS = 1 << 12
"""partitions gone through at a time"""


def digest_received(store: Store, files: Sequence[tuple[int, dict[str, Any]]]) -> dict[int, str]:
    """By partition that has records, 32 hexadecimal digits for their schema, their senders and themselves.

    `files`: number of the first sender and what the manifest says of its file, senders ascending; files of one sender
    are of different partitions. Memory: 16 bytes for each first sender and partition (90,000 senders merged by 1,024
    into 65,536 partitions: 92 MB; by 256 into 4,096: 23 MB), and as much time as it takes to read them. Raises
    DamagedFileError.
    """
    sent = [(first, file) for first, file in files if file["records"]]
    if not sent:
        return {}
    partitions = max(file["first"] + file["partitions"] for _, file in sent)
    rows = {first: row for row, first in enumerate(dict.fromkeys(first for first, _ in sent))}
    digests = np.zeros((len(rows), partitions, DIGEST_BYTES), np.uint8)
    asked = [number for number, (_, file) in enumerate(sent) if "digests" not in file]
    read = dict(zip(asked, _read(store, [sent[number][1] for number in asked]), strict=True))
    for number, (first, file) in enumerate(sent):
        if "digests" in file:
            found = np.frombuffer(base64.b64decode(file["digests"]), np.uint8).reshape(-1, DIGEST_BYTES)
        else:
            found = read[number]
        digests[rows[first], file["first"] : file["first"] + len(found)] = found
    senders = np.array(list(rows), "<i8").view(np.uint8).reshape(-1, 8)
    schema = xxhash.xxh3_128_digest(sent[0][1]["schema"].encode())
    received = {}
    for start in range(0, partitions, _ROWS):
        block: npt.NDArray[np.uint8] = np.ascontiguousarray(digests[:, start : start + _ROWS].swapaxes(0, 1))
        there = (block != 0).any(axis=2)
        for partition in np.flatnonzero(there.any(axis=1)).tolist():
            having = there[partition]
            content = senders[having].tobytes() + block[partition, having].tobytes()
            received[start + partition] = xxhash.xxh3_128_hexdigest(schema + content)
    return received


def _read(store: Store, files: Sequence[dict[str, Any]]) -> Iterator[npt.NDArray[np.uint8]]:
    """The digests of each file, many asked for together."""
    readers = [ExchangeReader(store, file["file"], *(file[name] for name in LAYOUT)) for file in files]
    while readers:
        room = _TOGETHER
        taken: list[ExchangeReader] = []
        for reader in readers:
            room -= reader.digests_range()[2]
            if taken and room < 0:
                break
            taken.append(reader)
        pieces = store.read_ranges([reader.digests_range() for reader in taken])
        for reader, piece in zip(taken, pieces, strict=True):
            yield reader.digests(piece)
        readers = readers[len(taken) :]
