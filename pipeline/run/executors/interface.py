"""What the driver asks of an executor, and what a worker answers."""

import errno
import socket
import traceback
from dataclasses import dataclass
from typing import Literal, Protocol

from dspipe.pipeline.errors import (
    ConfigError,
    ConservationError,
    DamagedFileError,
    MachineError,
    StageContractError,
    StorageError,
    UnfitSettingError,
)
from dspipe.pipeline.storage.failures import is_storage_failure, storage_error
from dspipe.pipeline.tasks.limits import peak_memory
from dspipe.pipeline.tasks.place import Place, SayPlace, say_nothing
from dspipe.pipeline.tasks.spec import Manifest, TaskSpec
from dspipe.pipeline.tasks.task import Report, execute

_MACHINES_PROBLEMS = frozenset({errno.ENOSPC, errno.EDQUOT, errno.EROFS, errno.EACCES, errno.EPERM})

FailureKind = Literal["machine", "setting", "conservation", "storage", "stage", "crash", "lost", "damaged"]


@dataclass(frozen=True)
class Failure:
    """Why a task gave no manifest. `machine`: what the work needs is missing where it was done; `setting`: one
    doesn't go with what the run has read or made, here or elsewhere; `storage` may pass; `crash`: the process of the
    worker ended, or had no memory left, which may be a record's doing; `lost`: the machine or the cluster has lost it,
    which is none's; `damaged`: a file of the run has to be made again."""

    kind: FailureKind
    message: str
    traceback: str = ""
    file: str = ""
    """the file that is damaged"""
    place: Place | None = None
    """where in its shard the task was"""
    peak_bytes: int = 0
    """the most memory that the worker has used in the task; 0: not known"""
    from_outside: bool = False
    """whether the process was ended by a signal that others send, and not by what it did"""


@dataclass(frozen=True)
class Finished:
    """A task that ended."""

    spec: TaskSpec
    outcome: Manifest | Failure


@dataclass(frozen=True)
class Started:
    """A worker has begun with a task: until then it waits."""

    spec: TaskSpec
    where: str
    """the worker, for a person"""


@dataclass(frozen=True)
class Progressed:
    """A running task has done more documents and bytes, or more of its share."""

    spec: TaskSpec
    documents: int
    bytes: int
    share: float


Event = Started | Finished | Progressed


class Executor(Protocol):
    """Runs tasks somewhere. The driver submits at most `capacity` at a time; they differ in key or attempt."""

    @property
    def capacity(self) -> int:
        """Tasks to have in flight."""

    one_machine: bool
    """whether workers share this machine, and so what is compiled once"""

    def check_gpus(self, gpus: float) -> None:
        """Whether a task that reserves so much of a GPU can ever run. Raises ConfigError."""

    def submit(self, spec: TaskSpec) -> None:
        """Start a task."""

    def wait(self) -> list[Event]:
        """Wait until something happens (a second at most) and say what."""

    def cancel(self, spec: TaskSpec) -> None:
        """End a task that was submitted, whatever it does; nothing more is heard of it."""

    def condition(self, spec: TaskSpec) -> str:
        """What is known of a running task's worker: where in the shard it is, and whether it is stopped."""

    def close(self) -> None:
        """Stop all workers at once, whatever they do."""


def run_guarded(spec: TaskSpec, report: Report, at: SayPlace = say_nothing) -> Manifest | Failure:
    """Run a task in this process; an exception becomes a Failure."""
    place: Place | None = None

    def note(stage: str, first: int, end: int) -> None:
        nonlocal place
        place = Place(stage, first, end)
        at(stage, first, end)

    try:
        return execute(spec, report, note)
    except ConfigError as error:
        key = ".".join(map(str, ("stages", spec.phase.partition(".")[0], *error.key)))
        message = f"{key}: {error}"
        return Failure("setting", message) if isinstance(error, UnfitSettingError) else _machine(message)
    except StorageError as error:
        return _machine(str(error))
    except MachineError as error:
        expected = isinstance(error.__cause__, ConfigError | ImportError | MemoryError | OSError | None)
        return _machine(str(error), "" if expected else traceback.format_exc())
    except ImportError as error:
        return _machine(f"{spec.phase} {spec.label}: {error}")
    except ConservationError as error:
        return Failure("conservation", str(error))
    except DamagedFileError as error:
        return Failure("damaged", str(error), file=error.file)
    except StageContractError as error:
        return Failure("stage", str(error))
    except OSError as error:
        path = str(error.filename or spec.root)
        wrong = error.errno in _MACHINES_PROBLEMS
        message = str(storage_error(error, path, "write to" if wrong else "use"))
        return _machine(message) if wrong else Failure("storage", message, traceback.format_exc())
    except MemoryError:
        message = f"out of memory in {spec.phase} {spec.label}"
        return Failure("crash", message, traceback.format_exc(), place=place, peak_bytes=peak_memory())
    except Exception as error:
        message = f"{type(error).__name__}: {error}"
        return Failure("storage" if is_storage_failure(error) else "stage", message, traceback.format_exc())


def _machine(message: str, traceback: str = "") -> Failure:
    return Failure("machine", f"{message} (on {socket.gethostname()})", traceback)
