"""How many records damage cost, by the stored bytes that can't be read: an estimate where the format doesn't say."""

from typing import BinaryIO

from dspipe.pipeline.source import InputFile
from dspipe.stages.sources.reading.watched import Watched

_LARGE = 4


class Losses:
    """What a file has given so far, and by that what a damaged part of it would have given."""

    def __init__(self, typical_bytes: int) -> None:
        """`typical_bytes`: stored bytes of a record of the format, until the file has given its own."""
        self._typical, self._records = typical_bytes, 0
        self._last = self._largest = 0

    def record(self, stored: int, n: int = 1) -> None:
        """Records were read that begin at (or, where n > 1, end at) a stored byte."""
        self._records += n
        if stored != self._last:
            self._largest, self._last = max(self._largest, stored - self._last), stored

    def lost(self, begin: int, end: int, goes_on: bool = False) -> int:
        """Records in the stored bytes from `begin`, up to where reading could be, to `end`, but at least 1.

        Where reading `goes_on` at `end`, and a record of the file had as many bytes before, it was one record.
        """
        if goes_on and end - begin <= max(self._largest, _LARGE * self._typical):
            return 1
        mean = begin / self._records if self._records and begin else self._typical
        return max(1, round((end - begin) / mean))


def stored_size(file: InputFile, stream: BinaryIO | Watched, known: int) -> int:
    """The size of a file; where the storage can't tell, the bytes that are known of."""
    if file.size is not None:
        return file.size
    return stream.seek(0, 2) if stream.seekable() else known
