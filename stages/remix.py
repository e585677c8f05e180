"""Remix: how often each document is seen, so that the domains have the wanted parts of all tokens.

    remix: {by: domain, weights: {web: 0.6, books: 0.2, code: 0.2}, max_epochs: 4, tokens: 2e12}

`count` counts each domain's documents and tokens, `plan` works out the mixture (`stages.mixture`) and keeps it as a
small JSON file, `draw` gives each document its number of copies. Tokens are the tokenizer's; in a config without a
tokenizer they are bytes of text. End-of-document tokens, which pack adds, are not counted.
"""

import json
from typing import TYPE_CHECKING

from pipeline.stage import ConfigError, Corpus, GlobalStage, Phase, Settings
from stages.packing.remix_settings import DOMAIN, PLACE, Config, Mixture, Part

if TYPE_CHECKING:
    from pipeline.task import Task


class Remix(GlobalStage[Config]):
    """Draws documents by domain."""

    Config = Config

    def check(self) -> None:
        from stages.packing.importance import target_files

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
            Phase("remix.count", "shards", "count", columns=columns, makes=("domains",), settings=grouping),
            Phase("remix.plan", "once", "plan", artifacts=("domains",), makes=("mixture",), settings=wish),
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

    def _weighing(self) -> list[Phase]:
        import pyarrow as pa

        from stages.packing.importance import fingerprint, target_files

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
                makes=("features",),
                settings=buckets,
            ),
            Phase(
                "remix.ratios",
                "once",
                "ratios",
                artifacts=("features",),
                makes=("ratios",),
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
        from stages.packing.weighing import count_shard

        assert self.config.importance is not None
        count_shard(task, self.config.importance)

    def ratios(self, task: "Task") -> None:
        """How much more often each bucket occurs in the target than in the corpus."""
        from stages.packing.weighing import compare_with_target

        assert self.config.importance is not None
        compare_with_target(task, self.config.importance)

    def weigh(self, task: "Task") -> None:
        """Each document's log weight, and the place on its domain's axis that comes of it."""
        from stages.packing.weighing import place_shard

        place_shard(task)

    def warm(self) -> None:
        import numpy as np
        import pyarrow as pa

        from kernels.arrow import text_buffers
        from kernels.pack import hash_strings

        hash_strings(*text_buffers(pa.array(["a"])), np.uint64(0))
        if self.config.importance is not None:
            from kernels.importance import count_features, sum_features
            from kernels.units import characters

            text = text_buffers(pa.array(["a"], pa.large_string()))
            count_features(*text, characters(), np.zeros(16, np.int64))
            sum_features(*text, characters(), np.zeros(16, np.int64))

    def count(self, task: "Task") -> None:
        """Documents and tokens by domain, and the tokens by place on the domain's axis."""
        from stages.mixture import BINS
        from stages.packing import importance
        from stages.packing.domain_counts import DomainCounts, TooManyDomains
        from stages.packing.domain_places import read_placed, unit_of

        counts = DomainCounts(BINS if self.config.importance is None else importance.BINS)
        for placed in read_placed(task, self.config):
            kept = placed.kept
            try:
                counts.add(placed.names, placed.codes[kept], placed.places[kept], placed.tokens[kept])
            except TooManyDomains as error:
                raise ConfigError(f"{self.config.by!r} has {error}; group them", ("by",)) from None
        with task.make("domains") as file:
            entries = {"unit": unit_of(task), "bins": counts.bins, "domains": counts.as_json()}
            file.write(json.dumps(entries).encode())

    def plan(self, task: "Task") -> None:
        """The mixture. Raises ConfigError when a wish can't be met."""
        from stages import mixture
        from stages.packing.domain_counts import DomainCounts, TooManyDomains

        counts, unit = DomainCounts(mixture.BINS), "tokens"
        for number, artifact in enumerate(task.artifact("domains")):
            counted = json.loads(artifact.read())
            if number == 0:
                counts, unit = DomainCounts(counted["bins"]), counted["unit"]
            try:
                counts.add_json(counted["domains"])
            except TooManyDomains as error:
                raise ConfigError(f"{self.config.by!r} has {error}; group them", ("by",)) from None
        parts = self.config.phases or [Part(share=1, **self.config.model_dump(include=set(Mixture.model_fields)))]
        wishes = [mixture.Wish(p.share, p.weights, p.multipliers, p.temperature, p.unimax) for p in parts]
        plan = mixture.plan_mixture(
            counts.domains(),
            wishes,
            self.config.tokens,
            self.config.max_epochs,
            self.config.min_tokens,
            self.config.others,
            unit="tokens" if unit == "tokens" else "bytes",
        )
        with task.make("mixture") as file:
            file.write(json.dumps({"by": self.config.by, "seed": self.seed, **plan}, indent=1).encode())
        shown = ("domain", "documents", "tokens", "weight_asked", "weight_got", "epochs", "tokens_drawn")
        task.note("mixture", [{name: entry[name] for name in shown} for entry in plan["domains"]])

    def draw(self, task: "Task") -> None:
        """The number of copies of each document: it depends on the seed, its id and its domain's plan alone."""
        import numpy as np
        import pyarrow as pa
        import pyarrow.compute as pc

        from stages import mixture
        from stages.packing.domain_places import read_placed

        plan = json.loads(task.artifact("mixture")[0].read())
        ends = {entry["domain"]: entry["edges"][-1] for entry in plan["domains"]}
        for placed in read_placed(task, self.config):
            edges = np.array([ends.get(name, 0.0) for name in placed.names], float)
            copies = mixture.copies_of(placed.places, edges[placed.codes]) * placed.kept
            task.count("copies_drawn", int(copies.sum()))
            task.count("tokens_drawn", int((copies * placed.tokens).sum()))
            left = pa.array(placed.kept & (copies == 0))
            names = pa.array(placed.names, pa.string())
            columns = [
                pa.array(copies.astype(np.int32)),
                pa.DictionaryArray.from_arrays(pa.array(placed.codes), names).cast(pa.string()),
                pc.if_else(left, f"{self.name}.not_drawn", placed.batch.column("reason")),
            ]
            task.write(pa.RecordBatch.from_arrays(columns, names=["copies", DOMAIN, "reason"]))
