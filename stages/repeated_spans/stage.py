"""Long passages removed that stand elsewhere word for word (Lee et al. 2022, ExactSubstr), at any place of any text.

    repeated_spans: {}                                200 bytes or more: of each passage the first place keeps it
    repeated_spans: {min_bytes: 400, keep: 0}         it goes everywhere, as with the paper's program
    repeated_spans: {domains: [web], whole: line}     whole lines only

Exactly: a *window* is any `min_bytes` bytes on end within one text. A byte goes when it lies in a window that is the
same as an earlier one: of an earlier document, or of the same one where the two don't overlap. (If that counted, a line
of 300 dashes would repeat itself and one dash be left; so `min_bytes` of them are.) Spans of such bytes shrink to whole
words and are cut. Only documents that are still kept count. Case, blanks and digits count: nothing is normalized. What
only becomes the same by cutting is left.

Adds `repeated_spans.removed` (bytes, uint32) and `repeated_spans.spans`, where they stood in the text before (a string
like "0-250 1200-1460": first byte and end of each). A document with next to nothing left is dropped as
`repeated_spans.nothing_left`. As `repeated_lines` it rewrites the text after the text pass: put it behind the stages
that drop whole copies, before the tokenizer.

There is no suffix array, which takes 5 to 8 bytes of one machine for each byte of the corpus. Windows that are the same
have the same anchor (`kernels.dedup.winnowing`), so each is compared with those of its anchor only, in a partition:

    scan      each shard sends its anchors with a hash of their context: 29 bytes for 69 of text (with 200), each
              context once a batch
    match     a context that was seen before goes; a first one whose anchor has others must be compared
    ask       each shard sends the hashes of the windows of those: 8 bytes a window
    compare   a window that was seen before goes
    rewrite   each shard cuts its texts

Hashes of contexts and windows have 64 bits, and meet only those of the same anchor: of n that differ at one anchor, two
are taken for the same with a probability of n^2 / 2^65, 3e-8 for a million.
"""

from typing import TYPE_CHECKING, Annotated, Literal

from pydantic import Field

from dspipe.pipeline.stage import Corpus, GlobalStage, Phase, StageConfig

if TYPE_CHECKING:
    import pyarrow as pa

    from dspipe.pipeline.tasks.task import Task

_PAGE_BYTES = 5000
"""of text in a document, to plan by"""
_LONG = 1 << 16


class Config(StageConfig):
    """Settings of `repeated_spans`."""

    min_bytes: Annotated[int, Field(ge=16, le=65535)] = 200
    """The shortest passage. Lee et al. take 50 BPE tokens, about 200 bytes of English; 67 Chinese characters."""
    keep: Annotated[int, Field(ge=0, le=1)] = 1
    """1: the first place keeps a passage; 0: none does."""
    whole: Literal["character", "word", "line"] = "word"
    """What is cut whole: a span shrinks to its characters, words (characters of scripts without blanks), or lines."""
    min_left: Annotated[int, Field(ge=0)] = 20
    """A document that lost something is dropped when fewer characters are left, blanks at both ends not counted."""
    domains: tuple[str, ...] | None = None
    """Only documents of these domains (licences in source code repeat and are meant to). Default: all."""


