"""Several judges on one scale: ranks within the corpus, or within each topic and language, put together into buckets.

    - ensemble: {name: rank, of: [quality.edu, quality.dclm], how: max, buckets: 20}
    - ensemble: {name: rank, of: [quality.edu, quality.science], within: [topic, language], keep_from: 9}

Scores of different classifiers have different scales, and those of different languages too; ranks have one. Of each
column in `of` a document's rank is the share of the text that is still kept, in its group, that stands below it
(equal scores share the middle of their mass); the ranks are put together; and what comes out is ranked once more, so
that each of the `buckets` holds as much text. Nemotron-CC (Su et al., 2024, section 2.2) takes the maximum of three
classifiers' ranks in 20 buckets so.

Adds `<name>` (float32, the rank from 0 to 1), `<name>.bucket` (int32, 1 to `buckets`, the best last); both null for
what was dropped before. The scores themselves stay beside them. A document without a score counts as the lowest.

Ranks are exact to the width of a histogram's bins (2^-16 for scores of 0.5 to 1): shards count, one task adds up.
"""

from collections.abc import Mapping, Sequence
from typing import Any, Literal, Self

import pyarrow as pa
from pydantic import Field, model_validator

from dspipe.pipeline.errors import ConfigError
from dspipe.pipeline.rejudging import Rejudged, RunDocuments
from dspipe.pipeline.stage import Corpus, GlobalStage, NamedConfig, Phase, Settings, Stage

_STEPS = "dspipe.stages.ensemble.steps"


class EnsembleConfig(NamedConfig):
    """Settings of `ensemble`."""

    of: tuple[str, ...] = Field(min_length=1)
    """Numeric columns, higher is better."""

    how: Literal["max", "mean", "weighted"] = "max"
    """How a document's ranks are put together: the best one, their mean, or by `weights`."""

    weights: tuple[float, ...] | None = None
    """With `how: weighted`, the part of each column in `of`, in their order."""

    within: tuple[str, ...] = ()
    """Columns whose values are the groups in which documents are ranked. Default: the whole corpus."""

    unit: Literal["bytes", "tokens", "documents"] = "bytes"
    """What equal buckets hold equally much of. Tokens are known where a `tokenizer` has counted them."""

    buckets: int = Field(default=20, ge=2, le=1000)
    """How many buckets there are."""

    keep_from: int | None = Field(default=None, ge=1)
    """Drop what is in lower buckets than this one. Default: nothing."""

    @model_validator(mode="after")
    def _parts_fit(self) -> "EnsembleConfig":
        if (self.how == "weighted") != (self.weights is not None):
            raise ValueError("`how: weighted` and `weights` go together")
        if self.weights is not None and (len(self.weights) != len(self.of) or min(self.weights) <= 0):
            raise ValueError(f"weights: expected {len(self.of)} numbers above 0, one for each column in `of`")
        if self.keep_from is not None and self.keep_from > self.buckets:
            raise ValueError(f"keep_from: there are {self.buckets} buckets")
        if len(set(self.of)) < len(self.of):
            raise ValueError("of: a column is named twice")
        return self


def columns_read(settings: Settings) -> tuple[str, ...]:
    """The columns that documents are ranked by. Settings: of, within, unit."""
    weight = {"bytes": ["text_bytes"], "tokens": ["tokens"], "documents": []}[settings["unit"]]
    return tuple(dict.fromkeys(["reason", *settings["of"], *settings["within"], *weight]))


class EnsembleStage(GlobalStage[EnsembleConfig]):
    """Drops with `ensemble.low_bucket`."""

    Config = EnsembleConfig

    def check_beside(self, stages: Sequence[Stage[Any]]) -> None:
        for key, names in (("of", self.config.of), ("within", self.config.within)):
            for index, name in enumerate(names):
                if name == self.name or name.startswith(f"{self.name}."):
                    raise ConfigError(f"{name} is what this stage makes", (key, index))

    def check_columns(self, known: Mapping[str, pa.DataType]) -> None:
        for index, name in enumerate(self.config.of):
            if name in known and not (pa.types.is_integer(known[name]) or pa.types.is_floating(known[name])):
                message = f"{name} is {known[name]}, no number that documents can be ranked by"
                raise ConfigError(message, ("of", index))

    def phases(self, corpus: Corpus) -> list[Phase]:
        settings = self.config.model_dump(mode="json", exclude={"name"})
        columns = columns_read(settings)
        counting = {name: settings[name] for name in ("of", "within", "unit")}
        combining = {**counting, "how": settings["how"], "weights": settings["weights"]}
        combined = pa.field(f"{self.name}.combined", pa.float32())
        writes = [pa.field(self.name, pa.float32()), pa.field(f"{self.name}.bucket", pa.int32())]
        writes += [pa.field("reason", pa.string())] if self.config.keep_from is not None else []
        return [
            self._phase("scores", "shards", "count_scores", "Count the text by each score", counting, columns),
            self._phase("ranks", "once", "add_up", "Add up", {"what": "scores"}),
            self._phase(
                "combine",
                "shards",
                "combine_ranks",
                "Put each document's ranks together",
                combining,
                columns,
                (combined,),
            ),
            self._phase("cuts", "once", "add_up", "Add up what came out", {"what": "combine"}),
            self._phase(
                "buckets",
                "shards",
                "write_buckets",
                "Rank and bucket each document",
                {name: settings[name] for name in ("within", "buckets", "keep_from")},
                ("reason", combined.name, *self.config.within),
                tuple(writes),
            ),
        ]

    def rejudge(self, before: Self, documents: RunDocuments) -> Rejudged:
        from dspipe.stages.ensemble.rejudge import rejudge

        return rejudge(self.name, self.config.model_dump(mode="json", exclude={"name"}), documents)

    def _phase(
        self,
        word: str,
        over: Literal["shards", "once"],
        run: str,
        title: str,
        settings: dict[str, Any],
        columns: tuple[str, ...] = (),
        writes: tuple[pa.Field, ...] = (),
    ) -> Phase:
        reads = {"ranks": "scores", "combine": "ranks", "cuts": "combine", "buckets": "cuts"}
        return Phase(
            f"{self.name}.{word}",
            over,
            run=f"{_STEPS}:{run}",
            title=title,
            settings=settings,
            columns=columns,
            artifacts=(f"{self.name}.{reads[word]}",) if word in reads else (),
            writes=writes,
            makes_artifacts=() if word == "buckets" else (f"{self.name}.{word}",),
        )
