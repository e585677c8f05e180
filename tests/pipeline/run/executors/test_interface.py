"""What a worker answers: a manifest, or whose fault it is that there is none."""

import errno
import os
from pathlib import Path
from typing import Any

import pytest

from dspipe.pipeline.errors import (
    ConfigError,
    ConservationError,
    MachineError,
    StageContractError,
    StorageError,
    UnfitSettingError,
)
from dspipe.pipeline.run.executors.interface import Failure, run_guarded
from dspipe.pipeline.tasks.spec import TaskSpec
from dspipe.pipeline.tasks.task import Task

ERRORS: list[Exception] = []


def step(task: Task, payload: dict[str, Any]) -> None:
    if ERRORS:
        raise ERRORS.pop()


def spec(folder: Path) -> TaskSpec:
    return TaskSpec("k" * 32, "minhash.pairs", "00007", f"{__name__}:step", {}, str(folder), 0, 1, 1, 1, 1, 7)


def report(documents: int = 0, bytes: int = 0, share: float = 0.0) -> None:
    pass


class ClientError(Exception):
    __module__ = "botocore.exceptions"


@pytest.mark.parametrize(
    ("error", "kind", "message"),
    [
        (ConfigError("too small", ("bands",)), "machine", "stages.minhash.bands: too small"),
        (UnfitSettingError("no such domain", ("mix",)), "setting", "stages.minhash.mix: no such domain"),
        (StorageError("the disk is full"), "machine", "the disk is full"),
        (OSError(errno.ENOSPC, "no space", "/out/x"), "machine", "cannot write to /out/x: the disk is full"),
        (PermissionError(errno.EACCES, "denied", "/out/x"), "machine", "cannot write to /out/x: permission denied"),
        (MachineError("no model file"), "machine", "no model file (on "),
        (ImportError("No module named 'kenlm'"), "machine", "minhash.pairs 00007: No module named 'kenlm' (on "),
        (OSError(errno.EIO, os.strerror(errno.EIO), "/in/x"), "storage", "cannot use /in/x: "),
        (ConnectionResetError(errno.ECONNRESET, "reset"), "storage", "cannot use "),
        (ClientError("slow down"), "storage", "ClientError: slow down"),
        (ConservationError("a document is missing"), "conservation", "a document is missing"),
        (StageContractError("no such column"), "stage", "no such column"),
        (ValueError("it is wrong"), "stage", "ValueError: it is wrong"),
        (MemoryError(), "crash", "out of memory in minhash.pairs 00007"),
    ],
)
def test_failures_have_a_kind(tmp_path: Path, error: Exception, kind: str, message: str) -> None:
    ERRORS.append(error)
    failure = run_guarded(spec(tmp_path), report)
    assert isinstance(failure, Failure)
    assert failure.kind == kind
    assert failure.message.startswith(message)
    # a traceback is for whoever wrote the code, not for a mistake in the config
    of_the_code = kind != "machine" and isinstance(error, OSError | ValueError | ClientError | MemoryError)
    assert bool(failure.traceback) == of_the_code
    assert not list(tmp_path.rglob("*.manifest.json"))


def test_a_task_that_ends_well_gives_its_manifest(tmp_path: Path) -> None:
    manifest = run_guarded(spec(tmp_path), report)
    assert isinstance(manifest, dict)
    assert (tmp_path / manifest["file"]).exists()
