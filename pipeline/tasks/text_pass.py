"""The text pass: read a shard's documents, run every stage's measure on them, write text and columns once."""

from collections.abc import Iterator
from typing import Any, BinaryIO

import pyarrow as pa
import pyarrow.compute as pc

from dspipe.pipeline.config.discovery import source_class
from dspipe.pipeline.document import measured_schema
from dspipe.pipeline.source import InputFile, raw_schema
from dspipe.pipeline.storage.filesystem import open_filesystem
from dspipe.pipeline.tasks.earlier_rows import EarlierRows, in_order_of, without
from dspipe.pipeline.tasks.early_texts import EarlyTexts
from dspipe.pipeline.tasks.halving import RecordError, halved
from dspipe.pipeline.tasks.limits import deadline, memory_limit, release_unused
from dspipe.pipeline.tasks.losses import Losses
from dspipe.pipeline.tasks.measure_chain import MeasureChain
from dspipe.pipeline.tasks.origins import ID_SAMPLE, IdSample, origins_of
from dspipe.pipeline.tasks.quarantine import READ, Quarantine, ended_worker
from dspipe.pipeline.tasks.stage_clock import READ as READING
from dspipe.pipeline.tasks.stage_clock import WRITE, StageClock
from dspipe.pipeline.tasks.task import Task


def run(task: Task, payload: dict[str, Any]) -> None:
    """The runner. Payload: source (its settings), folder (that all its files lie in), files (of the shard), steps (of
    the stages that measure), documents (of the run, about), taken (the schema of the columns that documents of any
    source bring along, in hexadecimal digits)."""
    TextPass(task, payload).run()


