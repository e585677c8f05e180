"""Epochs of documents by domain and by score, through the files that they are kept in."""

import numpy as np

from dspipe.stages.remix.domain_batches import DomainBatch
from dspipe.stages.remix.drawn_epochs import DrawnEpochs


def batch(scores: list[int] | None) -> DomainBatch:
    codes, kept = np.array([0, 1, 0, 1, 2]), np.array([True, True, True, False, True])
    bins = None if scores is None else np.array(scores)
    return DomainBatch(None, ["a", "b", "c"], codes, np.zeros(5), np.ones(5, np.int64), kept, bins)


def test_by_domain() -> None:
    drawn = DrawnEpochs({"a": 1.5, "b": 2.0}, {"x": "a"})
    again = DrawnEpochs.from_files(drawn.to_json())
    assert again == drawn
    assert again.of(batch(None)).tolist() == [1.5, 2.0, 1.5, 2.0, 0.0]


def test_by_score() -> None:
    by_score = {"b": (np.array([-5, 2, 9]), np.array([0.0, 1.5, 7.0])), "a": (np.array([3]), np.array([0.25]))}
    drawn = DrawnEpochs({"a": 0.25, "b": 2.0}, {}, by_score)
    again = DrawnEpochs.from_files(drawn.to_json(), [drawn.scores_to_bytes()])
    # of a, what was not planned is not drawn; of b the second was dropped before; c was not planned
    assert again.of(batch([3, 9, 4, 2, 2])).tolist() == [0.25, 7.0, 0.0, 0.0, 0.0]
    assert again.scores_to_bytes() == drawn.scores_to_bytes()
    assert DrawnEpochs.from_files(drawn.to_json(), [DrawnEpochs({}, {}, {}).scores_to_bytes()]).by_score == {}
