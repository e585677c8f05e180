"""Pack: the drawn documents in a global seeded shuffle, joined by the end token, in rows of fixed length.

    pack: {length: 4096, format: megatron, shuffle: true}

The shuffle has two levels. `scatter` gives each copy of a document an order key, a hash of (seed, id, copy), and sends
it to the partition that the key's first bits say; `rows` sorts a partition by key and writes it as one shard. Key and
partitions depend on the config and the input alone, so the bytes are the same for any number of workers and any memory.

Rows don't cross partitions: what is left of each partition, less than a row, goes to `tail`, which joins those rests in
partition order into one more shard, so that at most the very last row is short (padded, or dropped and counted).

`index` checks that no token is lost and writes the manifest `index.json`.
"""

import functools
from collections.abc import Iterator
from typing import TYPE_CHECKING

from dspipe.pipeline.stage import Corpus, GlobalStage, Phase
from dspipe.stages.pack.settings import Config

if TYPE_CHECKING:
    import pyarrow as pa

    from dspipe.pipeline.tasks.task import Task

SHOWN_PLACES = 20
"""pieces of a document that `explain` lists"""
MAX_PARTITIONS = 1 << 16


class Pack(GlobalStage[Config]):
    """Writes training rows."""

    Config = Config

    def phases(self, corpus: Corpus) -> list[Phase]:
        mixed = "remix" in corpus.stages
        partitions = min(MAX_PARTITIONS, max(1, -(-corpus.input_bytes // self.config.shard_bytes)))
        columns = ("id", "source", *(("copies", "remix.domain") if mixed else ("domain",)), "tokens", "reason")
        settings = self.config.model_dump(mode="json", exclude={"shard_bytes", "remainder"})
        return [
            Phase("pack.shards", "once", "number_shards", emits="pack.shard"),
            Phase(
                "pack.scatter",
                "shards",
                "scatter",
                columns=columns,
                exchange="pack.shard",
                artifacts=("token_ids", *(("mixture",) if mixed else ())),
                emits="pack.documents",
                partitions=partitions,
                makes_artifacts=("drawn",),
                settings={"shuffle": self.config.shuffle},
            ),
            Phase(
                "pack.rows",
                "partitions",
                "rows",
                exchange="pack.documents",
                artifacts=("tokenizer",),
                emits="pack.rests",
                partitions=1,
                makes_artifacts=("shards", "summaries"),
                settings=settings,
            ),
            Phase(
                "pack.tail",
                "partitions",
                "tail",
                exchange="pack.rests",
                artifacts=("tokenizer",),
                makes_artifacts=("tail", "tail_summary"),
                settings={**settings, "remainder": self.config.remainder},
            ),
            Phase(
                "pack.index",
                "once",
                "index",
                artifacts=(
                    *("drawn", "shards", "summaries", "tail", "tail_summary", "tokenizer"),
                    *(("mixture",) if mixed else ()),
                ),
                makes_artifacts=("index",),
                settings={**settings, "remainder": self.config.remainder},
            ),
        ]

    def number_shards(self, task: "Task") -> None:
        """Tell each shard its number, by which `scatter` finds the shard's token ids."""
        import numpy as np
        import pyarrow as pa

        numbers = np.arange(task.shards, dtype=np.int64)
        task.emit(numbers, pa.RecordBatch.from_arrays([pa.array(numbers)], names=["shard"]))

    def scatter(self, task: "Task") -> None:
        """Send each copy of each drawn document, with its tokens, to the partition of its order key."""
        from dspipe.stages.pack.scatter import scatter

        scatter(task, self.config.shuffle)

    def rows(self, task: "Task") -> None:
        """Sort a partition, cut it into rows, write them as a shard; send on what is less than a row."""
        from dspipe.stages.pack.write_partition import write_partition

        write_partition(task, self.config)

    def tail(self, task: "Task") -> None:
        """Join the rests of all partitions, in their order, into rows of one more shard."""
        from dspipe.stages.pack.tail import write_tail

        write_tail(task, self.config)

    def index(self, task: "Task") -> None:
        """Check the sums, and write the manifest that readers start from."""
        from dspipe.stages.pack.index import write_index

        write_index(task, self.config)

    def compile_kernels(self) -> None:
        import numpy as np
        import pyarrow as pa

        from dspipe.stages.pack.fim import Layout
        from dspipe.stages.pack.partition import Partition
        from dspipe.stages.pack.scatter import RECORD
        from dspipe.stages.pack.segments import split_pieces, whole_pieces
        from dspipe.stages.pack.shuffle_keys import Axis
        from dspipe.stages.pack.special_tokens import Special

        one, name = np.zeros(1, np.int64), pa.array(["a"])
        key = Axis(None).keys(name, name, one, one, self.seed)
        special = Special(0, -1, 0, np.empty(0, np.int64))
        layout = Layout(np.zeros(1, np.uint8), np.zeros((1, 2), np.int64))
        for dtype in (np.uint16, np.uint32):
            ids = np.zeros(1, dtype)
            width = pa.array(np.full(1, ids.itemsize, np.uint8))
            tokens = pa.array([ids.tobytes()], pa.large_binary())
            columns = [pa.array(key), name, pa.array(one.astype(np.int32)), name, name, width, tokens]
            batch = pa.RecordBatch.from_arrays(columns, names=RECORD)
            partition = Partition(functools.partial(_once, batch), self.config.shuffle)
            lengths = partition.stream_lengths(special, layout)
            partition.filled(split_pieces(lengths, 2), 0, 1, 2, special, layout)
        if self.config.mode != "split":
            whole_pieces(lengths, 2, self.config.mode == "aligned")

    def verify(self, root: str) -> tuple[list[str], dict[str, int]]:
        from dspipe.stages.pack.verify.shards import verify_run

        found = verify_run(root)
        return found.problems, found.checked | {f"not checked: {why}": 1 for why in found.skipped}

    def explain(self, root: str, id: str) -> dict[str, str]:
        from dspipe.stages.pack.reading.locate import places

        found = places(root, id)
        shown = {
            f"copy {place.copy}, token {place.start:,}": (
                f"{place.length:,} tokens in row {place.row:,} from {place.column:,} on, {place.file}"
            )
            for place in found[:SHOWN_PLACES]
        }
        return shown | ({"and": f"{len(found) - SHOWN_PLACES:,} more pieces"} if len(found) > SHOWN_PLACES else {})


def _once(batch: "pa.RecordBatch") -> "Iterator[tuple[int, pa.RecordBatch]]":
    yield 0, batch
