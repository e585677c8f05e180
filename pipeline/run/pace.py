"""How fast the tasks of each phase go, and what that says of one that still runs: whether it lags, whether it hangs."""

from collections import deque
from statistics import median

from dspipe.pipeline.tasks.spec import TaskSpec

ENOUGH = 3
"""tasks of a phase that must have ended before it says anything of others"""
_HUNG = 10
"""a task that takes so many times what its size takes others, and the patience with storage beside, is ended"""
_LAGGING, _LAGGING_S = 2, 10.0
"""a task lags that takes so many times what its size takes others, and so many seconds"""
_SILENT, _SILENT_S = 3, 60.0
"""a task is silent that has said nothing for so many times what it should take in all, and so many seconds"""


def size_of(spec: TaskSpec) -> int:
    """How much there is to do: bytes of the files to read, or rows of the shard; 1 where it isn't known."""
    if spec.over == "inputs":
        return sum(file[2] or 0 for file in spec.payload.get("files", ())) or 1
    return sum(spec.groups) or 1


class Pace:
    """Seconds that tasks take, by phase, in proportion to their size."""

    def __init__(self, patience_s: float) -> None:
        """patience_s: how long a task may wait for storage."""
        self._patience_s = patience_s
        self._rates: dict[str, deque[float]] = {}
        self._medians: dict[str, float | None] = {}

    def ended(self, spec: TaskSpec, seconds: float) -> None:
        """A task has ended well."""
        self._rates.setdefault(spec.phase, deque(maxlen=1000)).append(seconds / size_of(spec))
        self._medians.pop(spec.phase, None)

    def expected_s(self, spec: TaskSpec) -> float | None:
        """Seconds that the task should take; None: too few of its phase have ended."""
        if spec.phase not in self._medians:
            rates = self._rates.get(spec.phase, ())
            self._medians[spec.phase] = median(rates) if len(rates) >= ENOUGH else None
        rate = self._medians[spec.phase]
        return None if rate is None else rate * size_of(spec)

    def limit_s(self, spec: TaskSpec) -> float | None:
        """Seconds after which a task is ended; None: nothing is known."""
        expected = self.expected_s(spec)
        return None if expected is None else self._patience_s + _HUNG * expected

    def lags(self, spec: TaskSpec, elapsed_s: float) -> bool:
        """Whether a second start of the task may end sooner than the first."""
        expected = self.expected_s(spec)
        return expected is not None and elapsed_s > max(_LAGGING_S, _LAGGING * expected)

    def silence_s(self, spec: TaskSpec) -> float:
        """Seconds without a word after which a person should hear of the task."""
        return max(_SILENT_S, _SILENT * (self.expected_s(spec) or 0))
