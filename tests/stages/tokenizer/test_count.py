import json
from collections import Counter
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pytest

from dspipe.stages.tokenizer.count import count_words, sample_copies
from tests.stages.tokenizer.shards import make_columns
from tests.tasks import Inputs, make_task, read_emitted, run_function

BATCH = pa.record_batch(
    {
        "origin": pa.array(range(4000), pa.uint64()),
        "domain": ["web"] * 4000,
        "language": pa.array(["en"] * 4000),
        "copies": [n % 4 for n in range(4000)],
    }
)


def rates(web: float, code: float) -> bytes:
    both = {"web": {"en": web, "unknown": web}, "code": {"en": code, "unknown": code}}
    return json.dumps({"bytes": 0, "rates": both}).encode()


def count(
    folder: Path, content: bytes, memory: int = 1 << 26, seed: int = 1, **settings: Any
) -> tuple[Counter[str], Any]:
    inputs = Inputs(columns=make_columns(), artifacts={"tokenizer_sample": [content]})
    task = make_task(folder, inputs, emits=True, partitions=4, memory=memory)
    run_function(count_words, task, {"scheme": "deepseek", "copies": None, **settings})
    found: Counter[str] = Counter()
    for partition in range(4):
        for row in read_emitted(task, partition):
            found[row["word"].decode()] += row["count"]
    return found, task


@pytest.mark.parametrize("memory", [1 << 26, 64])
def test_words_of_what_is_kept_and_sampled(tmp_path: Path, memory: int) -> None:
    """Whatever the memory: where the words don't fit they are sent more than once."""
    found, task = count(tmp_path, rates(1.0, 0.0), memory)
    kept = [n for n in range(0, 60, 2) if n % 5]
    expected = Counter({" word": len(kept)})
    for n in kept:  # a digit is a piece of its own
        expected.update(["word", str(n % 4)])
    assert found == expected
    assert task.counters == {"sampled_documents": len(kept), "sampled_bytes": 10 * len(kept)}


def test_each_word_has_one_partition(tmp_path: Path) -> None:
    _, task = count(tmp_path, rates(1.0, 1.0), 64)
    words = [{row["word"] for row in read_emitted(task, partition)} for partition in range(4)]
    assert sum(len(part) for part in words) == len(set.union(*words))


def test_copies_are_counted(tmp_path: Path) -> None:
    found, _ = count(tmp_path, rates(1.0, 1.0), copies="copies")
    assert found[" word"] == sum(n % 3 for n in range(60) if n % 5)


def test_documents_are_sampled_at_their_rate_by_seed_and_id() -> None:
    whole = {"web": {"en": 0.25}}
    found = sample_copies(BATCH, whole, 1, None)
    assert set(found.tolist()) == {0, 1}
    assert found.mean() == pytest.approx(0.25, abs=0.03)
    order = np.random.default_rng(1).permutation(4000)
    assert (sample_copies(BATCH.take(pa.array(order)), whole, 1, None) == found[order]).all()
    assert not (sample_copies(BATCH, whole, 2, None) == found).all()
    assert (sample_copies(BATCH, {"web": {"en": 0.5}}, 1, None) >= found).all()
    assert not sample_copies(BATCH, {"code": {"en": 1.0}}, 1, None).any()


def test_what_counts_often_is_sampled_often() -> None:
    found = sample_copies(BATCH, {"web": {"en": 0.5}}, 1, "copies")
    assert (found[0::4] == 0).all()  # counts not at all
    assert set(found[1::4].tolist()) == {0, 1}
    assert (found[2::4] == 1).all()  # twice at the rate of a half
    assert set(found[3::4].tolist()) == {1, 2}
    assert found[3::4].mean() == pytest.approx(1.5, abs=0.06)
