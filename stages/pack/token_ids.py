"""A shard's token ids: one flat file, in the order of the rows, read along with their counts."""

from typing import Any

import numpy as np
import numpy.typing as npt
import pyarrow as pa

from dspipe.pipeline.tasks.task import Task


class TokenIds:
    """The token ids of the task's shard (the artifact `token_ids`), read along with its rows.

    Raises RuntimeError where there are more or fewer than the column `tokens` counts.
    """

    def __init__(self, task: Task) -> None:
        self._name, self._file = task.name, task.own_artifact("token_ids")
        total = sum(int(np.sum(batch.column("tokens").to_numpy())) for batch in task.rows(["tokens"]))
        if self._file.size not in (2 * total, 4 * total):
            raise RuntimeError(f"{task.name}: {self._file.size:,} bytes of token ids, but rows count {total:,} tokens")
        self.width = 2 if self._file.size == 2 * total else 4
        """bytes of an id"""

    def __enter__(self) -> "TokenIds":
        self._context = self._file.open()
        self._stream = self._context.__enter__()
        return self

    def __exit__(self, *error: Any) -> None:
        self._context.__exit__(*error)

    def take(self, tokens: npt.NDArray[np.int64]) -> pa.Array:
        """The ids of the next rows, that have so many tokens each: their bytes, as `large_binary`."""
        offsets = np.zeros(len(tokens) + 1, np.int64)
        np.cumsum(tokens * self.width, out=offsets[1:])
        data = self._stream.read(int(offsets[-1]))
        if len(data) != offsets[-1]:
            raise RuntimeError(f"{self._name}: the token ids are cut short")
        return pa.Array.from_buffers(pa.large_binary(), len(tokens), [None, pa.py_buffer(offsets), pa.py_buffer(data)])
