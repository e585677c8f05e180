"""A shard's token ids: one flat file, in the order of the rows, read along with their counts."""

from typing import TYPE_CHECKING, Any

import numpy as np
import numpy.typing as npt
import pyarrow as pa

if TYPE_CHECKING:
    from dspipe.pipeline.tasks.task import ArtifactFile, Task


class TokenIds:
    """The shard's flat token ids, read along with its rows."""

    def __init__(self, task: "Task") -> None:
        self._name = task.name
        found = [entry for entry in task.artifact("token_ids") if entry.sender == task.shard]
        self._file: ArtifactFile | None = found[0] if found else None
        total = sum(int(np.sum(batch.column("tokens").to_numpy())) for batch in task.rows(["tokens"]))
        size = self._file.size if self._file else 0
        if size not in (2 * total, 4 * total):
            raise RuntimeError(f"{task.name}: the token ids have {size:,} bytes, its rows count {total:,} tokens")
        self.width = 2 if size == 2 * total else 4
        """bytes of an id"""

    def __enter__(self) -> "TokenIds":
        self._context = self._file.open() if self._file else None
        self._stream = self._context.__enter__() if self._context else None
        return self

    def __exit__(self, *error: Any) -> None:
        if self._context:
            self._context.__exit__(*error)

    def take(self, tokens: npt.NDArray[np.int64]) -> pa.Array:
        """The ids of the next rows, that have so many tokens each: their bytes, as `large_binary`."""
        offsets = np.zeros(len(tokens) + 1, np.int64)
        np.cumsum(tokens * self.width, out=offsets[1:])
        data = self._stream.read(int(offsets[-1])) if self._stream else b""
        if len(data) != offsets[-1]:
            raise RuntimeError(f"{self._name}: the token ids are cut short")
        return pa.Array.from_buffers(pa.large_binary(), len(tokens), [None, pa.py_buffer(offsets), pa.py_buffer(data)])
