"""What the driver asks of an executor, and what a worker answers."""

import traceback
from dataclasses import dataclass
from typing import Literal, Protocol

from dspipe.pipeline.errors import ConfigError, ConservationError, DamagedFileError, StageContractError, StorageError
from dspipe.pipeline.storage.failures import is_storage_failure, storage_error
from dspipe.pipeline.tasks.spec import Manifest, TaskSpec
from dspipe.pipeline.tasks.task import Report, execute

FailureKind = Literal["user", "conservation", "storage", "stage", "crash", "damaged"]


@dataclass(frozen=True)
class Failure:
    """Why a task gave no manifest. `user`: the config, input or output is wrong; `storage` and `crash` may
    pass; `damaged`: a file of the run has to be made again."""

    kind: FailureKind
    message: str
    traceback: str = ""
    file: str = ""
    """the file that is damaged"""


@dataclass(frozen=True)
class Finished:
    """A task that ended."""

    spec: TaskSpec
    outcome: Manifest | Failure


@dataclass(frozen=True)
class Progressed:
    """A running task has done more documents and bytes, or more of its share."""

    spec: TaskSpec
    documents: int
    bytes: int
    share: float


Event = Finished | Progressed


class Executor(Protocol):
    """Runs tasks somewhere. The driver submits at most `capacity` at a time."""

    capacity: int
    one_machine: bool
    """whether workers share this machine, and so what is compiled once"""

    def submit(self, spec: TaskSpec) -> None:
        """Start a task."""

    def wait(self) -> list[Event]:
        """Wait until something happens (a second at most) and say what."""

    def close(self) -> None:
        """Stop all workers at once, whatever they do."""


def run_guarded(spec: TaskSpec, report: Report) -> Manifest | Failure:
    """Run a task in this process; an exception becomes a Failure."""
    try:
        return execute(spec, report)
    except ConfigError as error:
        key = ".".join(map(str, ("stages", spec.phase.partition(".")[0], *error.key)))
        return Failure("user", f"{key}: {error}")
    except StorageError as error:
        return Failure("user", str(error))
    except ConservationError as error:
        return Failure("conservation", str(error))
    except DamagedFileError as error:
        return Failure("damaged", str(error), file=error.file)
    except StageContractError as error:
        return Failure("stage", str(error))
    except OSError as error:
        path = str(error.filename or spec.root)
        wrong = error.errno in _USERS_PROBLEMS
        message = str(storage_error(error, path, "write to" if wrong else "use"))
        return Failure("user" if wrong else "storage", message, traceback.format_exc())
    except MemoryError:
        return Failure("crash", f"out of memory in {spec.phase} {spec.label}", traceback.format_exc())
    except Exception as error:
        message = f"{type(error).__name__}: {error}"
        return Failure("storage" if is_storage_failure(error) else "stage", message, traceback.format_exc())


def _users_problems() -> frozenset[int]:
    import errno

    return frozenset({errno.ENOSPC, errno.EDQUOT, errno.EROFS, errno.EACCES, errno.EPERM})


_USERS_PROBLEMS = _users_problems()
