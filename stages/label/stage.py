"""Labels of a classifier as a column of their own: topics, formats, kinds of text.

    - label: {name: topic, model: topics.bin, at_least: 0.3, otherwise: other}
    - label: {name: format, model: formats.bin}
    - label: {name: edu, engine: transformers, model: fineweb-edu-classifier, windows: [start, middle, end]}

Adds `<name>` (string) and `<name>.score` (float32, the label's probability), both null where a text has no feature that
the model knows, and drops nothing: filters, quantiles and `remix: {by: topic}` read the column. A regression (a head of
one output) has no labels: it adds `<name>.score` alone, the value as it comes out. The stage may stand any number of
times, each under a name of its own. WebOrganizer (Wettig et al., "Organize the Web", 2025) labels pages so by 24 topics
and 24 formats, and OLMo 3 mixes by its topics.

The engine `transformers` takes ten thousand times the CPU time of `fasttext`, and measures only what is still kept:
behind deduplication and filters the texts are read once more for it.
"""

from collections.abc import Collection, Sequence
from functools import cached_property
from typing import TYPE_CHECKING, Annotated, Any, Literal

from pydantic import Field, NonNegativeInt, PositiveInt, model_validator

from dspipe.pipeline.config.suggestions import suggest
from dspipe.pipeline.environment import FilePath
from dspipe.pipeline.errors import ConfigError
from dspipe.pipeline.stage import MapStage, NamedConfig, Settings, Stage
from dspipe.stages.label.fasttext_engine import FastTextEngine
from dspipe.stages.label.transformers_engine import Reading, TransformersEngine
from dspipe.stages.label.windows import Place

if TYPE_CHECKING:
    import pyarrow as pa

_OF_FASTTEXT = frozenset({"prefix_bytes"})
_OF_TRANSFORMERS = frozenset({"windows", "window_tokens", "join", "batch", "device", "dtype", "gpus"})


class LabelConfig(NamedConfig):
    """Settings of `label`."""

    engine: Literal["fasttext", "transformers"] = "fasttext"
    """`fasttext`, or a sequence classifier of the library transformers (`pip install 'dspipe[transformers]'`)."""

    model: FilePath
    """Path of a supervised fastText model (.bin or .ftz); with `engine: transformers` of a folder with config.json,
    tokenizer.json and weights as safetensors."""

    at_least: float = Field(default=0, ge=0, le=1)
    """A label with a lower score is `otherwise`."""

    otherwise: str = Field(default="other", min_length=1)
    """What documents are called whose best label has a score below `at_least`; their score stays that of the label."""

    labels: list[str] | None = None
    """The labels that this config counts on; that the model has these and no others is checked before any work.
    Default: whichever it has."""

    prefix_bytes: NonNegativeInt = 0
    """fastText: read about this many bytes of a longer document; 0 reads all of it."""

    windows: Annotated[tuple[Place, ...], Field(min_length=1)] = ("start",)
    """transformers: the parts of a long text that are read, of `start`, `middle` and `end`."""

    window_tokens: Annotated[PositiveInt, Field(ge=16)] = 512
    """transformers: how long a window is at most, special tokens among them."""

    join: Literal["mean", "max"] = "mean"
    """transformers: what a document's probabilities, or its value, are of those of its windows."""

    batch: PositiveInt = 8
    """transformers: windows that go through the model at a time; each batch is filled up to it. 64 or more on a GPU."""

    device: Literal["auto", "cpu", "cuda"] = "auto"
    """transformers: where the model computes; `auto` takes a GPU where a worker sees one. Results of devices differ in
    their last bits."""

    dtype: Literal["float32", "bfloat16"] = "float32"
    """transformers: the numbers that it computes with."""

    gpus: float | None = Field(default=None, ge=0, le=1)
    """transformers: what a task reserves of a GPU on a Ray cluster, `0.25` for four tasks on each. Default: 1 with
    `device: cuda`, else nothing, and such tasks see no GPU there."""

    @model_validator(mode="after")
    def _otherwise_is_used(self) -> "LabelConfig":
        if self.at_least == 0 and "otherwise" in self.model_fields_set:
            raise ValueError("otherwise: no label is below at_least: 0; set at_least")
        return self

    @model_validator(mode="after")
    def _settings_are_the_engines(self) -> "LabelConfig":
        others = _OF_TRANSFORMERS if self.engine == "fasttext" else _OF_FASTTEXT
        for name in sorted(others & self.model_fields_set):
            other = "transformers" if self.engine == "fasttext" else "fasttext"
            raise ValueError(f"{name}: a setting of `engine: {other}`, and this is {self.engine}")
        if len(set(self.windows)) < len(self.windows):
            raise ValueError("windows: one is named twice")
        if self.device == "cpu" and self.gpus:
            raise ValueError("gpus: `device: cpu` needs none")
        return self


