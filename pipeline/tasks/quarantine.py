"""Bad records of one task: kept in a file with their place, error and first bytes, and summed up in the manifest."""

import base64
import json
import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import pyarrow as pa

from dspipe.pipeline.errors import MachineError
from dspipe.pipeline.storage.store import Store
from dspipe.pipeline.tasks.spec import Manifest
from dspipe.pipeline.tasks.task import Task

Record = bytes | bytearray | memoryview

READ = "read"
"""the `stage` of records that couldn't be read; what a stage failed on bears the stage's name"""
NOTE = "quarantine"
RECORD_BYTES = 64 << 10
"""of a bad record that are kept, to look at"""
SHARD_BYTES = 16 << 20
"""of all bad records of a task that are kept"""
FEW = 10
"""a task may fail on so many documents, whatever their share"""
_KEPT_OF_A_TASK = 50
_KEPT_OF_A_RUN = 100
# `a.jsonl line 7`, as sources say where a record is
_PLACE = re.compile(r"(.*) (?:byte|line|row) [\d+]+")
_NUMBER = re.compile(r"\d+")


class Quarantine:
    """The bad records of one task while it runs."""

    def __init__(self) -> None:
        self.entries: list[dict[str, Any]] = []
        self._bytes_left = SHARD_BYTES

    @property
    def failed(self) -> int:
        """How many documents stages failed on."""
        return sum(entry["stage"] != READ for entry in self.entries)

    def add(
        self,
        stage: str,
        place: str,
        error: str,
        id: str | None = None,
        url: str | None = None,
        file: str | None = None,
        record: Record | None = None,
    ) -> dict[str, Any]:
        """Keep a record; the entry is given back, to be added to. Without `file` it is the one that `place` names.
        `record` are its bytes, of which the first are kept while there is room."""
        if file is None and (named := _PLACE.fullmatch(place)):
            file = named[1]
        entry = {"stage": stage, "id": id, "url": url, "file": file, "place": place, "error": error}
        if record is not None:
            entry |= self._first_bytes(record)
        self.entries.append(entry)
        return entry

    def add_document(
        self,
        stage: str,
        batch: pa.RecordBatch,
        row: int,
        error: str,
        peak_bytes: int | None = None,
        file: str | None = None,
        record: Record | None = None,
    ) -> None:
        """Keep the document in this row of a batch. `peak_bytes`: the memory of a worker that ended on it."""
        values = {name: batch.column(name)[row].as_py() for name in ("id", "url", "place")}
        entry = self.add(stage, error=error, file=file, record=record, **values)
        if peak_bytes is not None:
            entry["peak_bytes"] = peak_bytes

    def commit(self, task: Task) -> None:
        """Write the records to the task's quarantine file, and what they are to its manifest."""
        if not self.entries:
            return
        task.note(NOTE, {"failed": self.failed, "groups": with_most_records(_grouped(self.entries), _KEPT_OF_A_TASK)})
        task.keep_quarantined(self.entries)

    def check_share(self, task: Task, documents: int) -> None:
        """Raises MachineError where stages failed on a larger share of the task's documents than its spec allows."""
        failed, limit = self.failed, task.spec.max_quarantined
        if failed <= FEW or failed <= limit * documents:
            return
        first = next(entry for entry in self.entries if entry["stage"] != READ)
        raise MachineError(
            f"{task.name}: {failed:,} of {documents:,} documents failed, more than engine.max_quarantined_of_shard="
            f"{limit:g} allows: hardly all theirs. The first is {first['place']}: stage {first['stage']}: "
            f"{first['error']}"
        )

    def _first_bytes(self, record: Record) -> dict[str, Any]:
        data = memoryview(record)
        kept = bytes(data[: min(RECORD_BYTES, self._bytes_left)])
        self._bytes_left -= len(kept)
        try:
            text = kept.decode()
        except UnicodeDecodeError as error:
            cut_in_two = len(kept) < len(data) and error.start >= len(kept) - 3
            if not cut_in_two:
                return {"bytes": len(data), "base64": base64.b64encode(kept).decode()}
            text = kept[: error.start].decode()
        return {"bytes": len(data), "text": text}


