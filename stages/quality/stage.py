"""Scores of a quality classifier, and what is kept of the whole corpus by them.

    - quality: {model: quality.bin, at_least: 0.5}
    - quality: {model: quality.bin, drop_lowest: 0.6, by: language}

The model is a fastText classifier such as `dspipe classifier train` makes, or DCLM's (Li et al., "DataComp-LM", 2024,
section 4.4, which keeps the top 10 %). A threshold by value looks at each document alone; a quantile looks at all that
are still kept, per language if wanted: scores of different languages are not comparable, so that one threshold for all
would choose between languages (CCNet, Wenzek et al., 2020, LM filtering).
"""

import json
from dataclasses import replace
from functools import cached_property
from typing import TYPE_CHECKING, Annotated, Literal

from pydantic import Field, NonNegativeInt, model_validator

from dspipe.pipeline.errors import ConfigError
from dspipe.pipeline.stage import Corpus, GlobalStage, Phase, Settings, StageConfig
from dspipe.stages.shared.fasttext_models import find_model, load_classifier
from dspipe.stages.shared.quantiles import Bins, Histograms, bin_above, strings

if TYPE_CHECKING:
    import numpy as np
    import numpy.typing as npt
    import pyarrow as pa

    from dspipe.kernels.fasttext.classify import Classifier
    from dspipe.pipeline.tasks.task import Task

Share = Annotated[float, Field(ge=0, lt=1)]
_OTHERS = "*"
BINS = Bins(dropped=8)
"""2**-16 wide for scores of 0.5 to 1, narrower below; fastText's own scores are exact to 1e-5"""


class QualityConfig(StageConfig):
    """Settings of `quality`."""

    model: str
    """Path of a supervised fastText model (.bin or .ftz)."""

    label: str = "positive"
    """The label whose probability is the score (`hq` for DCLM's classifier)."""

    prefix_bytes: NonNegativeInt = 0
    """Score about this many bytes of a longer document; 0 reads all of it."""

    at_least: float | dict[str, float] | None = None
    """Keep scores from this value; or values per language, `"*"` for the others (without it they are kept)."""

    drop_lowest: Share | dict[str, Share] | None = None
    """Drop this share of the documents that are still kept, those with the lowest scores; or shares per group."""

    by: Literal["all", "language", "domain", "dump"] = "all"
    """The groups whose own quantiles `drop_lowest` takes: the whole corpus, or one column's values."""

    @model_validator(mode="after")
    def _groups_are_named_with_by(self) -> "QualityConfig":
        if isinstance(self.drop_lowest, dict) and self.by == "all":
            raise ValueError("drop_lowest per group needs `by`")
        return self


