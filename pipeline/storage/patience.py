"""How long storage is waited for: one loop for every request to a remote storage, of the driver and of workers.

What passes by itself (an overloaded or absent server, a connection that broke or hangs, an answer of 403 where the same
place permitted it before) is tried again, after a pause that doubles up to a minute and is drawn at random, so that
workers don't come back all at once; a server's `Retry-After` counts. What can't pass fails at once. All times follow
from the patience in seconds, so that a test with a patience of some seconds goes the same way in short.
"""

import random
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from typing import NoReturn, TypeVar

from dspipe.pipeline.errors import StorageError
from dspipe.pipeline.quantities import human_seconds
from dspipe.pipeline.storage.failures import (
    UnavailableError,
    classes_of,
    is_mistake,
    is_storage_failure,
    kind_of,
    retry_after,
    said,
)
from dspipe.pipeline.storage.secrets import without_secrets

T = TypeVar("T")

LONG_SECONDS = 1800.0
"""the patience of a run, unless its config says otherwise"""


@dataclass(frozen=True)
class Patience:
    """How long a request is tried again.

    seconds   from its first failure on
    answered  the place is known to answer and to permit: a worker's driver has used it before. Otherwise what looks
              like a mistake (403, no credentials) fails at once, and a place that never answered is given a 90th
    notice    hears, now and then, that it is waited for
    refused_is_absent   403 means that there is no such file, as of a bucket that may not be listed
    """

    seconds: float = 300.0
    answered: bool = False
    notice: Callable[[str], None] | None = None
    refused_is_absent: bool = False

    @property
    def read_timeout(self) -> float:
        """Seconds without a byte after which a connection hangs: 20, of a short patience a tenth."""
        return min(20.0, self.seconds / 10)

    @property
    def connect_timeout(self) -> float:
        """Seconds for a connection to be made."""
        return min(10.0, self.seconds / 10)

    @property
    def first_pause(self) -> float:
        """The pause after the first failure, at most: half a second."""
        return min(0.5, self.seconds / 200)

    @property
    def longest_pause(self) -> float:
        """The longest pause: a minute."""
        return min(60.0, self.seconds / 20)


_current = [Patience()]
_answered: set[str] = set()


def current_patience() -> Patience:
    """The patience of what is opened now."""
    return _current[-1]


@contextmanager
def patient(seconds: float, answered: bool = False, notice: Callable[[str], None] | None = None) -> Iterator[None]:
    """What is opened in the block, by any thread, is waited for so long."""
    _current.append(Patience(seconds, answered, notice))
    try:
        yield
    finally:
        _current.pop()


@dataclass
class Waiting:
    """The failures of one request. `place` is whose answers count together (a bucket, a host), `doing` completes
    "cannot ...", like "read s3://bucket/x"."""

    patience: Patience
    place: str
    doing: str
    first: float | None = None
    failures: int = 0
    said_at: float = float("-inf")

    def call(self, request: Callable[[], T]) -> T:
        """The answer of a request. Raises FileNotFoundError, StorageError, UnavailableError."""
        while True:
            try:
                answer = request()
            except Exception as error:
                self.after(error)
            else:
                self.answered()
                return answer

    def answered(self) -> None:
        """Something came: the next failure is a first one."""
        _answered.update((self.place, self._permitted))
        self.first, self.failures = None, 0

    def after(self, error: Exception) -> None:
        """Wait after a failure, if that can help. Raises what `call` raises."""
        kind = kind_of(error)
        known = self.patience.answered or self.place in _answered
        if kind == "missing" or (kind == "access" and self.patience.refused_is_absent):
            _answered.add(self.place)
            raise FileNotFoundError(2, "no such file", without_secrets(self.doing.partition(" ")[2])) from error
        if kind == "wrong" and (isinstance(error, UnavailableError | StorageError) or not is_storage_failure(error)):
            _answered.add(self.place)  # such as a condition that doesn't hold
            raise error
        if kind == "wrong" and is_mistake(error):
            raise StorageError(f"cannot {without_secrets(self.doing)}: {said(error)}") from error
        if kind == "wrong" or (kind == "access" and not self._was_permitted(error)):
            self._give_up(error, "")
        now = time.monotonic()
        self.first = now if self.first is None else self.first
        limit = self.patience.seconds if known else self.patience.seconds / 90
        left = self.first + limit - now
        if left <= 0:
            self._give_up(error, f", in {human_seconds(now - self.first)} of trying")
        pause = min(self.patience.longest_pause, self.patience.first_pause * 2**self.failures)
        asked = retry_after(error)
        pause = (
            pause * random.uniform(0.5, 1) if asked is None else asked + random.uniform(0, self.patience.first_pause)
        )
        self.failures += 1
        self._tell(error, now)
        time.sleep(min(pause, left))

    @property
    def _permitted(self) -> str:
        """What is permitted where: who may read a bucket mayn't have the right to write there."""
        return f"{self.doing.partition(' ')[0]} {self.place}"

    def _was_permitted(self, error: Exception) -> bool:
        if self._permitted in _answered:
            return True
        # a driver that was permitted says nothing of the credentials of a worker's machine
        absent = {"NoCredentialsError", "PartialCredentialsError"}
        return self.patience.answered and not classes_of(error) & absent

    def _tell(self, error: Exception, now: float) -> None:
        # the first failures are everyday; a person wants to know of a minute without an answer
        if self.patience.notice is None or now - (self.first or now) < self.patience.longest_pause / 2:
            return
        if now - self.said_at >= self.patience.longest_pause:
            self.said_at = now
            left = human_seconds(self.patience.seconds - (now - (self.first or now)))
            self.patience.notice(f"waiting to {without_secrets(self.doing)}, for {left} more: {said(error)}")

    def _give_up(self, error: Exception, how_long: str) -> NoReturn:
        advice = "; the same command goes on from here" if self.place in _answered or self.patience.answered else ""
        raise UnavailableError(f"cannot {without_secrets(self.doing)}{how_long}: {said(error)}{advice}") from error


def forget_answers() -> None:
    """Take every place for one that hasn't answered yet, as a new process does."""
    _answered.clear()
