"""A tokenizer that is there already: its tokenizer.json and what lies beside it, wherever fsspec opens files."""

from pathlib import PurePosixPath

from dspipe.pipeline.errors import StorageError
from dspipe.pipeline.stage import StageSettings
from dspipe.pipeline.storage.failures import is_storage_failure, storage_error
from dspipe.pipeline.storage.filesystem import open_filesystem
from dspipe.pipeline.tasks.task import Task
from dspipe.stages.tokenizer.files import SIDE_FILES


def copy_tokenizer(task: Task, stage: StageSettings) -> None:
    """Make the artifact `tokenizer` of the given file, and SIDE_FILES of those that lie beside it.

    Settings: path, sha256 (of the file, so that the task is done again when it has changed). Raises StorageError.
    """
    path: str = stage.settings["path"]
    with task.make("tokenizer") as file:
        file.write(read_file(path))
    folder = path.removesuffix(PurePosixPath(path).name)
    for artifact, name in SIDE_FILES.items():
        content = _read_if_there(folder + name)
        if content is not None:
            with task.make(artifact) as file:
                file.write(content)


def read_file(path: str) -> bytes:
    """A file, local or on a storage that fsspec opens. Raises StorageError: what is wrong and what to do."""
    try:
        return _read(path)
    except FileNotFoundError:
        raise StorageError(f"cannot read {path}: no such file") from None
    except OSError as error:
        raise storage_error(error, path, "read") from None
    except Exception as error:
        if not is_storage_failure(error):
            raise
        raise StorageError(f"cannot read {path}: {error}") from None


def _read_if_there(path: str) -> bytes | None:
    try:
        return _read(path, refused_is_absent=True)
    except (FileNotFoundError, PermissionError):
        return None  # a bucket that may not be listed answers "not permitted" for what isn't there


def _read(path: str, refused_is_absent: bool = False) -> bytes:
    filesystem, inner = open_filesystem(path, refused_is_absent)
    with filesystem.open(inner, "rb") as file:
        content: bytes = file.read()
    return content
