"""Scores of a quality classifier, and what is kept of the whole corpus by them.

    - quality: {model: quality.bin, at_least: 0.5}
    - quality: {model: quality.bin, drop_lowest: 0.6, by: language}
    - quality: {column: edu_score, drop_lowest: 0.3}
    - quality: {model: grades.bin, ordinal: true, calibrated: true, at_least: 0.6}
    - quality: {name: quality.edu, model: edu.bin}

The model is a fastText classifier such as `dspipe classifier train` makes, or DCLM's (Li et al., "DataComp-LM", 2024,
section 4.4, which keeps the top 10 %). A threshold by value looks at each document alone; a quantile looks at all that
are still kept, per language if wanted: scores of different languages are not comparable, so that one threshold for all
would choose between languages (CCNet, Wenzek et al., 2020, LM filtering). The stage may stand any number of times, each
under a name of its own, with a model of its own: `ensemble` puts the scores on one scale.
"""

from collections.abc import Iterator, Mapping
from dataclasses import replace
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Literal, Self

from pydantic import Field, NonNegativeInt, model_validator

from dspipe.pipeline.config.suggestions import near
from dspipe.pipeline.environment import FilePath
from dspipe.pipeline.errors import ConfigError
from dspipe.pipeline.rejudging import Rejudged, RunDocuments
from dspipe.pipeline.stage import NOTHING, Corpus, GlobalStage, NamedConfig, Phase, Settings
from dspipe.pipeline.threshold import Threshold
from dspipe.stages.quality.calibration import Calibration, path_beside, read_calibration
from dspipe.stages.quality.quantile_steps import columns_read
from dspipe.stages.quality.scores import levels_of, score_texts
from dspipe.stages.shared.fasttext_models import check_label, find_model, load_classifier
from dspipe.stages.shared.loaded import sha256_once
from dspipe.stages.shared.quantiles import groups_of

if TYPE_CHECKING:
    import pyarrow as pa

    from dspipe.kernels.fasttext.classify import Classifier

Score = Annotated[float, Field(allow_inf_nan=False)]
Share = Annotated[float, Field(ge=0, lt=1)]
_STEPS = "dspipe.stages.quality.quantile_steps"
_LOWEST = -3.4028234663852886e38
"""the least float32"""


class QualityConfig(NamedConfig):
    """Settings of `quality`."""

    model: FilePath | None = None
    """Path of a supervised fastText model (.bin or .ftz)."""

    column: str | None = None
    """Instead of a model: a column of numbers that documents have already, of their source's files or of `annotate`."""

    label: str = "positive"
    """The label whose probability is the score (`hq` for DCLM's classifier)."""

    ordinal: bool = False
    """The model's labels are grades from 0 to the highest: the score is the expected grade as a share of that."""

    calibrated: bool = False
    """Scores as `dspipe classifier calibrate` maps them, by the file beside the model."""

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
        if self.ordinal and "label" in self.model_fields_set:
            raise ValueError("label: of an ordinal model's labels none is the score")
        if self.column is not None and (self.ordinal or self.calibrated):
            raise ValueError("ordinal and calibrated are of a model's scores, not of a column's")
        least = self.at_least.values() if isinstance(self.at_least, dict) else [self.at_least]
        if self.model is not None and any(score is not None and not 0 <= score <= 1 for score in least):
            raise ValueError("a model's scores are from 0 to 1, and so is at_least")
        return self


class QualityStage(GlobalStage[QualityConfig]):
    """Adds a column of its name, `quality` by default (float32, null where the model knows nothing of a text: such
    documents count as 0). Drops with `<name>.low_score` and `<name>.low_quantile`. With `column` it adds none, and
    documents without a score count as lower than any."""

    Config = QualityConfig

    def check(self) -> None:
        if self.config.model is not None:
            self._check_labels()
            _ = self._calibration
        elif self.config.at_least is None and self.config.drop_lowest is None:
            raise ConfigError("does nothing with the column: give `at_least` or `drop_lowest`", ("column",))

    def check_columns(self, known: "Mapping[str, pa.DataType]") -> None:
        import pyarrow as pa

        if self._calibration is not None and self._calibration.by not in known:
            raise ConfigError(
                f"the calibration is by {self._calibration.by}, a column that isn't there", ("calibrated",)
            )
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

        return () if self.config.column is not None else (pa.field(self.name, pa.float32()),)

    @property
    def measures(self) -> bool:
        return self.config.column is None

    def measure_settings(self) -> Settings:
        reading = self.config.model_dump(mode="json", include={"label", "prefix_bytes"})
        # left out where they aren't set, so that scores made before there were these settings still count
        if self.config.ordinal:
            reading = {"ordinal": True, "prefix_bytes": self.config.prefix_bytes}
        if self._calibration is not None:
            reading["calibration"] = sha256_once(path_beside(self._model_path))
        return {"model": sha256_once(self._model_path), **reading}

    def set_up(self) -> None:
        _ = self._classifier, self._calibration

    def measure(self, batch: "pa.RecordBatch") -> "pa.RecordBatch":
        import numpy as np
        import pyarrow as pa

        from dspipe.kernels.arrow import text_buffers

        label = None if self.config.ordinal else self.config.label
        scores = score_texts(self._classifier, *text_buffers(batch.column("text")), self.config.prefix_bytes, label)
        unknown = np.isnan(scores)
        if (calibration := self._calibration) is not None:
            scores = calibration.of(scores, groups_of(batch, calibration.by))
        return batch.append_column(pa.field(self.name, pa.float32()), pa.array(scores, pa.float32(), mask=unknown))

    def thresholds(self, notes: Settings = NOTHING) -> Iterator[Threshold]:
        column, null = self._scores
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
        column, null = self._scores
        given = self.config.model_dump(mode="json", include={"at_least", "drop_lowest", "by"})
        return {**given, "column": column, "null_counts_as": null}

    @property
    def _scores(self) -> tuple[str, float]:
        """The column with the scores, and what a document without one counts as: of a model's it is nothing that the
        model knows, and 0; of a column given, whose scale may go below 0, less than any."""
        return (self.name, 0.0) if self.config.column is None else (self.config.column, _LOWEST)

    @cached_property
    def _model_path(self) -> Path:
        return find_model(self.config.model or "")

    @cached_property
    def _classifier(self) -> "Classifier":
        return load_classifier(self._model_path)

    @cached_property
    def _calibration(self) -> Calibration | None:
        if not self.config.calibrated:
            return None
        label = None if self.config.ordinal else self.config.label
        return read_calibration(self._model_path, sha256_once(self._model_path), label)

    def _check_labels(self) -> None:
        labels = self._classifier.labels
        if not self.config.ordinal:
            check_label(self._classifier, self.config.label)
        elif levels_of(labels) is None:
            raise ConfigError(f"the model's labels are no grades from 0: {', '.join(labels[:8])}", ("ordinal",))


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
