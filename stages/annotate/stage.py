"""Joins scores or labels made elsewhere onto documents, by id or URL.

    - annotate: {path: "scores/*.parquet", by: id, columns: {edu: score}}

    files    once -> partitions       the files of scores, each to a partition by the hash of its name
    scores   partitions -> partitions their rows, by the hash of id or URL
    keys     shards -> partitions     the documents that are still kept, by the same hash
    join     partitions -> shards     the scores of each document
    share    once                     how many documents have any: an alarm where they are few
    write    shards                   the columns

A task that reads files depends on those files alone, and a shard on what was sent to it: an added file is read alone,
and changes the shards that it has scores for.
"""

from collections.abc import Sequence
from functools import cached_property
from typing import TYPE_CHECKING, Annotated, Any, Literal

from pydantic import Field

from dspipe.pipeline.errors import ConfigError, UnreachableError
from dspipe.pipeline.stage import Corpus, GlobalStage, NamedConfig, Phase, Stage
from dspipe.stages.sources.reading.taken_along import COLUMNS, Columns, fields_of

if TYPE_CHECKING:
    from dspipe.pipeline.source import InputFile, Source

_STEPS = "dspipe.stages.annotate.steps"
_RECORD_BYTES = 64
"""of a document's key and row, in memory while a partition is joined"""
_UNPACKED = 4
"""times the stored bytes that a file of scores takes as records"""
_MOST_READERS = 1024


class AnnotateConfig(NamedConfig):
    """Settings of `annotate`."""

    path: str | list[str]
    """Files, globs, directories, or lists of paths, as of a source."""

    format: Literal["parquet", "jsonl"] = "parquet"
    """What the files are; JSON lines may be compressed."""

    by: Literal["id", "url"] = "id"
    """What rows and documents have in common, letter by letter but for white space."""

    key: str | None = None
    """The files' column with it, a string. Default: named like `by`."""

    columns: Annotated[Columns, Field(min_length=1)] = Field(description=COLUMNS)

    duplicates: Literal["first", "last"] = "first"
    """Which of several rows for one id or URL counts, in the order of the files' names and of their rows."""

    least_matched: Annotated[float, Field(ge=0, le=1)] = 0.01
    """Fail where a smaller share of the documents has a row: hardly what was meant. Documents without one have null."""


class AnnotateStage(GlobalStage[AnnotateConfig]):
    """Adds the columns named in `columns`. Drops nothing."""

    Config = AnnotateConfig

    def check(self) -> None:
        from pathlib import Path

        from dspipe.pipeline.storage.filesystem import is_remote

        first = next((file for file in self._files if file.size != 0), None)
        if first is not None and not is_remote(first.path):
            try:
                with Path(first.path).open("rb") as stream:
                    self._source.check_first_file(first, stream)
            except ConfigError as error:
                key: tuple[str | int, ...] = ("key",) if error.key[:1] == ("fields",) else error.key
                raise ConfigError(str(error), key) from None
            except OSError as error:
                raise ConfigError(f"{first.path}: cannot be read: {error.strerror}", ("path",)) from None

    def check_beside(self, stages: "Sequence[Stage[Any]]") -> None:
        from dspipe.pipeline.document import DOCUMENT

        made = {field.name: stage.name for stage in stages for field in stage.measured_columns()}
        made |= {name: stage.name for stage in stages if stage.name != self.name for name in _annotated(stage)}
        for name in self.config.columns:
            if name in DOCUMENT.names or name == "reason":
                raise ConfigError("every document has a column of this name: choose another", ("columns", name))
            if name in made:
                raise ConfigError(f"{made[name]} makes a column of this name: choose another", ("columns", name))

    def phases(self, corpus: Corpus) -> list[Phase]:
        name, config = self.name, self.config
        fields = fields_of(config.columns)
        files = [[file.path, file.name, file.size or 0, file.fingerprint] for file in self._files]
        partitions = self._partitions(corpus)
        return [
            Phase(
                f"{name}.files",
                "once",
                run=f"{_STEPS}:send_files",
                title="Send the files of scores to the tasks that read them",
                settings={"files": files},
                emits=f"{name}.files",
                partitions=min(_MOST_READERS, 1 << (len(files) - 1).bit_length()),
            ),
            Phase(
                f"{name}.scores",
                "partitions",
                run=f"{_STEPS}:send_scores",
                title="Read them, and send each row by its key",
                settings={"source": self._source.config.model_dump(mode="json", exclude={"path"})},
                exchange=f"{name}.files",
                emits=f"{name}.scores",
                partitions=partitions,
            ),
            Phase(
                f"{name}.keys",
                "shards",
                run=f"{_STEPS}:send_keys",
                title=f"Send the {config.by} of every document that is still kept",
                settings={"by": config.by},
                columns=(config.by, "reason"),
                emits=f"{name}.keys",
                partitions=partitions,
            ),
            Phase(
                f"{name}.join",
                "partitions",
                run=f"{_STEPS}:join_scores",
                title="Find the row of each document",
                settings={
                    "names": [file[1] for file in files],
                    "duplicates": config.duplicates,
                    "columns": list(config.columns),
                },
                exchange=f"{name}.keys",
                also_receives=(f"{name}.scores",),
                emits=f"{name}.found",
                makes_artifacts=(f"{name}.counts",),
            ),
            Phase(
                f"{name}.share",
                "once",
                run=f"{_STEPS}:check_share",
                title="See whether documents have scores",
                settings={"least_matched": config.least_matched, "by": config.by},
                artifacts=(f"{name}.counts",),
                makes_artifacts=(f"{name}.checked",),
            ),
            Phase(
                f"{name}.write",
                "shards",
                run=f"{_STEPS}:write_columns",
                title="Write the columns",
                settings={"columns": [[field.name, str(field.type)] for field in fields]},
                columns=("reason",),
                exchange=f"{name}.found",
                artifacts=(f"{name}.checked",),
                writes=fields,
            ),
        ]

    def _partitions(self, corpus: Corpus) -> int:
        from dspipe.pipeline.storage.partitions import MAX_PARTITIONS, partitions_for

        scores = _UNPACKED * sum(file.size or type(self._source).typical_file_bytes for file in self._files)
        enough = 1 << int(scores / (corpus.memory / 8)).bit_length()
        return max(partitions_for(corpus, _RECORD_BYTES), min(MAX_PARTITIONS, enough))

    @cached_property
    def _source(self) -> "Source[Any]":
        """The files as a source whose texts are ids or URLs: it finds, checks and reads them."""
        from dspipe.pipeline.config.discovery import source_class

        config = self.config
        kind = source_class(config.format)
        values = {"name": self.name, "format": config.format, "path": config.path}
        columns = {name: column.model_dump() for name, column in config.columns.items()}
        fields = {"text": config.key or config.by}
        return kind(kind.Config.model_validate({**values, "fields": fields, "columns": columns}))

    @cached_property
    def _files(self) -> "list[InputFile]":
        from dspipe.pipeline.plan.inputs import input_files

        try:
            return input_files(self._source).files
        except UnreachableError as error:
            raise ConfigError(f"cannot be listed: {error}", ("path",)) from None


def _annotated(stage: Stage[Any]) -> Sequence[str]:
    return list(stage.config.columns) if isinstance(stage, AnnotateStage) else []
