"""Perplexity under a KenLM model of the document's language, and its third of the language's documents.

    - perplexity: {models: "lm/{language}.arpa.bin", sentencepiece: "lm/{language}.sp.model", keep: [head, middle]}

CCNet's filter (Wenzek et al., "CCNet", 2020, LM filtering): a model of Wikipedia text finds a page like it or not, and
each language is split into head, middle and tail by its own perplexities, since those of two models can't be compared.
Its published models read text in a normal form (`normalize`) that is cut into SentencePiece pieces.

Needs `pip install 'dspipe[kenlm]'`. The packages score a line at a time in Python, some MB/s.
"""

from collections.abc import Iterator
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Literal, Self

from pydantic import Field, PositiveInt, field_validator, model_validator

from dspipe.pipeline.environment import FilePath
from dspipe.pipeline.errors import ConfigError
from dspipe.pipeline.rejudging import Rejudged, RunDocuments
from dspipe.pipeline.stage import NOTHING, Corpus, GlobalStage, Phase, Settings, StageConfig
from dspipe.pipeline.threshold import Threshold
from dspipe.stages.perplexity.bucket_steps import COLUMNS
from dspipe.stages.perplexity.scorer import Change, Scorer, import_extra
from dspipe.stages.shared.loaded import load_once, sha256_once
from dspipe.stages.shared.path_patterns import files_by_language
from dspipe.stages.shared.quantiles import strings

if TYPE_CHECKING:
    import pyarrow as pa

Bucket = Literal["head", "middle", "tail"]
Share = Annotated[float, Field(gt=0, lt=1)]
_STEPS = "dspipe.stages.perplexity.bucket_steps"


class PerplexityConfig(StageConfig):
    """Settings of `perplexity`."""

    models: FilePath | dict[str, FilePath]
    """KenLM models (.arpa, or binary): a path with `{language}` in it, or a path for each language. Documents of other
    languages have no perplexity and are kept."""

    sentencepiece: FilePath | dict[str, FilePath] | None = None
    """SentencePiece models that cut the text into the units of the models, in the same form. Default: units are words
    between blanks."""

    normalize: tuple[Change, ...] = ("lower", "accents", "digits", "punctuation")
    """What is changed before scoring, CCNet's own by default: lower case; combining marks left out (after canonical
    decomposition); digits to 0; punctuation to its ASCII form. Control characters are always left out."""

    prefix_bytes: PositiveInt = Field(default=65536, le=1 << 24)
    """Score at most this much of a document."""

    head: Share = 1 / 3
    """The share of a language's documents, those with the lowest perplexities, that are its head."""

    middle: Share = 1 / 3
    """The share of a language's documents behind its head that is its middle; the rest is its tail."""

    keep: tuple[Bucket, ...] | None = None
    """Drop documents of other buckets. Default: all are kept."""

    @field_validator("keep", mode="before")
    @classmethod
    def _one_is_a_list(cls, value: object) -> object:
        return [value] if isinstance(value, str) else value

    @model_validator(mode="after")
    def _something_is_left_for_the_tail(self) -> "PerplexityConfig":
        if self.head + self.middle >= 1:
            raise ValueError("head and middle leave nothing for the tail")
        return self


