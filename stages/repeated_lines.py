"""Lines, or paragraphs, removed that repeat across the documents of the whole corpus (CCNet, Wenzek et al. 2020, 2.2).

    repeated_lines: {}                                     of each line the first document keeps it, as CCNet does
    repeated_lines: {more_than: 1000, keep: 0}             a line in more than 1,000 documents goes from them all
    repeated_lines: {unit: paragraph, more_than: 5, keep: 5}    at most five documents have a paragraph

Lines are the same that differ in case, digits, punctuation and blanks at most; what has no letter or digit is left
alone. (CCNet takes accents away too; they are vowels in the scripts of India.) How often one document has a line
doesn't matter. Only documents that are still kept count. Adds `repeated_lines.removed` (uint32).

As `host_lines` it rewrites the text after the text pass: put it where the rest has decided, before the tokenizer.

Phases: each shard sends how many documents of a batch have a line, 20 bytes for each of its lines however many they
are; a partition counts, and tells how many of a batch's documents keep it; each shard rewrites its text. So a line that
every document has is one record a batch, and the oldest documents keep it, wherever batches are cut.
"""

from collections.abc import Iterator
from typing import TYPE_CHECKING, Annotated, Literal

from pydantic import Field

from dspipe.pipeline.errors import ConfigError
from dspipe.pipeline.stage import Corpus, GlobalStage, Phase, StageConfig

if TYPE_CHECKING:
    import numpy as np
    import numpy.typing as npt
    import pyarrow as pa

    from dspipe.pipeline.tasks.task import Task

_SEPARATORS = {"line": "\n", "paragraph": "\n\n"}


class Config(StageConfig):
    """Settings of `repeated_lines`."""

    unit: Literal["line", "paragraph"] = "line"
    """What repeats: lines, or paragraphs between empty lines."""
    more_than: Annotated[int, Field(ge=1)] = 1
    """A line repeats when more documents than this have it."""
    keep: Annotated[int, Field(ge=0)] = 1
    """Of the documents that have a line that repeats, so many keep it, the oldest; 0: none."""
    domains: tuple[str, ...] | None = None
    """Only documents of these domains (lines of source code repeat and are needed). Default: all."""


