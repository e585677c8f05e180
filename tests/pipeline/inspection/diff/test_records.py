"""Records of two runs put side by side, against dictionaries."""

import numpy as np
from hypothesis import given, settings
from hypothesis import strategies as st

from dspipe.pipeline.inspection.diff.records import ABSENT, RECORD, Records, joined, side_by_side

Keys = list[int]


def records_of(keys: Keys) -> Records:
    records = np.zeros(len(keys), RECORD)
    records["key"] = np.array(keys, np.uint64) * np.uint64(0x9E3779B97F4A7C15)
    records["number"] = np.arange(len(keys))
    return records


def pairs_of(a: Records, b: Records) -> list[tuple[int, int]]:
    return [(int(one), int(other)) for one, other in zip(a["number"], b["number"], strict=True)]


def plain(a: Keys, b: Keys) -> list[tuple[int, int]]:
    pairs = []
    for key in {*a, *b}:
        places = [[place for place, other in enumerate(keys) if other == key] for keys in (a, b)]
        for number in range(max(map(len, places))):
            one, other = (found[number] if number < len(found) else int(ABSENT) for found in places)
            pairs.append((one, other))
    return sorted(pairs)


@settings(deadline=None, max_examples=40)
@given(st.lists(st.integers(0, 12), max_size=20), st.lists(st.integers(0, 12), max_size=20), st.integers(300, 10_000))
def test_side_by_side(a: Keys, b: Keys, memory: int) -> None:
    one, other = records_of(a), records_of(b)
    assert sorted(pairs_of(*side_by_side(one, other))) == plain(a, b)
    parts = joined(iter([one[:3], one[3:]]), iter([other]), one.nbytes + other.nbytes, memory)
    assert sorted(pair for part in parts for pair in pairs_of(*part)) == plain(a, b)
