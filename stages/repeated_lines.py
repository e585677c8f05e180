"""Lines, or paragraphs, removed that repeat across the documents of the whole corpus (CCNet, Wenzek et al. 2020, 2.2).

    repeated_lines: {}                                     of each line the first document keeps it
    repeated_lines: {more_than: 1, keep: 0}                no document keeps it, as in CCNet's code
    repeated_lines: {more_than: 1000, keep: 0}             a line in more than 1,000 documents is removed from all
    repeated_lines: {unit: paragraph, more_than: 5, keep: 5}    at most five documents have a paragraph

Lines are the same that differ in case, digits, punctuation and blanks at most; what has no letter or digit is left
alone. (CCNet takes accents away too; they are vowels in the scripts of India.) How often one document has a line
doesn't matter. Only documents that are still kept count. Adds `repeated_lines.removed` (uint32).

As `host_lines` it rewrites texts after the text pass: stages behind it that measure texts read them again.

Phases: each shard sends how many documents of a batch have a line, 20 bytes for each of its lines however many they
are; a partition counts, and tells how many of a batch's documents keep it; each shard rewrites its text. So a line that
every document has is one record a batch, and the oldest documents keep it, wherever batches are cut.
"""

from typing import Annotated, Literal

import numpy as np
import numpy.typing as npt
import pyarrow as pa
import pyarrow.compute as pc
from pydantic import Field

from dspipe.kernels.sorted_arrays import rank_in_run, starts_run, unique_pairs
from dspipe.pipeline.doc_id import UInt64, rows_of, shards_of
from dspipe.pipeline.errors import ConfigError
from dspipe.pipeline.stage import Corpus, GlobalStage, Phase, Settings, StageConfig, StageSettings
from dspipe.pipeline.storage.partitions import partitions_for
from dspipe.pipeline.tasks.records import partition_of, read_partition, record_batch
from dspipe.pipeline.tasks.records_by_row import RecordsByRow
from dspipe.pipeline.tasks.task import Task
from dspipe.stages.shared.line_hashes import (
    LINE_BYTES,
    SLICE_SHARE,
    find_worded_lines,
    hash64_with,
    hash_texts,
    read_batches,
    rewrite_phase,
    write_texts,
)

Positions = npt.NDArray[np.int64]

_SEPARATORS = {"line": "\n", "paragraph": "\n\n"}
_FOUND = pa.schema({"row": pa.uint32(), "line": pa.uint64(), "keep": pa.uint32()})
_MODULE = "dspipe.stages.repeated_lines"


class RepeatedLinesConfig(StageConfig):
    """Settings of `repeated_lines`."""

    unit: Literal["line", "paragraph"] = "line"
    """What repeats: lines, or paragraphs between empty lines."""
    more_than: Annotated[int, Field(ge=1)] = 1
    """A line repeats when more documents than this have it."""
    keep: Annotated[int, Field(ge=0)] = 1
    """Of the documents that have a line that repeats, so many keep it, the oldest; 0: none."""
    domains: tuple[str, ...] | None = None
    """Only documents of these domains (lines of source code repeat and are needed). Default: all."""


class RepeatedLinesStage(GlobalStage[RepeatedLinesConfig]):
    """Removes lines that repeat across documents."""

    Config = RepeatedLinesConfig
    rewrites = True

    def check(self) -> None:
        if self.config.keep > self.config.more_than:
            raise ConfigError("`keep` is at most `more_than`: a line in fewer documents isn't touched", ("keep",))

    def measure_settings(self) -> Settings:
        """All settings, `domains` among them: what decides how texts are rewritten."""
        return self.config.model_dump(mode="json")

    def phases(self, corpus: Corpus) -> list[Phase]:
        unit = self.config.model_dump(mode="json", include={"unit", "domains"})
        return [
            Phase(
                f"{self.name}.send",
                "shards",
                f"{_MODULE}:send_lines",
                f"Send the {self.config.unit}s of each document",
                settings=unit,
                columns=("text", "reason", "domain"),
                emits=f"{self.name}.lines",
                partitions=partitions_for(corpus, LINE_BYTES),
            ),
            Phase(
                f"{self.name}.count",
                "partitions",
                f"{_MODULE}:count_lines",
                f"Count in how many documents each {self.config.unit} stands",
                settings=self.config.model_dump(mode="json", include={"more_than", "keep"}),
                exchange=f"{self.name}.lines",
                emits=f"{self.name}.found",
            ),
            rewrite_phase(
                self.name,
                f"{_MODULE}:rewrite_texts",
                f"Remove the {self.config.unit}s that repeat from the texts",
                unit,
                ("reason", "domain"),
            ),
        ]


