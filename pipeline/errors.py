"""What can go wrong, by whose fault it is: the exceptions that the engine raises and the command line reports."""


class ConfigError(Exception):
    """A setting that cannot work, found before any work. `key` is its path within the stage, `()` for the stage."""

    def __init__(self, message: str, key: tuple[str | int, ...] = ()) -> None:
        super().__init__(message)
        self.key = key


class UnfitSettingError(ConfigError):
    """A setting that doesn't go with what the run has read or made, its documents or its tokenizer: seen only then, and
    the same wherever and however often it is tried, so the run ends at once."""


class StorageError(Exception):
    """The output can't be written or the input can't be read: what, where, and what to do. Exit code 2."""


class MissingExtraError(StorageError):
    """A kind of storage whose package isn't installed."""


class UnreachableError(Exception):
    """A remote place can't be listed now: no network, no permission."""


class RunNotFoundError(Exception):
    """There is no run at the place given."""


class DocumentNotFoundError(Exception):
    """The run has no such document."""


class RunFailedError(Exception):
    """The run can't go on. `user`: because of what the user gave; otherwise it is a failure (exit codes 2 and 1).
    `resumes`: the same command goes on from there; otherwise the message says what does."""

    def __init__(self, message: str, user: bool = False, traceback: str = "", resumes: bool = True) -> None:
        super().__init__(message)
        self.user, self.traceback, self.resumes = user, traceback, resumes


class MachineError(Exception):
    """What the work needs is missing where it is done: a model, a package, memory, room on a disk. Never a document's
    fault: the task is tried again, elsewhere where there is an elsewhere, and fails the run in the end."""


class ConservationError(Exception):
    """A stage lost, invented or changed a document. The message names it."""


class DamagedFileError(Exception):
    """A stored file isn't what was written: cut or changed. `file` is its full path or address. What made it is done
    again."""

    def __init__(self, file: str, what: str) -> None:
        super().__init__(f"{file} {what}")
        self.file, self.what = file, what


class StageContractError(Exception):
    """A stage doesn't do what it declares: the message names the stage and what to change in it. Never a document's
    fault, so it stops the run."""


class SettingNotInKeyError(StageContractError):
    """Code has read a setting that the key of its results doesn't cover: a change of it would give the old results."""

    def __init__(self, stage: str, setting: str) -> None:
        super().__init__(
            f"{stage} reads the setting {setting!r}, which the key of its results doesn't cover; let measure_settings "
            f"look at it, or take the mark Decides from the field"
        )
