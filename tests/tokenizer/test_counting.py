"""Counts of words: added up, cut, thinned out."""

import numpy as np
import pyarrow as pa
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from dspipe.kernels.arrow import text_buffers
from dspipe.tokenizer.counting import (
    MAX_RARE_COUNT,
    WordCounter,
    WordCounts,
    count_positions,
    cut_rare_pairs,
    find_min_thinning,
    thin,
)
from dspipe.tokenizer.schemes import SCHEMES
from dspipe.tokenizer.train import train
from tests.tokenizer.trained import TEXTS, count

pytestmark = pytest.mark.filterwarnings("ignore:overflow")


def as_counts(words: WordCounts) -> dict[bytes, int]:
    data = words.data.tobytes()
    spans = zip(words.offsets[:-1], words.offsets[1:], words.counts.tolist(), strict=True)
    return {data[start:end]: number for start, end, number in spans}


@settings(max_examples=60, deadline=None)
@given(st.lists(st.text("abcde", min_size=1, max_size=12), min_size=1, max_size=30), st.integers(2, 4))
def test_cutting_below_the_last_count_is_exact_for_characters_of_one_byte(texts: list[str], bound: int) -> None:
    words = count(texts)
    cut = cut_rare_pairs([words], [words], bound)
    assert sum(len(word) * n for word, n in as_counts(cut).items()) == sum(len(text) for text in texts)
    whole, shorter = train(words, 400, bound), train(cut, 400, bound)
    assert whole.merges.tolist() == shorter.merges.tolist()
    assert whole.counts.tolist() == shorter.counts.tolist()


def test_thinning_keeps_sums_right_on_average() -> None:
    numbers = np.arange(40_000)
    data = numbers.astype("<u4").view(np.uint8)
    counts = numbers % 12 + 1
    kept, weights = thin(WordCounts(data, np.arange(0, 4 * len(numbers) + 1, 4), counts), 8)
    assert kept[counts >= 8].all()
    assert (weights == np.maximum(counts[kept], 8)).all()
    for times in range(1, 8):
        rare = counts == times
        assert 8 * kept[rare].sum() == pytest.approx(counts[rare].sum(), rel=0.15)
    assert thin(WordCounts(data, np.arange(0, 4 * len(numbers) + 1, 4), counts), 1)[0].all()


def test_no_more_is_thinned_out_than_there_is_room_for() -> None:
    numbers = np.arange(20_000)
    data = numbers.astype("<u4").view(np.uint8)
    words = WordCounts(data, np.arange(0, 4 * len(numbers) + 1, 4), np.where(numbers % 2, 5000, numbers % 12 + 1))
    sizes = count_positions(words)
    assert sizes.sum() == 100_000 and sizes[-1] == 50_000
    assert find_min_thinning(sizes, 100_000) == 0
    for most in (90_000, 70_000, 55_000):
        below = find_min_thinning(sizes, most)
        left = [thin(words, bound)[0].sum() * 5 for bound in (below - 1, below)]
        assert below > 1 and left[1] < 1.02 * most and left[0] > 0.98 * most
    assert find_min_thinning(sizes, 1) == MAX_RARE_COUNT  # which leaves the frequent words


def test_counts_of_batches_add_up() -> None:
    together = WordCounter()
    for text in TEXTS:
        together.add_texts(SCHEMES["deepseek"].pre_tokenizer(), *text_buffers(pa.array([text], pa.large_string())))
    assert as_counts(together.words()) == as_counts(count(TEXTS))
