"""The kept index: what a run leaves of the documents that it kept, for the dumps that come after it.

    <prefix>.index    a Parquet file per partition: `key` (uint64, ascending), `document` (uint64), what the stage adds
    <prefix>.kept     of minhash, a Parquet file per shard: `row` (uint32, ascending), `id`, `signature`

A partition holds an equal share of the range of keys, and a row group says which keys it has, so a reader that looks
for some keys reads the row groups around them alone. An index is a few bytes for each kept document; the text of its
run may be gone. `index_writer` makes the index, `index_check` says whether two runs' keys can be compared.
"""

import hashlib
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any, NamedTuple

import numpy as np
import numpy.typing as npt
import pyarrow as pa

from dspipe.pipeline.doc_id import UInt32, UInt64
from dspipe.pipeline.errors import DamagedFileError, MissingExtraError, StorageError
from dspipe.pipeline.plan.phase_record import read_names
from dspipe.pipeline.storage.failures import is_storage_failure
from dspipe.pipeline.storage.store import Store
from dspipe.pipeline.tasks.records import partition_of
from dspipe.stages.shared.dedup.index_format import IndexFile


class IndexUnusableError(Exception):
    """There is no index that could be used: why."""


class IndexReference(NamedTuple):
    """Which index a phase reads, as its settings say it."""

    root: str
    prefix: str
    run: str
    """the run's name"""
    digest: str
    """of the names of its files, which are named by a hash of all that went into them"""


@dataclass(frozen=True)
class KeptIndex:
    """The index of a finished run."""

    root: str
    prefix: str
    run: str
    """the run's name"""
    files: tuple[str, ...]
    """by partition"""
    shards: tuple[str, ...]
    """files of the artifact `<prefix>.kept`, by shard"""
    reports: tuple[str, ...]
    """files of the artifact `<prefix>.report`"""

    @property
    def reference(self) -> IndexReference:
        """What the results of a lookup depend on."""
        names = "\n".join([*self.files, *self.shards])
        return IndexReference(self.root, self.prefix, self.run, hashlib.sha256(names.encode()).hexdigest())

    def settings(self) -> dict[str, Any]:
        """The settings that the index was made with. Raises DamagedFileError."""
        with _opened(Store(self.root), self.files[0]) as file:
            return file.settings

    def lookup(self, keys: UInt64) -> Iterator[pa.Table]:
        """The rows whose key is one of `keys` (ascending, at least one), by key, a row group at a time.

        Raises DamagedFileError for a file that isn't what was written.
        """
        store = Store(self.root)
        first, last = partition_of(keys[[0, -1]], len(self.files)).tolist()
        for name in self.files[first : last + 1]:
            with _opened(store, name) as file:
                for number, group in enumerate(file.groups):
                    if keys.searchsorted(np.uint64(group.first)) < keys.searchsorted(np.uint64(group.last), "right"):
                        table = file.read(number)
                        found = table.column("key").to_numpy()
                        nearest = np.minimum(keys.searchsorted(found), len(keys) - 1)
                        yield table.filter(pa.array(keys[nearest] == found))

    def rows(self, shard: int, rows: UInt32) -> Iterator[tuple[npt.NDArray[np.int64], pa.Table]]:
        """Rows of a shard's file of `<prefix>.kept`: (positions in `rows`, rows of the file), by row group.

        `rows` ascend and are all in the file. Raises DamagedFileError for a file that isn't what was written.
        """
        with _opened(Store(self.root), self.shards[shard]) as file:
            for number, group in enumerate(file.groups):
                start, end = np.searchsorted(rows, np.array([group.first, group.last + 1], np.int64))
                if end > start:
                    table = file.read(number)
                    positions = np.searchsorted(table.column("row").to_numpy(), rows[start:end])
                    yield np.arange(start, end), table.take(pa.array(positions))


@contextmanager
def _opened(store: Store, name: str) -> Iterator[IndexFile]:
    with store.reading(name) as file:
        yield IndexFile(file, store.path(name))


def find_index(root: str, prefix: str) -> KeptIndex:
    """The index that the stage or round `prefix` of the run at `root` left. Raises IndexUnusableError."""
    try:
        return _find(root, prefix)
    except (MissingExtraError, DamagedFileError) as error:
        raise IndexUnusableError(str(error)) from None
    except (KeyError, TypeError, AttributeError) as error:
        raise IndexUnusableError(f"{root}/run.json is damaged, or of another version ({error!r})") from None
    except Exception as error:
        if not is_storage_failure(error):
            raise
        raise IndexUnusableError(f"{root} cannot be read: {error}") from None


def open_indexes(references: Sequence[Sequence[str]]) -> list[KeptIndex]:
    """The indexes that a phase's settings name. Raises StorageError where one isn't there any more, or is another."""
    indexes = []
    for reference in (IndexReference(*values) for values in references):
        try:
            index = find_index(reference.root, reference.prefix)
        except IndexUnusableError as error:
            raise StorageError(str(error)) from None
        if index.reference != reference:
            raise StorageError(
                f"the run at {reference.root} has been run anew since this run began: start this one again"
            )
        indexes.append(index)
    return indexes


def _find(root: str, prefix: str) -> KeptIndex:
    store = Store(root)
    if not store.exists("run.json"):
        raise IndexUnusableError(f"{root} holds no run (there is no run.json): name the `output` of a finished run")
    run = store.read_json("run.json")
    if not run["finished"]:
        raise IndexUnusableError(f"the run at {root} is not finished")
    names = (f"{prefix}.index", f"{prefix}.kept", f"{prefix}.report")  # of phases and of what they make alike
    # of those alone: the folders of others may be gone, the texts above all
    made = read_names(store, [phase["names"] for phase in run["phases"] if phase["name"] in names])
    artifacts = {name: files for _, phase in made for name, files in phase.items()}
    if not artifacts.get(f"{prefix}.index"):
        raise IndexUnusableError(
            f"the run at {root} left no index of {prefix}: set `index: true` in its config and run it again; what is "
            "there already is not done again"
        )
    return KeptIndex(root, prefix, run["name"], *(tuple(artifacts.get(name, [])) for name in names))
