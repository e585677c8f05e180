"""Remix: how often each document is seen, so that the domains have the wanted parts of all tokens.

    remix: {by: domain, weights: {web: 0.6, books: 0.2, code: 0.2}, max_epochs: 4, tokens: 2e12}

`count` counts each domain's documents and tokens, `plan` works out the mixture (stages.remix.mixture) and keeps it as
a small JSON file, `draw` gives each document its number of copies (stages.remix.epochs). Tokens are the tokenizer's; in
a config without a tokenizer they are bytes of text. End-of-document tokens, which pack adds, are not counted.

A tokenizer that is trained in the same run follows the mixture: for it, a first one is worked out in bytes
(stages.remix.plan).
"""

from collections.abc import Collection, Iterator
from typing import Literal, Self

import numpy as np
import pyarrow as pa

from dspipe.kernels.arrow import text_buffers
from dspipe.kernels.dedup.importance import count_features, sum_features
from dspipe.kernels.dedup.units import characters
from dspipe.pipeline.draws import seeded_hashes
from dspipe.pipeline.errors import ConfigError
from dspipe.pipeline.rejudging import Rejudged, RunDocuments
from dspipe.pipeline.stage import Corpus, GlobalStage, Phase, Settings
from dspipe.stages.remix.settings import (
    DOMAIN,
    EXPECTED_COPIES,
    LOG_WEIGHT,
    POSITION,
    Grouping,
    Importance,
    MixtureRequest,
    RemixConfig,
)
from dspipe.stages.remix.target import find_files, hash_files


