"""Which runs there are: a folder's, or the one that was named. An address names a run by its key, which is looked up
here and never made into a path, so no address leads to a file outside.
"""

import contextlib
import os
from pathlib import Path

from dspipe.pipeline.errors import RunNotFoundError, StorageError
from dspipe.pipeline.run.run_file import RUN_FILE
from dspipe.pipeline.storage.failures import UnavailableError
from dspipe.pipeline.storage.store import Store
from dspipe.pipeline.visible_text import visible_line

_MARKS = (RUN_FILE, "config.yaml")
"""one of these is in the output of a run, the config from its first moment on"""


class RunsFolder:
    """The runs right below a folder or address, or the one there. Raises RunNotFoundError where there is nothing."""

    def __init__(self, root: str) -> None:
        try:
            self._store = Store(root)
        except (StorageError, UnavailableError) as error:
            raise RunNotFoundError(str(error)) from None
        self.root = self._store.root
        if self._store.local and not Path(self.root).is_dir():
            raise RunNotFoundError(f"{root} is no folder; give a run's output directory, or the folder of several")
        self.one = _is_run(self._store)
        """whether the folder is itself a run's output"""

    def runs(self) -> dict[str, str]:
        """Each run's output directory or address, by its key, sorted. A link is followed only within the folder."""
        if self.one:
            return {_key(self.root.rpartition("/")[2] or "run"): self.root}
        names = _folders_within(Path(self.root)) if self._store.local else self._store.folders()
        found: dict[str, str] = {}
        for name in names:
            place = f"{self.root}/{name}"
            if _is_run(Store(place)):
                found.setdefault(_key(name), place)
        return found

    def root_of(self, key: str) -> str:
        """Where the run of this key is. Raises RunNotFoundError."""
        runs = self.runs()
        if key not in runs:
            raise RunNotFoundError(f"there is no run {key} in {self.root}")
        return runs[key]


def _folders_within(root: Path) -> list[str]:
    """Names of the folders right below, and of links that stay below."""
    inside, found = root.resolve(), []
    for entry in os.scandir(root):
        with contextlib.suppress(OSError, RuntimeError):  # a link to itself
            if entry.is_dir() and Path(entry).resolve().is_relative_to(inside):
                found.append(entry.name)
    return sorted(found)


def _is_run(store: Store) -> bool:
    return any(store.exists(mark) for mark in _MARKS)


def _key(name: str) -> str:
    """Names of folders may hold what no address can."""
    return visible_line(name)
