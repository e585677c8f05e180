"""Files of text or code, each a document.

Small files are grouped to shards by their names, so that adding one changes one shard: a shard ends behind a file whose
name hashes to a multiple of `shard_files` (content-defined chunking, as in LBFS: Muthitacharoen, Chen, Mazières, 2001).
"""

from collections.abc import Iterator, Mapping, Sequence
from contextlib import closing
from fnmatch import fnmatchcase
from typing import TYPE_CHECKING

from pydantic import Field

from dspipe.pipeline.quantities import ByteSize
from dspipe.pipeline.source import Domains, InputFile, Reading, Source, SourceConfig
from dspipe.pipeline.storage.compression.damage import DamagedError
from dspipe.pipeline.storage.compression.detect import decompressed, open_at
from dspipe.stages.sources.reading.batches import BatchBuilder, too_long
from dspipe.stages.sources.reading.charset import clean_if_utf8, decode, wide_encoding

if TYPE_CHECKING:
    import pyarrow as pa

_SNIFF = 8192


class Config(SourceConfig):
    """Files of text or code, plain or each compressed (gzip, Zstandard, LZ4, bzip2, xz). Binary and empty files are
    only counted."""

    domains: Mapping[str, str] = Field(
        default_factory=dict,
        description="domain by file name: the first pattern that matches the name below root, or its last part, counts",
    )
    shard_files: int = Field(256, gt=0, description="files in a shard, on average; at most 4 times as many")
    shard_bytes: ByteSize = Field(128 << 20, gt=0, description="a shard ends when its files reach this size")


class FilesSource(Source[Config]):
    """Documents from files of text and code."""

    Config = Config

    def domains(self) -> Domains:
        named = frozenset(self.config.domains.values())
        every = "*" in self.config.domains
        return Domains(named if every else named | {self.config.domain}, certain=not named, others=False)

    def group(self, files: Sequence[InputFile]) -> list[tuple[InputFile, ...]]:
        """Shards of neighbouring files in the order of their names."""
        import xxhash

        shards: list[tuple[InputFile, ...]] = []
        shard: list[InputFile] = []
        size = 0
        for file in sorted(files, key=lambda file: file.name):
            shard.append(file)
            size += file.size or 0
            boundary = (
                xxhash.xxh64_intdigest(file.name.encode("utf-8", "surrogateescape")) % self.config.shard_files == 0
            )
            if boundary or len(shard) >= 4 * self.config.shard_files or size >= self.config.shard_bytes:
                shards.append(tuple(shard))
                shard, size = [], 0
        return [*shards, tuple(shard)] if shard else shards

    def read(self, shard: Sequence[InputFile], reading: Reading) -> Iterator["pa.RecordBatch"]:
        """The shard's files, each as one document."""
        builder = BatchBuilder(reading)
        for file in shard:
            text = self._text(file, reading)
            if text is not None:
                builder.add(file, "byte 0", f"{self.config.name}/{file.name}", text, domain=self._domain(file.name))
            if builder.full:
                yield builder.take()
        if len(builder):
            yield builder.take()

    def _domain(self, name: str) -> str | None:
        last = name.rpartition("/")[2]
        matching = (p for p in self.config.domains if fnmatchcase(name, p) or fnmatchcase(last, p))
        pattern = next(matching, None)
        return None if pattern is None else self.config.domains[pattern]

    def _text(self, file: InputFile, reading: Reading) -> str | bytearray | None:
        limit, data = self.config.max_document_bytes, bytearray()
        with closing(open_at(reading, file, 0)) as stream:
            _, pieces = decompressed(stream, memory=reading.memory)
            try:
                for _, piece in pieces:
                    if not data and is_binary(piece):
                        reading.skipped("binary file")
                        return None
                    data += piece
                    if len(data) > limit:
                        error = f"the file has {len(data)} bytes or more, {too_long(limit)}"
                        reading.bad(file, "byte 0", error, record=data)
                        return None
            except DamagedError as error:
                reading.bad(file, "byte 0", str(error), record=data)
                return None
        if not data:
            reading.skipped("empty file")
            return None
        text = clean_if_utf8(data)
        return decode(bytes(data)) if text is None else text


def is_binary(head: bytes) -> bool:
    """Whether a file that begins so is no text: a NUL in its first 8 KiB (git's rule), or 1 byte in 10 is a control."""
    head = head[:_SNIFF]
    if head.startswith((b"\xff\xfe", b"\xfe\xff", b"\0\0\xfe\xff")) or wide_encoding(head) is not None:
        return False
    controls = len(head) - len(head.translate(None, _CONTROLS))
    return b"\0" in head or head.startswith(b"%PDF-") or 10 * controls > len(head)


_CONTROLS = bytes({*range(32), 127} - set(b"\t\n\r\f\b\x1b"))