class LabelStage(MapStage[LabelConfig]):
    """Adds the label and its score."""

    Config = LabelConfig

    @property
    def measures_kept_only(self) -> bool:
        return self.config.engine == "transformers"

    @property
    def gpus(self) -> float:
        if self.config.gpus is not None:
            return self.config.gpus
        return 1.0 if self.config.device == "cuda" else 0.0

    def check(self) -> None:
        if isinstance(self._engine, TransformersEngine):
            self._engine.check()
        has, wanted = set(self._engine.labels), self.config.labels
        if not has:
            self._check_regression()
        if wanted is None or set(wanted) == has:
            return
        missing, more = sorted(set(wanted) - has), sorted(has - set(wanted))
        said = [f"the model doesn't have {', '.join(missing)}"] if missing else []
        said += [f"the model has {', '.join(more[:8])} besides"] if more else []
        raise ConfigError("; ".join(said), ("labels",))

    def check_machine(self) -> None:
        if isinstance(self._engine, TransformersEngine):
            self._engine.check_machine()

    def check_beside(self, stages: Sequence[Stage[Any]]) -> None:
        known = self._values
        for stage in stages:
            for name in stage.concerns.get(self.name, ()):
                if name not in known:
                    hint = suggest(name, sorted(known)[:20])
                    raise ConfigError(f"{stage.name} is for the {self.name} {name}, a label the model hasn't; {hint}")

    def values_of(self, column: str) -> Collection[str] | None:
        return self._values if column == self.name and self._engine.labels else None

    def measured_columns(self) -> "tuple[pa.Field, ...]":
        import pyarrow as pa

        score = pa.field(f"{self.name}.score", pa.float32())
        return (pa.field(self.name, pa.string()), score) if self._has_labels else (score,)

    def measure_settings(self) -> Settings:
        fields = {"at_least", "otherwise"}
        if self.config.engine == "fasttext":
            return {"model": self._engine.digest(), **self._settings(fields | _OF_FASTTEXT)}
        # what is reserved changes no result
        return {"model": self._engine.digest(), **self._settings(fields | _OF_TRANSFORMERS - {"gpus"})}

    def set_up(self) -> None:
        self._engine.set_up()

    def measure(self, batch: "pa.RecordBatch") -> "pa.RecordBatch":
        import numpy as np
        import pyarrow as pa

        found, labels = self._engine.judge(batch.column("text")), self._engine.labels
        score = pa.array(found.score, pa.float32(), mask=np.isnan(found.score))
        if labels:
            unknown = found.label < 0
            names = pa.array([*labels, self.config.otherwise], pa.string())
            number = np.where(found.score < self.config.at_least, len(labels), found.label)
            column = names.take(pa.array(np.maximum(number, 0), mask=unknown))
            batch = batch.append_column(self.measured_columns()[0], column)
        return batch.append_column(self.measured_columns()[-1], score)

    @property
    def _has_labels(self) -> bool:
        """A regression has none. fastText's models have, and needn't be loaded to know."""
        return self.config.engine == "fasttext" or bool(self._engine.labels)

    @property
    def _values(self) -> set[str]:
        return {*self._engine.labels, self.config.otherwise}

    def _settings(self, fields: Collection[str]) -> dict[str, Any]:
        return self.config.model_dump(mode="json", include=set(fields))

    def _check_regression(self) -> None:
        for name in ("at_least", "labels"):
            if name in self.config.model_fields_set:
                raise ConfigError("the model has one output, a value and no labels; filter by its score", (name,))

    @cached_property
    def _engine(self) -> FastTextEngine | TransformersEngine:
        config = self.config
        if config.engine == "fasttext":
            return FastTextEngine(config.model, config.prefix_bytes)
        reading = Reading(config.windows, config.window_tokens, config.join, config.batch, config.device, config.dtype)
        return TransformersEngine(config.model, reading)
