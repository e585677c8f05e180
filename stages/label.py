"""Labels of a fastText classifier as a column of their own: topics, formats, kinds of text.

    - label: {name: topic, model: topics.bin, at_least: 0.3, otherwise: other}
    - label: {name: format, model: formats.bin}

Adds `<name>` (string) and `<name>.score` (float32, the label's probability), both null where a text has no feature that
the model knows, and drops nothing: filters, quantiles and `remix: {by: topic}` read the column. The stage may stand any
number of times, each under a name of its own. WebOrganizer (Wettig et al., "Organize the Web", 2025) labels pages so by
24 topics and 24 formats, and OLMo 3 mixes by its topics.
"""

from collections.abc import Collection, Sequence
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING, Any

from pydantic import Field, NonNegativeInt, model_validator

from dspipe.pipeline.config.suggestions import suggest
from dspipe.pipeline.environment import FilePath
from dspipe.pipeline.errors import ConfigError
from dspipe.pipeline.stage import MapStage, NamedConfig, Settings, Stage
from dspipe.stages.shared.fasttext_models import find_model, load_classifier
from dspipe.stages.shared.loaded import sha256_once

if TYPE_CHECKING:
    import pyarrow as pa

    from dspipe.kernels.fasttext.classify import Classifier


class LabelConfig(NamedConfig):
    """Settings of `label`."""

    model: FilePath
    """Path of a supervised fastText model (.bin or .ftz)."""

    at_least: float = Field(default=0, ge=0, le=1)
    """A label with a lower score is `otherwise`."""

    otherwise: str = Field(default="other", min_length=1)
    """What documents are called whose best label has a score below `at_least`; their score stays that of the label."""

    labels: list[str] | None = None
    """The labels that this config counts on; that the model has these and no others is checked before any work.
    Default: whichever it has."""

    prefix_bytes: NonNegativeInt = 0
    """Read about this many bytes of a longer document; 0 reads all of it."""

    @model_validator(mode="after")
    def _otherwise_is_used(self) -> "LabelConfig":
        if self.at_least == 0 and "otherwise" in self.model_fields_set:
            raise ValueError("otherwise: no label is below at_least: 0; set at_least")
        return self


class LabelStage(MapStage[LabelConfig]):
    """Adds the label and its score."""

    Config = LabelConfig

    def check(self) -> None:
        has, wanted = set(self._classifier.labels), self.config.labels
        if wanted is None or set(wanted) == has:
            return
        missing, more = sorted(set(wanted) - has), sorted(has - set(wanted))
        said = [f"the model doesn't have {', '.join(missing)}"] if missing else []
        said += [f"the model has {', '.join(more[:8])} besides"] if more else []
        raise ConfigError("; ".join(said), ("labels",))

    def check_beside(self, stages: Sequence[Stage[Any]]) -> None:
        known = {*self._classifier.labels, self.config.otherwise}
        for stage in stages:
            for name in stage.concerns.get(self.name, ()):
                if name not in known:
                    hint = suggest(name, sorted(known)[:20])
                    raise ConfigError(f"{stage.name} is for the {self.name} {name}, a label the model hasn't; {hint}")

    def values_of(self, column: str) -> Collection[str] | None:
        return {*self._classifier.labels, self.config.otherwise} if column == self.name else None

    def measured_columns(self) -> "tuple[pa.Field, ...]":
        import pyarrow as pa

        return pa.field(self.name, pa.string()), pa.field(f"{self.name}.score", pa.float32())

    def measure_settings(self) -> Settings:
        reading = self.config.model_dump(mode="json", include={"at_least", "otherwise", "prefix_bytes"})
        return {"model": sha256_once(self._model_path), **reading}

    def set_up(self) -> None:
        _ = self._classifier

    def measure(self, batch: "pa.RecordBatch") -> "pa.RecordBatch":
        import numpy as np
        import pyarrow as pa

        from dspipe.kernels.arrow import text_buffers

        data, offsets = text_buffers(batch.column("text"))
        found = self._classifier.predict(data, offsets, self.config.prefix_bytes)
        unknown = found.label < 0
        names = pa.array([*self._classifier.labels, self.config.otherwise], pa.string())
        number = np.where(found.score < self.config.at_least, len(self._classifier.labels), found.label)
        label, score = self.measured_columns()
        batch = batch.append_column(label, names.take(pa.array(np.maximum(number, 0), mask=unknown)))
        return batch.append_column(score, pa.array(found.score, pa.float32(), mask=unknown))

    @cached_property
    def _model_path(self) -> Path:
        return find_model(self.config.model)

    @cached_property
    def _classifier(self) -> "Classifier":
        return load_classifier(self._model_path)
