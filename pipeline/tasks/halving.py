"""Finding the record that makes a step fail: the batch is halved until it stands alone."""

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import TypeVar

import pyarrow as pa

from dspipe.pipeline.errors import ConfigError, ConservationError, MachineError, StageContractError
from dspipe.pipeline.storage.failures import is_storage_failure

T = TypeVar("T")


class RecordError(Exception):
    """A stage failed on records that were given to it."""

    def __init__(self, stage: str, error: str) -> None:
        super().__init__(f"stage {stage}: {error}")
        self.stage, self.error = stage, error


def guarded(stage: str, step: Callable[[], T]) -> T:
    """Run a stage's step. Raises RecordError for what the records may be to blame for; what they can't be passes: a
    setting, a package or a file that is missing, storage, memory, a stage that breaks its contract."""
    try:
        return step()
    except (ConservationError, StageContractError, ConfigError, ImportError, MemoryError):
        raise
    except Exception as error:
        if is_storage_failure(error):
            raise
        raise RecordError(stage, f"{type(error).__name__}: {error}") from error


@contextmanager
def setting_up(stage: str) -> Iterator[None]:
    """Make a stage ready in the block, with a batch of no rows. Raises MachineError for whatever goes wrong, since no
    document is there yet, but StageContractError for what would go wrong anywhere."""
    try:
        yield
    except (ConservationError, StageContractError) as error:
        raise StageContractError(f"{error} (with a batch of no rows)") from error
    except ConfigError as error:
        raise MachineError(f"{'.'.join(map(str, ('stages', stage, *error.key)))}: {error}") from error
    except Exception as error:
        raise MachineError(f"stage {stage} can't be set up: {type(error).__name__}: {error}") from error


def halved(
    batch: pa.RecordBatch,
    step: Callable[[pa.RecordBatch], T],
    quarantine: Callable[[pa.RecordBatch, RecordError], None],
) -> list[tuple[pa.RecordBatch, T | None]]:
    """`step` of the batch, or of parts of it in order where it raises RecordError; a record that makes it fail by
    itself is given to `quarantine` as a batch of one row and has no result."""
    try:
        return [(batch, step(batch))]
    except RecordError as error:
        if batch.num_rows == 1:
            quarantine(batch, error)
            return [(batch, None)]
        half = batch.num_rows // 2
        return halved(batch.slice(0, half), step, quarantine) + halved(batch.slice(half), step, quarantine)
