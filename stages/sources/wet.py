"""WET files: Common Crawl's own extracted text, one `conversion` record a page."""

import re
from collections.abc import Iterator, Sequence
from typing import TYPE_CHECKING, BinaryIO

from dspipe.pipeline.source import Domains, InputFile, Reading, Source, SourceConfig
from dspipe.stages.sources.reading.archive import Record, records
from dspipe.stages.sources.reading.batches import BatchBuilder, clean_utf8
from dspipe.stages.sources.reading.guess import guess_format, read_head, refuse_other_format

if TYPE_CHECKING:
    import pyarrow as pa


class Config(SourceConfig):
    """WET files (.warc.wet, .warc.wet.gz)."""


class WetSource(Source[Config]):
    """Extracted text from WET files."""

    Config = Config
    suffixes = (".wet",)
    # of the size of Common Crawl's files: about 3e9 texts in 90,000 files of 90 MB
    typical_file_bytes = 96 << 20
    typical_document_bytes = 2_700

    def check_name(self, name: str) -> None:
        if re.search(r"\.warc(\.gz)?$", name.lower()):
            refuse_other_format(name, "warc", "wet", "WET")

    def check_first_file(self, file: InputFile, stream: BinaryIO) -> frozenset[str]:
        refuse_other_format(file.path, guess_format(read_head(stream), file.name), "wet", "WET")
        return frozenset()

    def domains(self) -> Domains:
        return Domains(frozenset({self.config.domain}), certain=True, others=False)

    def read(self, shard: Sequence[InputFile], reading: Reading) -> Iterator["pa.RecordBatch"]:
        """The text of the shard's conversion records, as it is."""
        builder = BatchBuilder(reading)

        for file in shard:
            for record in records(file, reading, _skip, self.config.max_document_bytes, self.typical_document_bytes):
                id = record.id or f"{self.config.name}/{file.name}/{record.position}"
                text, date = clean_utf8(record.block), record.headers.get("warc-date")
                record.block.clear()  # its memory is that of the batch to come
                builder.add(file, f"byte {record.position}", id, text, url=record.url, date=date)
                if builder.full:
                    yield builder.take()
        if len(builder):
            yield builder.take()


def _skip(record: Record) -> str | None:
    return (
        None if record.type == "conversion" else f"record type {'warcinfo' if record.type == 'warcinfo' else 'other'}"
    )
