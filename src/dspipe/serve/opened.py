"""A run as it is now: opened anew when something new is there, else the one that was opened before."""

import hashlib
from dataclasses import dataclass, field
from functools import cached_property

from dspipe.pipeline.errors import DamagedFileError, RunNotFoundError
from dspipe.pipeline.inspection.document_table import DocumentTable
from dspipe.pipeline.inspection.early_kept import EarlyKept
from dspipe.pipeline.plan.compile_stages import DOCUMENTS
from dspipe.pipeline.run.run_file import RUN_FILE, RunFile, read_run
from dspipe.pipeline.storage.store import Store


@dataclass(frozen=True)
class OpenedRun:
    """A run in one state: all that is computed from it belongs to that state."""

    key: str
    """how addresses call it"""
    root: str
    store: Store
    file: RunFile
    state: str
    """differs where anything new is there"""
    table: DocumentTable = field(repr=False)

    @cached_property
    def commonest_reasons(self) -> list[str]:
        """The reasons of drops, those of most documents first."""
        found: dict[str, int] = {}
        for entry in self.file.funnel():
            for reason, counts in entry.dropped.items():
                found[reason] = found.get(reason, 0) + counts.documents
        return sorted(found, key=lambda reason: (-found[reason], reason))

    @cached_property
    def early_texts(self) -> EarlyKept:
        """The texts that were kept of documents which were dropped early."""
        return EarlyKept(self.table)


def state_of(store: Store) -> str:
    """What tells one state of a run from the next: the content of `run.json`, and how many shards are read. Raises
    RunNotFoundError."""
    try:
        content = store.read_bytes(RUN_FILE)
    except FileNotFoundError:
        raise RunNotFoundError(
            f"{store.root} has no {RUN_FILE} yet, or no more: nothing is known of this run; `dspipe run` with its "
            "config makes it"
        ) from None
    read = sum(name.endswith(".manifest.json") for name in store.names(DOCUMENTS))
    return f"{hashlib.sha256(content).hexdigest()[:16]}-{read}"


def open_run(key: str, root: str, state: str) -> OpenedRun:
    """The run at this place, in the state that was just asked for. Raises RunNotFoundError, DamagedFileError."""
    store, file = read_run(root)
    table = DocumentTable(store, file)
    try:
        _ = table.shards  # so that what is gone is said now
    except FileNotFoundError as error:
        raise DamagedFileError(str(error.filename or error), "is gone") from None
    return OpenedRun(key, root, store, file, state, table)
