from itertools import chain, pairwise

import numpy as np
from hypothesis import given, settings
from hypothesis import strategies as st

from dspipe.kernels.arrow import text_buffers
from dspipe.kernels.dedup.importance import count_features, sum_features
from dspipe.kernels.dedup.units import characters, scan_units
from dspipe.kernels.hashing import quick_hash64
from dspipe.kernels.jit import INTERPRETED

BUCKETS = 64


def units_of(text: str) -> list[int]:
    """The text's units, read in one go."""
    data = np.frombuffer(text.encode() + b" ", np.uint8)
    out = np.empty(len(data) + 4, np.uint64)
    table = characters()
    with np.errstate(over="ignore"):
        _, _, count = scan_units(data, 0, len(data), len(data), np.uint64(0), table, out, 0)
    return [int(unit) for unit in out[:count]]


def hash_slowly(x: int) -> int:
    """`kernels.hashing.quick_hash64` on Python integers."""
    with np.errstate(over="ignore"):
        return int(quick_hash64(np.uint64(x)))


def features_slowly(text: str) -> list[int]:
    units = units_of(text)
    pairs = [(a * 0x9E3779B97F4A7C15 + b) % 2**64 for a, b in pairwise(units)]
    return [hash_slowly(feature) % BUCKETS for feature in units + pairs]


texts = st.lists(st.text(alphabet="ab C.,é字の\n\0", max_size=40), max_size=5)


@settings(deadline=None, max_examples=20 if INTERPRETED else 150)
@given(texts)
def test_features(documents: list[str]) -> None:
    import pyarrow as pa

    column = pa.array(documents, pa.large_string())
    counts = np.zeros(BUCKETS, np.int64)
    values = np.arange(BUCKETS, dtype=np.int64) ** 2
    with np.errstate(over="ignore"):
        count_features(*text_buffers(column), characters(), counts)
        sums = sum_features(*text_buffers(column), characters(), values)
    features = [features_slowly(text) for text in documents]
    assert counts.tolist() == np.bincount(list(chain.from_iterable(features)), minlength=BUCKETS).tolist()
    assert sums.tolist() == [sum(int(values[bucket]) for bucket in found) for found in features]


def test_a_text_longer_than_a_block() -> None:
    import pyarrow as pa

    repeat = 20 if INTERPRETED else 9000
    text = "some 字words, é " * repeat
    counts = np.zeros(BUCKETS, np.int64)
    with np.errstate(over="ignore"):
        count_features(*text_buffers(pa.array([text], pa.large_string())), characters(), counts)
    assert counts.tolist() == np.bincount(features_slowly(text), minlength=BUCKETS).tolist()
