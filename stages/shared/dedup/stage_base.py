"""What all stages share that keep one document of several: settings, and the phases around their own.

A stage goes in rounds (`exact_dedup` by text and by address; `minhash` has one), each under a prefix that names its
phases and columns: the stage's name, or one that begins with it. A round's own phases send verdicts (`send_verdicts`);
here are the phases before them, against earlier runs, and those behind them, which write row columns, the report and
the index for later runs.
"""

import json
from abc import abstractmethod
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Annotated, Any, Literal, TypeVar

import pyarrow as pa
from pydantic import AfterValidator, BeforeValidator, Field

from dspipe.pipeline.errors import ConfigError
from dspipe.pipeline.stage import GlobalStage, Phase, Settings, StageConfig
from dspipe.pipeline.storage.filesystem import is_remote
from dspipe.stages.shared.dedup.against import earlier_fields
from dspipe.stages.shared.dedup.index_check import check_index, rewritten_settings
from dspipe.stages.shared.dedup.keep_policy import NONE, KeepPolicy
from dspipe.stages.shared.dedup.kept_index import IndexUnusableError, KeptIndex, find_index
from dspipe.stages.shared.dedup.scope import Scope
from dspipe.stages.shared.dedup.verdicts import READ_COLUMNS, verdict_fields

SHARED = "dspipe.stages.shared.dedup"


def absolute(path: str) -> str:
    """A local path as it reads from anywhere: workers on other machines have other working directories."""
    return path if is_remote(path) else str(Path(path.removeprefix("file://")).expanduser().absolute())


_Criteria = list[Annotated[str, Field(min_length=1)]]


def _as_list(keep: Any) -> Any:
    return [NONE] if keep == NONE else keep


class DedupConfig(StageConfig):
    """The settings that stages share which keep one copy of several."""

    keep: Annotated[_Criteria, BeforeValidator(_as_list, json_schema_input_type=_Criteria | Literal["none"])] = Field(
        ["oldest"]
    )
    """Which copy is kept: oldest, newest, longest, source, or the name of a numeric column; later ones break ties.
    `keep: none`: every document goes that has a copy, and none of them is kept."""
    sources: list[str] = Field([])
    """Names of sources, the most wanted first, for `keep: [source]`."""
    against: list[Annotated[str, Field(min_length=1), AfterValidator(absolute)]] = Field([])
    """Outputs of earlier runs, the oldest first: documents that resemble what these have kept are dropped."""
    scope: Literal["global", "per_dump"] = "global"
    """Whether a document is dropped for a copy in another dump."""
    min_cluster: Annotated[int, Field(ge=2)] | None = None
    """With `scope: per_dump`: in clusters of at least so many documents, all dumps counted and those that an earlier
    stage has dropped not, it is dropped for one in another dump too. 100, say, removes what every crawl has and leaves
    a page its copies from year to year, which are the better part of the older dumps (FineWeb, Penedo et al. 2024,
    3.4). Default: never."""
    index: bool = False
    """Leave an index of the kept documents, for `against` of later runs. May be set when a run has ended: running it
    again makes nothing but the index."""
    alarm_share: Annotated[float, Field(gt=0, le=1)] = 0.9
    """A source or host that loses more than this share of its documents is named in the statistics."""


ConfigT = TypeVar("ConfigT", bound=DedupConfig)


