"""Remix: how often each document is seen, so that the domains have the wanted parts of all tokens.

    remix: {by: domain, weights: {web: 0.6, books: 0.2, code: 0.2}, max_epochs: 4, tokens: 2e12}

`count` counts each domain's documents and tokens, `plan` works out the mixture (`stages.mixture`) and keeps it as a
small JSON file, `draw` gives each document its number of copies. Tokens are the tokenizer's; in a config without a
tokenizer they are bytes of text. End-of-document tokens, which pack adds, are not counted.
"""

import json
from collections.abc import Iterator
from typing import TYPE_CHECKING, Annotated, Any, Literal

from pydantic import BeforeValidator, Field, PositiveFloat, model_validator

from pipeline.stage import ConfigError, Corpus, GlobalStage, Phase, Settings, StageConfig

if TYPE_CHECKING:
    import numpy as np
    import numpy.typing as npt
    import pyarrow as pa

    from pipeline.task import Task

UNKNOWN = "unknown"
"""The domain of documents whose column is null."""

PLACE = "remix.place"
"""The column with a document's place on its domain's axis, where that comes of its importance."""

DOMAIN = "remix.domain"
"""The column with the domain that a document was drawn as."""


def _number(value: Any) -> Any:
    # YAML reads 2e12 as a string (it wants 2.0e+12)
    if isinstance(value, str):
        return float(value.replace("_", ""))
    return value


Number = Annotated[float, BeforeValidator(_number), Field(gt=0, allow_inf_nan=False)]
Weight = Annotated[float, BeforeValidator(_number), Field(ge=0, allow_inf_nan=False)]


class Mixture(StageConfig):
    """One way to weigh domains. With none of the four, domains keep their natural parts."""

    weights: dict[str, Weight] | None = None
    """Parts of the tokens by domain; they sum to 1. A wish to be met or refused."""
    multipliers: dict[str, Weight] | None = None
    """How often each domain is seen compared with the others, 1 where not named. A wish to be met or refused."""
    temperature: PositiveFloat | None = None
    """Parts in proportion to tokens ** (1 / temperature); above 1 small domains get more. Bends to max_epochs."""
    unimax: bool = False
    """Equal parts as far as max_epochs allows (Chung et al. 2023)."""

    @model_validator(mode="after")
    def _one_way(self) -> "Mixture":
        given = [name for name in ("weights", "multipliers", "temperature") if getattr(self, name) is not None]
        given += ["unimax"] if self.unimax else []
        if len(given) > 1:
            raise ValueError(f"give one of {', '.join(given)}")
        return self


class Part(Mixture):
    """A part of the training run, by its share of the tokens."""

    share: Annotated[float, Field(gt=0, le=1)]


class Importance(StageConfig):
    """Within each domain, documents that look like examples of a target are drawn first (DSIR; Xie et al. 2023)."""

    target: str | list[str]
    """Files with examples: .jsonl or .parquet with a field `text`, or plain text; patterns are allowed."""
    buckets: Annotated[int, Field(ge=16, le=1 << 24)] = 10_000
    """Buckets that n-grams are hashed into; the paper's number."""

    @property
    def patterns(self) -> list[str]:
        """The patterns of the examples' files."""
        return [self.target] if isinstance(self.target, str) else self.target