class TextPass:
    """One shard's way from its files to its first file of row columns."""

    def __init__(self, task: Task, payload: dict[str, Any]) -> None:
        self.task = task
        self.batch_rows, self.batch_bytes, self.memory = task.batch_rows, task.batch_bytes, task.memory
        settings = payload["source"]
        source = source_class(settings["format"])
        self.source = source(source.Config.model_validate(settings))
        self.files = [InputFile(*file) for file in payload["files"]]
        self.taken = pa.ipc.read_schema(pa.py_buffer(bytes.fromhex(payload["taken"])))
        self.read_schema = pa.schema([*raw_schema(), *self.source.columns()])
        self.early = EarlyTexts()
        steps, taken = payload["steps"], tuple(self.taken)
        self.chain = MeasureChain(steps, task.seed, self._say_place, self.early.add, taken)
        self.quarantine = Quarantine()
        self.losses = Losses()
        self.ids = IdSample(payload["documents"])
        self.folder = payload["folder"]
        self.records = 0, 0
        self.clock = StageClock()
        before = task.spec.before if task.spec.probe is None else None
        self.earlier = None if before is None else EarlierRows(task.store, before, self.chain.schema)
        if before is not None:
            self.early.add_kept(task.store, before["files"])

    def run(self) -> None:
        """Read, measure, write; count what is read and what is not."""
        self.task.count("read", 0)
        self.chain.set_up()
        self.clock.to(READING)
        with memory_limit(self.task.memory):
            self._run()
        self.task.cpu_by_stage = self.clock.as_json()
        self.task.count("quarantined", len(self.quarantine.entries) + self.losses.more)
        self.losses.note(self.task, self.files)
        self.task.note(ID_SAMPLE, self.ids.as_json())
        if self.task.spec.probe is None:
            self.quarantine.check_share(self.task, self.task.counters["read"] - self.losses.while_reading)
            self.quarantine.commit(self.task)
            self.early.commit(self.task)

    def _run(self) -> None:
        for first, end, batch in self._documents():
            rows, size = batch.num_rows, batch.nbytes
            self.records = first, end
            self.ids.add(batch.column("id"))
            self.task.count("read", rows)
            release_unused(size, self.batch_bytes)
            with deadline(self.task.spec.deadline):
                measured = self._measured(batch)
            del batch  # writing takes as much memory again
            self.clock.to(WRITE)
            while measured:
                done = measured.pop(0)
                if self.task.spec.probe is None and done.num_rows:
                    self.task.write(done)
                del done
            self.task.progress(documents=rows, bytes=size)
            release_unused(size, self.batch_bytes)
            self.clock.to(READING)

    # what a source format is offered while it reads (pipeline.source.Reading)

    def open(self, file: InputFile) -> BinaryIO:
        """The file's bytes as they are stored."""
        filesystem, path = open_filesystem(file.path)
        stream: BinaryIO = filesystem.open(path, "rb")
        return stream

    def bad(
        self,
        file: InputFile,
        place: str,
        error: str,
        id: str | None = None,
        url: str | None = None,
        records: int = 1,
        estimated: bool = False,
        record: bytes | bytearray | None = None,
    ) -> None:
        """Quarantine a record, or the many that damage cost."""
        self.task.count("read", records)
        entry = self.quarantine.add(READ, place, error, id=id, url=url, file=file.name, record=record)
        self.losses.add(entry, records, estimated)

    def skipped(self, reason: str, n: int = 1) -> None:
        """Count records that are not documents."""
        self.task.count(f"skipped.{reason}", n)

    # the pass

    def _documents(self) -> Iterator[tuple[int, int, pa.RecordBatch]]:
        """Batches of raw documents without the records to skip, or only those to probe, with the numbers in the shard
        of the first record and of the one after the last."""
        first, probe, skip = 0, self.task.spec.probe, {record["record"]: record for record in self.task.spec.skip}
        for batch in self.source.read(self.files, self):
            batch = batch.select(self.read_schema.names).cast(self.read_schema)
            last = first + batch.num_rows
            low, high = (first, last) if probe is None else (max(first, probe[0]), min(last, probe[1]))
            for number in sorted(number for number in skip if low <= number < high):
                self.task.count("read")
                ended = skip[number]
                self._quarantine_row(ended["stage"], batch, number - first, **ended_worker(ended))
            step = probe[2] if probe is not None else max(1, high - low)
            for start in range(low, high, step):
                end = min(high, start + step)
                rows = [number - first for number in range(start, end) if number not in skip]
                if rows:
                    read = [self._with_constants(batch if len(rows) == batch.num_rows else batch.take(rows))]
                    if end == high:
                        del batch
                    yield start, end, read.pop()  # the only one left to hold it is who asked
            first = last
            if probe is not None and first >= probe[1]:
                return

    def _with_constants(self, batch: pa.RecordBatch) -> pa.RecordBatch:
        config, rows = self.source.config, batch.num_rows
        domain = pc.fill_null(batch.column("domain"), config.domain)
        language = pc.coalesce(batch.column("language"), pa.scalar(config.language, pa.string()))
        text = batch.column("text")
        if text.null_count:  # else it would be copied for nothing
            text = pc.fill_null(text, "")
        values = {
            **{name: batch.column(name) for name in ("id", "url", "date", "place", "content", "content_type")},
            "dump": pa.repeat(pa.scalar(config.dump, pa.string()), rows),
            "source": pa.repeat(config.name, rows),
            "origin": pa.array(origins_of(config.name, batch.column("place"), self.folder)),
            "domain": domain,
            "language": language,
            "text": text,
            "text_bytes": pc.binary_length(text).cast(pa.int64()),
        }
        there = batch.schema.names
        values |= {f.name: batch.column(f.name) if f.name in there else pa.nulls(rows, f.type) for f in self.taken}
        order = [*measured_schema().names, *self.taken.names]
        return pa.RecordBatch.from_arrays([values[name] for name in order], names=order)

    def _measured(self, batch: pa.RecordBatch) -> list[pa.RecordBatch]:
        """The batch with all measures, of which some may have been made before."""
        made = None if self.earlier is None else self.earlier.of(batch)
        if made is None:
            return self._measured_now(batch)
        failed = without(batch, made)
        return [in_order_of(batch, [made, *self._measured_now(failed)])] if failed.num_rows else [made]

    def _measured_now(self, batch: pa.RecordBatch) -> list[pa.RecordBatch]:
        """The batch with all measures, none if no document is left; halved around documents that make a stage fail."""
        parts = [part for _, part in halved(batch, self.chain.measure, self._quarantine_failed) if part is not None]
        if len(parts) <= 1:
            return parts
        # one row group per batch read, whatever was quarantined
        return list(pa.Table.from_batches(parts).combine_chunks().to_batches()[:1])

    def _say_place(self, stage: str) -> None:
        self.clock.to(stage)
        self.task.at(stage, *self.records)

    def _quarantine_failed(self, batch: pa.RecordBatch, failure: RecordError) -> None:
        self._quarantine_row(failure.stage, batch, 0, failure.error)

    def _quarantine_row(
        self, stage: str, batch: pa.RecordBatch, row: int, error: str, peak_bytes: int | None = None
    ) -> None:
        held = batch.column("content" if batch.column("content")[row].is_valid else "text")[row].as_buffer()
        name = self.files[0].name if len(self.files) == 1 else None
        record = None if held is None else memoryview(held)
        self.quarantine.add_document(stage, batch, row, error, peak_bytes, name, record)
