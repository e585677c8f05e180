"""A task: one call of a phase's function in a worker, what it may read and write, and the manifest it leaves.

`TaskSpec` (`pipeline.tasks.spec`) is everything that a worker must know, so that any executor can carry it. `Task` is
what the function is given. `execute` runs a spec and returns the manifest; it is written last, and only what a manifest
names is data.
"""

import importlib
import json
import time
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from contextlib import ExitStack, contextmanager
from typing import Any, BinaryIO, Protocol, cast

import numpy.typing as npt
import pyarrow as pa

from dspipe.pipeline.errors import DamagedFileError
from dspipe.pipeline.funnel import Funnel
from dspipe.pipeline.stage import StageSettings
from dspipe.pipeline.storage.columns import Column, column_hashes, read_rows
from dspipe.pipeline.storage.exchange import ExchangeReader, Index, OpenExchange, read_together
from dspipe.pipeline.storage.patience import patient
from dspipe.pipeline.storage.store import Store
from dspipe.pipeline.tasks.artifact_file import ArtifactFile
from dspipe.pipeline.tasks.column_writer import ColumnWriter
from dspipe.pipeline.tasks.limits import peak_memory
from dspipe.pipeline.tasks.place import SayPlace, say_nothing
from dspipe.pipeline.tasks.spec import Manifest, TaskSpec, encoded, inputs_file, sealed


class Report(Protocol):
    """Called by a running task with the documents and bytes done since the last call, or the share of the task."""

    def __call__(self, documents: int = 0, bytes: int = 0, share: float = 0.0) -> None: ...


