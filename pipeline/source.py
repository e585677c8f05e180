"""What a source format is: the interface between the engine and the formats in `stages/sources/`.

A format is one module `stages/sources/<format>.py` holding one subclass of `Source` with its pydantic model `Config`
beside it; <format> is the value of `format` in the config. The engine finds the files and their fingerprints, decides
shards through `group`, and runs `read` once per shard.
"""

from abc import ABC, abstractmethod
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, BinaryIO, ClassVar, Generic, Protocol, Self, TypeVar

from pydantic import BaseModel, ConfigDict, Field

from dspipe.pipeline.grouping import group_by_bytes
from dspipe.pipeline.quantities import ByteSize

if TYPE_CHECKING:
    import pyarrow as pa

_MANY_FILES, _SHARD_BYTES = 10_000, 32 << 20
"""from how many files on, and to how many bytes, files are put together where the config doesn't say"""


class SourceConfig(BaseModel):
    """The settings that every source has."""

    model_config = ConfigDict(extra="forbid", allow_inf_nan=False, frozen=True)

    name: str = Field(min_length=1, description="what the source is called in every table; part of document ids")
    format: str = Field(description="warc, cdx, wet, jsonl, parquet or files, or the module of one of your own")
    path: str | list[str] = Field(
        description="files, globs, directories, or lists of paths (.paths, .paths.gz). Of a directory the files that "
        "are named like the format, none that is hidden (.name, _name); symbolic links are followed"
    )
    root: str = Field("", description="put before relative paths, and before the lines of a list of paths")
    dump: str | None = Field(None, description="the crawl or version that the documents belong to")
    domain: str = Field("web", description="the domain of documents that don't say their own")
    language: str | None = Field(None, description="the language, where it is known for the whole source")
    limit: int | None = Field(None, gt=0, description="take only this many files, the first by name")
    shard_bytes: ByteSize | None = Field(
        None,
        gt=0,
        description="neighbouring files are read by one task up to this size. Default: each file by one of its own; of "
        "more than 10,000 files 32 MiB, so that a million small ones aren't a million tasks",
    )
    max_document_bytes: ByteSize = Field(
        64 << 20,
        description="larger records are quarantined, most of them unread. Beside the 350 MB of the interpreter and its "
        "libraries a worker needs about four times its longest document, 27 times the longest HTML page. Default: 64 "
        "MiB, or where that is less an eighth of engine.memory, of web archives a 32nd",
    )


SourceConfigT = TypeVar("SourceConfigT", bound=SourceConfig)


@dataclass(frozen=True)
class InputFile:
    """One input file. `name` is its path below the source's root (what ids and tables show), `path` opens it.

    `parts`: which parts of it are read, as its format has written them; empty: all of it. `size` is theirs.
    """

    path: str
    name: str
    size: int | None
    fingerprint: str
    parts: str = ""


@dataclass(frozen=True)
class Domains:
    """Which domains the documents of a source have."""

    named: frozenset[str]
    """those that the config gives them"""
    certain: bool = False
    """whether there are documents of each of them, as far as there are documents"""
    others: bool = True
    """whether a document may say another one"""


class Reading(Protocol):
    """What the engine offers to a format while it reads a shard."""

    batch_rows: int
    """a batch has at most this many rows"""
    batch_bytes: int
    """a batch ends when its text and content reach this many bytes"""
    memory: int
    """bytes that the worker may use"""

    def open(self, file: InputFile) -> BinaryIO:
        """The file's bytes as they are stored (still compressed), seekable where the storage allows it."""

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
        """Quarantine a record: `place` says where in the file it is (`byte 1234`, `line 7`, `row 3`). Where damage cost
        more than one, `records` says how many, `estimated` whether that is a guess from the bytes. Of `record`, its
        bytes, the first are kept to be looked at."""

    def skipped(self, reason: str, n: int = 1) -> None:
        """Count records that are no documents (requests, images) by reason, one of a few fixed strings."""


