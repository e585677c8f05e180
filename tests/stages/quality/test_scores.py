"""The expected grade of an ordinal model."""

import numpy as np
import pytest

from dspipe.stages.quality.scores import expected_level, levels_of


def test_labels_that_are_grades() -> None:
    levels = levels_of(["2", "0", "1"])
    assert levels is not None and levels.tolist() == [2, 0, 1]
    for labels in (["0", "1"], ["0", "1", "3"], ["a", "b", "c"], ["00", "1", "2"]):
        assert levels_of(labels) is None


def test_the_expected_grade_is_a_share_of_the_highest() -> None:
    levels = levels_of(["2", "0", "1"])
    assert levels is not None
    probabilities = np.array([[1, 0, 0], [0, 1, 0], [0.25, 0.25, 0.5], [np.nan] * 3], np.float32)
    assert expected_level(probabilities, levels) == pytest.approx(np.array([1, 0, 0.5, np.nan]), nan_ok=True)
