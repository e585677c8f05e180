"""The engine `fasttext`: one pass of the fast kernel over the text."""

from pathlib import Path
from typing import TYPE_CHECKING

from dspipe.stages.label.judgement import Judgement
from dspipe.stages.shared.fasttext_models import find_model, load_classifier
from dspipe.stages.shared.loaded import sha256_once

if TYPE_CHECKING:
    import pyarrow as pa


class FastTextEngine:
    """Judges texts by about their first `prefix_bytes` bytes (0: all of them)."""

    def __init__(self, model: str, prefix_bytes: int) -> None:
        self._model, self._prefix_bytes = model, prefix_bytes

    @property
    def labels(self) -> tuple[str, ...]:
        """The model's labels. Raises ConfigError."""
        return tuple(load_classifier(self._path).labels)

    def digest(self) -> str:
        """Of the model. Raises ConfigError where there is none."""
        return sha256_once(self._path)

    def set_up(self) -> None:
        """Load the model. Raises ConfigError."""
        load_classifier(self._path)

    def judge(self, texts: "pa.Array") -> Judgement:
        """The best label of each text."""
        from dspipe.kernels.arrow import text_buffers

        found = load_classifier(self._path).predict(*text_buffers(texts), self._prefix_bytes)
        return Judgement(found.label, found.score)

    @property
    def _path(self) -> Path:
        return find_model(self._model)
