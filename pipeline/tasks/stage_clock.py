"""How much CPU time a task spends for what: reading, each stage, writing."""

import time
from collections import defaultdict

READ, WRITE, SET_UP = "read", "write", "set up"


class StageClock:
    """CPU seconds of this process by what it does, from what it was told last."""

    def __init__(self) -> None:
        self.seconds: defaultdict[str, float] = defaultdict(float)
        self._doing, self._since = SET_UP, time.process_time()

    def to(self, what: str) -> None:
        """From now on it does this."""
        now = time.process_time()
        self.seconds[self._doing] += now - self._since
        self._doing, self._since = what, now

    def as_json(self) -> dict[str, float]:
        """The seconds until now, JSON values."""
        self.to(self._doing)
        return {name: round(seconds, 4) for name, seconds in self.seconds.items()}
