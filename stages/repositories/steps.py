"""What the phases of `repositories` do."""

from collections.abc import Iterator, Sequence

import numpy as np
import numpy.typing as npt
import pyarrow as pa
import pyarrow.compute as pc

from dspipe.kernels.arrow import text_buffers, text_column
from dspipe.kernels.hashing import hash_strings
from dspipe.pipeline.doc_id import UInt64, doc_ids, doc_ids_at, rows_of, shards_of
from dspipe.pipeline.stage import StageSettings
from dspipe.pipeline.tasks.records import partition_of, record_batch, slice_of, slices_that_fit
from dspipe.pipeline.tasks.records_by_row import RecordsByRow
from dspipe.pipeline.tasks.spill import received_slices
from dspipe.pipeline.tasks.task import Task
from dspipe.stages.repositories.comments import path_comments
from dspipe.stages.repositories.locations import location_columns, repositories_and_paths
from dspipe.stages.repositories.order import in_order_of_imports
from dspipe.stages.repositories.resolve import RepositoryFiles
from dspipe.stages.shared.file_paths import endings_of

_HELD = 6
"""a partition's records as objects take so many times their bytes in the exchange"""
_EMITTED = 1 << 12
"""repositories whose places are sent together"""
_COMMENT_BYTES = 10
"""that stand around a path, and the line feed behind a text, at most"""
_PLACES = pa.schema({"row": pa.uint32(), "document": pa.uint64(), "place": pa.uint32()})
_TEXTS = pa.schema({"row": pa.uint32(), "place": pa.uint32(), "text": pa.large_string()})
_TEXT = pa.scalar(None, pa.large_string())


def send_files(task: Task, stage: StageSettings) -> None:
    """Send where each repository's files are, and what they refer to. Settings: folders, repository, path, domains."""
    settings, imports = stage.settings, f"{stage.name}.imports"
    columns = ["reason", "domain", "text_bytes", imports, *location_columns(settings)]
    first = 0
    for batch in task.rows(columns):
        source = batch.column("source").cast(pa.string())
        repositories, paths = repositories_and_paths(batch, settings)
        taken = pc.and_(pc.is_null(batch.column("reason")), pc.is_valid(repositories))
        if settings["domains"] is not None:
            domains = pa.array(settings["domains"], pa.string())
            taken = pc.and_(taken, pc.is_in(batch.column("domain").cast(pa.string()), domains))
        names = pc.if_else(taken, repositories, pa.scalar(None, pa.string()))
        task.write(record_batch({f"{stage.name}.name": names}))
        keys = pc.binary_join_element_wise(source, repositories, "\n").filter(taken)
        rows = first + np.flatnonzero(taken.to_numpy(zero_copy_only=False))
        first += batch.num_rows
        hashes = hash_strings(*text_buffers(keys), np.uint64(0))
        records = {
            "hash": hashes,
            "repository": keys,
            "row": rows.astype(np.uint32),
            "path": paths.filter(taken),
            "bytes": batch.column("text_bytes").filter(taken),
            "imports": batch.column(imports).filter(taken),
        }
        task.emit(partition_of(hashes, task.partitions), record_batch(records))
        task.progress(documents=batch.num_rows, bytes=0)


def order_files(task: Task, stage: StageSettings) -> None:
    """Put the files of a partition's repositories in order, and tell each file's shard where it goes: into which
    document, at which place. Settings: max_bytes."""
    slices = slices_that_fit(task, held=_HELD)
    for part in received_slices(task, slices, lambda batch: slice_of(batch.column("hash").to_numpy(), slices)):
        batches, shards = [], []
        for sender, batch in part:
            batches.append(batch)
            shards.append(np.full(batch.num_rows, sender, np.uint32))
        if not batches:
            continue
        files = pa.Table.from_batches(batches).append_column("shard", pa.array(np.concatenate(shards)))
        # the hash before the name: to sort numbers is quicker, and the name only counts where they are the same
        order = [(name, "ascending") for name in ("hash", "repository", "path", "shard", "row")]
        files = files.sort_by(order).combine_chunks()
        names = files.column("repository").combine_chunks().dictionary_encode().indices.to_numpy()
        starts = np.flatnonzero(np.diff(names, prepend=-1))
        waiting: list[npt.NDArray[np.uint64]] = []
        for start, end in zip(starts.tolist(), [*starts[1:].tolist(), len(names)], strict=True):
            waiting.append(_places_of(task, files.slice(start, end - start), stage.settings["max_bytes"]))
            if len(waiting) == _EMITTED:
                _emit_places(task, waiting)
        _emit_places(task, waiting)


def _places_of(task: Task, files: pa.Table, max_bytes: int) -> npt.NDArray[np.uint64]:
    """Of each file of a repository its number, its document's, and its place in there: uint64[n, 3]."""
    name = files.column("repository")[0].as_py().partition("\n")[2]
    references = [found or () for found in files.column("imports").to_pylist()]
    repository = RepositoryFiles(name, files.column("path").to_pylist(), references)
    parts = in_order_of_imports(files.num_rows, repository.imports())
    order = np.array([file for part in parts for file in part], np.int64)
    numbers = doc_ids_at(files.column("shard").to_numpy(), files.column("row").to_numpy())[order]
    comments = pc.add(pc.binary_length(files.column("path")), _COMMENT_BYTES)
    sizes = pc.add(files.column("bytes"), comments).to_numpy()[order]
    begins = np.array(_cuts(sizes.tolist(), max_bytes), np.int64)
    of_each = np.diff(np.append(begins, len(order)))
    place = (np.arange(len(order)) - np.repeat(begins, of_each)).astype(np.uint64)
    task.count("repositories")
    task.count("files", len(order))
    task.count("files that import others or are imported", sum(len(part) for part in parts if len(part) > 1))
    task.count("documents", len(begins))
    return np.column_stack([numbers, np.repeat(numbers[begins], of_each), place])