class QualityStage(GlobalStage[QualityConfig]):
    """Adds `quality` (float32, null where the model knows nothing of a text: such documents count as 0). Drops with
    `quality.low_score` and `quality.low_quantile`."""

    Config = QualityConfig

    def check(self) -> None:
        if self.config.label not in self._classifier.labels:
            some = ", ".join(self._classifier.labels[:8])
            raise ConfigError(f"the model has no label {self.config.label}; it has {some}", ("label",))

    def measured_columns(self) -> "tuple[pa.Field, ...]":
        import pyarrow as pa

        return (pa.field("quality", pa.float32()),)

    def measure_settings(self) -> Settings:
        from dspipe.kernels.fasttext.model import file_sha256

        reading = self.config.model_dump(mode="json", include={"label", "prefix_bytes"})
        return {"model": file_sha256(find_model(self.config.model)), **reading}

    def measure(self, batch: "pa.RecordBatch") -> "pa.RecordBatch":
        import pyarrow as pa

        from dspipe.kernels.arrow import text_buffers

        data, offsets = text_buffers(batch.column("text"))
        found = self._classifier.predict(data, offsets, self.config.prefix_bytes, label=self.config.label)
        return batch.append_column(
            self.measured_columns()[0], pa.array(found.score, pa.float32(), mask=found.label < 0)
        )

    def phases(self, corpus: Corpus) -> list[Phase]:
        import pyarrow as pa

        if self.config.at_least is None and self.config.drop_lowest is None:
            return []
        settings = self.config.model_dump(mode="json", include={"at_least", "drop_lowest", "by"})
        columns = ("reason", *self._columns())
        judge = Phase(
            f"{self.name}.judge",
            "shards",
            "judge",
            columns,
            writes=(pa.field("reason", pa.string()),),
            settings=settings,
        )
        if self.config.drop_lowest is None:
            return [judge]
        scores, thresholds = f"{self.name}.scores", f"{self.name}.thresholds"
        return [
            Phase(scores, "shards", "count_scores", columns, makes_artifacts=(scores,), settings=settings),
            Phase(
                thresholds,
                "once",
                "find_thresholds",
                artifacts=(scores,),
                makes_artifacts=(thresholds,),
                settings=settings,
            ),
            replace(judge, artifacts=(thresholds,)),
        ]

    def count_scores(self, task: "Task") -> None:
        """How often each bin occurs in each group, of the documents that are kept and pass `at_least`."""
        import numpy as np

        histograms = Histograms()
        for batch in task.rows(["reason", *self._columns()]):
            kept = np.array(batch.column("reason").is_null()) & ~self._low_score(batch)
            histograms.add(BINS.of(self._scores(batch))[kept], self._groups(batch)[kept])
        with task.make(f"{self.name}.scores") as file:
            file.write(histograms.as_json())

    def find_thresholds(self, task: "Task") -> None:
        """Per group the lowest bin that is kept."""
        counts = Histograms(task.artifact(f"{self.name}.scores")).counts
        shares = self.config.drop_lowest
        thresholds = {}
        for group in sorted(counts):
            share = shares.get(group, shares.get(_OTHERS, 0.0)) if isinstance(shares, dict) else shares
            thresholds[group] = bin_above(counts[group], share or 0.0)
        task.note("thresholds", {group: BINS.start(bin) for group, bin in thresholds.items()})
        with task.make(f"{self.name}.thresholds") as file:
            file.write(json.dumps(thresholds).encode())

    def judge(self, task: "Task") -> None:
        """Reasons by value, then by quantile."""
        import numpy as np
        import pyarrow as pa
        import pyarrow.compute as pc

        thresholds: dict[str, int] = {}
        if self.config.drop_lowest is not None:
            (file,) = task.artifact(f"{self.name}.thresholds")
            thresholds = json.loads(file.read())
        for batch in task.rows(["reason", *self._columns()]):
            reason = batch.column("reason").cast(pa.string())
            low = pa.array(self._low_score(batch))
            reason = pc.coalesce(reason, _where(low, f"{self.name}.low_score"))
            if thresholds:
                groups, inverse = np.unique(self._groups(batch), return_inverse=True)
                least = np.array([thresholds.get(group, 0) for group in groups.tolist()], np.int64)[inverse]
                below = pa.array(BINS.of(self._scores(batch)) < least)
                reason = pc.coalesce(reason, _where(below, f"{self.name}.low_quantile"))
            task.write(pa.RecordBatch.from_arrays([reason], names=["reason"]))

    def _columns(self) -> list[str]:
        group = [] if self.config.by == "all" else [self.config.by]
        return list(dict.fromkeys(["quality", *group, *(["language"] if self.config.at_least is not None else [])]))

    def _scores(self, batch: "pa.RecordBatch") -> "npt.NDArray[np.float32]":
        import numpy as np
        import pyarrow.compute as pc

        scores: npt.NDArray[np.float32] = pc.fill_null(batch.column("quality"), 0.0).to_numpy(zero_copy_only=False)
        return scores

    def _groups(self, batch: "pa.RecordBatch") -> "npt.NDArray[np.object_]":
        return strings(batch, self.config.by) if self.config.by != "all" else _constant(batch.num_rows)

    def _low_score(self, batch: "pa.RecordBatch") -> "npt.NDArray[np.bool_]":
        import numpy as np

        at_least = self.config.at_least
        scores = self._scores(batch)
        if at_least is None:
            return np.zeros(len(scores), bool)
        if not isinstance(at_least, dict):
            return scores < np.float32(at_least)
        languages, inverse = np.unique(strings(batch, "language"), return_inverse=True)
        others = at_least.get(_OTHERS, -1.0)
        least = np.array([at_least.get(language, others) for language in languages.tolist()], np.float32)
        low: npt.NDArray[np.bool_] = scores < least[inverse]
        return low

    @cached_property
    def _classifier(self) -> "Classifier":
        return load_classifier(find_model(self.config.model))


def _constant(rows: int) -> "npt.NDArray[np.object_]":
    import numpy as np

    return np.full(rows, "all", object)


def _where(condition: "pa.Array", reason: str) -> "pa.Array":
    import pyarrow as pa
    import pyarrow.compute as pc

    return pc.if_else(condition, reason, pa.scalar(None, pa.string()))
