"""Words and counts on their way between tasks: none is lost, and each goes to the partition of its hash."""

import io
from collections import Counter
from contextlib import contextmanager
from types import SimpleNamespace
from typing import Any

import numpy as np
import pyarrow as pa
import pytest
from hypothesis import given
from hypothesis import strategies as st

from dspipe.stages.tokenizer import words as words_module
from dspipe.stages.tokenizer.words import StoredWords, emit_words, make_batches, read_words, write_words
from dspipe.tokenizer.counting import WordCounter, WordCounts

pytestmark = pytest.mark.filterwarnings("ignore:overflow")


def counts_of(values: dict[str, int]) -> WordCounts:
    encoded = [word.encode() for word in values]
    offsets = np.cumsum([0, *map(len, encoded)]).astype(np.int64)
    return WordCounts(np.frombuffer(b"".join(encoded), np.uint8), offsets, np.array(list(values.values()), np.int64))


def as_dict(words: WordCounts) -> dict[str, int]:
    data = words.data.tobytes()
    spans = zip(words.offsets[:-1], words.offsets[1:], words.counts.tolist(), strict=True)
    return {data[start:end].decode(): count for start, end, count in spans}


WORDS = st.dictionaries(st.text("abé字", min_size=1, max_size=5), st.integers(1, 10**12), max_size=12)


@given(WORDS, st.sampled_from([1, 3, 1 << 17]))
def test_batches_and_files_hold_all_words(values: dict[str, int], rows: int) -> None:
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(words_module, "BATCH_ROWS", rows)
        batches = list(make_batches(counts_of(values)))
        assert [batch.num_rows for batch in batches[:-1]] == [rows] * max(0, len(batches) - 1)
        file = io.BytesIO()
        write_words(file, counts_of(values))
    found: dict[str, int] = {}
    for batch in batches:
        found |= as_dict(read_words(batch))
    assert found == values

    @contextmanager
    def opened() -> Any:
        yield io.BytesIO(file.getvalue())

    stored: Any = SimpleNamespace(open=opened)
    for below in (0, 1):
        parts = StoredWords([stored, stored], below)
        for _ in range(2):  # they can be gone through again
            total: Counter[str] = Counter()
            for part in parts:
                total.update(as_dict(part))
            assert total == {word: 2 * count for word, count in values.items()}
    assert sum(len(part) for part in StoredWords([stored], 2)) <= len(values)


def test_a_word_goes_to_one_partition_whoever_sends_it() -> None:
    sent: list[tuple[str, int]] = []

    def emit(partition: np.ndarray, batch: pa.RecordBatch) -> None:
        sent.extend(zip(as_dict(read_words(batch)), partition.tolist(), strict=True))

    task: Any = SimpleNamespace(partitions=7, emit=emit)
    for start in (0, 500):
        counter = WordCounter()
        counter.add_words(counts_of({f"word {n}": 1 for n in range(start, start + 1000)}))
        emit_words(task, counter)
    assert len(sent) == 2000
    where = dict(sent)
    assert len(where) == 1500
    assert set(sent) == set(where.items())
    counts = np.bincount(list(where.values()), minlength=7)
    assert len(counts) == 7 and counts.min() > 150
