"""Write a run's documents as files: shards side by side, each whole or not at all, the same bytes every time.

    data/00000-000.parquet   the rows of a shard, in their order (or .jsonl.gz)
    manifest.json            files with rows, bytes and checksums, the columns, what was asked for
    README.md                a card for whoever finds the data
    .dspipe/00000.json       a shard's entry, which says what is done

A folder is an export's own from the manifest on, which stands there before the first file and says then that the rest
is to come.
"""

import os
from collections.abc import Callable, Iterator
from concurrent.futures import FIRST_EXCEPTION, ThreadPoolExecutor, wait
from dataclasses import dataclass
from threading import Event
from typing import Any

import numpy as np
import pyarrow as pa

from dspipe.pipeline.errors import DamagedFileError, StorageError
from dspipe.pipeline.inspection.document_table import REASON, STAGE, DocumentTable
from dspipe.pipeline.inspection.export.card import Card, card_text
from dspipe.pipeline.inspection.export.entry import Counts, Entry, Written, entry_name
from dspipe.pipeline.inspection.export.options import COPIES, ExportError, ExportOptions, Selection, select
from dspipe.pipeline.inspection.export.shard_files import DataFile, ShardFiles
from dspipe.pipeline.keys import key_of
from dspipe.pipeline.plan.fingerprint import code_fingerprint
from dspipe.pipeline.storage.columns import file_checksum
from dspipe.pipeline.storage.store import TEMPORARY, Store

MANIFEST, CARD = "manifest.json", "README.md"
_MARK = "dspipe_export"
_MOST_THREADS = 16
"""each holds a row group of 64 MB and what it is made of"""
_MOST_COPIED_BYTES = 16 << 20
"""of repeated rows at a time"""

Progress = Callable[[int], None]
"""called with documents that are done since the last call, those of files that were there before among them"""


@dataclass(frozen=True)
class Exported:
    """An export that is whole."""

    root: str
    files: list[DataFile]
    counts: Counts
    shards: int
    written: int
    """shards that this call has written; the others were there as they are"""

    def as_json(self) -> dict[str, Any]:
        """JSON values."""
        files = [file.as_json() for file in self.files]
        return {"root": self.root, "files": files, **self.counts.as_json(), "shards": self.shards}


def export_run(
    table: DocumentTable, output: str, options: ExportOptions, progress: Progress = lambda documents: None
) -> Exported:
    """Write the documents of a finished run to a folder or address, or go on with an export there that was interrupted.

    Raises ExportError, StorageError, DamagedFileError.
    """
    if not table.run.finished:
        raise ExportError(
            f"{table.store.root} isn't finished (to come: {', '.join(table.run.to_come)}), so its documents aren't "
            f"what they will be; `dspipe run` with its config goes on with it"
        )
    selection = select(table, options)
    store = Store(output)
    _check_folder(store)
    store.prepare()
    store.write_json(MANIFEST, {_MARK: 1, "finished": False})
    entries, written = _export_shards(table, store, selection, progress)
    counts = Counts()
    for entry in entries:
        counts.merge(entry.counts)
    files = [file for entry in entries for file in entry.files]
    _remove_others(store, {file.name for file in files}, {entry_name(shard) for shard in range(len(entries))})
    card = Card(table.run, selection, files, counts, _config_checksum(table.store))
    store.write_bytes(CARD, card_text(card).encode("utf-8", "backslashreplace"))
    store.write_json(MANIFEST, {_MARK: 1, "finished": True, **card.as_json()})
    return Exported(store.root, files, counts, len(entries), written)


def _check_folder(store: Store) -> None:
    """Raises ExportError where there are files that no export has written."""
    names = [name for name in store.names("") if not name.startswith(TEMPORARY)]
    if MANIFEST in names:
        try:
            if _MARK in store.read_json(MANIFEST):
                return
        except (DamagedFileError, TypeError):
            pass
    found = sorted([*names, *(f"{folder}/" for folder in store.folders())])
    if found:
        raise ExportError(
            f"{store.root} holds {found[0]} and is no export of dspipe: name a folder that is empty or isn't there"
        )


