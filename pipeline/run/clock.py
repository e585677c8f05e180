"""The time that a scheduler goes by: the machine's, or that of a simulated cluster."""

import time
from typing import Protocol


class Clock(Protocol):
    """Tells seconds, and lets some pass."""

    def now(self) -> float:
        """Seconds since any moment; they only grow."""

    def sleep(self, seconds: float) -> None:
        """Let time pass."""


class MachineClock:
    """The machine's own."""

    def now(self) -> float:
        """Seconds since the machine was started."""
        return time.monotonic()

    def sleep(self, seconds: float) -> None:
        """Wait."""
        time.sleep(seconds)
