"""A page of memory that a worker shares with the process that started it: what the worker is doing, readable when it is
dead or hangs, and written in a microsecond."""

import mmap
import os
import struct
import tempfile

from dspipe.pipeline.tasks.place import Place

_LAYOUT = struct.Struct("<qq64s")
_NOWHERE = (0, 0, b"")
"""also what a new page says, which is of zeros"""


class Board:
    """The place of a running task. `file` is the descriptor to hand to the other process."""

    def __init__(self, file: int | None = None) -> None:
        if file is None:
            with tempfile.TemporaryFile() as made:
                made.truncate(_LAYOUT.size)
                file = os.dup(made.fileno())
        self.file = file
        self._page = mmap.mmap(file, _LAYOUT.size)

    def clear(self) -> None:
        """The task says nothing yet."""
        _LAYOUT.pack_into(self._page, 0, *_NOWHERE)

    def write(self, stage: str, first: int, end: int) -> None:
        """The task is here now."""
        _LAYOUT.pack_into(self._page, 0, first, end, stage.encode()[:64])

    def place(self) -> Place | None:
        """Where the task was when it said so last; None: it has said nothing."""
        first, end, stage = _LAYOUT.unpack_from(self._page)
        return Place(stage.rstrip(b"\0").decode("utf-8", "replace"), first, end) if end > first >= 0 else None

    def close(self) -> None:
        """Let go of the page."""
        self._page.close()
        os.close(self.file)
