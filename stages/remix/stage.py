"""Remix: how often each document is seen, so that the domains have the wanted parts of all tokens.

    remix: {by: domain, weights: {web: 0.6, books: 0.2, code: 0.2}, max_epochs: 4, tokens: 2e12}

`count` counts each domain's documents and tokens, `plan` works out the mixture (stages.remix.mixture) and keeps it as
a small JSON file, `draw` gives each document its number of copies (stages.remix.epochs). Tokens are the tokenizer's; in
a config without a tokenizer they are bytes of text. End-of-document tokens, which pack adds, are not counted.

A tokenizer that is trained in the same run follows the mixture: for it, a first one is worked out in bytes
(stages.remix.estimate).
"""

import json
from typing import TYPE_CHECKING

from dspipe.pipeline.stage import ConfigError, Corpus, GlobalStage, Phase, Settings
from dspipe.stages.remix.settings import DOMAIN, EXPECTED, PLACE, Config

if TYPE_CHECKING:
    from dspipe.pipeline.tasks.task import Task


class Remix(GlobalStage[Config]):
    """Draws documents by domain."""

    Config = Config

    def check(self) -> None:
        from dspipe.stages.remix.dsir import target_files

        if self.config.importance is not None:
            try:
                target_files(self.config.importance.patterns)
            except OSError as error:
                raise ConfigError(str(error), ("importance", "target")) from None

    def phases(self, corpus: Corpus) -> list[Phase]:
        import pyarrow as pa

        unit = "tokens" if "tokenizer" in corpus.stages else "text_bytes"
        place = () if self.config.importance is None else (PLACE,)
        columns = tuple(dict.fromkeys(("id", self.config.key, unit, "reason", *place)))
        grouping: Settings = self.config.model_dump(mode="json", include={"by", "groups"}) | {"unit": unit}
        wish: Settings = self.config.model_dump(mode="json", exclude={"by", "groups", "importance"}) | {"unit": unit}
        return [
            *self._weighing(),
            *self._forecast(grouping, wish, place),
            Phase("remix.count", "shards", "count", columns=columns, makes_artifacts=("domains",), settings=grouping),
            Phase("remix.plan", "once", "plan", artifacts=("domains",), makes_artifacts=("mixture",), settings=wish),
            Phase(
                "remix.draw",
                "shards",
                "draw",
                columns=columns,
                artifacts=("mixture",),
                writes=(pa.field("copies", pa.int32()), pa.field(DOMAIN, pa.string()), pa.field("reason", pa.string())),
                settings=grouping,
            ),
        ]

    def _forecast(self, grouping: Settings, wish: Settings, place: tuple[str, ...]) -> list[Phase]:
        import pyarrow as pa

        columns = tuple(dict.fromkeys(("id", self.config.key, "text_bytes", "reason", *place)))
        grouping, wish = {**grouping, "unit": "text_bytes"}, {**wish, "unit": "text_bytes"}
        return [
            Phase(
                "remix.bytes",
                "shards",
                "count_bytes",
                columns=columns,
                makes_artifacts=("domain_bytes",),
                settings=grouping,
                on_demand=True,
            ),
            Phase(
                "remix.forecast",
                "once",
                "forecast",
                artifacts=("domain_bytes",),
                makes_artifacts=("expected_mixture",),
                settings=wish,
                on_demand=True,
            ),
            Phase(
                "remix.expect",
                "shards",
                "expect",
                columns=columns,
                artifacts=("expected_mixture",),
                writes=(pa.field(EXPECTED, pa.int32()),),
                settings=grouping,
                on_demand=True,
            ),
        ]

    def _weighing(self) -> list[Phase]:
        import pyarrow as pa

        from dspipe.stages.remix.dsir import fingerprint, target_files

        importance = self.config.importance
        if importance is None:
            return []
        target: Settings = {"target": fingerprint(target_files(importance.patterns))}
        buckets: Settings = {"buckets": importance.buckets}
        return [
            Phase(
                "remix.features",
                "shards",
                "features",
                columns=("text", "reason"),
                makes_artifacts=("features",),
                settings=buckets,
            ),
            Phase(
                "remix.ratios",
                "once",
                "ratios",
                artifacts=("features",),
                makes_artifacts=("ratios",),
                settings={**target, **buckets},
            ),
            Phase(
                "remix.weigh",
                "shards",
                "weigh",
                columns=("id", "text", "reason"),
                artifacts=("ratios",),
                writes=(pa.field(PLACE, pa.float64()), pa.field("remix.log_weight", pa.float64())),
            ),
        ]

    def features(self, task: "Task") -> None:
        """How often each bucket of n-grams occurs in the shard's kept documents."""
        from dspipe.stages.remix.dsir_steps import count_shard

        assert self.config.importance is not None
        count_shard(task, self.config.importance)

    def ratios(self, task: "Task") -> None:
        """How much more often each bucket occurs in the target than in the corpus."""
        from dspipe.stages.remix.dsir_steps import compare_with_target

        assert self.config.importance is not None
        compare_with_target(task, self.config.importance)

    def weigh(self, task: "Task") -> None:
        """Each document's log weight, and the place on its domain's axis that comes of it."""
        from dspipe.stages.remix.dsir_steps import place_shard

        place_shard(task)

    def warm(self) -> None:
        import numpy as np
        import pyarrow as pa

        from dspipe.kernels.arrow import text_buffers
        from dspipe.kernels.hashing import hash_strings

        hash_strings(*text_buffers(pa.array(["a"])), np.uint64(0))
        if self.config.importance is not None:
            from dspipe.kernels.dedup.importance import count_features, sum_features
            from dspipe.kernels.dedup.units import characters

            text = text_buffers(pa.array(["a"], pa.large_string()))
            count_features(*text, characters(), np.zeros(16, np.int64))
            sum_features(*text, characters(), np.zeros(16, np.int64))

    def count_bytes(self, task: "Task") -> None:
        """Documents and bytes by domain."""
        from dspipe.stages.remix.estimate import count_bytes

        count_bytes(task, self.config)

    def forecast(self, task: "Task") -> None:
        """The mixture in bytes."""
        from dspipe.stages.remix.estimate import forecast

        forecast(task, self.config)

    def expect(self, task: "Task") -> None:
        """How often each document is likely to be seen."""
        from dspipe.stages.remix.estimate import expect

        expect(task, self.config)

    def count(self, task: "Task") -> None:
        """Documents and tokens by domain, and the tokens by place on the domain's axis."""
        from dspipe.stages.remix.steps import count_domains

        count_domains(task, self.config, "domains")

    def plan(self, task: "Task") -> None:
        """The mixture. Raises ConfigError when a wish can't be met."""
        from dspipe.stages.remix.steps import plan_counted

        plan = plan_counted(task, self.config, "domains")
        with task.make("mixture") as file:
            file.write(json.dumps(plan, indent=1).encode())
        shown = ("domain", "documents", "tokens", "weight_asked", "weight_got", "epochs", "tokens_drawn")
        task.note("mixture", [{name: entry[name] for name in shown} for entry in plan["domains"]])

    def draw(self, task: "Task") -> None:
        """The number of copies of each document, its domain, and a reason where it is not drawn."""
        import pyarrow as pa
        import pyarrow.compute as pc

        from dspipe.stages.remix.steps import copies_by_plan

        for placed, copies in copies_by_plan(task, self.config, "mixture"):
            task.count("copies_drawn", int(copies.sum()))
            task.count("tokens_drawn", int((copies * placed.tokens).sum()))
            left = pa.array(placed.kept & (copies == 0))
            names = pa.array(placed.names, pa.string())
            columns = [
                pa.array(copies, pa.int32()),
                pa.DictionaryArray.from_arrays(pa.array(placed.codes), names).cast(pa.string()),
                pc.if_else(left, f"{self.name}.not_drawn", placed.batch.column("reason")),
            ]
            task.write(pa.RecordBatch.from_arrays(columns, names=["copies", DOMAIN, "reason"]))