class RepeatedSpans(GlobalStage[Config]):
    """Removes long passages that stand elsewhere."""

    Config = Config

    def compile_kernels(self) -> None:
        """Compile what the phases call."""
        from dspipe.stages.repeated_spans.search import warm_kernels

        warm_kernels(self.config.min_bytes)

    def phases(self, corpus: Corpus) -> list[Phase]:
        """Scan, match, ask, compare, rewrite."""
        import pyarrow as pa

        from dspipe.pipeline.storage.records import partitions_for
        from dspipe.stages.repeated_spans.search import anchor_bytes

        least = self.config.min_bytes
        partitions = partitions_for(corpus, _PAGE_BYTES * anchor_bytes(least))
        name, spans = self.name, pa.field(f"{self.name}.spans", pa.string())
        judging = {"min_bytes": least, "keep": self.config.keep}
        return [
            Phase(
                f"{name}.scan",
                "shards",
                "scan",
                columns=("text", "reason", "domain"),
                writes=(spans,),
                emits=f"{name}.anchors",
                partitions=partitions,
                settings={**judging, "domains": self.config.domains},
            ),
            Phase(
                f"{name}.match",
                "partitions",
                "match",
                exchange=f"{name}.anchors",
                emits=f"{name}.known",
                settings=judging,
            ),
            Phase(
                f"{name}.ask",
                "shards",
                "ask",
                columns=("text", spans.name),
                exchange=f"{name}.known",
                writes=(spans,),
                emits=f"{name}.windows",
                partitions=partitions,
                settings={"min_bytes": least},
            ),
            Phase(
                f"{name}.compare",
                "partitions",
                "compare",
                exchange=f"{name}.windows",
                emits=f"{name}.found",
                settings=judging,
            ),
            Phase(
                f"{name}.rewrite",
                "shards",
                "rewrite",
                columns=("text", "text_bytes", "reason", spans.name),
                exchange=f"{name}.found",
                writes=(
                    pa.field("text", pa.large_string()),
                    pa.field("text_bytes", pa.int64(), nullable=False),
                    pa.field("reason", pa.string()),
                    pa.field(f"{name}.removed", pa.uint32()),
                    spans,
                ),
                settings={"whole": self.config.whole, "min_left": self.config.min_left},
            ),
        ]

    def scan(self, task: "Task") -> None:
        """Send each anchor and its context."""
        from dspipe.stages.repeated_spans.search import send_anchors

        send_anchors(task, f"{self.name}.spans", self._texts, self.config.min_bytes, self.config.keep)

    def match(self, task: "Task") -> None:
        """Find contexts that were seen before."""
        from dspipe.stages.repeated_spans.search import match_anchors

        match_anchors(task, self.config.min_bytes, self.config.keep)

    def ask(self, task: "Task") -> None:
        """Send the windows that must be compared."""
        from dspipe.stages.repeated_spans.search import send_windows

        send_windows(task, f"{self.name}.spans", self.config.min_bytes)

    def compare(self, task: "Task") -> None:
        """Find windows that were seen before."""
        from dspipe.stages.repeated_spans.search import compare_windows

        compare_windows(task, self.config.min_bytes, self.config.keep)

    def rewrite(self, task: "Task") -> None:
        """Cut what goes."""
        import pyarrow as pa
        import pyarrow.compute as pc

        from dspipe.kernels.arrow import text_buffers, text_column
        from dspipe.kernels.dedup.cut_spans import cut_spans
        from dspipe.stages.repeated_spans.search import rows_with_records
        from dspipe.stages.repeated_spans.spans import Spans, merged, read, written

        spans, removed = f"{self.name}.spans", f"{self.name}.removed"
        schema = pa.schema({"row": pa.uint32(), "start": pa.uint32(), "end": pa.uint32()})
        columns = ["text", "text_bytes", "reason", spans]
        for first, batch, known in rows_with_records(task, schema, columns):
            gone = merged(read(batch[spans]), Spans(known["row"] - first, known["start"], known["end"]))
            text = before = batch["text"].cast(pa.large_string())
            if len(gone.rows):
                data, offsets, cut = cut_spans(*text_buffers(before), *gone, self.config.whole)
                text, gone = text_column(data, offsets), Spans(*cut)
            if before.null_count:  # the text of documents that were dropped early isn't stored, but its size is
                text = pc.if_else(pc.is_valid(before), text, pa.scalar(None, pa.large_string()))
            left = pc.fill_null(pc.binary_length(text), 0)
            size = pc.subtract(pc.fill_null(pc.binary_length(before), 0), left)
            # a long rest isn't copied to see whether it is all blanks
            looked_at = pc.and_(pc.greater(size, 0), pc.less(left, _LONG))
            characters = pc.utf8_length(pc.utf8_trim_whitespace(text.filter(looked_at)))
            short = pc.replace_with_mask(looked_at, looked_at, pc.less(characters, self.config.min_left))
            reason = pc.if_else(short, f"{self.name}.nothing_left", pa.scalar(None, pa.string()))
            arrays = [
                text,
                pc.subtract(batch["text_bytes"], size),
                pc.coalesce(batch["reason"], reason),
                written(gone, batch.num_rows),
                size.cast(pa.uint32()),
            ]
            task.write(pa.RecordBatch.from_arrays(arrays, names=[*columns, removed]))
            task.count("spans", len(gone.rows))
            task.count("bytes", pc.sum(size).as_py() or 0)
            task.progress(documents=batch.num_rows, bytes=before.nbytes)

    def _texts(self, batch: "pa.RecordBatch") -> "pa.Array":
        """The texts that take part, null for the others."""
        import pyarrow as pa
        import pyarrow.compute as pc

        concerned = pc.is_null(batch["reason"])
        if self.config.domains is not None:
            domains = pa.array(self.config.domains, pa.string())
            concerned = pc.and_(concerned, pc.is_in(batch["domain"].cast(pa.string()), domains))
        texts = batch["text"].cast(pa.large_string())
        return texts if pc.all(concerned).as_py() else pc.if_else(concerned, texts, pa.scalar(None, pa.large_string()))
