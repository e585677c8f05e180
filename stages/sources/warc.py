"""WARC and ARC files: the pages of a crawl, as HTTP responses whose text is to be extracted.

A document is a response to HTTP with a status of 200 to 299 and a body of one of `content_types`. Other records are
no documents and are only counted.
"""

from collections.abc import Iterator, Sequence
from typing import TYPE_CHECKING, Annotated, BinaryIO

from pydantic import Field, StringConstraints

from dspipe.pipeline.source import Domains, InputFile, Reading, Source, SourceConfig
from dspipe.stages.sources.reading.archive import records
from dspipe.stages.sources.reading.batches import BatchBuilder
from dspipe.stages.sources.reading.guess import guess_format, read_head, refuse_other_format
from dspipe.stages.sources.reading.pages import CONTENT_TYPES, Pages, no_page

if TYPE_CHECKING:
    import pyarrow as pa


class Config(SourceConfig):
    """WARC (.warc, .warc.gz, .warc.zst, .warc.lz4) or ARC (.arc, .arc.gz) files."""

    content_types: tuple[Annotated[str, StringConstraints(to_lower=True)], ...] = Field(
        CONTENT_TYPES, description="media types of documents"
    )


class WarcSource(Source[Config]):
    """Web pages from WARC and ARC files."""

    Config = Config
    suffixes = (".warc", ".arc")
    holds_text = False
    # of the size of Common Crawl's files: about 3e9 pages in 90,000 files of a GB
    typical_file_bytes = 1 << 30
    typical_document_bytes = 27_000
    # the tree of a page of 9 MB with an element every 40 bytes took 246 MB
    memory_by_document = 32

    def check_name(self, name: str) -> None:
        if ".warc.wet" in name.lower():
            refuse_other_format(name, "wet", "warc", "WARC")
        if ".warc.wat" in name.lower():
            refuse_other_format(name, "wat", "warc", "WARC")

    def check_first_file(self, file: InputFile, stream: BinaryIO) -> frozenset[str]:
        refuse_other_format(file.path, guess_format(read_head(stream), file.name), "warc", "WARC")
        return frozenset()

    def domains(self) -> Domains:
        return Domains(frozenset({self.config.domain}), certain=True, others=False)

    def read(self, shard: Sequence[InputFile], reading: Reading) -> Iterator["pa.RecordBatch"]:
        """The shard's pages, with `content` and `content_type`; their text is still to be extracted."""
        builder, most = BatchBuilder(reading), self.config.max_document_bytes
        pages = Pages(self.config.name, self.config.content_types, most, builder, reading)
        for file in shard:
            for record in records(file, reading, no_page, most, self.typical_document_bytes):
                pages.add(file, record)
                if builder.full:
                    yield builder.take()
        if len(builder):
            yield builder.take()
