"""How far a training is: one line each, which is redrawn on a terminal and said every ten seconds elsewhere."""

import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager

SECONDS = 10.0
"""between two lines of a log"""


class TrainingProgress:
    """Called with the part that is done; `result` is said at the end."""

    def __init__(self, title: str) -> None:
        self.title, self.result = title, ""
        self._terminal, self._said = sys.stderr.isatty(), time.monotonic()

    def __call__(self, part: float) -> None:
        """Show how much is done, 0 to 1."""
        if self._terminal:
            print(f"\r\x1b[K{self.title}: {part:.0%}", end="", file=sys.stderr, flush=True)
        elif part < 1 and time.monotonic() - self._said >= SECONDS:
            self._said = time.monotonic()
            print(f"{self.title}: {part:.0%}", file=sys.stderr, flush=True)

    def end(self) -> None:
        """Leave one line of what was done."""
        start = "\r\x1b[K" if self._terminal else ""
        print(f"{start}{self.title}{f': {self.result}' if self.result else ''}", file=sys.stderr, flush=True)


@contextmanager
def show_training(title: str) -> Iterator[TrainingProgress]:
    """Show a training while it goes on."""
    progress = TrainingProgress(title)
    try:
        yield progress
    finally:
        progress.end()


def say(message: str) -> None:
    """One line on standard error."""
    print(message, file=sys.stderr, flush=True)