class Task:
    """What a phase's function reads from and writes to."""

    def __init__(self, spec: TaskSpec, store: Store, report: Report, at: SayPlace = say_nothing) -> None:
        self.spec, self.store, self.at = spec, store, at
        self.name = f"{spec.phase} {spec.label}"
        self.seed, self.memory, self.partitions = spec.seed, spec.memory, spec.partitions
        self.batch_rows, self.batch_bytes = spec.batch_rows, spec.batch_bytes
        self.partition = spec.number if spec.over == "partitions" else None
        self.counters: dict[str, int] = {}
        self.notes: dict[str, Any] = {}
        self.cpu_by_stage: dict[str, float] = {}
        self.funnel: list[Funnel] = []
        self.progress = report
        self._columns = {name: Column(*place) for name, place in spec.columns.items()}
        self._files: list[dict[str, Any]] = []
        self._rows: ColumnWriter | None = None
        self._exchange: OpenExchange | None = None
        self._listing: dict[str, Any] | None = None
        self._sent: dict[str, list[tuple[int, ExchangeReader, Index]]] = {}

    @property
    def shard(self) -> int:
        """The number of the task's shard: only where an exchange is read by it. What else is done over shards must not
        depend on it, so that a shard that moves up when others are added keeps its results."""
        if self.spec.over != "shards" or self.spec.exchange is None:
            raise ValueError(f"{self.name} has no shard number: it reads no exchange over shards")
        return self.spec.number

    # reading

    def rows(self, columns: Sequence[str]) -> Iterator[pa.RecordBatch]:
        """All rows of the task's shard in order, a batch per row group. `reason` is null where a row is still kept."""
        return self._read(self._columns, columns, self.spec.groups)

    def numbered_rows(self, columns: Sequence[str]) -> Iterator[tuple[int, pa.RecordBatch]]:
        """(number of its first row, batch) of the shard's rows, or only of those to probe."""
        first, probe = 0, self.spec.probe
        for batch in self.rows(columns):
            if probe is None:
                yield first, batch
            else:
                for start in range(max(first, probe[0]), min(first + batch.num_rows, probe[1]), probe[2]):
                    yield start, batch.slice(start - first, min(probe[2], probe[1] - start))
            first += batch.num_rows

    def rows_where(
        self, columns: Sequence[str], wanted: Callable[[int, int], bool]
    ) -> Iterator[tuple[int, pa.RecordBatch]]:
        """(number of its first row, batch) of the row groups from `first` to `end` (exclusive) of which
        wanted(first, end) is true. The others aren't read."""
        firsts = [0]

        def numbers() -> Iterator[int]:
            for number, rows in enumerate(self.spec.groups):
                if wanted(firsts[-1], firsts[-1] + rows):
                    yield number
                firsts.append(firsts[-1] + rows)

        for batch in self._read(self._columns, columns, self.spec.groups, numbers()):
            yield firsts[-1], batch

    def all_shards(self, columns: Sequence[str]) -> Iterator[tuple[int, pa.RecordBatch]]:
        """The rows of all shards, in order: (shard, batch)."""
        for shard, entry in enumerate(self._inputs()["all_shards"]):
            places = {name: Column(*place) for name, place in entry["columns"].items()}
            for batch in self._read(places, columns, entry["groups"]):
                yield shard, batch

    def received(self, also: str | None = None) -> Iterator[tuple[int, pa.RecordBatch]]:
        """The records that were sent to this task: (sender, batch), senders ascending. `also`: those of one of
        the exchanges that the phase `also_receives`."""
        exchange = also or self.spec.exchange or ""
        sent = self._senders(exchange)
        if not sent:
            return
        schema = self._inputs()["exchanges"][exchange]["schema"]
        schema = pa.ipc.read_schema(pa.py_buffer(bytes.fromhex(schema)))
        places = ((first, reader, start, end) for first, reader, ranges in sent for start, end in ranges.tolist())
        for first, (sender, _, message) in read_together(self.store, places):
            yield first + sender, pa.ipc.read_record_batch(message, schema)

    @property
    def received_bytes(self) -> int:
        """How much was sent to this task in all exchanges, without reading it: its bytes as Arrow messages."""
        sent = [place for exchange in self._inputs()["exchanges"] for place in self._senders(exchange)]
        return sum(int((ranges[:, 1] - ranges[:, 0]).sum()) for _, _, ranges in sent)

    def artifact(self, name: str) -> list[ArtifactFile]:
        """The files of an earlier phase's artifact, by sender: all of them, whatever the task is over."""
        return [ArtifactFile(self.store, *entry) for entry in self._inputs()["artifacts"][name]]

    def own_artifact(self, name: str) -> ArtifactFile:
        """The file of an earlier phase's artifact that was made for this task's shard."""
        if name not in self.spec.own_artifacts:
            raise ValueError(f"{self.name} reads the artifact {name}, which its phase doesn't name in own_artifacts")
        (entry,) = self.spec.own_artifacts[name]
        return ArtifactFile(self.store, *entry)

    # writing

    def write(self, batch: pa.RecordBatch) -> None:
        """Write the phase's row columns for the next rows of the shard."""
        if self._rows is None:
            raise ValueError(f"{self.name} writes no row columns")
        self._rows.write(batch)

    def emit(self, partition: npt.NDArray[Any], batch: pa.RecordBatch) -> None:
        """Send row i of the batch to partition[i] of the exchange that the phase emits."""
        if self._exchange is None:
            raise ValueError(f"{self.name} emits nothing")
        self._exchange.writer.write(partition, batch)

    @contextmanager
    def make(self, name: str, suffix: str = ".json", product: str | None = None) -> Iterator[BinaryIO]:
        """Write a file of the artifact `name`. `product`: what it is called in the folder of products, where it is one
        (its phase then says so, `Phase.products`)."""
        path = self.spec.file(f".{name}{suffix}") if product is None else self.spec.product_file(product, suffix)
        with self.store.writing(path) as file:
            yield file
        self._files.append({"kind": "artifact", "name": name, "file": path})

    def count(self, key: str, n: int = 1) -> None:
        """Add to a counter that is summed over the phase's tasks."""
        self.counters[key] = self.counters.get(key, 0) + int(n)

    def note(self, key: str, value: Any) -> None:
        """Keep a small JSON value in the manifest."""
        self.notes[key] = value

    # the engine's side

    def keep_file(self, kind: str, name: str, file: str, **described: Any) -> None:
        """Name a file that the task has written in the manifest."""
        self._files.append({"kind": kind, "name": name, "file": file, **described})

    def keep_quarantined(self, entries: Sequence[Mapping[str, Any]]) -> None:
        """Write the records that were quarantined, if any."""
        if not entries:
            return
        name = self.spec.file(".quarantine.jsonl")
        lines = (json.dumps(entry, ensure_ascii=False, sort_keys=True) + "\n" for entry in entries)
        with self.store.writing(name) as file:
            file.writelines(line.encode("utf-8", "replace") for line in lines)
        self.keep_file("quarantine", "quarantine", name)

    def _read(
        self,
        places: Mapping[str, Column],
        columns: Sequence[str],
        groups: Sequence[int],
        numbers: Iterable[int] | None = None,
    ) -> Iterator[pa.RecordBatch]:
        missing = [name for name in columns if name not in places and name != "reason"]
        if missing:
            raise KeyError(f"{self.name} reads columns that its phase doesn't name: {', '.join(missing)}")
        known = [name for name in columns if name in places]
        for batch in read_rows(self.store, places, known or ["id"], groups, numbers):
            if "reason" in columns and "reason" not in places:
                batch = batch.append_column("reason", pa.nulls(batch.num_rows, pa.string()))
            yield batch.select(list(columns))

    def _inputs(self) -> dict[str, Any]:
        if self._listing is None:
            if self.spec.inputs is None:
                raise ValueError(f"{self.name} reads nothing of other phases")
            listing = cast("dict[str, Any]", self.store.read_json(self.spec.inputs))
            if inputs_file(self.spec.phase, listing) != self.spec.inputs:
                raise DamagedFileError(self.store.path(self.spec.inputs), "was changed: it isn't what its name says")
            self._listing = listing
        return self._listing

    def _senders(self, exchange: str) -> list[tuple[int, ExchangeReader, Index]]:
        """The files that have records for this task: (number of the first sender, reader, where its records lie)."""
        if not exchange:
            raise ValueError(f"{self.name} reads no exchange")
        if exchange not in self._sent:
            number, files = self.spec.number, self._inputs()["exchanges"][exchange]["files"]
            readers = [
                (sender, ExchangeReader(self.store, name, index, segments, partitions, first))
                for sender, name, index, segments, partitions, first in files
                if first <= number < first + partitions
            ]
            entries = self.store.read_ranges([reader.index_range(number) for _, reader in readers])
            sent = [
                (first, reader, reader.ranges(data)) for (first, reader), data in zip(readers, entries, strict=True)
            ]
            self._sent[exchange] = [place for place in sent if place[2].size]
        return self._sent[exchange]

    def _open(self, stack: ExitStack) -> None:
        spec = self.spec
        if spec.writes:
            schema = pa.ipc.read_schema(pa.py_buffer(bytes.fromhex(spec.writes)))
            file = stack.enter_context(self.store.writing(spec.file(".parquet"), keep=True))
            self._rows = ColumnWriter(spec, file, schema, self.rows, self.funnel)
            self.keep_file("rows", "rows", spec.file(".parquet"))
        if spec.emits:
            name = spec.file(".exchange")
            self._exchange = OpenExchange(
                self.store.writing(name), spec.partitions or spec.shards, max(1 << 20, spec.memory // 8)
            )

    def _finish(self) -> None:
        if self._rows is not None:
            self._rows.close()
        if self._exchange is not None:
            self.keep_file("exchange", self.spec.emits or "", self.spec.file(".exchange"), **self._exchange.commit())

    def _abandon(self) -> None:
        if self._rows is not None:
            self._rows.abandon()
        if self._exchange is not None:
            self._exchange.abandon()

    def _manifest(self, seconds: float, cpu_seconds: float) -> Manifest:
        files = []
        columns: dict[str, list[str]] = {}
        for entry in self._files:
            size, sha256 = self.store.written[entry["file"]]
            files.append({**entry, "bytes": size, "sha256": sha256})
            if entry["kind"] == "rows":
                hashes = column_hashes(self.store, entry["file"])
                columns = {name: [entry["file"], digest] for name, digest in hashes.items()}
        return sealed(
            {
                "file": self.spec.manifest_file,
                "key": self.spec.key,
                "phase": self.spec.phase,
                "task": self.spec.label,
                "files": files,
                "columns": columns,
                "groups": self._rows.groups if self._rows else [],
                "funnel": [entry.as_json() for entry in self.funnel],
                "counters": self.counters,
                "notes": self.notes,
                "seconds": round(seconds, 3),
                "cpu_seconds": round(cpu_seconds, 3),
                "peak_bytes": peak_memory(),
                "cpu_by_stage": self.cpu_by_stage,
            }
        )


def execute(spec: TaskSpec, report: Report, at: SayPlace = say_nothing) -> Manifest:
    """Run a task and commit it. Raises what the stage raises, and leaves nothing then that could be taken for data."""
    with patient(spec.patience, answered=True):
        return _execute(spec, report, at)


def _execute(spec: TaskSpec, report: Report, at: SayPlace) -> Manifest:
    start, cpu = time.perf_counter(), time.process_time()
    store = Store(spec.root)
    task = Task(spec, store, report, at)
    module, function = spec.runner.split(":")
    run: Callable[[Task, dict[str, Any]], None] = getattr(importlib.import_module(module), function)
    if spec.probe is not None:
        run(task, spec.payload)
        return {"notes": task.notes}
    with ExitStack() as stack:
        task._open(stack)
        try:
            run(task, spec.payload)
            task._finish()
        except BaseException:
            task._abandon()
            raise
    manifest = task._manifest(time.perf_counter() - start, time.process_time() - cpu)
    store.write_bytes(spec.manifest_file, encoded(manifest))
    return manifest


def run_stages_function(task: Task, payload: dict[str, Any]) -> None:
    """The runner of a global stage's phases. Payload: run (`module:function`), stage (its name), settings."""
    module, name = payload["run"].split(":")
    function: Callable[[Task, StageSettings], None] = getattr(importlib.import_module(module), name)
    function(task, StageSettings(payload["stage"], task.seed, payload["settings"]))