def _emit_places(task: Task, waiting: list[npt.NDArray[np.uint64]]) -> None:
    """Tell shards the places of their files, many repositories at a time; `waiting` is empty afterwards."""
    if waiting:
        numbers, documents, places = np.concatenate(waiting).T
        records = {"row": rows_of(numbers), "document": documents, "place": places.astype(np.uint32)}
        task.emit(shards_of(numbers), record_batch(records))
        waiting.clear()


def _cuts(sizes: Sequence[int], max_bytes: int) -> list[int]:
    """Where documents of at most `max_bytes` begin; a larger file is one by itself."""
    begins, size = [0], 0
    for number, more in enumerate(sizes):
        if size and size + more > max_bytes:
            begins.append(number)
            size = 0
        size += more
    return begins


def send_texts(task: Task, stage: StageSettings) -> None:
    """Send each file's text, with its path before it, to the shard of its document. Settings: folders, repository,
    path."""
    places, first = RecordsByRow(task, _PLACES), 0
    location = location_columns(stage.settings)
    for batch in task.rows([*location, "text"]):
        found = places.between(first, first + batch.num_rows).combine_chunks()
        at = found.column("row").to_numpy().astype(np.int64) - first
        first += batch.num_rows
        documents: UInt64 = found.column("document").to_numpy()
        into, missing = np.zeros(batch.num_rows, np.uint64), np.ones(batch.num_rows, bool)
        into[at], missing[at] = documents, False
        task.write(record_batch({f"{stage.name}.into": pa.array(into, mask=missing)}))
        for start, end in _in_parts(batch.column("text"), at, task.batch_bytes):
            chosen = pa.array(at[start:end])
            _, paths = repositories_and_paths(batch.select(location).take(chosen), stage.settings)
            records = {
                "row": rows_of(documents[start:end]),
                "place": found.column("place").to_numpy()[start:end],
                "text": _with_comments(batch.column("text").take(chosen), paths),
            }
            task.emit(shards_of(documents[start:end]), record_batch(records))
        task.progress(documents=batch.num_rows, bytes=0)


def join_texts(task: Task, stage: StageSettings) -> None:
    """Write the documents; files that went into another one are dropped, without their texts."""
    sent, first = RecordsByRow(task, _TEXTS), 0
    for batch in task.rows(["text", "text_bytes", "reason", f"{stage.name}.into"]):
        rows = np.arange(first, first + batch.num_rows)
        records = sent.between(first, first + batch.num_rows).combine_chunks()
        first += batch.num_rows
        into = batch.column(f"{stage.name}.into")
        in_one = pc.is_valid(into)
        begins_one = pc.fill_null(pc.equal(into, pa.array(doc_ids(task.shard, rows))), False)
        files, texts = _joined(records, rows)
        text = pc.if_else(begins_one, texts, pc.if_else(in_one, _TEXT, batch.column("text").cast(pa.large_string())))
        size = pc.if_else(in_one, pc.fill_null(pc.binary_length(text), 0), batch.column("text_bytes"))
        joined = pc.if_else(pc.and_not(in_one, begins_one), f"{stage.name}.joined", pa.scalar(None, pa.string()))
        columns = {
            "text": text,
            "text_bytes": size.cast(pa.int64()),
            "reason": pc.coalesce(batch.column("reason").cast(pa.string()), joined),
            f"{stage.name}.files": pc.if_else(in_one, pa.array(files), pa.scalar(None, pa.uint32())),
        }
        task.write(record_batch(columns))
        task.progress(documents=batch.num_rows, bytes=0)


def _joined(records: pa.Table, rows: npt.NDArray[np.int64]) -> tuple[npt.NDArray[np.uint32], pa.Array]:
    """How many files were sent to each row, and their texts in order one behind the other (large_string)."""
    of_row, place = records.column("row").to_numpy(), records.column("place").to_numpy()
    texts = records.column("text").take(pa.array(np.lexsort((place, of_row)))).combine_chunks()
    ends = np.searchsorted(np.sort(of_row), np.append(rows, rows[-1] + 1 if len(rows) else 0))
    data, offsets = text_buffers(texts)
    return np.diff(ends).astype(np.uint32), text_column(data, offsets[ends])


def _with_comments(texts: pa.Array, paths: pa.Array) -> pa.Array:
    """Each text behind a comment of its path, ending with a line feed (large_string)."""
    texts = texts.cast(pa.large_string())
    comments = path_comments(paths, endings_of(paths)).cast(pa.large_string())
    last = pc.if_else(pc.ends_with(texts, "\n"), "", "\n").cast(pa.large_string())
    return pc.binary_join_element_wise(comments, texts, last, pa.scalar("", pa.large_string()))


def _in_parts(texts: pa.Array, at: npt.NDArray[np.int64], max_bytes: int) -> Iterator[tuple[int, int]]:
    """Ranges of `at`, positions of texts, that have about `max_bytes` of text or are one."""
    sizes = pc.fill_null(pc.binary_length(texts), 0).to_numpy()[at]
    part = np.cumsum(sizes) // max(1, max_bytes)
    begins = np.flatnonzero(np.diff(part, prepend=-1))
    yield from zip(begins.tolist(), [*begins[1:].tolist(), len(at)], strict=True) if len(at) else ()
