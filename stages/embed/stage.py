"""A vector for each document, by the words of its text: what `cluster` puts into groups.

    - embed: {}
    - embed: {name: topics, model: potion-base-8M/}

Without a model vectors are made of hashed words and pairs of words by a random projection (`kernels.vectors.embed`):
they say which words a text has and nothing of what they mean, which sets apart topics and languages well. With one,
a vector is the mean of those that the model has for the text's words: static vectors as Model2Vec and its like make
them, in a folder with model.safetensors and tokenizer.json. Words are looked up whole, without the model's own
tokenizer: one that the vocabulary has only in pieces is left out.

Adds `<name>` (fixed_size_binary): an int8 for each dimension, the largest 127 or -127; the vector itself has length 1,
so that its scale is 1 / |v|. Null where a text has no word, or none that the model knows. Drops nothing.
"""

from functools import cached_property
from typing import TYPE_CHECKING

from pydantic import Field, model_validator

from dspipe.pipeline.environment import FilePath
from dspipe.pipeline.stage import MapStage, NamedConfig, Settings
from dspipe.stages.embed.model_file import StaticModel, find_static_model
from dspipe.stages.shared.loaded import sha256_once

if TYPE_CHECKING:
    import pyarrow as pa

HASHED_DIMENSIONS = 256


class EmbedConfig(NamedConfig):
    """Settings of `embed`."""

    model: FilePath | None = None
    """Folder with model.safetensors and tokenizer.json. Default: hashed words, no model."""

    dimensions: int | None = Field(default=None, ge=16, le=1024)
    """Default: 256, or as many as the model has; of a model the first ones are taken."""

    pairs: float = Field(default=0.3, ge=0, le=10)
    """Without a model, what a pair of neighbouring words counts beside a word. 0: words alone."""

    projection: int = 0
    """Without a model, the seed of the random projection: vectors of one seed and one number of dimensions can be
    compared across runs."""

    @model_validator(mode="after")
    def _fit(self) -> "EmbedConfig":
        given = self.model_fields_set & {"pairs", "projection"}
        if self.model is not None and given:
            raise ValueError(f"{' and '.join(sorted(given))}: for vectors without a model")
        return self


class EmbedStage(MapStage[EmbedConfig]):
    """Adds the vectors."""

    Config = EmbedConfig

    def check(self) -> None:
        if self._model is not None:
            self._model.check(self.config.dimensions)

    def measured_columns(self) -> "tuple[pa.Field, ...]":
        import pyarrow as pa

        return (pa.field(self.name, pa.binary(self._dimensions)),)

    def measure_settings(self) -> Settings:
        if self._model is None:
            return self.config.model_dump(mode="json", include={"dimensions", "pairs", "projection"})
        return {
            "dimensions": self.config.dimensions,
            "vectors": sha256_once(self._model.vectors_file),
            "vocabulary": sha256_once(self._model.tokenizer_file),
        }

    def set_up(self) -> None:
        if self._model is not None:
            self._model.load(self._dimensions)

    def measure(self, batch: "pa.RecordBatch") -> "pa.RecordBatch":
        import numpy as np
        import pyarrow as pa

        from dspipe.kernels.arrow import text_buffers
        from dspipe.kernels.vectors.embed import embed_hashed, embed_static

        texts = text_buffers(batch.column("text"))
        if self._model is None:
            vectors, _ = embed_hashed(*texts, self._dimensions, self.config.pairs, self.config.projection)
        else:
            vectors, _ = embed_static(*texts, self._model.load(self._dimensions))
        some = vectors.any(axis=1)
        valid = pa.py_buffer(np.packbits(some, bitorder="little"))
        (field,) = self.measured_columns()
        column = pa.Array.from_buffers(field.type, len(vectors), [valid, pa.py_buffer(vectors)])
        return batch.append_column(field, column)

    @property
    def _dimensions(self) -> int:
        if self._model is None:
            return self.config.dimensions or HASHED_DIMENSIONS
        return self.config.dimensions or self._model.dimensions

    @cached_property
    def _model(self) -> StaticModel | None:
        return None if self.config.model is None else find_static_model(self.config.model)
