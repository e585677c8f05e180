"""The first records of another source: what `dspipe plan --sample` reads, through that source's own format."""

from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import suppress
from typing import TYPE_CHECKING, Any, BinaryIO, Self

from pydantic import Field

from dspipe.pipeline.config.discovery import source_class
from dspipe.pipeline.source import InputFile, Reading, Source, SourceConfig

if TYPE_CHECKING:
    import pyarrow as pa

_MOST_FILES = 16


class SampledConfig(SourceConfig):
    """Settings of a sample, beside those that say where the other source's files are."""

    of: Mapping[str, Any] = Field(description="the other source, as its config has it")
    records: int = Field(gt=0, description="how many of its records are read")


class SampledSource(Source[SampledConfig]):
    """The first records of another source, the bad ones among them; of files that are a document each, as many files
    from all over it."""

    Config = SampledConfig

    def __init__(self, config: SampledConfig) -> None:
        super().__init__(config)
        kind = source_class(str(config.of["format"]))
        self._inner: Source[Any] = kind(kind.Config.model_validate(config.of))
        self.suffixes, self.holds_text = self._inner.suffixes, self._inner.holds_text  # type: ignore[misc]

    def within(self, memory: int) -> Self:
        """The same, with documents that fit a worker's memory."""
        sampled = type(self)(self.config)
        sampled._inner = self._inner.within(memory)
        return sampled

    def columns(self) -> "tuple[pa.Field, ...]":
        """As the other source's."""
        return self._inner.columns()

    def choose(self, files: Sequence[InputFile], leave_out: Callable[[str, int], None]) -> list[InputFile]:
        """As the other source does."""
        return self._inner.choose(files, leave_out)

    def group(self, files: Sequence[InputFile]) -> list[tuple[InputFile, ...]]:
        """One shard: the first files, or files from all over where many make a shard."""
        if not files:
            return []
        grouped = len(self._inner.group(files)) < len(files)
        most = self.config.records if grouped else _MOST_FILES
        step = max(1, len(files) // most) if grouped else 1
        return [tuple(files[::step][:most])]

    def read(self, shard: Sequence[InputFile], reading: Reading) -> Iterator["pa.RecordBatch"]:
        """Its first records."""
        import pyarrow as pa

        counted = _Counted(reading, self.config.records)
        rows: list[pa.RecordBatch] = []
        with suppress(_EnoughError):
            for file in shard:
                for row in self._inner.read((file,), counted):
                    rows.append(row)
                    counted.add()
        for first in range(0, len(rows), reading.batch_rows):
            yield pa.concat_batches(rows[first : first + reading.batch_rows])


class _EnoughError(Exception):
    """As many records were read as the sample has."""


class _Counted:
    """The engine's offer to a format, with the records counted. A batch has one row, so that none is read ahead of a
    bad record."""

    batch_rows = 1

    def __init__(self, reading: Reading, most: int) -> None:
        self._reading, self._left = reading, most
        self.batch_bytes, self.memory = reading.batch_bytes, reading.memory

    def add(self) -> None:
        """One more record, good or bad. Raises _EnoughError when it was the last."""
        self._left -= 1
        if not self._left:
            raise _EnoughError

    def open(self, file: InputFile) -> BinaryIO:
        """As the engine opens it."""
        return self._reading.open(file)

    def bad(self, *named: Any, **described: Any) -> None:
        """Quarantine a record, and count it."""
        self._reading.bad(*named, **described)
        self.add()

    def skipped(self, reason: str, n: int = 1) -> None:
        """Count records that are no documents."""
        self._reading.skipped(reason, n)
