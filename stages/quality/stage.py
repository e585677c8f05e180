"""Scores of a quality classifier, and what is kept of the whole corpus by them.

    - quality: {model: quality.bin, at_least: 0.5}
    - quality: {model: quality.bin, drop_lowest: 0.6, by: language}
    - quality: {column: edu_score, drop_lowest: 0.3}

The model is a fastText classifier such as `dspipe classifier train` makes, or DCLM's (Li et al., "DataComp-LM", 2024,
section 4.4, which keeps the top 10 %). A threshold by value looks at each document alone; a quantile looks at all that
are still kept, per language if wanted: scores of different languages are not comparable, so that one threshold for all
would choose between languages (CCNet, Wenzek et al., 2020, LM filtering).
"""

from collections.abc import Iterator, Mapping
from dataclasses import replace
from functools import cached_property
from typing import TYPE_CHECKING, Annotated, Literal, Self

from pydantic import Field, NonNegativeInt, model_validator

from dspipe.pipeline.config.suggestions import near
from dspipe.pipeline.errors import ConfigError
from dspipe.pipeline.rejudging import Rejudged, RunDocuments
from dspipe.pipeline.stage import NOTHING, Corpus, GlobalStage, Phase, Settings, StageConfig
from dspipe.pipeline.threshold import Threshold
from dspipe.stages.quality.quantile_steps import columns_read, score_column
from dspipe.stages.shared.fasttext_models import check_label, find_model, load_classifier
from dspipe.stages.shared.loaded import sha256_once

if TYPE_CHECKING:
    import pyarrow as pa

    from dspipe.kernels.fasttext.classify import Classifier

Score = Annotated[float, Field(allow_inf_nan=False)]
Share = Annotated[float, Field(ge=0, lt=1)]
_STEPS = "dspipe.stages.quality.quantile_steps"


class QualityConfig(StageConfig):
    """Settings of `quality`."""

    model: str | None = None
    """Path of a supervised fastText model (.bin or .ftz)."""

    column: str | None = None
    """Instead of a model: a column of numbers that documents have already, of their source's files or of `annotate`."""

    label: str = "positive"
    """The label whose probability is the score (`hq` for DCLM's classifier)."""

    prefix_bytes: NonNegativeInt = 0
    """Score about this many bytes of a longer document; 0 reads all of it."""

    at_least: Score | dict[str, Score] | None = None
    """Keep scores from this value, which is from 0 to 1 for a model's; or values per language, `"*"` for the others
    (without it they are kept)."""

    drop_lowest: Share | dict[str, Share] | None = None
    """Drop this share of the documents that are still kept, those with the lowest scores; or shares per group."""

    by: Literal["all", "language", "domain", "dump"] = "all"
    """The groups whose own quantiles `drop_lowest` takes: the whole corpus, or one column's values."""

    @model_validator(mode="after")
    def _groups_are_named_with_by(self) -> "QualityConfig":
        if isinstance(self.drop_lowest, dict) and self.by == "all":
            raise ValueError("drop_lowest per group needs `by`")
        return self

    @model_validator(mode="after")
    def _a_model_or_a_column(self) -> "QualityConfig":
        if (self.model is None) == (self.column is None):
            raise ValueError("give either `model`, which scores texts, or `column`, which has scores already")
        least = self.at_least.values() if isinstance(self.at_least, dict) else [self.at_least]
        if self.model is not None and any(score is not None and not 0 <= score <= 1 for score in least):
            raise ValueError("a model's scores are from 0 to 1, and so is at_least")
        return self


