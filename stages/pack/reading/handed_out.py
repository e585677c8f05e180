"""Whether rows were given to somebody who doesn't say how many, so that a state without a number would be wrong."""

import mmap
import sys
from typing import Any


class HandedOut:
    """A mark that a loader's forked workers set for the process that made it; a copy sent otherwise has its own."""

    def __init__(self) -> None:
        self._mark = mmap.mmap(-1, 1)

    def __getstate__(self) -> dict[str, Any]:
        return {}

    def __setstate__(self, state: dict[str, Any]) -> None:
        self._mark = mmap.mmap(-1, 1)

    def set(self) -> None:
        """Rows were given."""
        self._mark[0] = 1

    def clear(self) -> None:
        """What was given so far counts no more."""
        self._mark[0] = 0

    def refuse_to_guess(self) -> None:
        """Raises ValueError where rows were given. torchdata's loader counts them itself, and asks for the start."""
        if self._mark[0] and "torchdata.stateful_dataloader" not in sys.modules:
            raise ValueError(
                "a loader has taken rows, perhaps ahead of the training: call state_dict(samples) with the number of "
                "samples of this rank trained on, or use a loader that counts them "
                "(dspipe.stages.pack.reading.torch_loader.PackedLoader, torchdata's StatefulDataLoader)"
            )
