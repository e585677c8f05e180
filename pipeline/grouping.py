"""Small files are put together to shards by their bytes, so that a million of them aren't a million tasks.

Where a shard ends is decided by the file there alone, by its name and size (content-defined chunking, as in LBFS:
Muthitacharoen, Chen, Mazières, 2001): a file that is added or taken away changes the shard that it is in, or two, and
every other one stays as it was.
"""

from collections.abc import Iterator, Sequence
from typing import Protocol, TypeVar

import xxhash

FILE_BYTES = 128 << 10
"""what a file counts beside its bytes: finding and opening it takes as long as reading so much, and more on an object
store. At 32 MiB a shard has 256 files at most on average"""
_LONGEST = 4
"""a shard ends at so many times the bytes that it should have, whatever the names"""
_HASHES = 1 << 64


class NamedFile(Protocol):
    """What is asked of a file."""

    @property
    def name(self) -> str: ...

    @property
    def size(self) -> int | None: ...


File = TypeVar("File", bound=NamedFile)


def group_by_bytes(files: Sequence[File], shard_bytes: int, typical_bytes: int) -> Iterator[tuple[File, ...]]:
    """Neighbouring files to shards of `shard_bytes` on average, in the order given; files that are as large stand
    alone. `typical_bytes`: of a file whose size isn't known."""
    shard: list[File] = []
    held = 0
    for file in files:
        size = (typical_bytes if file.size is None else file.size) + FILE_BYTES
        if shard and size >= shard_bytes:
            yield tuple(shard)
            shard, held = [], 0
        shard.append(file)
        held += size
        # a cut behind each byte is as likely as behind any other: one in `shard_bytes`
        drawn = xxhash.xxh3_64_intdigest(file.name.encode("utf-8", "surrogateescape"))
        if drawn * shard_bytes < size * _HASHES or held >= _LONGEST * shard_bytes:
            yield tuple(shard)
            shard, held = [], 0
    if shard:
        yield tuple(shard)