class Config(Mixture):
    """Settings of `remix`."""

    by: str = "domain"
    """The column that says a document's domain (`domain`, `source`, `language`, a classifier's label, ...), or `host`
    for the host of its `url`."""
    groups: dict[str, list[str]] | None = None
    """Domains as lists of the column's values (lists of hosts, say); any other value is `other`."""
    max_epochs: Annotated[float, BeforeValidator(_number), Field(gt=0)] | dict[str, Number] = 4.0
    """How often a domain may be seen, for all or by domain. Up to four epochs are almost as good as fresh data
    (Muennighoff et al. 2023, "Scaling data-constrained language models")."""
    tokens: Number | None = None
    """The budget. Default: all that is there, or less where max_epochs says so."""
    min_tokens: dict[str, Number] = Field(default_factory=dict)
    """Tokens that rare domains get at least, over the whole run."""
    others: Literal["refuse", "drop"] = "refuse"
    """What to do with domains that `weights` doesn't name."""
    importance: Importance | None = None
    """Which documents are drawn where not all are. Default: any, by a hash of their ids."""
    phases: list[Part] | None = None
    """Mixtures one after the other along the run, instead of one; their shares sum to 1."""

    @model_validator(mode="after")
    def _phases(self) -> "Config":
        if self.phases is None:
            return self
        if self.importance is not None:
            raise ValueError("importance goes with one mixture, not with phases")
        if any((self.weights, self.multipliers, self.temperature, self.unimax)):
            raise ValueError("with phases, the mixture is given in each of them")
        total = sum(part.share for part in self.phases)
        if abs(total - 1) > 1e-6:
            raise ValueError(f"the phases' shares must sum to 1, they sum to {total:g}")
        return self


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
        key = "url" if self.config.by == "host" else self.config.by
        place = () if self.config.importance is None else (PLACE,)
        columns = tuple(dict.fromkeys(("id", key, unit, "reason", *place)))
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
        import numpy as np
        import pyarrow.compute as pc

        from kernels.arrow import text_buffers
        from kernels.importance import count_features
        from kernels.units import characters

        assert self.config.importance is not None
        counts = np.zeros(self.config.importance.buckets, np.int64)
        for batch in task.rows(["text", "reason"]):
            kept = batch.column("text").filter(pc.is_null(batch.column("reason")))
            count_features(*text_buffers(kept), characters(), counts)
            task.progress(documents=batch.num_rows, bytes=batch.nbytes)
        with task.make("features", ".bin") as file:
            file.write(counts.astype("<i8").tobytes())

    def ratios(self, task: "Task") -> None:
        """How much more often each bucket occurs in the target than in the corpus."""
        import numpy as np

        from stages.packing.importance import log_ratios, target_counts, target_files
        from tokenizer.text_files import TextFileError

        assert self.config.importance is not None
        corpus = np.zeros(self.config.importance.buckets, np.int64)
        for artifact in task.artifact("features"):
            corpus += np.frombuffer(artifact.read(), "<i8")
        try:
            target = target_counts(target_files(self.config.importance.patterns), len(corpus))
        except (TextFileError, OSError) as error:
            raise ConfigError(str(error), ("importance", "target")) from None
        if not target.any():
            raise ConfigError("the examples of the target hold no words", ("importance", "target"))
        with task.make("ratios", ".bin") as file:
            file.write(log_ratios(target, corpus).astype("<i8").tobytes())

    def weigh(self, task: "Task") -> None:
        """Each document's log weight, and the place on its domain's axis that comes of it."""
        import numpy as np
        import pyarrow as pa

        from kernels.arrow import text_buffers
        from kernels.importance import sum_features
        from kernels.pack import hash_strings
        from kernels.units import characters
        from stages.packing.importance import SCALE, importance_places

        ratios = np.frombuffer(task.artifact("ratios")[0].read(), "<i8").astype(np.int64)
        for batch in task.rows(["id", "text", "reason"]):
            weights = sum_features(*text_buffers(batch.column("text")), characters(), ratios)
            hashes = hash_strings(*text_buffers(batch.column("id")), np.uint64(self.seed & (1 << 64) - 1))
            columns = [pa.array(importance_places(hashes, weights)), pa.array(weights / SCALE)]
            task.write(pa.RecordBatch.from_arrays(columns, names=[PLACE, "remix.log_weight"]))
            task.progress(documents=batch.num_rows, bytes=batch.nbytes)

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

        counts = DomainCounts(BINS if self.config.importance is None else importance.BINS)
        for batch, names, codes, places in self._documents(task):
            kept = batch.column("reason").is_null().to_numpy(zero_copy_only=False)
            try:
                counts.add(names, codes[kept], places[kept], _tokens(batch, _unit(task))[kept])
            except TooManyDomains as error:
                raise ConfigError(f"{self.config.by!r} has {error}; group them", ("by",)) from None
        with task.make("domains") as file:
            entries = {"unit": _unit(task), "bins": counts.bins, "domains": counts.as_json()}
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

        plan = json.loads(task.artifact("mixture")[0].read())
        ends = {entry["domain"]: entry["edges"][-1] for entry in plan["domains"]}
        for batch, names, codes, places in self._documents(task):
            tokens = _tokens(batch, _unit(task))
            reason = batch.column("reason")
            kept = reason.is_null().to_numpy(zero_copy_only=False)
            edges = np.array([ends.get(name, 0.0) for name in names], float)
            copies = mixture.copies_of(places, edges[codes]) * kept
            task.count("copies_drawn", int(copies.sum()))
            task.count("tokens_drawn", int((copies * tokens).sum()))
            left = pa.array(kept & (copies == 0))
            domains = pa.DictionaryArray.from_arrays(pa.array(codes), pa.array(names, pa.string())).cast(pa.string())
            task.write(
                pa.RecordBatch.from_arrays(
                    [
                        pa.array(copies.astype(np.int32)),
                        domains,
                        pc.if_else(left, f"{self.name}.not_drawn", reason),
                    ],
                    names=["copies", DOMAIN, "reason"],
                )
            )

    def _documents(
        self, task: "Task"
    ) -> "Iterator[tuple[pa.RecordBatch, list[str], npt.NDArray[np.int64], npt.NDArray[np.float64]]]":
        """Batches of the shard, their domains' names, the domain of each row, and its place on the domain's axis."""
        import numpy as np
        import pyarrow.compute as pc

        from kernels.arrow import text_buffers
        from kernels.pack import hash_strings
        from stages.mixture import places as places_of

        key = "url" if self.config.by == "host" else self.config.by
        unit = _unit(task)
        place = [] if self.config.importance is None else [PLACE]
        group_of = {value: name for name, values in (self.config.groups or {}).items() for value in values}
        for batch in task.rows(list(dict.fromkeys(("id", key, *place, unit, "reason")))):
            column = batch.column(key)
            if self.config.by == "host":
                column = host(column)
            encoded = pc.fill_null(column.cast("string"), UNKNOWN).dictionary_encode()
            values = encoded.dictionary.to_pylist()
            if self.config.groups is not None:
                values = [group_of.get(value, "other") for value in values]
            names = sorted(set(values))
            codes = np.array([names.index(value) for value in values], np.int64)[encoded.indices.to_numpy()]
            if place:
                places = batch.column(PLACE).to_numpy()
            else:
                hashes = hash_strings(*text_buffers(batch.column("id")), np.uint64(self.seed & (1 << 64) - 1))
                places = places_of(hashes)
            yield batch, names, codes, places


def _unit(task: "Task") -> str:
    """What is counted: `tokens`, or `text_bytes` in a config without a tokenizer."""
    return "tokens" if "tokens" in task.spec.columns else "text_bytes"


def _tokens(batch: "pa.RecordBatch", unit: str) -> "npt.NDArray[np.int64]":
    import numpy as np

    values: npt.NDArray[np.int64] = batch.column(unit).to_numpy(zero_copy_only=False).astype(np.int64)
    return values


def host(urls: "pa.Array") -> "pa.Array":
    """The hosts of URLs in lower case, without user and port; null where there is none."""
    import pyarrow.compute as pc

    found = pc.extract_regex(urls, r"^[a-zA-Z][a-zA-Z0-9+.-]*://(?:[^/?#@]*@)?(?P<host>[^/:?#]+)")
    return pc.utf8_lower(pc.struct_field(found, "host"))