class DedupStage(GlobalStage[ConfigT]):
    """A global stage that keeps one copy of several."""

    @property
    def policy(self) -> KeepPolicy:
        """The order in which copies are preferred."""
        return KeepPolicy(tuple(self.config.keep), tuple(self.config.sources))

    @property
    def scope(self) -> Scope:
        """Whether copies in different dumps count."""
        return Scope.of(self.scope_settings)

    @property
    def scope_settings(self) -> Settings:
        """What `Scope.of` reads."""
        return self.config.model_dump(mode="json", include={"scope", "min_cluster"})

    def check(self) -> None:
        keep = self.config.keep
        for index, name in enumerate(keep):
            if name in ("oldest", "newest") and index + 1 < len(keep):
                raise ConfigError(f"nothing can follow `{name}`: no two documents are equally old", ("keep", index + 1))
        if len(set(keep)) < len(keep):
            raise ConfigError("a criterion is named twice", ("keep",))
        if self.policy.keeps_none:
            self._check_keep_none()
        if ("source" in keep) != bool(self.config.sources):
            raise ConfigError("`keep: [source]` and `sources` go together", ("sources",))
        if self.config.min_cluster is not None and self.config.scope == "global":
            raise ConfigError("goes with `scope: per_dump`; with `global` clusters of any size go", ("min_cluster",))
        if self.config.against and self.config.scope == "per_dump":
            raise ConfigError("the dumps of other runs are others: with `against` the scope is global", ("scope",))

    def _check_keep_none(self) -> None:
        if len(self.config.keep) > 1:
            raise ConfigError("nothing goes with `none`: write `keep: none`", ("keep",))
        if self.config.against:
            message = "with `keep: none` every copy goes, and what earlier runs have kept stays: leave `against` out"
            raise ConfigError(message, ("against",))
        if self.config.index:
            message = "later runs would keep a copy of what `keep: none` drops, which no index of kept documents has"
            raise ConfigError(f"{message}: leave `index` out", ("index",))

    def kept_instead(self, columns: Mapping[str, Any]) -> dict[str, int]:
        return {
            name.removesuffix(".keeper"): int(value)
            for name, value in columns.items()
            if name.startswith(f"{self.name}.") and name.endswith(".keeper") and value is not None
        }

    def compile_kernels(self) -> None:
        from dspipe.kernels.urls.hosts_of import hosts_of

        hosts_of(pa.array(["http://a"]))

    @abstractmethod
    def index_settings(self, prefix: str) -> Settings:
        """What the keys in a round's index depend on, as JSON values; `code` stands for the code that makes them."""

    def earlier_indexes(self, prefix: str, rewritten: list[list[Any]] | None = None) -> list[KeptIndex]:
        """The indexes of the runs in `against`. Raises ConfigError for what can't be joined with.

        `rewritten`: what has rewritten the texts (`Corpus.rewritten_before`), where keys depend on it and it is known.
        """
        if not self.config.against:
            return []
        settings = json.loads(json.dumps(self._made_with(prefix, rewritten)))
        indexes: list[KeptIndex] = []
        for number, root in enumerate(self.config.against):
            try:
                index = find_index(root, prefix)
                check_index(index, settings)
            except IndexUnusableError as error:
                raise ConfigError(str(error), ("against", number)) from None
            if index.run in [other.run for other in indexes]:
                raise ConfigError(f"two of the runs have the name {index.run!r}", ("against", number))
            indexes.append(index)
        return indexes

    def earlier_phase(self, prefix: str, reason: str, indexes: Sequence[KeptIndex], exchange: str) -> Phase:
        """From the exchange of matches with earlier runs to row columns."""
        return Phase(
            f"{prefix}.earlier",
            "shards",
            f"{SHARED}.against:write_earlier",
            "Drop the documents that earlier runs have kept a copy of",
            settings={"prefix": prefix, "reason": reason, "runs": [index.run for index in indexes]},
            columns=READ_COLUMNS,
            exchange=exchange,
            writes=earlier_fields(prefix),
            makes_artifacts=(f"{prefix}.earlier.tables",),
        )

    def closing_phases(
        self, prefix: str, reasons: Sequence[str], title: str, indexes: Sequence[KeptIndex], exchange: str
    ) -> list[Phase]:
        """From the exchange of verdicts to row columns and the report. `title` is that of the verdicts."""
        return [
            Phase(
                f"{prefix}.verdicts",
                "shards",
                f"{SHARED}.verdicts:write_verdicts",
                title,
                settings={"prefix": prefix, "reasons": list(reasons)},
                columns=READ_COLUMNS,
                exchange=exchange,
                writes=verdict_fields(prefix),
                makes_artifacts=(f"{prefix}.tables",),
            ),
            Phase(
                f"{prefix}.report",
                "once",
                f"{SHARED}.report:write_report",
                "Sum up what was dropped, by source, dump and host, and name the largest clusters",
                settings={
                    "prefix": prefix,
                    "alarm_share": self.config.alarm_share,
                    "against": [[index.root, list(index.reports)] for index in indexes],
                },
                artifacts=(f"{prefix}.tables", *([f"{prefix}.earlier.tables"] if indexes else [])),
                makes_artifacts=(f"{prefix}.report",),
            ),
        ]

    def index_phase(self, prefix: str, rewritten: list[list[Any]] | None, exchange: str) -> Phase:
        """From the exchange of the kept documents' keys to the index."""
        return Phase(
            f"{prefix}.index",
            "partitions",
            f"{SHARED}.index_writer:write_index",
            "Sort the keys of the kept documents into an index for later runs",
            settings={"prefix": prefix, "made_with": self._made_with(prefix, rewritten)},
            exchange=exchange,
            makes_artifacts=(f"{prefix}.index",),
        )

    def _made_with(self, prefix: str, rewritten: list[list[Any]] | None) -> Settings:
        return {**self.index_settings(prefix), **rewritten_settings(rewritten)}