class Source(ABC, Generic[SourceConfigT]):
    """A format that documents are read from."""

    Config: ClassVar[type[SourceConfig]]
    config: SourceConfigT
    suffixes: ClassVar[tuple[str, ...]] = ()
    """how files of the format are named, compressed or not: of a folder the others are left out. Empty: any name"""
    typical_file_bytes: ClassVar[int] = 256 << 20
    """stored bytes of a file whose size isn't asked for, since it is one of many that a list names"""
    typical_document_bytes: ClassVar[int] = 1500
    """stored bytes of a document, for planning partitions before anything is read"""
    holds_text: ClassVar[bool] = True
    """False: what it reads is `content`, whose text a stage must extract"""
    memory_by_document: ClassVar[int] = 8
    """a worker's memory is to be so many times a document's size, unless the config says how large documents are"""

    def __init__(self, config: SourceConfigT) -> None:
        self.config = config

    def within(self, memory: int) -> Self:
        """The source with documents that fit a worker of `memory` bytes, unless the config says how large they are."""
        if "max_document_bytes" in self.config.model_fields_set:
            return self
        limit = min(self.config.max_document_bytes, memory // self.memory_by_document)
        return type(self)(self.config.model_copy(update={"max_document_bytes": limit}))

    def check(self) -> None:
        """Look at combinations of settings before any work. Raises pipeline.stage.ConfigError."""

    def domains(self) -> Domains:
        """Which domains its documents have, as far as the config says so."""
        return Domains(frozenset({self.config.domain}))

    def check_name(self, name: str) -> None:
        """Look at the name of the first file, where that is far away. Raises ConfigError for another format's."""

    def check_first_file(self, file: InputFile, stream: BinaryIO) -> frozenset[str]:
        """Look at the beginning of the first file before any work: `stream` is its stored bytes, and can seek. The
        domains that documents there say. Raises ConfigError where no document can come of it: a file of another format,
        fields that no record has. Damage is none of its business."""
        return frozenset()

    def columns(self) -> "tuple[pa.Field, ...]":
        """What documents take along of the files beside the columns of `raw_schema()`: scores, labels. Default:
        nothing."""
        return ()

    def choose(self, files: Sequence[InputFile], leave_out: Callable[[str, int], None]) -> list[InputFile]:
        """The files that are read, of those found at `path`: by default all of them. A format whose `path` names
        indexes gives the files that those name, with the parts of them that are wanted; the fingerprint covers the
        parts. `leave_out` counts what isn't chosen, by kind. Raises ConfigError, OSError."""
        return list(files)

    def group(self, files: Sequence[InputFile]) -> list[tuple[InputFile, ...]]:
        """The shards: by default each file is one, or neighbouring files by their bytes. Adding a file must leave most
        shards as they were."""
        if self.config.shard_bytes is None and len(files) <= _MANY_FILES:
            return [(file,) for file in files]
        return list(group_by_bytes(files, self.config.shard_bytes or _SHARD_BYTES, self.typical_file_bytes))

    def read_settings(self) -> dict[str, Any]:
        """The settings that what is read depends on, as JSON values."""
        return self.config.model_dump(mode="json", exclude={"path", "root", "limit", "shard_bytes"})

    @abstractmethod
    def read(self, shard: Sequence[InputFile], reading: Reading) -> Iterator["pa.RecordBatch"]:
        """The shard's documents, in the order of the files, as batches of `raw_schema()` and `columns()`.

        A record that can't be read is given to `reading.bad` and left out; damage that ends a file early counts for the
        records that it cost, and the good records before it stay. Raises OSError when a file can't be opened at all.
        """


def raw_schema() -> "pa.Schema":
    """The columns of the batches that formats yield.

    id            string    stable: from the source's name and the record's place, or the record's own id
    url           string    null where there is none
    date          string    ISO 8601, null where unknown
    domain        string    null: the source's domain
    language      string    null: the source's language, or unknown
    place         string    where in the shard the record is, as in the quarantine: file name and `byte 1234`
    text          large_string  null where the record's content must be extracted first
    content       large_binary  the raw payload of such a record, otherwise null
    content_type  string    media type of content in lower case, with its charset where one was declared
    """
    import pyarrow as pa

    string = pa.string()
    return pa.schema(
        [
            pa.field("id", string, nullable=False),
            pa.field("url", string),
            pa.field("date", string),
            pa.field("domain", string),
            pa.field("language", string),
            pa.field("place", string, nullable=False),
            pa.field("text", pa.large_string()),
            pa.field("content", pa.large_binary()),
            pa.field("content_type", string),
        ]
    )
