"""The kept index: what a run leaves of the documents that it kept, for the dumps that come after it.

    <prefix>.index    a Parquet file per partition: `key` (uint64, ascending), `document` (uint64), what the stage adds

A partition holds an equal share of the range of keys, and a row group says which keys it has, so a reader that looks
for some keys reads the row groups around them alone. Each file carries the settings that its keys depend on, as JSON in
its metadata. An index is a few bytes for each kept document; the text of its run may be gone.
"""

import hashlib
import json
from collections.abc import Iterator
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, cast

import numpy as np
import numpy.typing as npt
import pyarrow as pa
import pyarrow.parquet as pq

from dspipe.pipeline.errors import MissingExtraError
from dspipe.pipeline.storage.records import Numbers, spread
from dspipe.pipeline.storage.spill import received_slices
from dspipe.pipeline.storage.store import Store, is_storage_failure
from dspipe.stages.shared.dedup.verdicts import REWRITTEN

if TYPE_CHECKING:
    from dspipe.pipeline.tasks.task import Task

GROUP = 1 << 16
"""rows of a row group"""
_SETTINGS = b"dspipe"


class IndexUnusableError(Exception):
    """There is no index that could be used: why."""


@dataclass(frozen=True)
class KeptIndex:
    """The index of a finished run."""

    root: str
    run: str
    """the run's name"""
    files: tuple[str, ...]
    """by partition"""
    shards: tuple[str, ...]
    """files of the artifact `<prefix>.kept`, by shard"""
    reports: tuple[str, ...]
    """files of the artifact `<prefix>.report`"""

    @property
    def identity(self) -> list[str]:
        """What the results of a lookup depend on: files are named by a hash of all that went into them."""
        names = "\n".join([*self.files, *self.shards])
        return [self.run, hashlib.sha256(names.encode()).hexdigest()]

    def settings(self) -> dict[str, Any]:
        """The settings that the index was made with."""
        with Store(self.root).reading(self.files[0]) as file:
            return cast("dict[str, Any]", json.loads(pq.read_metadata(file).metadata[_SETTINGS]))

    def lookup(self, keys: Numbers) -> Iterator[pa.Table]:
        """The rows whose key is one of `keys` (ascending, at least one), by key, a row group at a time."""
        store = Store(self.root)
        first, last = spread(keys[[0, -1]], len(self.files)).tolist()
        for name in self.files[first : last + 1]:
            with store.reading(name) as file:
                parquet = pq.ParquetFile(file)
                for group in range(parquet.num_row_groups):
                    known = parquet.metadata.row_group(group).column(0).statistics
                    bounds = np.array([known.min, known.max], np.uint64)
                    if keys.searchsorted(bounds[0]) < keys.searchsorted(bounds[1], "right"):
                        table = parquet.read_row_group(group, use_threads=False)
                        found = table.column("key").to_numpy()
                        places = np.minimum(keys.searchsorted(found), len(keys) - 1)
                        yield table.filter(pa.array(keys[places] == found))

    def rows(self, shard: int, rows: npt.NDArray[np.uint32]) -> Iterator[tuple[npt.NDArray[np.int64], pa.Table]]:
        """Rows of a shard's file of `<prefix>.kept`: (places in `rows`, which ascend and are all there, the rows)."""
        with Store(self.root).reading(self.shards[shard]) as file:
            parquet = pq.ParquetFile(file)
            for group in range(parquet.num_row_groups):
                known = parquet.metadata.row_group(group).column(0).statistics
                start, end = np.searchsorted(rows, np.array([known.min, known.max + 1], np.int64))
                if end > start:
                    table = parquet.read_row_group(group, use_threads=False)
                    places = np.searchsorted(table.column("row").to_numpy(), rows[start:end])
                    yield np.arange(start, end), table.take(pa.array(places))


def open_index(root: str, prefix: str, settings: dict[str, Any]) -> KeptIndex:
    """The index that the stage or round `prefix` of the run at `root` left. Raises IndexUnusableError."""
    try:
        index = _open(root, prefix)
        made_with = index.settings()
    except IndexUnusableError:
        raise
    except MissingExtraError as error:
        raise IndexUnusableError(str(error)) from None
    except Exception as error:
        if not is_storage_failure(error):
            raise
        raise IndexUnusableError(f"{root} cannot be read: {error}") from None
    for name, value in settings.items():
        if made_with.get(name) != value:
            what = f"with {name} {made_with.get(name)}, this run has {value}"
            if name == "code":
                what = "by code that gives other keys: run it again with this version"
            elif name == REWRITTEN:
                what = _rewritten_otherwise(made_with.get(name), value)
            raise IndexUnusableError(f"the index of {root} was made {what}")
    return index


