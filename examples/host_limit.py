"""Keeps at most so many documents of a host, the oldest: a few hosts would be most of a corpus.

    - examples.host_limit: {most: 10000}

A global stage: a host's pages are in all shards. Each shard sends (hash of the host, row) to the host's partition; a
partition counts, and sends the rows that are too many back to their shards; each shard writes its verdicts.
"""

from typing import Annotated

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
from pydantic import Field

from dspipe.kernels.arrow import text_buffers
from dspipe.kernels.dedup.text_hash import text_hashes
from dspipe.pipeline.stage import Corpus, GlobalStage, Phase, StageConfig, StageSettings
from dspipe.pipeline.storage.partitions import partitions_for
from dspipe.pipeline.tasks.task import Task

BYTES_PER_DOCUMENT = 64
"""memory of a document's record while a partition is sorted, about: key, shard, row, and their copies in order"""


class Config(StageConfig):
    """Settings of `host_limit`."""

    most: Annotated[int, Field(ge=1)] = 10_000
    """Documents of a host that are kept, at most."""


class HostLimit(GlobalStage[Config]):
    """Drops with `host_limit.too_many`. Documents without a URL have no host and are kept."""

    Config = Config

    def phases(self, corpus: Corpus) -> list[Phase]:
        return [
            Phase(
                f"{self.name}.send",
                "shards",
                run=f"{__name__}:send_hosts",
                title="Send the host of every document that is still kept",
                columns=("url", "reason"),
                emits=f"{self.name}.hosts",
                partitions=partitions_for(corpus, BYTES_PER_DOCUMENT),
            ),
            Phase(
                f"{self.name}.count",
                "partitions",
                run=f"{__name__}:find_surplus",
                title="Find the documents of each host that are too many",
                exchange=f"{self.name}.hosts",
                emits=f"{self.name}.surplus",
                settings={"most": self.config.most},
            ),
            Phase(
                f"{self.name}.verdicts",
                "shards",
                run=f"{__name__}:write_verdicts",
                title="Drop them",
                columns=("reason",),
                exchange=f"{self.name}.surplus",
                writes=(pa.field("reason", pa.string()),),
            ),
        ]


def send_hosts(task: Task, stage: StageSettings) -> None:
    """Over shards: (hash of the host, row) of every document with a host that is still kept."""
    first = 0
    for batch in task.rows(["url", "reason"]):
        host = pc.struct_field(pc.extract_regex(batch.column("url"), r"^\w+://(?P<host>[^/?#]+)"), "host")
        wanted = pc.and_(pc.is_valid(host), pc.is_null(batch.column("reason")))
        rows = (first + np.flatnonzero(wanted.to_numpy(zero_copy_only=False))).astype(np.uint32)
        first += batch.num_rows
        keys = text_hashes(*text_buffers(host.filter(wanted)))[:, 0]
        task.emit(keys % np.uint64(task.partitions), pa.record_batch({"host": keys, "row": rows}))


def find_surplus(task: Task, stage: StageSettings) -> None:
    """Over partitions: the rows beyond the first `most` of each host, to their shards."""
    parts = [
        (batch.column("host").to_numpy(), np.full(batch.num_rows, shard), batch.column("row").to_numpy())
        for shard, batch in task.received()
    ]
    if not parts:
        return
    hosts, shards, rows = (np.concatenate(column) for column in zip(*parts, strict=True))
    # shards are numbered the oldest dump first
    order = np.lexsort((rows, shards, hosts))
    hosts, shards, rows = hosts[order], shards[order], rows[order]
    begins = np.flatnonzero(np.append(True, hosts[1:] != hosts[:-1]))
    rank = np.arange(len(hosts)) - np.repeat(begins, np.diff(np.append(begins, len(hosts))))
    surplus = rank >= stage.settings["most"]
    task.emit(shards[surplus], pa.record_batch({"row": rows[surplus]}))


def write_verdicts(task: Task, stage: StageSettings) -> None:
    """Over shards: the reason of each row that was sent back."""
    surplus = np.sort(
        np.concatenate([np.empty(0, np.uint32), *(b.column("row").to_numpy() for _, b in task.received())])
    )
    first = 0
    for batch in task.rows(["reason"]):
        rows = np.arange(first, first + batch.num_rows)
        first += batch.num_rows
        dropped = pc.if_else(pa.array(np.isin(rows, surplus)), f"{stage.name}.too_many", pa.scalar(None, pa.string()))
        task.write(pa.record_batch({"reason": pc.coalesce(batch.column("reason"), dropped)}))
