from types import SimpleNamespace
from typing import Any, cast

import numpy as np
import pyarrow as pa
from hypothesis import given, settings
from hypothesis import strategies as st

from dspipe.stages.quality.recall.decisions import TAKEN, Decisions, Rule
from dspipe.stages.quality.recall.scoring import Scores, ShardScores
from dspipe.stages.quality.recall.threshold import find_threshold

SCORES = st.sampled_from([float("nan"), 0.0, 1e-6, 0.25, 0.5, 0.5000001, 0.75, 0.9999999, 1.0, 1.00001])
PAGES = st.lists(st.tuples(SCORES, st.integers(0, 5), st.booleans()), max_size=12)


class FakeScores:
    """Scores of shards in memory; taken pages are on the host t.example."""

    def __init__(self, shards: list[list[tuple[float, int, bool]]]) -> None:
        self.shards, self.corpus = shards, self

    def read(self, *place: Any) -> Any:
        pages = self.shards[place[-1]]
        if len(place) == 1:
            scores = np.array([score for score, _, _ in pages], np.float32)
            sizes = np.array([size for _, size, _ in pages], np.int64)
            return ShardScores(np.arange(len(pages), dtype=np.uint32), scores, sizes * 2, None)
        urls = pa.array([f"http://{'t' if taken else 'o'}.example/" for _, _, taken in pages], pa.string())
        return iter([SimpleNamespace(batch=pa.record_batch({"url": urls}))])

    def each_shard(self, work: Any, progress: Any) -> list[Any]:
        return [work(shard) for shard in range(len(self.shards))]


@settings(max_examples=60)
@given(st.lists(PAGES, min_size=1, max_size=3), st.integers(1, 40))
def test_it_is_the_lowest_score_that_fits(shards: list[list[tuple[float, int, bool]]], keep: int) -> None:
    decisions = Decisions([Rule("t.example", "", TAKEN)])
    found = find_threshold(cast(Scores, FakeScores(shards)), decisions, keep, 2.0, lambda *_: None)
    pages = [page for shard in shards for page in shard]
    open_pages = [(np.float32(score), size) for score, size, taken in pages if not taken and score >= 0 and size]
    budget = keep - sum(size for _, size, taken in pages if taken)
    fits = [s for s, _ in open_pages if sum(size for score, size in open_pages if score >= s) <= budget]
    got = {score for score, _ in open_pages if score >= np.float32(found)}
    if budget <= 0 or not open_pages:
        assert not got
    elif fits:
        assert got == {score for score, _ in open_pages if score >= min(fits)}
    else:
        assert got == {max(score for score, _ in open_pages)}