def send_lines(task: Task, stage: StageSettings) -> None:
    """Send how many documents of each batch have a line. Settings: unit, domains (null: all)."""
    for first, batch in read_batches(task, ["text", "reason", "domain"]):
        owners, lines, _ = _find_lines(batch, _split(batch, stage), stage)
        found, counts = np.unique(unique_pairs(lines, owners)[0], return_counts=True)
        rows = np.full(len(found), first, np.uint32)
        records = record_batch({"line": found, "row": rows, "documents": counts.astype(np.uint32)})
        task.emit(partition_of(found, task.partitions), records)


def count_lines(task: Task, stage: StageSettings) -> None:
    """Tell each batch with a line that repeats how many of its documents keep it. Settings: more_than, keep."""
    more_than, may_keep = stage.settings["more_than"], stage.settings["keep"]
    for records in read_partition(task, "line", share=SLICE_SHARE):
        line, documents = records.numbers("line"), records.numbers("documents").astype(np.int64)
        order = np.lexsort([records.documents, line])
        line, documents = line[order], documents[order]
        starts = np.flatnonzero(starts_run(line))
        totals = np.add.reduceat(documents, starts)
        sizes = np.diff(np.append(starts, len(line)))
        before = np.cumsum(documents) - documents
        before -= np.repeat(before[starts], sizes)
        keep = np.clip(may_keep - before, 0, documents)
        chosen = np.repeat(totals > more_than, sizes) & (keep < documents)
        task.count("lines", int((totals > more_than).sum()))
        batches = records.documents[order][chosen]
        columns = {"row": rows_of(batches), "line": line[chosen], "keep": keep[chosen].astype(np.uint32)}
        task.emit(shards_of(batches), record_batch(columns))


def rewrite_texts(task: Task, stage: StageSettings) -> None:
    """Remove the lines that repeat. Settings: unit, domains (null: all)."""
    repeats = RecordsByRow(task, _FOUND)
    for first, batch in read_batches(task, ["text", "text_bytes", "reason", "domain"]):
        table = repeats.between(first, first + 1).sort_by("line")
        found, keep = table.column("line").to_numpy(), table.column("keep").to_numpy()
        split = _split(batch, stage)
        removed = np.zeros(len(split.flatten()), bool)
        if len(found):
            owners, lines, positions = _find_lines(batch, split, stage)
            line, owner = unique_pairs(lines, owners)
            match = np.minimum(np.searchsorted(found, line), len(found) - 1)
            # the rank of a document among those of the batch that have the line
            drop = (found[match] == line) & (rank_in_run(line) >= keep[match])
            removed[positions] = np.isin(hash64_with(owners, lines), hash64_with(owner[drop], line[drop]))
        write_texts(task, stage.name, batch, split, removed, _SEPARATORS[stage.settings["unit"]])


def _split(batch: pa.RecordBatch, stage: StageSettings) -> pa.ListArray:
    texts = pc.fill_null(batch["text"].cast(pa.large_string()), "")
    return pc.split_pattern(texts, _SEPARATORS[stage.settings["unit"]])


def _find_lines(
    batch: pa.RecordBatch, split: pa.ListArray, stage: StageSettings
) -> tuple[Positions, UInt64, Positions]:
    """Of the lines that count: the row of their document in the batch, hash, position among all lines."""
    concerned = pc.and_(pc.is_null(batch["reason"]), pc.is_valid(batch["text"]))
    if stage.settings["domains"] is not None:
        domains = pa.array(stage.settings["domains"], pa.string())
        concerned = pc.and_(concerned, pc.is_in(batch["domain"].cast(pa.string()), domains))
    owners, lines, positions = find_worded_lines(split)
    chosen = concerned.to_numpy(zero_copy_only=False)[owners]
    lines = pc.utf8_lower(lines.filter(pa.array(chosen)))
    lines = pc.replace_substring_regex(pc.replace_substring_regex(lines, r"\p{Nd}", "0"), r"\p{P}+", "")
    return owners[chosen], hash_texts(lines), positions[chosen]