def ended_worker(record: Mapping[str, Any]) -> dict[str, Any]:
    """What `Quarantine.add_document` is to say of a record that ended a worker, as `TaskSpec.skip` names it."""
    error = f"a worker process ended on this document: {record['error']}"
    return {"error": error, "peak_bytes": record["peak_bytes"]}


@dataclass
class QuarantineFile:
    """What one task's manifest says of its bad records."""

    failed: int = 0
    """documents that stages failed on"""
    groups: Sequence[Mapping[str, Any]] = ()
    """records by stage, file and kind of error"""
    file: str | None = None

    @staticmethod
    def of(manifest: Manifest) -> "QuarantineFile":
        """What a manifest says; nothing where nothing was bad."""
        note = manifest["notes"].get(NOTE, {})
        file = next((file["file"] for file in manifest["files"] if file["kind"] == "quarantine"), None)
        return QuarantineFile(note.get("failed", 0), note.get("groups", ()), file)


def quarantined_records(store: Store, manifest: Manifest) -> Iterator[dict[str, Any]]:
    """The bad records of the task of a manifest, as its quarantine file has them."""
    file = QuarantineFile.of(manifest).file
    if file is not None:
        yield from map(json.loads, store.read_bytes(file).splitlines())


def quarantined_groups(manifests: Sequence[Manifest], sources: Sequence[str]) -> list[dict[str, Any]]:
    """The bad records of a phase by source, file and kind of error, the most first, as many as can be read; each with
    an example and its quarantine file. `sources` names the source of each manifest."""
    groups = [
        {"source": source, **group, "quarantine": found.file}
        for manifest, source in zip(manifests, sources, strict=True)
        for found in [QuarantineFile.of(manifest)]
        for group in found.groups
    ]
    return with_most_records(groups, _KEPT_OF_A_RUN)


def with_most_records(groups: list[dict[str, Any]], most: int) -> list[dict[str, Any]]:
    """The groups of the most records, and a last one for those of all others."""
    ordered = sorted(groups, key=lambda group: -group["records"])
    rest = ordered[most:]
    more = {"file": f"and {len(rest):,} more", "records": sum(group["records"] for group in rest)}
    return ordered[:most] + ([more] if rest else [])


def named_errors(groups: Sequence[Mapping[str, Any]], most: int = 3) -> str:
    """The commonest kinds of error in words: how many records, of which file, an example."""
    kinds: dict[tuple[str, str], dict[str, Any]] = {}
    for group in groups:
        if "error" in group:
            kind = kinds.setdefault((group["stage"], _kind(group["error"])), {**group, "records": 0})
            kind["records"] += group["records"]
    ordered = sorted(kinds.values(), key=lambda kind: -kind["records"])
    named = [f"{kind['records']:,} {_said(kind)} (such as {place_of(kind)})" for kind in ordered[:most]]
    return "; ".join(named + ([f"{len(ordered) - most:,} other kinds"] if len(ordered) > most else []))


def place_of(entry: Mapping[str, Any]) -> str:
    """Where a bad record is, with its file."""
    place, file = entry["place"], entry["file"]
    return place if file is None or _PLACE.fullmatch(place) else f"{file} {place}"


def _said(kind: Mapping[str, Any]) -> str:
    return str(kind["error"]) if kind["stage"] == READ else f"stage {kind['stage']}: {kind['error']}"


def _grouped(entries: Sequence[Mapping[str, Any]]) -> list[dict[str, Any]]:
    groups: dict[tuple[Any, ...], dict[str, Any]] = {}
    for entry in entries:
        first = {name: entry[name] for name in ("stage", "file", "place", "error")}
        group = groups.setdefault((entry["stage"], entry["file"], _kind(entry["error"])), {"records": 0, **first})
        group["records"] += entry.get("records", 1)
    return list(groups.values())


def _kind(error: str) -> str:
    """Errors that differ in numbers alone are of one kind."""
    return _NUMBER.sub("#", error)
