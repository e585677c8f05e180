"""Where in its shard a running task is: what it says, so that whoever sees its process end knows what it was at."""

from dataclasses import dataclass
from typing import Protocol


@dataclass(frozen=True)
class Place:
    """A stage at work on the records of a shard from number `first` up to `end`, which is exclusive."""

    stage: str
    first: int
    end: int

    def __str__(self) -> str:
        return f"stage {self.stage}, records {self.first:,} to {self.end - 1:,}"


class SayPlace(Protocol):
    """Called by a running task before each step of a batch."""

    def __call__(self, stage: str, first: int, end: int) -> None: ...


def say_nothing(stage: str, first: int, end: int) -> None:
    """Where nobody listens."""
