"""The phases of `annotate`: rows of scores and documents meet at the hash of their id or URL (128 bits)."""

import json
from collections.abc import Iterator
from typing import Any, BinaryIO

import numpy as np
import numpy.typing as npt
import pyarrow as pa
import pyarrow.compute as pc
import xxhash

from dspipe.kernels.arrow import text_buffers
from dspipe.kernels.dedup.text_hash import text_hashes
from dspipe.pipeline.config.discovery import source_class
from dspipe.pipeline.errors import ConfigError
from dspipe.pipeline.source import InputFile
from dspipe.pipeline.stage import StageSettings
from dspipe.pipeline.storage.filesystem import open_filesystem
from dspipe.pipeline.tasks.records import partition_of, read_kept_rows, record_batch, slice_of, slices_that_fit
from dspipe.pipeline.tasks.records_by_row import RecordsByRow
from dspipe.pipeline.tasks.task import Task
from dspipe.stages.shared.artifacts import read_json_artifacts

_SENT_AT_A_TIME = 1 << 16


def send_files(task: Task, stage: StageSettings) -> None:
    """Once: each file to a partition by its name, so that an added one leaves the others where they are.

    Settings: files ([path, name, size, fingerprint]).
    """
    for path, name, size, fingerprint in stage.settings["files"]:
        columns = {"path": [path], "name": [name], "size": [size], "fingerprint": [fingerprint]}
        task.emit(np.array([_name_hash(name) % task.partitions]), record_batch(columns))


def send_scores(task: Task, stage: StageSettings) -> None:
    """Over partitions: the rows of the files, by the hash of their key. Settings: source, those that read the files.

    Raises ConfigError for a row that can't be read: what it was to say is not known.
    """
    kind = source_class(stage.settings["source"]["format"])
    source = kind(kind.Config.model_validate({**stage.settings["source"], "path": "-"}))
    names = [field.name for field in source.columns()]
    files = [InputFile(**row) for _, batch in task.received() for row in batch.to_pylist()]
    for file in sorted(files, key=lambda file: file.name):
        row = 0
        for batch in source.read((file,), _Reading(task)):
            hashes = text_hashes(*text_buffers(batch.column("text")))
            count = batch.num_rows
            keys = {"key": hashes[:, 0].copy(), "low": hashes[:, 1].copy()}
            place = {"file": np.full(count, _name_hash(file.name), np.uint64), "at": np.arange(row, row + count)}
            columns = {name: batch.column(name) for name in names}
            task.emit(partition_of(keys["key"], task.partitions), record_batch({**keys, **place, **columns}))
            row += count
            task.progress(documents=count, bytes=batch.nbytes)
        task.count("rows of scores", row)


def send_keys(task: Task, stage: StageSettings) -> None:
    """Over shards: hash and row of every document that is still kept and has an id or URL. Settings: by."""
    by = stage.settings["by"]
    for rows, batch in read_kept_rows(task, [by]):
        known = pc.is_valid(batch.column(by))
        hashes = text_hashes(*text_buffers(batch.column(by).filter(known)))
        key = hashes[:, 0].copy()
        records = {"key": key, "low": hashes[:, 1].copy(), "row": rows[known.to_numpy(zero_copy_only=False)]}
        task.emit(partition_of(key, task.partitions), record_batch(records))
        task.progress(documents=len(rows), bytes=0)


def join_scores(task: Task, stage: StageSettings) -> None:
    """Over partitions: of each document the row that counts, to its shard.

    Settings: names (of the files, in order), duplicates (first or last), columns (names of what rows have).
    """
    order = {_name_hash(name): place for place, name in enumerate(stage.settings["names"])}
    scores = f"{stage.name}.scores"
    slices = max(1, slices_that_fit(task))
    documents = matched = repeated = 0
    for part in range(slices):
        asking = list(_of_slice(task.received(), part, slices))
        rows = [batch for _, batch in _of_slice(task.received(scores), part, slices)]
        documents += sum(batch.num_rows for _, batch in asking)
        if not asking or not rows:
            continue
        table, more = _one_a_key(pa.Table.from_batches(rows), order, stage.settings["duplicates"])
        repeated += more
        key, low = (table.column(name).to_numpy() for name in ("key", "low"))
        for shard, batch in asking:
            place = _find(key, low, batch.column("key").to_numpy(), batch.column("low").to_numpy())
            found = np.flatnonzero(place >= 0)
            matched += len(found)
            for start in range(0, len(found), _SENT_AT_A_TIME):
                chosen = found[start : start + _SENT_AT_A_TIME]
                values = table.select(stage.settings["columns"]).take(pa.array(place[chosen])).combine_chunks()
                records = {name: values.column(name).combine_chunks() for name in values.column_names}
                row = batch.column("row").to_numpy()[chosen]
                task.emit(np.full(len(chosen), shard), record_batch({"row": row, **records}))
    task.count("documents with scores", matched)
    task.count("rows for the same document", repeated)
    with task.make(f"{stage.name}.counts") as file:
        file.write(json.dumps([documents, matched]).encode())