class PerplexityStage(GlobalStage[PerplexityConfig]):
    """Adds `perplexity` (float32, per unit; null without a model of the language or without words) and
    `perplexity.bucket` (string: head, middle, tail, or null). Drops with `perplexity.head`, `perplexity.middle` and
    `perplexity.tail`. Quantiles are of the documents that are still kept."""

    Config = PerplexityConfig
    judges_by = ("language",)

    def check(self) -> None:
        for package, wanted in ("kenlm", True), ("sentencepiece", self.config.sentencepiece is not None):
            if wanted:
                import_extra(package)
        for language in self._models:
            self._scorer(language)

    def measured_columns(self) -> "tuple[pa.Field, ...]":
        import pyarrow as pa

        return (pa.field("perplexity", pa.float32()),)

    def measure_settings(self) -> Settings:
        reading = self.config.model_dump(mode="json", include={"normalize", "prefix_bytes"})
        files = {"models": self._models, "sentencepiece": self._pieces}
        hashes = {kind: {key: sha256_once(path) for key, path in paths.items()} for kind, paths in files.items()}
        return {**hashes, **reading}

    def measure(self, batch: "pa.RecordBatch") -> "pa.RecordBatch":
        import pyarrow as pa

        from dspipe.kernels.arrow import text_buffers

        data, offsets = text_buffers(batch.column("text"))
        values: list[float | None] = []
        for row, language in enumerate(strings(batch, "language").tolist()):
            value = None
            if language in self._models:
                start, end = int(offsets[row]), int(offsets[row + 1])
                text = data[start : min(end, start + self.config.prefix_bytes)].tobytes().decode("utf-8", "ignore")
                value = self._scorer(language).perplexity(text)
            values.append(value)
        return batch.append_column(self.measured_columns()[0], pa.array(values, pa.float32()))

    def thresholds(self, notes: Settings = NOTHING) -> Iterator[Threshold]:
        keep, found = self.config.keep, notes.get("perplexities")
        if keep is None or found is None:
            return
        # a border counts where one side of it is kept and the other isn't
        for key, below, above in ("head", "head", "middle"), ("middle", "middle", "tail"):
            if (below in keep) == (above in keep):
                continue
            asks: Literal["below", "at least"] = "below" if below in keep else "at least"
            values = {border["language"]: border[f"{above} from"] for border in found}
            reason = f"{self.name}.{above if below in keep else below}"
            yield Threshold((key,), "perplexity", asks, reason, None, ("language",), values, found=True)

    def phases(self, corpus: Corpus) -> list[Phase]:
        import pyarrow as pa

        scores, thresholds = f"{self.name}.scores", f"{self.name}.thresholds"
        bucket = pa.field(f"{self.name}.bucket", pa.string())
        return [
            Phase(
                scores,
                "shards",
                run=f"{_STEPS}:count_scores",
                title="Count the documents by perplexity and language",
                columns=COLUMNS,
                makes_artifacts=(scores,),
            ),
            Phase(
                thresholds,
                "once",
                run=f"{_STEPS}:find_thresholds",
                title="Find where each language's middle and tail begin",
                settings=self.config.model_dump(mode="json", include={"head", "middle"}),
                artifacts=(scores,),
                makes_artifacts=(thresholds,),
            ),
            Phase(
                f"{self.name}.judge",
                "shards",
                run=f"{_STEPS}:judge",
                title="Say whether a document is of its language's head, middle or tail",
                settings=self.config.model_dump(mode="json", include={"keep"}),
                columns=COLUMNS,
                artifacts=(thresholds,),
                writes=(bucket,) if self.config.keep is None else (pa.field("reason", pa.string()), bucket),
            ),
        ]

    def rejudge(self, before: Self, documents: RunDocuments) -> Rejudged:
        from dspipe.stages.perplexity.rejudge import rejudge

        return rejudge(self.name, before._deciding, self._deciding, documents)

    @property
    def _deciding(self) -> Settings:
        return self.config.model_dump(mode="json", include={"head", "middle", "keep"})

    @cached_property
    def _models(self) -> dict[str, Path]:
        return files_by_language(self.config.models, "models")

    @cached_property
    def _pieces(self) -> dict[str, Path]:
        """The SentencePiece models of the languages that have a KenLM model."""
        if self.config.sentencepiece is None:
            return {}
        found = files_by_language(self.config.sentencepiece, "sentencepiece")
        missing = sorted(set(self._models) - set(found))
        if missing:
            raise ConfigError(f"no SentencePiece model for {', '.join(missing)}", ("sentencepiece",))
        return {language: found[language] for language in self._models}

    @cached_property
    def _scorers(self) -> "dict[str, Scorer]":
        return {}

    def _scorer(self, language: str) -> "Scorer":
        if language not in self._scorers:
            model, pieces, normalize = self._models[language], self._pieces.get(language), self.config.normalize
            files = [model] if pieces is None else [model, pieces]
            self._scorers[language] = load_once("kenlm", files, lambda: Scorer(model, pieces, normalize), normalize)
        return self._scorers[language]