def _export_shards(
    table: DocumentTable, store: Store, selection: Selection, progress: Progress
) -> tuple[list[Entry], int]:
    """The entries of all shards, and how many of them were written now."""
    before, stop = Written(store), Event()
    common = _common_key(table, selection)
    written: set[int] = set()

    def export(shard: int) -> Entry:
        places = table.shards[shard]
        hashes = [places.columns[name].hash for name in selection.reads if name in places.columns]
        key = key_of([common, shard, hashes, places.groups])
        entry = before.entry(shard, key)
        if entry is None:
            entry = _export_shard(table, store, shard, selection, key, stop, progress)
            written.add(shard)
        else:
            progress(places.rows)
        return entry

    with ThreadPoolExecutor(min(os.cpu_count() or 1, _MOST_THREADS), "dspipe-export") as pool:
        futures = [pool.submit(export, shard) for shard in range(len(table.shards))]
        try:
            ended, _ = wait(futures, return_when=FIRST_EXCEPTION)
            for future in ended:
                future.result()  # raises what one of them has raised
        except BaseException:
            stop.set()
            pool.shutdown(wait=True, cancel_futures=True)
            raise
    return [future.result() for future in futures], len(written)


class _StoppedError(Exception):
    """Another shard has failed, or the user wants to stop."""


def _export_shard(
    table: DocumentTable, store: Store, shard: int, selection: Selection, key: str, stop: Event, progress: Progress
) -> Entry:
    options, counts = selection.options, Counts()
    files = ShardFiles(store, shard, selection.schema, options.format, options.file_bytes)
    with files.whole():
        for rows in table.read_shard(selection.reads, shard):
            if stop.is_set():
                raise _StoppedError
            for batch in _chosen(rows.batch, selection):
                counts.add(batch)
                files.write(_as_written(batch, selection.schema))
            progress(rows.batch.num_rows)
    entry = Entry(key, files.files, counts)
    store.write_json(entry_name(shard), entry.as_json())
    return entry


def _chosen(batch: pa.RecordBatch, selection: Selection) -> Iterator[pa.RecordBatch]:
    """The rows to be written, as often as they are."""
    if selection.only_kept:
        batch = batch.filter(batch.column(REASON).is_null())
    if selection.condition is not None:
        batch = batch.filter(selection.condition.mask(batch))
    if not selection.options.copies or batch.num_rows == 0:
        yield batch
        return
    copies = batch.column(COPIES).fill_null(0).to_numpy(zero_copy_only=False)
    repeated = np.repeat(np.arange(batch.num_rows), np.maximum(copies, 0))
    step = max(1, _MOST_COPIED_BYTES * batch.num_rows // max(1, batch.nbytes))
    for start in range(0, len(repeated), step):
        yield batch.take(pa.array(repeated[start : start + step]))


def _as_written(batch: pa.RecordBatch, schema: pa.Schema) -> pa.RecordBatch:
    return pa.RecordBatch.from_arrays([batch.column(field.name).cast(field.type) for field in schema], schema=schema)


def _common_key(table: DocumentTable, selection: Selection) -> str:
    """What stands for how any shard's rows become bytes."""
    options = selection.options
    derived = table.stage_of_reason if STAGE in selection.reads else {}
    return key_of(
        {
            "schema": str(selection.schema),
            "options": [options.format, options.where, options.kept, options.copies, options.file_bytes],
            "stages": derived,
            "code": [code_fingerprint("dspipe.pipeline.inspection.export.export")],
        }
    )


def _remove_others(store: Store, files: set[str], entries: set[str]) -> None:
    """Remove what an export with other options, or of a run of more shards, has left."""
    written = Written(store)
    for name in sorted(set(written.sizes) - files):
        store.remove(name)
    for name in sorted(f"{entry_name(0).partition('/')[0]}/{name}" for name in written.entries):
        if name not in entries:
            store.remove(name)


def _config_checksum(store: Store) -> str | None:
    """The sha256 of the config that the run ran with."""
    try:
        return file_checksum(store, "config.yaml")[1]
    except (FileNotFoundError, StorageError):
        return None