class RepeatedLines(GlobalStage[Config]):
    """Removes lines that repeat across documents."""

    Config = Config

    def check(self) -> None:
        if self.config.keep > self.config.more_than:
            raise ConfigError("`keep` is at most `more_than`: a line in fewer documents isn't touched", ("keep",))

    def phases(self, corpus: Corpus) -> list[Phase]:
        """Send, count, rewrite."""
        from dspipe.pipeline.storage.records import partitions_for
        from dspipe.stages.shared.line_hashes import LINE_BYTES, rewrite_phase

        unit = {"unit": self.config.unit, "domains": self.config.domains}
        rewrite = rewrite_phase(self.name, f"{self.name}.found", ("reason", "domain"))
        return [
            Phase(
                f"{self.name}.send",
                "shards",
                "send",
                columns=("text", "reason", "domain"),
                emits=f"{self.name}.lines",
                partitions=partitions_for(corpus, LINE_BYTES),
                settings=unit,
            ),
            Phase(
                f"{self.name}.count",
                "partitions",
                "count",
                exchange=f"{self.name}.lines",
                emits=f"{self.name}.found",
                settings={"more_than": self.config.more_than, "keep": self.config.keep},
            ),
            Phase(**{**vars(rewrite), "settings": unit}),
        ]

    def send(self, task: "Task") -> None:
        """Send how many documents of each batch have a line."""
        import numpy as np

        from dspipe.pipeline.storage.records import record_batch, spread

        for first, batch in _batches(task, ["text", "reason", "domain"]):
            owners, lines, _ = self._lines(batch, self._split(batch))
            found, counts = np.unique(_pairs(owners, lines)[1], return_counts=True)
            rows = np.full(len(found), first, np.uint32)
            records = record_batch({"line": found, "row": rows, "documents": counts.astype(np.uint32)})
            task.emit(spread(found, task.partitions), records)

    def count(self, task: "Task") -> None:
        """Tell each batch with a line that repeats how many of its documents keep it."""
        import numpy as np

        from dspipe.pipeline.storage.records import received, record_batch

        for records in received(task, "line"):
            line, documents = records.numbers("line"), records.numbers("documents").astype(np.int64)
            order = np.lexsort([records.documents, line])
            line, documents = line[order], documents[order]
            begins = np.ones(len(line), bool)
            begins[1:] = line[1:] != line[:-1]
            starts = np.flatnonzero(begins)
            totals = np.add.reduceat(documents, starts)
            sizes = np.diff(np.append(starts, len(line)))
            before = np.cumsum(documents) - documents
            before -= np.repeat(before[starts], sizes)
            keep = np.clip(self.config.keep - before, 0, documents)
            chosen = np.repeat(totals > self.config.more_than, sizes) & (keep < documents)
            task.count("lines", int((totals > self.config.more_than).sum()))
            batches = records.documents[order][chosen]
            columns = {"row": batches.astype(np.uint32), "line": line[chosen], "keep": keep[chosen].astype(np.uint32)}
            task.emit((batches >> np.uint64(32)).astype(np.int64), record_batch(columns))

    def rewrite(self, task: "Task") -> None:
        """Remove them."""
        import numpy as np
        import pyarrow as pa

        from dspipe.pipeline.storage.records_by_row import RecordsByRow
        from dspipe.stages.shared.line_hashes import write_texts

        schema = pa.schema({"row": pa.uint32(), "line": pa.uint64(), "keep": pa.uint32()})
        repeats = RecordsByRow(task, schema)
        for first, batch in _batches(task, ["text", "text_bytes", "reason", "domain"]):
            table = repeats.between(first, first + 1).sort_by("line")
            found, keep = table.column("line").to_numpy(), table.column("keep").to_numpy()
            split = self._split(batch)
            removed = np.zeros(len(split.flatten()), bool)
            if len(found):
                owners, lines, numbers = self._lines(batch, split)
                owner, line = _pairs(owners, lines)
                # a document's place among those of the batch that have the line
                place = np.arange(len(line)) - np.searchsorted(line, line)
                at = np.minimum(np.searchsorted(found, line), len(found) - 1)
                goes = (found[at] == line) & (place >= keep[at])
                removed[numbers] = np.isin(_joined(owners, lines), _joined(owner[goes], line[goes]))
            write_texts(task, self.name, batch, split, removed, _SEPARATORS[self.config.unit])

    def _split(self, batch: "pa.RecordBatch") -> "pa.ListArray":
        import pyarrow as pa
        import pyarrow.compute as pc

        texts = pc.fill_null(batch["text"].cast(pa.large_string()), "")
        return pc.split_pattern(texts, _SEPARATORS[self.config.unit])

    def _lines(
        self, batch: "pa.RecordBatch", split: "pa.ListArray"
    ) -> "tuple[npt.NDArray[np.int64], npt.NDArray[np.uint64], npt.NDArray[np.int64]]":
        """Of the lines that count: the row of their document in the batch, hash, number among all lines."""
        import pyarrow as pa
        import pyarrow.compute as pc

        from dspipe.stages.shared.line_hashes import hashes, worded_lines

        concerned = pc.and_(pc.is_null(batch["reason"]), pc.is_valid(batch["text"]))
        if self.config.domains is not None:
            domains = pa.array(self.config.domains, pa.string())
            concerned = pc.and_(concerned, pc.is_in(batch["domain"].cast(pa.string()), domains))
        owners, lines, numbers = worded_lines(split)
        chosen = concerned.to_numpy(zero_copy_only=False)[owners]
        lines = pc.utf8_lower(lines.filter(pa.array(chosen)))
        lines = pc.replace_substring_regex(pc.replace_substring_regex(lines, r"\p{Nd}", "0"), r"\p{P}+", "")
        return owners[chosen], hashes(lines), numbers[chosen]


def _batches(task: "Task", columns: list[str]) -> "Iterator[tuple[int, pa.RecordBatch]]":
    first = 0
    for batch in task.rows(columns):
        yield first, batch
        first += batch.num_rows


def _pairs(
    owners: "npt.NDArray[np.int64]", lines: "npt.NDArray[np.uint64]"
) -> "tuple[npt.NDArray[np.int64], npt.NDArray[np.uint64]]":
    """Each document and line once, by line, then document."""
    import numpy as np

    order = np.lexsort([owners, lines])
    owners, lines = owners[order], lines[order]
    first = np.ones(len(lines), bool)
    first[1:] = (lines[1:] != lines[:-1]) | (owners[1:] != owners[:-1])
    return owners[first], lines[first]


def _joined(owners: "npt.NDArray[np.int64]", lines: "npt.NDArray[np.uint64]") -> "npt.NDArray[np.uint64]":
    """One hash of a document and a line. Among the n lines of a batch a false one has the probability n^2 / 2^64."""
    import numpy as np

    from dspipe.pipeline.storage.records import mixed

    return mixed(mixed(owners.astype(np.uint64)) + lines)
