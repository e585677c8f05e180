"""Remix: how often each document is seen, so that the domains have the wanted parts of all tokens.

    remix: {by: domain, weights: {web: 0.6, books: 0.2, code: 0.2}, max_epochs: 4, tokens: 2e12}
    remix: {by: topic, weights: olmo3_topics, curve: {of: rank, drop_below: 0.4, top: 0.05, max_epochs: 7}}
    remix: {by: [topic, rank.bucket], unimax: true, tail: {min_tokens: 1e9, into: other}}

`count` counts each domain's documents and tokens, `plan` works out the mixture (stages.remix.mixture) and keeps it as
a small JSON file, `draw` gives each document its number of copies (stages.remix.epochs). Tokens are the tokenizer's; in
a config without a tokenizer they are bytes of text. End-of-document tokens, which pack adds, are not counted.

A tokenizer that is trained in the same run follows the mixture: for it, a first one is worked out in bytes
(stages.remix.plan).
"""

import math
from collections.abc import Collection, Iterator, Mapping, Sequence
from typing import Any, Literal, Self

import pyarrow as pa

from dspipe.pipeline.config.suggestions import near, suggest
from dspipe.pipeline.errors import ConfigError
from dspipe.pipeline.rejudging import Rejudged, RunDocuments
from dspipe.pipeline.run.run_file import RunFile
from dspipe.pipeline.stage import Corpus, GlobalStage, Phase, Settings, Stage
from dspipe.pipeline.storage.store import Store
from dspipe.stages.remix.settings import (
    DOMAIN,
    EXPECTED_COPIES,
    LOG_WEIGHT,
    PAIR,
    POSITION,
    UNKNOWN,
    Grouping,
    Importance,
    MixtureRequest,
    RemixConfig,
    by_columns,
)
from dspipe.stages.remix.target_files import find_files, hash_files


class RemixStage(GlobalStage[RemixConfig]):
    """Draws documents by domain."""

    Config = RemixConfig

    def check(self) -> None:
        if self.config.importance is not None:
            try:
                find_files(self.config.importance.patterns)
            except OSError as error:
                raise ConfigError(str(error), ("importance", "target")) from None

    def check_columns(self, known: Mapping[str, pa.DataType]) -> None:
        if self.config.curve is None:
            return
        name = self.config.curve.of
        if name not in known:
            close = near(name, known)
            message = f"there is no column {name}{f'; did you mean {close}?' if close else ''}"
            raise ConfigError(message, ("curve", "of"))
        if not (pa.types.is_integer(known[name]) or pa.types.is_floating(known[name])):
            raise ConfigError(f"{name} is {known[name]}, no number that documents can be ordered by", ("curve", "of"))

    def check_beside(self, stages: Sequence[Stage[Any]]) -> None:
        """Raises ConfigError for names of domains that no document can have, where a stage knows all values."""
        if self.config.groups is not None:
            return
        columns = by_columns(self.config.by)
        known = [set().union(*found) if (found := _values_of(name, stages)) else None for name in columns]
        small = self.config.tail.names if self.config.tail is not None else frozenset()
        for key, name in self._names():
            parts = name.split(PAIR) if len(columns) > 1 else [name]
            if name in small or len(parts) != len(columns):
                continue
            for column, values, part in zip(columns, known, parts, strict=True):
                if values is not None and part not in values and part != UNKNOWN:
                    hint = suggest(part, sorted(values)[:30])
                    raise ConfigError(f"no document can have the {column} {part}; {hint}", key)

    def domains_named(self) -> Iterator[tuple[tuple[str | int, ...], str]]:
        if by_columns(self.config.by) != ("domain",) or self.config.groups is not None:
            return
        small = self.config.tail.names if self.config.tail is not None else frozenset()
        yield from ((key, name) for key, name in self._names() if name not in small)

    def _names(self) -> Iterator[tuple[tuple[str | int, ...], str]]:
        """The domains that the settings ask something of, each with its key."""
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
        if self.config.tail is not None or self.config.groups is not None or self.config.others != "refuse":
            return
        if by_columns(self.config.by) != ("domain",):
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
                makes_artifacts=("mixture", *self._epochs("mixture"), "mixture_phases"),
                settings={"request": self._request(), "unit": "tokens" if grouping.unit == "tokens" else "bytes"},
            ),
            Phase(
                "remix.draw",
                "shards",
                run="dspipe.stages.remix.draw:draw_documents",
                title="Say how often each document is drawn",
                columns=grouping.columns,
                artifacts=self._epochs("mixture"),
                writes=(pa.field("copies", pa.int32()), pa.field(DOMAIN, pa.string()), pa.field("reason", pa.string())),
                settings=settings,
            ),
        ]

    def _grouping(self, unit: Literal["tokens", "text_bytes"]) -> Grouping:
        by_importance = self.config.importance is not None
        score = self.config.curve.of if self.config.curve is not None else None
        return Grouping(
            by=self.config.by, groups=self.config.groups, unit=unit, by_importance=by_importance, score=score
        )

    def _epochs(self, name: str) -> tuple[str, ...]:
        """The artifacts that a draw depends on."""
        return (f"{name}_epochs", *([f"{name}_scores"] if self.config.curve is not None else []))

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
                makes_artifacts=self._epochs("expected"),
                settings={"request": self._request()},
                on_demand=True,
            ),
            Phase(
                "remix.expect",
                "shards",
                run="dspipe.stages.remix.draw:expect_copies",
                title="Estimate how often each document will be drawn",
                columns=grouping.columns,
                artifacts=self._epochs("expected"),
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

    def explain(self, store: Store, run: RunFile, number: int, columns: Mapping[str, Any]) -> dict[str, str]:
        files = run.artifacts.get("mixture_epochs")
        domain = columns.get(DOMAIN)
        if not files or domain is None or columns.get("reason") not in (None, f"{self.name}.not_drawn"):
            return {}
        epochs = float(store.read_json(files[0])["epochs"].get(domain, 0.0))
        if self.config.curve is not None:
            return {f"epochs of {domain}": f"{epochs:.4g} in the mean: better documents are drawn more often"}
        whole = math.floor(epochs)
        times = f"{whole:,}" if whole == epochs else f"{whole:,} or {whole + 1:,}"
        return {f"epochs of {domain}": f"{epochs:.4g}: each document is drawn {times} times"}

    def rejudge(self, before: Self, documents: RunDocuments) -> Rejudged | None:
        if any(one.importance is not None or one.curve is not None for one in (self.config, before.config)):
            return None  # a document's likeness to the target, or its place in the order, depends on all others
        from dspipe.stages.remix.rejudge import rejudge

        unit: Literal["tokens", "text_bytes"] = "tokens" if "tokenizer" in documents.stages else "text_bytes"
        old, new = ((stage._grouping(unit), stage.config) for stage in (before, self))
        return rejudge(self.name, self.seed, old, new, documents)

    def compile_kernels(self) -> None:
        from dspipe.stages.remix.compile_kernels import compile_kernels

        compile_kernels(self.config.importance is not None)


def _values_of(column: str, stages: Sequence[Stage[Any]]) -> list[set[str]]:
    """All values that a column may have, where a stage knows them."""
    found = [stage.values_of(column) for stage in stages]
    return [set(values) for values in found if values is not None]
