"""Hosts by what the whole corpus says of their pages: whole hosts dropped by a condition, and a limit on pages a host.

    - hosts: {drop: "pages >= 20 and dropped > 0.9"}
    - hosts: {drop: "pages >= 50 and dropped.minhash > 0.8 or mean.quality < 0.1", mean: [quality], max_pages: 10000}

A page is judged by itself before; what its host is can only be seen in all of its pages. The stage sees every document
with an address, those that stages before it have dropped too, and drops from those that are still kept. A condition
(`pipeline.condition`) may name

    pages            documents of the host, kept or not
    kept             those of them that are still kept
    dropped          the share that isn't
    dropped.<name>   the share that was dropped for this reason, or for any that begins with it: `dropped.gopher`,
                     `dropped.minhash`, `dropped.gopher.too_few_words`
    mean.<column>    the mean of a numeric column that `mean` names, over the pages that have a value

The table of all hosts stays as the artifact `<name>.table` (Parquet, a file a partition), the largest are in the
statistics. Documents without an address have no host and stay.

Phases: each shard sends a record for each host and reason; a partition adds them up, judges its hosts, and tells the
shards that have pages of hosts that go or are too large; each shard writes its verdicts. With `max_pages` shards send
the kept pages of the large hosts once more, and learn which are too many: those that stand last by a hash of the run's
seed and where the document comes from.
"""

from collections.abc import Iterator
from typing import Any, Self

import pyarrow as pa
from pydantic import Field, model_validator

from dspipe.pipeline.condition import Condition, ConditionError, parse_condition
from dspipe.pipeline.errors import ConfigError
from dspipe.pipeline.rejudging import Rejudged, RunDocuments
from dspipe.pipeline.stage import Corpus, GlobalStage, NamedConfig, Phase, Settings
from dspipe.pipeline.storage.partitions import partitions_for

_STEPS = "dspipe.stages.hosts.steps"
RECORD_BYTES = 96
"""memory that a document's share of its host's records takes while they are added up, at most"""
DROPPED, MEAN = "dropped.", "mean."


class HostsConfig(NamedConfig):
    """Settings of `hosts`."""

    drop: str | None = None
    """Drop all pages of the hosts of which this condition holds."""

    mean: tuple[str, ...] = ()
    """Numeric columns whose means by host the condition and the table have."""

    max_pages: int | None = Field(default=None, ge=1)
    """Keep at most so many pages of a host. Default: no limit."""

    @model_validator(mode="after")
    def _does_something(self) -> "HostsConfig":
        if self.drop is None and self.max_pages is None and not self.mean:
            raise ValueError("set drop, max_pages, or mean for the table of hosts alone")
        return self


class HostColumns(dict[str, pa.DataType]):
    """The columns that a condition on hosts may name: which reasons there are only the run knows."""

    def __init__(self, mean: tuple[str, ...]) -> None:
        super().__init__({"pages": pa.int64(), "kept": pa.int64(), "dropped": pa.float64()})
        self.update({f"{MEAN}{column}": pa.float64() for column in mean})

    def __contains__(self, name: object) -> bool:
        return super().__contains__(name) or (isinstance(name, str) and name.startswith(DROPPED))

    def __missing__(self, name: str) -> pa.DataType:
        return pa.float64()


def condition_on_hosts(settings: Settings) -> Condition | None:
    """The condition of these settings. Raises ConditionError."""
    return None if settings["drop"] is None else parse_condition(settings["drop"], HostColumns(tuple(settings["mean"])))


class HostsStage(GlobalStage[HostsConfig]):
    """Drops with `hosts.dropped` and `hosts.too_many_pages`."""

    Config = HostsConfig

    def check(self) -> None:
        try:
            condition_on_hosts(self._settings)
        except ConditionError as error:
            raise ConfigError(str(error), ("drop",)) from None

    def compile_kernels(self) -> None:
        from dspipe.kernels.urls.hosts_of import hosts_of

        hosts_of(pa.array(["http://a"]))

    @property
    def _settings(self) -> dict[str, Any]:
        return self.config.model_dump(mode="json", include={"drop", "mean", "max_pages"})

    def phases(self, corpus: Corpus) -> list[Phase]:
        return [*self._counting(corpus), *(self._limiting(corpus) if self.config.max_pages is not None else ())]

    def rejudge(self, before: Self, documents: RunDocuments) -> Rejudged:
        from dspipe.stages.hosts.rejudge import rejudge

        return rejudge(self.name, self.seed, self._settings, documents)

    def _counting(self, corpus: Corpus) -> Iterator[Phase]:
        limits = self.config.max_pages is not None
        yield Phase(
            f"{self.name}.send",
            "shards",
            run=f"{_STEPS}:send_hosts",
            title="Send what became of each host's pages",
            settings={"mean": list(self.config.mean)},
            columns=("url", "reason", *self.config.mean),
            emits=f"{self.name}.pages",
            partitions=partitions_for(corpus, RECORD_BYTES),
        )
        yield Phase(
            f"{self.name}.judge",
            "partitions",
            run=f"{_STEPS}:judge_hosts",
            title="Add up the pages of each host, and judge it",
            settings=self._settings,
            exchange=f"{self.name}.pages",
            emits=f"{self.name}.found",
            makes_artifacts=(f"{self.name}.table", f"{self.name}.largest"),
        )
        yield Phase(
            f"{self.name}.report",
            "once",
            run=f"{_STEPS}:write_report",
            title="Say which hosts are the largest",
            artifacts=(f"{self.name}.largest",),
        )
        yield Phase(
            f"{self.name}.verdicts",
            "shards",
            run=f"{_STEPS}:write_verdicts",
            title="Drop the pages of hosts that go",
            columns=("url", "reason", "origin") if limits else ("url", "reason"),
            exchange=f"{self.name}.found",
            writes=(pa.field("reason", pa.string()),),
            emits=f"{self.name}.large" if limits else None,
            partitions=partitions_for(corpus, RECORD_BYTES) if limits else 0,
        )

    def _limiting(self, corpus: Corpus) -> Iterator[Phase]:
        yield Phase(
            f"{self.name}.count",
            "partitions",
            run=f"{_STEPS}:find_surplus",
            title="Find the pages of each large host that are too many",
            settings={"max_pages": self.config.max_pages},
            exchange=f"{self.name}.large",
            emits=f"{self.name}.surplus",
        )
        yield Phase(
            f"{self.name}.limit",
            "shards",
            run=f"{_STEPS}:drop_surplus",
            title="Drop them",
            columns=("reason",),
            exchange=f"{self.name}.surplus",
            writes=(pa.field("reason", pa.string()),),
        )
