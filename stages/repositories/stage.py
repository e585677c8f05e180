"""The files of a repository as one document, each behind the files that it imports.

    - repositories: {folders: 1}                      of the source format `files`: the first folder is the repository
    - repositories: {repository: repo, path: path}    of JSONL and Parquet: columns that documents have taken along

DeepSeek-Coder (Guo et al. 2024, arXiv 2401.14196, section 2.2): what a file imports is found by regular expressions
(`stages.repositories.imports`), files are put in order by its Algorithm 1 (`stages.repositories.order`), each begins
with a comment of its path, and all of them together are one sample, for deduplication as well (section 2.3): put
`minhash` behind this stage. Files of languages whose imports aren't known hang together with no other.

The document has the row, the id and the domain of the file that comes first. The others are dropped as
`repositories.joined`, without their text; `dspipe explain` says which document they are in. Adds

    repositories.imports    list of strings, what the file refers to
    repositories.name       string, the repository (null: of none)
    repositories.into       uint64, the number of the document that the file is in
    repositories.files      uint32, files in a document; 0 where it was joined to another

A repository of more than `max_bytes` becomes several documents, cut between files. Documents that are in no repository
stay as they are. Texts change after the text pass, so stages behind this one that measure texts read them again.

    send       each shard sends the paths and the references of its files to the partition of their repository
    order      a partition puts each repository's files in order, and tells the shards where they go
    gather     each shard sends its files' texts to the shards of their documents
    join       each shard writes its documents
"""

from collections.abc import Mapping
from typing import Any

import pyarrow as pa
from pydantic import Field, model_validator

from dspipe.pipeline.doc_id import place_of
from dspipe.pipeline.quantities import ByteSize
from dspipe.pipeline.run.run_file import RunFile
from dspipe.pipeline.stage import Corpus, GlobalStage, Phase, Settings, StageConfig
from dspipe.pipeline.storage.partitions import partitions_for
from dspipe.pipeline.storage.store import Store
from dspipe.stages.repositories.locations import location_columns
from dspipe.stages.shared.file_paths import check_text_column, endings_of

_STEPS = "dspipe.stages.repositories.steps"
RECORD_BYTES = 4000
"""memory that a file's path and references take while its repository is put in order"""


class RepositoriesConfig(StageConfig):
    """Settings of `repositories`."""

    folders: int = Field(default=1, ge=1)
    """Of files read by the format `files`: how many of the first folders of a file's name are its repository (2 for
    `owner/name/...`)."""
    repository: str | None = None
    """The column that says a document's repository, instead of folders."""
    path: str | None = None
    """The column that says its path in there."""
    max_bytes: ByteSize = 16 << 20
    """A document's size. A larger repository becomes several."""
    domains: tuple[str, ...] | None = None
    """Only documents of these domains. Default: all."""

    @model_validator(mode="after")
    def _both_columns(self) -> "RepositoriesConfig":
        if (self.repository is None) != (self.path is None):
            raise ValueError("set repository and path together, or neither")
        if self.repository is not None and "folders" in self.model_fields_set:
            raise ValueError("set folders, or repository and path")
        return self

    @property
    def path_column(self) -> str:
        """Where a document's path stands."""
        return self.path or "id"


class RepositoriesStage(GlobalStage[RepositoriesConfig]):
    """Joins the files of repositories."""

    Config = RepositoriesConfig
    rewrites = True

    def check_columns(self, known: Mapping[str, pa.DataType]) -> None:
        for key in ("repository", "path"):
            name = getattr(self.config, key)
            if name is not None:
                check_text_column(name, known, key)

    def measured_columns(self) -> tuple[pa.Field, ...]:
        return (pa.field(f"{self.name}.imports", pa.list_(pa.string())),)

    def measure_settings(self) -> Settings:
        """Where the path stands, and for the stages behind what else the texts depend on."""
        return self.config.model_dump(mode="json")

    def measure(self, batch: pa.RecordBatch) -> pa.RecordBatch:
        from dspipe.stages.repositories.references import references_of

        (field,) = self.measured_columns()
        endings = endings_of(batch.column(self.config.path_column))
        return batch.append_column(field, references_of(batch.column("text"), endings).cast(field.type))

    def explain(self, store: Store, run: RunFile, number: int, columns: Mapping[str, Any]) -> dict[str, str]:
        into = columns.get(f"{self.name}.into")
        return {} if into is None else {"in document": place_of(int(into))}

    def phases(self, corpus: Corpus) -> list[Phase]:
        config, name = self.config, self.name
        where = config.model_dump(mode="json", include={"folders", "repository", "path"})
        location = location_columns(where)
        return [
            Phase(
                f"{name}.send",
                "shards",
                f"{_STEPS}:send_files",
                "Send the paths and the imports of each repository's files",
                settings={**where, "domains": config.domains},
                columns=(*location, "domain", "reason", "text_bytes", f"{name}.imports"),
                writes=(pa.field(f"{name}.name", pa.string()),),
                emits=f"{name}.paths",
                partitions=partitions_for(corpus, RECORD_BYTES),
            ),
            Phase(
                f"{name}.order",
                "partitions",
                f"{_STEPS}:order_files",
                "Put each repository's files behind those that they import",
                settings={"max_bytes": config.max_bytes},
                exchange=f"{name}.paths",
                emits=f"{name}.places",
            ),
            Phase(
                f"{name}.gather",
                "shards",
                f"{_STEPS}:send_texts",
                "Send the files to the documents that they are in",
                settings=where,
                columns=(*location, "text"),
                exchange=f"{name}.places",
                writes=(pa.field(f"{name}.into", pa.uint64()),),
                emits=f"{name}.texts",
            ),
            Phase(
                f"{name}.join",
                "shards",
                f"{_STEPS}:join_texts",
                "Write each repository as one document",
                columns=("text", "text_bytes", "reason", f"{name}.into"),
                exchange=f"{name}.texts",
                writes=(
                    pa.field("text", pa.large_string()),
                    pa.field("text_bytes", pa.int64(), nullable=False),
                    pa.field("reason", pa.string()),
                    pa.field(f"{name}.files", pa.uint32()),
                ),
            ),
        ]
