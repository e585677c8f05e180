"""Pack: the drawn documents in a global seeded shuffle, joined by the end token, in rows of fixed length.

    pack: {length: 4096, format: megatron, shuffle: true}

The shuffle has two levels. `scatter` gives each copy of a document an order key, a hash of (seed, id, copy), and sends
it to the partition that the key's first bits say; `rows` sorts a partition by key and writes it as one shard. Key and
partitions depend on the config and the input alone, so the bytes are the same for any number of workers and any memory.
Without a shuffle each input shard is a partition, and nothing is sent.

Rows don't cross partitions: what is left of each partition, less than a row, goes to `tail`, which joins those
remainders in partition order into one more shard, so that at most the very last row is short (padded, or dropped and
counted).

`index` checks that no token is lost and writes the manifest `index.json`.
"""

from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from dspipe.pipeline.errors import ConfigError
from dspipe.pipeline.run.run_file import RunFile
from dspipe.pipeline.stage import Corpus, GlobalStage, Phase, Settings, Stage
from dspipe.pipeline.storage.store import Store
from dspipe.stages.pack.settings import FillInTheMiddle, PackConfig, RowSettings, TailSettings, cut_at_characters
from dspipe.stages.pack.special_tokens import choose_special_tokens
from dspipe.stages.tokenizer.stage import TokenizerStage

MAX_PARTITIONS = 1 << 16


class PackStage(GlobalStage[PackConfig]):
    """Writes training rows."""

    Config = PackConfig
    final_for = "documents"

    def check_beside(self, stages: Sequence[Stage[Any]]) -> None:
        for stage in stages:
            if isinstance(stage, TokenizerStage) and stage.config.special_in_text and self._middle:
                message = "takes special tokens in texts for plain text, and the tokenizer has special_in_text"
                raise ConfigError(message, ("fill_in_the_middle", "cuts"))
            names = stage.special_token_names() if isinstance(stage, TokenizerStage) else None
            if names is not None:
                choose_special_tokens(self.config, {name: number for number, name in enumerate(names)})

    def domains_named(self) -> Iterator[tuple[tuple[str | int, ...], str]]:
        middle = self.config.fill_in_the_middle
        yield from ((("fill_in_the_middle", "domains"), name) for name in (middle.domains or () if middle else ()))

    def phases(self, corpus: Corpus) -> list[Phase]:
        remixed = "remix" in corpus.stages
        mixture = ("mixture",) if remixed else ()
        rows = self.config.model_dump(mode="json", include=set(RowSettings.model_fields))
        return [
            *(self._shuffled(corpus, remixed, rows) if self.config.shuffle else self._in_order(remixed, rows)),
            Phase(
                "pack.tail",
                "partitions",
                run="dspipe.stages.pack.tail:write_tail",
                title="Join what is less than a row of each shard into rows of one more",
                exchange="pack.remainders",
                artifacts=("tokenizer",),
                makes_artifacts=("tail", "tail_summary"),
                products=True,
                settings=self.config.model_dump(mode="json", include=set(TailSettings.model_fields)),
            ),
            Phase(
                "pack.index",
                "once",
                run="dspipe.stages.pack.index:write_index",
                title="Check that no token is lost, and write the index that trainers open",
                artifacts=("drawn", "shards", "summaries", "tail", "tail_summary", "tokenizer", *mixture),
                makes_artifacts=("index",),
                products=True,
                settings={"remixed": remixed, "rows": rows},
            ),
        ]

    def _shuffled(self, corpus: Corpus, remixed: bool, rows: Settings) -> list[Phase]:
        middle = {"fill_in_the_middle": rows["fill_in_the_middle"]} if self._middle else {}
        return [
            Phase(
                "pack.scatter",
                "shards",
                run="dspipe.stages.pack.scatter:send_documents",
                title="Send each copy of a document, with its tokens, to its place in the shuffle",
                columns=self._columns(remixed),
                own_artifacts=("token_ids",),
                artifacts=(*(("mixture_phases",) if remixed else ()), *(("tokenizer",) if self._middle else ())),
                emits="pack.documents",
                partitions=min(MAX_PARTITIONS, max(1, -(-corpus.input_bytes // self.config.shard_bytes))),
                makes_artifacts=("drawn",),
                settings={"remixed": remixed, **middle},
            ),
            Phase(
                "pack.rows",
                "partitions",
                run="dspipe.stages.pack.write_partition:write_partition",
                title="Put documents in their order, cut them into rows, and write a shard",
                exchange="pack.documents",
                artifacts=("tokenizer",),
                emits="pack.remainders",
                partitions=1,
                makes_artifacts=("shards", "summaries"),
                products=True,
                settings=rows,
            ),
        ]

    def _in_order(self, remixed: bool, rows: Settings) -> list[Phase]:
        return [
            Phase(
                "pack.rows",
                "shards",
                run="dspipe.stages.pack.write_in_order:write_input_shard",
                title="Cut the documents of each input shard into rows, and write a shard",
                columns=self._columns(remixed),
                own_artifacts=("token_ids",),
                artifacts=("tokenizer", *(("mixture_phases",) if remixed else ())),
                emits="pack.remainders",
                partitions=1,
                makes_artifacts=("drawn", "shards", "summaries"),
                products=True,
                settings={"remixed": remixed, "rows": rows},
            )
        ]

    @property
    def _middle(self) -> FillInTheMiddle | None:
        return cut_at_characters(self.config.fill_in_the_middle)

    def _columns(self, remixed: bool) -> tuple[str, ...]:
        """The row columns that say what was drawn."""
        by_mixture = ("copies", "remix.domain") if remixed else ("domain",)
        return ("id", "origin", "source", *by_mixture, "tokens", "reason", *(("text",) if self._middle else ()))

    def compile_kernels(self) -> None:
        from dspipe.stages.pack.compile_kernels import compile_kernels

        compile_kernels(self.config, self.seed)

    def verify(self, root: str) -> tuple[list[str], dict[str, int]]:
        from dspipe.stages.pack.verify.shards import verify_run

        found = verify_run(root)
        return found.problems, found.checked | {f"not checked: {why}": 1 for why in found.skipped}

    def explain(self, store: Store, run: RunFile, number: int, columns: Mapping[str, Any]) -> dict[str, str]:
        from dspipe.stages.pack.explain_packing import explain_packing

        return explain_packing(store, run, self.seed, number, columns)