def _rewritten_otherwise(there: list[list[Any]] | None, here: list[list[Any]]) -> str:
    """In what the stages differ that rewrote the texts there and here: those that are the same don't match."""
    if there is None:
        return "by a version that doesn't say what had rewritten the texts: run it again with this version"
    names = [", ".join(name for name, _ in stages) or "none" for stages in (there, here)]
    if names[0] != names[1]:
        return f"from texts rewritten by other stages before it: {names[0]}; in this run: {names[1]}"
    stage, old, new = next((name, old, new) for (name, old), (_, new) in zip(there, here, strict=True) if old != new)
    key = next(key for key in {**old, **new} if old.get(key) != new.get(key))
    return f"with {stage}.{key} {old.get(key)}, this run has {new.get(key)}"


def _open(root: str, prefix: str) -> KeptIndex:
    store = Store(root)
    if not store.exists("run.json"):
        raise IndexUnusableError(f"{root} holds no run (there is no run.json): name the `output` of a finished run")
    run = store.read_json("run.json")
    if not run["finished"]:
        raise IndexUnusableError(f"the run at {root} is not finished")
    artifacts = run["artifacts"]
    if not artifacts.get(f"{prefix}.index"):
        raise IndexUnusableError(
            f"the run at {root} left no index of {prefix}: set `index: true` in its config and run it again; what is "
            "there already is not done again"
        )
    names = (f"{prefix}.index", f"{prefix}.kept", f"{prefix}.report")
    return KeptIndex(root, run["name"], *(tuple(artifacts.get(name, [])) for name in names))


def write_index(task: "Task", name: str, settings: dict[str, Any]) -> None:
    """Sort the records (key, row, others) sent to this partition into the artifact `name`.

    They are read in as many slices of the range of keys as it takes for one of them to use a quarter of the memory.
    """
    slices = max(1, -(-task.received_bytes * 4 // task.memory))
    bounds = [(int(upper.min()), int(upper.max())) for upper in map(_upper, _batches(task) if slices > 1 else ())]
    least, most = min((low for low, _ in bounds), default=0), max((high for _, high in bounds), default=0)

    def slice_of(batch: pa.RecordBatch) -> Numbers:
        return (_upper(batch) - np.uint64(least)) * np.uint64(slices) // np.uint64(most - least + 1)

    schema = next((batch.schema for batch in _batches(task)), pa.schema([]))
    others = [field for field in schema if field.name not in ("key", "row")]
    fields = [pa.field("key", pa.uint64()), pa.field("document", pa.uint64()), *others]
    described = pa.schema(fields, metadata={_SETTINGS: json.dumps(settings).encode()})
    with (
        task.make(name, ".parquet") as file,
        pq.ParquetWriter(file, described, compression="zstd", compression_level=1) as writer,
    ):
        for part in received_slices(task, slices, slice_of):
            tables = []
            for sender, batch in part:
                documents = batch.column("row").to_numpy().astype(np.uint64) | np.uint64(sender << 32)
                columns = [batch.column("key"), pa.array(documents), *(batch.column(field.name) for field in others)]
                tables.append(pa.table(columns, schema=described))
            if tables:
                found = pa.concat_tables(tables).sort_by([("key", "ascending"), ("document", "ascending")])
                writer.write_table(found, row_group_size=GROUP)
                task.count("entries", found.num_rows)


def _batches(task: "Task") -> Iterator[pa.RecordBatch]:
    return (batch for _, batch in task.received())


def _upper(batch: pa.RecordBatch) -> Numbers:
    return cast("Numbers", batch.column("key").to_numpy() >> np.uint64(32))


def sample_texts() -> pa.Array:
    """Texts with all characters of the first three planes, to see whether code still gives the same keys."""
    planes = [chr(point) for point in range(0x30000) if not 0xD800 <= point < 0xE000]
    words = ["".join(planes[start : start + 7]) for start in range(0, len(planes), 7)]
    texts = [" ".join(words[start : start + 256]) for start in range(0, len(words), 256)]
    return pa.array([*texts, "", "two words", "Ten times 1,234.5 is don't-know, e.g. 12345..."], pa.large_string())
