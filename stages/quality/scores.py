"""One score of a classifier for each text: the probability of a label, or the expected level of an ordinal one.

A model is ordinal where its labels are the whole numbers 0, 1, 2 and so on, three or more of them, as the grades 0 to 5
of FineWeb-Edu (Penedo et al., 2024) are. Its score is the expected grade over the labels' probabilities, divided by the
highest, so that it lies between 0 and 1 like a probability.
"""

from collections.abc import Sequence
from typing import TYPE_CHECKING

import numpy as np
import numpy.typing as npt

if TYPE_CHECKING:
    from dspipe.kernels.arrow import Bytes, Offsets
    from dspipe.kernels.fasttext.classify import Classifier

Float64 = npt.NDArray[np.float64]
Float32 = npt.NDArray[np.float32]
LEAST_LEVELS = 3


def levels_of(labels: Sequence[str]) -> Float64 | None:
    """The level of each label, float64 [labels]; None where they aren't 0 up to two or more."""
    if len(labels) < LEAST_LEVELS or set(labels) != set(map(str, range(len(labels)))):
        return None
    return np.array(labels, np.float64)


def expected_level(probabilities: Float32, levels: Float64) -> Float64:
    """The expected level of each document as a share of the highest, 0 to 1; NaN where probabilities are.

    probabilities: float32 [documents, labels]
    """
    found = probabilities.astype(np.float64)
    shares: Float64 = (found @ levels) / found.sum(1) / levels.max()
    return shares


def score_texts(
    classifier: "Classifier", data: "Bytes", offsets: "Offsets", prefix_bytes: int = 0, label: str | None = None
) -> Float64:
    """The probability of `label`, or with None the expected level of an ordinal model: float64 [documents], NaN where
    the model knows nothing of a text. The texts are those of `kernels.arrow.text_buffers`."""
    if label is not None:
        return classifier.predict(data, offsets, prefix_bytes, label=label).score.astype(np.float64)
    levels = levels_of(classifier.labels)
    assert levels is not None
    return expected_level(classifier.probabilities(data, offsets, prefix_bytes), levels)