class RemixStage(GlobalStage[RemixConfig]):
    """Draws documents by domain."""

    Config = RemixConfig

    def check(self) -> None:
        if self.config.importance is not None:
            try:
                find_files(self.config.importance.patterns)
            except OSError as error:
                raise ConfigError(str(error), ("importance", "target")) from None

    def domains_named(self) -> Iterator[tuple[tuple[str | int, ...], str]]:
        if self.config.by != "domain" or self.config.groups is not None:
            return
        request = self.config
        parts = [(("phases", index), part) for index, part in enumerate(request.phases or ())]
        for prefix, part in [((), request), *parts]:
            for key in ("weights", "multipliers"):
                yield from (((*prefix, key), name) for name, n in (getattr(part, key) or {}).items() if n > 0)
        yield from (
            (("max_epochs",), name) for name in (request.max_epochs if isinstance(request.max_epochs, dict) else ())
        )
        yield from ((("min_tokens",), name) for name in request.min_tokens)

    def check_certain_domains(self, certain: Collection[str]) -> None:
        """Raises ConfigError where documents that there will be have no weight."""
        if self.config.by != "domain" or self.config.groups is not None or self.config.others != "refuse":
            return
        for index, part in enumerate(self.config.parts):
            unnamed = [name for name in sorted(certain) if part.weights is not None and name not in part.weights]
            if unnamed:
                key = ("phases", index, "weights") if self.config.phases else ("weights",)
                raise ConfigError(
                    f"no weight is given for {', '.join(unnamed)}; give one (0 leaves it out), or set `others: drop`",
                    key,
                )

    def phases(self, corpus: Corpus) -> list[Phase]:
        grouping = self._grouping("tokens" if "tokenizer" in corpus.stages else "text_bytes")
        settings = grouping.model_dump(mode="json")
        return [
            *(self._importance(self.config.importance) if self.config.importance is not None else ()),
            *self._forecast(),
            Phase(
                "remix.count",
                "shards",
                run="dspipe.stages.remix.count:count_tokens",
                title="Count documents and tokens by domain",
                columns=grouping.columns,
                makes_artifacts=("domains",),
                settings=settings,
            ),
            Phase(
                "remix.plan",
                "once",
                run="dspipe.stages.remix.plan:plan_draw",
                title="Work out how many tokens of each domain are drawn",
                artifacts=("domains",),
                makes_artifacts=("mixture", "mixture_epochs", "mixture_phases"),
                settings={"request": self._request(), "unit": "tokens" if grouping.unit == "tokens" else "bytes"},
            ),
            Phase(
                "remix.draw",
                "shards",
                run="dspipe.stages.remix.draw:draw_documents",
                title="Say how often each document is drawn",
                columns=grouping.columns,
                artifacts=("mixture_epochs",),
                writes=(pa.field("copies", pa.int32()), pa.field(DOMAIN, pa.string()), pa.field("reason", pa.string())),
                settings=settings,
            ),
        ]

    def _grouping(self, unit: Literal["tokens", "text_bytes"]) -> Grouping:
        by_importance = self.config.importance is not None
        return Grouping(by=self.config.by, groups=self.config.groups, unit=unit, by_importance=by_importance)

    def _forecast(self) -> list[Phase]:
        """What the tokenizer's sample follows: the mixture in bytes, for there are no tokens yet."""
        grouping = self._grouping("text_bytes")
        settings = grouping.model_dump(mode="json")
        return [
            Phase(
                "remix.bytes",
                "shards",
                run="dspipe.stages.remix.count:count_bytes",
                title="Count documents and bytes by domain",
                columns=grouping.columns,
                makes_artifacts=("domain_bytes",),
                settings=settings,
                on_demand=True,
            ),
            Phase(
                "remix.forecast",
                "once",
                run="dspipe.stages.remix.plan:forecast_draw",
                title="Estimate in bytes how much of each domain will be drawn",
                artifacts=("domain_bytes",),
                makes_artifacts=("expected_epochs",),
                settings={"request": self._request()},
                on_demand=True,
            ),
            Phase(
                "remix.expect",
                "shards",
                run="dspipe.stages.remix.draw:expect_copies",
                title="Estimate how often each document will be drawn",
                columns=grouping.columns,
                artifacts=("expected_epochs",),
                writes=(pa.field(EXPECTED_COPIES, pa.int32()),),
                settings=settings,
                on_demand=True,
            ),
        ]

    def _importance(self, importance: Importance) -> list[Phase]:
        """Which documents look like examples of a target."""
        return [
            Phase(
                "remix.features",
                "shards",
                run="dspipe.stages.remix.features:count_shard",
                title="Count words and pairs of words of the documents",
                columns=("text", "reason"),
                makes_artifacts=("features",),
                settings={"buckets": importance.buckets},
            ),
            Phase(
                "remix.ratios",
                "once",
                run="dspipe.stages.remix.target:compare_with_target",
                title="Compare them with those of the target's examples",
                artifacts=("features",),
                makes_artifacts=("ratios",),
                settings={
                    "target": importance.patterns,
                    "sha256": hash_files(find_files(importance.patterns)),
                    "buckets": importance.buckets,
                },
            ),
            Phase(
                "remix.weigh",
                "shards",
                run="dspipe.stages.remix.weigh:weigh_documents",
                title="Weigh each document by its likeness to the target",
                columns=("origin", "text", "reason"),
                artifacts=("ratios",),
                writes=(pa.field(POSITION, pa.float64()), pa.field(LOG_WEIGHT, pa.float64())),
            ),
        ]

    def _request(self) -> Settings:
        return self.config.model_dump(mode="json", include=set(MixtureRequest.model_fields))

    def rejudge(self, before: Self, documents: RunDocuments) -> Rejudged | None:
        if self.config.importance is not None or before.config.importance is not None:
            return None  # a document's likeness to the target depends on all others
        from dspipe.stages.remix.rejudge import rejudge

        unit: Literal["tokens", "text_bytes"] = "tokens" if "tokenizer" in documents.stages else "text_bytes"
        old, new = ((stage._grouping(unit), stage.config) for stage in (before, self))
        return rejudge(self.name, self.seed, old, new, documents)

    def compile_kernels(self) -> None:
        seeded_hashes(pa.array([0], pa.uint64()), 0)
        if self.config.importance is not None:
            text = text_buffers(pa.array(["a"], pa.large_string()))
            count_features(*text, characters(), np.zeros(16, np.int64))
            sum_features(*text, characters(), np.zeros(16, np.int64))