def check_share(task: Task, stage: StageSettings) -> None:
    """Once: raises ConfigError where too few documents have scores. Settings: least_matched, by."""
    counts = [part for _, part in read_json_artifacts(task, f"{stage.name}.counts")]
    documents, matched = (sum(part[place] for part in counts) for place in (0, 1))
    share, least = matched / max(1, documents), stage.settings["least_matched"]
    task.note("share of documents with scores", round(share, 4))
    if documents and share < least:
        raise ConfigError(
            f"{stage.name}: {matched:,} of {documents:,} documents have a row with their {stage.settings['by']}, fewer "
            f"than least_matched = {least:g}: are these the files for this corpus, and is `by` right?",
            ("least_matched",),
        )
    # always the same: shards aren't to be written anew because there are more documents elsewhere
    with task.make(f"{stage.name}.checked") as file:
        file.write(b"true")


def write_columns(task: Task, stage: StageSettings) -> None:
    """Over shards: the columns, null where a document has no row. Settings: columns ([name, type])."""
    types = {"double": pa.float64(), "int64": pa.int64(), "string": pa.string(), "bool": pa.bool_()}
    schema = pa.schema([pa.field(name, types[kind]) for name, kind in stage.settings["columns"]])
    found = RecordsByRow(task, pa.schema([pa.field("row", pa.uint32()), *schema]))
    first = 0
    for batch in task.rows(["reason"]):
        count = batch.num_rows
        records = found.between(first, first + count)
        place = np.full(count, -1, np.int64)
        place[records.column("row").to_numpy() - first] = np.arange(records.num_rows)
        aligned = records.select(schema.names).take(pa.array(place, mask=place < 0)).combine_chunks()
        arrays = [aligned.column(name).combine_chunks().cast(schema.field(name).type) for name in schema.names]
        task.write(pa.RecordBatch.from_arrays(arrays, schema=schema))
        task.progress(documents=count, bytes=0)
        first += count


def _name_hash(name: str) -> int:
    return xxhash.xxh3_64_intdigest(name.encode("utf-8", "surrogatepass"))


def _of_slice(
    received: Iterator[tuple[int, pa.RecordBatch]], part: int, slices: int
) -> Iterator[tuple[int, pa.RecordBatch]]:
    for sender, batch in received:
        if slices > 1:
            batch = batch.filter(pa.array(slice_of(batch.column("low").to_numpy(), slices) == part))
        if batch.num_rows:
            yield sender, batch


def _one_a_key(table: pa.Table, order: dict[int, int], duplicates: str) -> tuple[pa.Table, int]:
    """One row a key, by (key, low), and how many others there were."""
    key, low, at = (table.column(name).to_numpy() for name in ("key", "low", "at"))
    file = table.column("file").combine_chunks().dictionary_encode()
    rank = np.array([order[name] for name in file.dictionary.to_pylist()], np.int64)[file.indices.to_numpy()]
    rows = np.lexsort((at, rank, low, key))
    same = (key[rows][1:] == key[rows][:-1]) & (low[rows][1:] == low[rows][:-1])
    chosen = np.append(True, ~same) if duplicates == "first" else np.append(~same, True)
    return table.take(pa.array(rows[chosen])), int(same.sum())


def _find(
    key: npt.NDArray[Any], low: npt.NDArray[Any], wanted: npt.NDArray[Any], wanted_low: npt.NDArray[Any]
) -> npt.NDArray[np.int64]:
    """The place of each wanted pair among those of (key, low), which ascend and differ; -1 where it isn't there."""
    place = np.searchsorted(key, wanted).astype(np.int64)
    found = np.full(len(wanted), -1, np.int64)
    open_ = np.arange(len(wanted))
    # of one upper half there is all but always one lower half
    while len(open_):
        there = place[open_] < len(key)
        open_ = open_[there]
        open_ = open_[key[place[open_]] == wanted[open_]]
        hit = low[place[open_]] == wanted_low[open_]
        found[open_[hit]] = place[open_[hit]]
        open_ = open_[~hit]
        place[open_] += 1
    return found


class _Reading:
    """What a format is offered while it reads files of scores: a bad row ends it."""

    def __init__(self, task: Task) -> None:
        self.batch_rows, self.batch_bytes, self.memory = task.batch_rows, task.batch_bytes, task.memory

    def open(self, file: InputFile) -> BinaryIO:
        """The file's bytes as they are stored."""
        filesystem, path = open_filesystem(file.path)
        stream: BinaryIO = filesystem.open(path, "rb")
        return stream

    def bad(self, file: InputFile, place: str, error: str, *more: Any, **described: Any) -> None:
        """Raises ConfigError."""
        raise ConfigError(f"{file.path}, {place}: {error}", ("path",))

    def skipped(self, reason: str, n: int = 1) -> None:
        """Nothing is skipped in these formats."""
