"""Parts of a file by their places: of a remote one several at a time, since each answer takes its while."""

from collections.abc import Iterator, Sequence
from typing import BinaryIO

from dspipe.pipeline.storage.filesystem import is_remote, open_filesystem, open_objects
from dspipe.pipeline.storage.objects import NoRangesError
from dspipe.pipeline.storage.remote_file import copy_whole, open_here_and_there

Range = tuple[int, int]
"""start and end (exclusive) of bytes in a file"""

_AT_ONCE = 32
_AT_ONCE_BYTES = 16 << 20


def read_ranges(path: str, ranges: Sequence[Range]) -> Iterator[bytes]:
    """The bytes of each range, in their order; fewer where the file ends before. One request each, of a remote file up
    to 32 together, unless they have more than 16 MiB. Raises FileNotFoundError, StorageError, UnavailableError."""
    if not is_remote(path):
        filesystem, inner = open_filesystem(path)
        with filesystem.open(inner, "rb") as stream:
            yield from _sought(stream, ranges)
        return
    objects, inner = open_objects(path)
    done = 0
    try:
        for group in _groups(ranges):
            answers = objects.read_many([(inner, start, end) for start, end in group])
            while answers:
                yield answers.pop(0)
                done += 1
    except NoRangesError:
        with copy_whole(objects, inner) as copy:
            yield from _sought(copy, ranges[done:])


def open_to_seek(path: str) -> BinaryIO:
    """A file of which single places are read. Raises FileNotFoundError, StorageError, UnavailableError."""
    if is_remote(path):
        return open_here_and_there(*open_objects(path))
    filesystem, inner = open_filesystem(path)
    stream: BinaryIO = filesystem.open(inner, "rb")
    return stream


def _sought(stream: BinaryIO, ranges: Sequence[Range]) -> Iterator[bytes]:
    for start, end in ranges:
        stream.seek(start)
        yield stream.read(end - start)


def _groups(ranges: Sequence[Range]) -> Iterator[list[Range]]:
    group: list[Range] = []
    size = 0
    for start, end in ranges:
        if group and (len(group) == _AT_ONCE or size + end - start > _AT_ONCE_BYTES):
            yield group
            group, size = [], 0
        group.append((start, end))
        size += end - start
    if group:
        yield group
