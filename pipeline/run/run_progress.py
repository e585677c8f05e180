"""How far a run is, in values: what its driver says in `.status.json`, and what looks at it reads there."""

from dataclasses import asdict, dataclass, field, fields
from typing import Any, Literal

RunState = Literal["running", "finished", "failed", "interrupted"]
PhaseState = Literal["to come", "running", "done"]
STATUS_FILE = ".status.json"


@dataclass(frozen=True)
class PhaseProgress:
    """How far a phase is."""

    name: str
    title: str = ""
    """what it does, in words"""
    state: PhaseState = "to come"
    tasks: int | None = None
    """None: not known"""
    done: int = 0
    """tasks that are done, whenever they were"""
    reused: int = 0
    """those of them that were done before this start of the run"""
    running: int = 0
    """tasks that a worker is at"""
    share: float = 0.0
    """of its tasks that is done, those at work by what they have said: 0 to 1"""
    documents: int = 0
    """that its tasks have been through in this start of the run"""
    entered: int | None = None
    """documents that came into it, once it is done and has decided on any"""
    kept: int | None = None
    """documents after it, likewise"""
    bytes: int = 0
    """of documents that its tasks have been through in this start of the run, where it reads texts"""
    documents_per_second: float | None = None
    """in the last minute"""
    bytes_per_second: float | None = None
    seconds: float = 0.0
    """since it began in this start of the run, until it ended"""
    seconds_left: float | None = None
    """at the pace of this start; None: not known"""
    failures: dict[str, int] = field(default_factory=dict)
    """starts of tasks that gave no result in this start of the run, by kind (`executors.interface.Failure`)"""
    retries: int = 0
    """starts of tasks that had failed before"""
    quarantined: int = 0
    """bad records of its tasks; until it is done, of those that were done in this start of the run"""

    @staticmethod
    def from_json(value: dict[str, Any]) -> "PhaseProgress":
        """The reverse of `dataclasses.asdict`; what it doesn't know is left out. Raises TypeError."""
        return PhaseProgress(**_known(PhaseProgress, value))


@dataclass(frozen=True)
class Notice:
    """Something that a person should know, and when it was said."""

    at: float
    """seconds since 1970, by the driver's clock"""
    text: str


@dataclass(frozen=True)
class RunProgress:
    """How far a run is, as its driver says it."""

    run: str
    state: RunState
    started: float
    """this start of the run, in seconds since 1970 by the driver's clock"""
    written: float
    """when this was said"""
    every_seconds: float
    """how often it is said anew while the run goes on"""
    driver: str
    """who and where"""
    engine: str
    phases: list[PhaseProgress]
    """all of the plan, in its order, and the compilation of kernels before them"""
    workers: int = 0
    """that are at a task now"""
    memory: int = 0
    """bytes of the driver's process"""
    message: str = ""
    """why it failed"""
    notices: list[Notice] = field(default_factory=list)
    """the last ones"""

    def as_json(self) -> dict[str, Any]:
        """JSON values."""
        return asdict(self)

    @staticmethod
    def from_json(value: dict[str, Any]) -> "RunProgress":
        """The reverse of `as_json`; what it doesn't know is left out. Raises KeyError, TypeError."""
        phases = [PhaseProgress.from_json(phase) for phase in value["phases"]]
        notices = [Notice(notice["at"], notice["text"]) for notice in value["notices"]]
        return RunProgress(**{**_known(RunProgress, value), "phases": phases, "notices": notices})


def _known(kind: type, value: dict[str, Any]) -> dict[str, Any]:
    names = {one.name for one in fields(kind)}
    return {name: given for name, given in value.items() if name in names}