class QualityStage(GlobalStage[QualityConfig]):
    """Adds `quality` (float32, null where the model knows nothing of a text: such documents count as 0). Drops with
    `quality.low_score` and `quality.low_quantile`. With `column` it adds none, and documents without a score count as
    lower than any."""

    Config = QualityConfig

    def check(self) -> None:
        if self.config.model is not None:
            check_label(self._classifier, self.config.label)
        elif self.config.at_least is None and self.config.drop_lowest is None:
            raise ConfigError("does nothing with the column: give `at_least` or `drop_lowest`", ("column",))

    def check_columns(self, known: "Mapping[str, pa.DataType]") -> None:
        import pyarrow as pa

        if (name := self.config.column) is None:
            return
        if name not in known:
            close = near(name, known)
            raise ConfigError(f"there is no column {name}{f'; did you mean {close}?' if close else ''}", ("column",))
        kind = known[name]
        if not (pa.types.is_integer(kind) or pa.types.is_floating(kind)):
            raise ConfigError(f"{name} is {kind}, no number", ("column",))

    def measured_columns(self) -> "tuple[pa.Field, ...]":
        import pyarrow as pa

        return () if self.config.column is not None else (pa.field("quality", pa.float32()),)

    @property
    def measures(self) -> bool:
        return self.config.column is None

    def measure_settings(self) -> Settings:
        reading = self.config.model_dump(mode="json", include={"label", "prefix_bytes"})
        return {"model": sha256_once(find_model(self.config.model or "")), **reading}

    def set_up(self) -> None:
        _ = self._classifier

    def measure(self, batch: "pa.RecordBatch") -> "pa.RecordBatch":
        import pyarrow as pa

        from dspipe.kernels.arrow import text_buffers

        data, offsets = text_buffers(batch.column("text"))
        found = self._classifier.predict(data, offsets, self.config.prefix_bytes, label=self.config.label)
        return batch.append_column(
            pa.field("quality", pa.float32()), pa.array(found.score, pa.float32(), mask=found.label < 0)
        )

    def thresholds(self, notes: Settings = NOTHING) -> Iterator[Threshold]:
        column, null = score_column(self.config.column)
        least, by = self.config.at_least, self.config.by
        for key, value, values in _by_group("at_least", least):
            languages = ("language",) if values else ()
            yield Threshold(
                key, column, "at least", f"{self.name}.low_score", value, languages, values, null_counts_as=null
            )
        # the run's own quantiles, by group
        lowest = notes.get("thresholds") if self.config.drop_lowest is not None else None
        if lowest is not None:
            value, groups = (lowest.get("all"), {}) if by == "all" else (None, lowest)
            yield Threshold(
                ("drop_lowest",),
                column,
                "at least",
                f"{self.name}.low_quantile",
                value,
                (by,) if groups else (),
                groups,
                null_counts_as=null,
                found=True,
            )

    def phases(self, corpus: Corpus) -> list[Phase]:
        import pyarrow as pa

        settings = self._deciding
        if settings["at_least"] is None and settings["drop_lowest"] is None:
            return []
        columns = ("reason", *columns_read(settings))
        judge = Phase(
            f"{self.name}.judge",
            "shards",
            run=f"{_STEPS}:judge",
            title="Drop documents with low scores",
            settings=settings,
            columns=columns,
            writes=(pa.field("reason", pa.string()),),
        )
        if self.config.drop_lowest is None:
            return [judge]
        scores, thresholds = f"{self.name}.scores", f"{self.name}.thresholds"
        return [
            Phase(
                scores,
                "shards",
                run=f"{_STEPS}:count_scores",
                title="Count the documents by score",
                settings=settings,
                columns=columns,
                makes_artifacts=(scores,),
            ),
            Phase(
                thresholds,
                "once",
                run=f"{_STEPS}:find_thresholds",
                title="Find the scores below which the wanted share lies",
                settings=settings,
                artifacts=(scores,),
                makes_artifacts=(thresholds,),
            ),
            replace(judge, artifacts=(thresholds,)),
        ]

    def rejudge(self, before: Self, documents: RunDocuments) -> Rejudged:
        from dspipe.stages.quality.rejudge import rejudge

        return rejudge(self.name, before._deciding, self._deciding, documents)

    @property
    def _deciding(self) -> Settings:
        return self.config.model_dump(mode="json", include={"at_least", "drop_lowest", "by", "column"})

    @cached_property
    def _classifier(self) -> "Classifier":
        return load_classifier(find_model(self.config.model or ""))


def _by_group(
    name: str, setting: float | dict[str, float] | None
) -> Iterator[tuple[tuple[str, ...], float | None, dict[str, float | None]]]:
    """A setting that is a number, or one for each language and one for the others: the key of each number, the number,
    and the languages that it is for, or not for."""
    if not isinstance(setting, dict):
        yield (name,), setting, {}
        return
    for group, number in setting.items():
        if group == "*":
            yield (name, group), number, {other: None for other in setting if other != "*"}
        else:
            yield (name, group), None, {group: number}
