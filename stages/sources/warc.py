"""WARC and ARC files: the pages of a crawl, as HTTP responses whose text is to be extracted.

A document is a response to HTTP with a status of 200 to 299 and a body of one of `content_types`. Other records are
no documents and are only counted.
"""

from collections.abc import Iterator, Sequence
from typing import TYPE_CHECKING, Annotated, BinaryIO

from pydantic import Field, StringConstraints

from dspipe.pipeline.source import Domains, InputFile, Reading, Source, SourceConfig
from dspipe.stages.sources.reading.archive import Record, records
from dspipe.stages.sources.reading.batches import BatchBuilder
from dspipe.stages.sources.reading.guess import guess_format, read_head, refuse_other_format
from dspipe.stages.sources.reading.http import decoded_body, parse_response
from dspipe.stages.sources.reading.media_type import declared_type, is_text, sniffed_type

if TYPE_CHECKING:
    import pyarrow as pa

_TYPES = {"warcinfo", "response", "resource", "request", "metadata", "revisit", "conversion", "continuation"}


class Config(SourceConfig):
    """WARC (.warc, .warc.gz, .warc.zst, .warc.lz4) or ARC (.arc, .arc.gz) files."""

    content_types: tuple[Annotated[str, StringConstraints(to_lower=True)], ...] = Field(
        ("text/html", "application/xhtml+xml", "text/plain"), description="media types of documents"
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
        builder = BatchBuilder(reading)

        for file in shard:
            for record in records(file, reading, _skip, self.config.max_document_bytes, self.typical_document_bytes):
                self._add(file, record, builder, reading)
                if builder.full:
                    yield builder.take()
        if len(builder):
            yield builder.take()

    def _wanted(self, content_type: str) -> bool:
        essence = content_type.partition(";")[0]
        return essence in self.config.content_types

    def _add(self, file: InputFile, record: Record, builder: BatchBuilder, reading: Reading) -> None:
        place = f"byte {record.position}"
        id = record.id or f"{self.config.name}/{file.name}/{record.position}"
        try:
            response = parse_response(record.block)
            if not 200 <= response.status < 300:
                reading.skipped(f"status {response.status // 100}xx")
                return
            declared = declared_type(response.headers.get("content-type", "")) or _identified(record)
            if declared and not self._wanted(declared):
                reading.skipped("media type")
                return
            body = decoded_body(response, self.config.max_document_bytes)
            declared = declared or sniffed_type(body, response.headers.get("content-type", ""))
            if not self._wanted(declared):
                reading.skipped("media type")
                return
            if not is_text(body, declared):
                reading.skipped("body packed or binary")
                return
        except ValueError as error:
            reading.bad(file, place, str(error), id, record.url, record=record.block)
            return
        date = record.headers.get("warc-date")
        builder.add(file, place, id, content=body, content_type=declared, url=record.url, date=date)


def _skip(record: Record) -> str | None:
    if record.type != "response":
        return f"record type {record.type if record.type in _TYPES else 'unknown'}"
    content_type = record.headers.get("content-type", "application/http").lower()
    return None if content_type.startswith("application/http") else "response not HTTP"


def _identified(record: Record) -> str:
    """The media type that the crawler found."""
    return declared_type(record.headers.get("warc-identified-payload-type", ""))
