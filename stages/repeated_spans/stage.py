"""Long passages removed that stand elsewhere word for word (Lee et al. 2022, ExactSubstr), at any place of any text.

    repeated_spans: {}                                200 bytes or more: of each passage the first place keeps it
    repeated_spans: {min_bytes: 400, keep: 0}         it goes everywhere, as with the paper's program
    repeated_spans: {domains: [web], whole: line}     whole lines only

Exactly: a *window* is any `min_bytes` bytes on end within one text. A byte is dropped when it lies in a window that is
the same as an earlier one: of an earlier document, or of the same one where the two don't overlap. (If that counted, a
line of 300 dashes would repeat itself and one dash be left; so `min_bytes` of them are.) Spans of such bytes shrink to
whole words and are cut. Only documents that are still kept count. Case, blanks and digits count: nothing is normalized.
What only becomes the same by cutting is left.

Adds `repeated_spans.removed` (bytes, uint32) and `repeated_spans.spans`, where they stood in the text before (a string
like "0-250 1200-1460": first byte and end of each). A document with next to nothing left is dropped as
`repeated_spans.nothing_left`. As `repeated_lines` it rewrites texts after the text pass, and stages behind it that
measure texts read them again: put it behind the stages that drop whole copies.

There is no suffix array, which takes 5 to 8 bytes of one machine for each byte of the corpus. Windows that are the same
have the same anchor (`kernels.dedup.winnowing`), so each is compared with those of its anchor only, in a partition.
What repeats at one step isn't sent on, but for its first place:

    scan      each shard sends its anchors with a hash of their context: 29 bytes for 69 of text (with 200), each
              context once a batch
    match     a context that was seen before is dropped; a first one whose anchor has others must be compared
    ask       each shard sends the hashes of the windows of those: 8 bytes a window
    compare   a window that was seen before is dropped
    rewrite   each shard cuts its texts

Hashes of contexts and windows have 64 bits, and meet only those of the same anchor: of n that differ at one anchor, two
are taken for the same with a probability of n^2 / 2^65, 3e-8 for a million.
"""

from collections.abc import Iterator, Mapping
from typing import Annotated, Any, Literal

import pyarrow as pa
from pydantic import Field

from dspipe.pipeline.stage import Corpus, GlobalStage, Phase, Settings, Span, StageConfig
from dspipe.pipeline.storage.partitions import partitions_for
from dspipe.stages.repeated_spans.anchors import anchor_bytes

_PAGE_BYTES = 5000
"""of text in a document, to plan by"""
_MODULE = "dspipe.stages.repeated_spans"


class RepeatedSpansConfig(StageConfig):
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


class RepeatedSpansStage(GlobalStage[RepeatedSpansConfig]):
    """Removes long passages that stand elsewhere."""

    Config = RepeatedSpansConfig
    rewrites = True

    def compile_kernels(self) -> None:
        from dspipe.stages.repeated_spans.compile_kernels import compile_kernels

        compile_kernels(self.config.min_bytes)

    def measure_settings(self) -> Settings:
        """All settings, `domains` among them: what decides how texts are rewritten."""
        return self.config.model_dump(mode="json")

    def spans(self, text: str, columns: Mapping[str, Any]) -> Iterator[Span]:
        """Where passages were cut out of the text."""
        whole, gone = text.encode(), 0
        for part in (columns.get(f"{self.name}.spans") or "").split():
            start, end = map(int, part.split("-"))
            place = len(whole[: start - gone].decode("utf-8", "ignore"))
            yield Span(place, place, f"{end - start:,} bytes cut that stand elsewhere")
            gone += end - start

    def phases(self, corpus: Corpus) -> list[Phase]:
        partitions = partitions_for(corpus, _PAGE_BYTES * anchor_bytes(self.config.min_bytes))
        name, spans = self.name, pa.field(f"{self.name}.spans", pa.string())
        judging = self.config.model_dump(mode="json", include={"min_bytes", "keep"})
        return [
            Phase(
                f"{name}.scan",
                "shards",
                f"{_MODULE}.anchors:send_anchors",
                "Send fingerprints of the passages of each text",
                settings=self.config.model_dump(mode="json", include={"min_bytes", "keep", "domains"}),
                columns=("text", "reason", "domain"),
                writes=(spans,),
                emits=f"{name}.anchors",
                partitions=partitions,
            ),
            Phase(
                f"{name}.match",
                "partitions",
                f"{_MODULE}.anchors:match_anchors",
                "Find passages that were seen before",
                settings=judging,
                exchange=f"{name}.anchors",
                emits=f"{name}.matches",
            ),
            Phase(
                f"{name}.ask",
                "shards",
                f"{_MODULE}.windows:send_windows",
                "Send the passages that need a closer look",
                settings={"min_bytes": self.config.min_bytes},
                columns=("text", spans.name),
                exchange=f"{name}.matches",
                writes=(spans,),
                emits=f"{name}.windows",
                partitions=partitions,
            ),
            Phase(
                f"{name}.compare",
                "partitions",
                f"{_MODULE}.windows:compare_windows",
                "Find the parts of those that were seen before",
                settings=judging,
                exchange=f"{name}.windows",
                emits=f"{name}.found",
            ),
            Phase(
                f"{name}.rewrite",
                "shards",
                f"{_MODULE}.rewrite:cut_texts",
                "Cut the passages that repeat out of the texts",
                settings=self.config.model_dump(mode="json", include={"whole", "min_left"}),
                columns=("text", "text_bytes", "reason", spans.name),
                exchange=f"{name}.found",
                writes=(
                    pa.field("text", pa.large_string()),
                    pa.field("text_bytes", pa.int64(), nullable=False),
                    pa.field("reason", pa.string()),
                    pa.field(f"{name}.removed", pa.uint32()),
                    spans,
                ),
            ),
        ]
