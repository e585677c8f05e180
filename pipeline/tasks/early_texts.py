"""A few texts of documents that are dropped early, kept to be looked at: their texts are stored nowhere else.

Of each reason a shard keeps the texts of MOST documents, those with the smallest hashes of their origin, so that
batches, workers and executors change nothing. They stand in a file beside the text pass's rows, a JSON object a line,
that no other task reads: no key depends on it. The run's seed has no part in it: the text pass's key needn't cover it.
"""

import json
from collections.abc import Iterable, Iterator, Mapping
from typing import Any

import pyarrow as pa

from dspipe.pipeline.draws import seeded_hashes
from dspipe.pipeline.storage.store import Store
from dspipe.pipeline.tasks.spec import Manifest
from dspipe.pipeline.tasks.task import Task

KIND = "early texts"
"""the kind of the file in the task's manifest"""
MOST = 4
"""documents of each reason and shard"""
MOST_REASONS = 256
"""of which a shard keeps texts: those whose names come first"""
TEXT_BYTES = 64 << 10
"""of a text that are kept"""
USE = "early texts"
"""of the hashes (`pipeline.draws`)"""


class EarlyTexts:
    """The texts that one task keeps, while it runs."""

    def __init__(self) -> None:
        self._kept: dict[str, dict[int, dict[str, Any]]] = {}
        """by reason and hash"""

    def add(self, dropped: pa.RecordBatch, reasons: pa.Array) -> None:
        """Look at documents that are dropped now, for these reasons (string, none null); `dropped` has origin, text and
        content. Documents may come twice."""
        hashes = seeded_hashes(dropped.column("origin"), 0, USE)
        encoded = reasons.cast(pa.string()).dictionary_encode()
        places = encoded.indices.to_numpy()
        for place, reason in enumerate(encoded.dictionary.to_pylist()):
            kept = self._kept.setdefault(reason, {})
            (rows,) = (places == place).nonzero()
            if len(kept) == MOST:
                rows = rows[hashes[rows] < max(kept)]
            for row in rows[hashes[rows].argsort()[:MOST]].tolist():
                origin = int(dropped.column("origin")[row].as_py())
                kept[int(hashes[row])] = {"origin": origin, "reason": reason, **_beginning(dropped, row)}
            for gone in sorted(kept)[MOST:]:
                del kept[gone]
        for name in sorted(self._kept)[MOST_REASONS:]:
            del self._kept[name]

    def add_kept(self, store: Store, files: Iterable[Mapping[str, Any]]) -> None:
        """Add what an earlier try of the task has kept, of its files. Raises DamagedFileError."""
        for file in files:
            if file["kind"] != KIND:
                continue
            for entry in map(json.loads, store.read_unchanged(file["file"], file["sha256"]).splitlines()):
                (key,) = seeded_hashes(pa.array([entry["origin"]], pa.uint64()), 0, USE)
                self._kept.setdefault(entry["reason"], {})[int(key)] = entry

    def commit(self, task: Task) -> None:
        """Write them to the task's file, where there are any."""
        entries = [self._kept[reason][key] for reason in sorted(self._kept) for key in sorted(self._kept[reason])]
        if not entries:
            return
        name = task.spec.file(".early.jsonl")
        with task.store.writing(name) as file:
            file.writelines(json.dumps(entry, ensure_ascii=False).encode() + b"\n" for entry in entries)
        task.keep_file(KIND, KIND, name)


def _beginning(dropped: pa.RecordBatch, row: int) -> dict[str, Any]:
    """The beginning of a document's text, or of what it would have been made of."""
    text = dropped.column("text")[row].as_buffer()
    content = dropped.column("content")[row].as_buffer() if not text else None
    held = memoryview(content or text or b"")
    shown = bytes(held[:TEXT_BYTES]).decode("utf-8", "ignore")
    return {"bytes": len(held), "extracted": not content, "text": shown}


def read_early_texts(store: Store, manifests: Iterable[Manifest]) -> Iterator[Mapping[str, Any]]:
    """What the tasks of a text pass have kept: origin (of the document), reason, bytes, text (its beginning, where
    there are more bytes than TEXT_BYTES), extracted (false: the page is shown, its text was never made).

    Raises DamagedFileError, FileNotFoundError."""
    for manifest in manifests:
        for file in manifest["files"]:
            if file["kind"] == KIND:
                yield from map(json.loads, store.read_bytes(file["file"]).splitlines())
