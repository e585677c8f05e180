from collections import Counter

import pyarrow as pa
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from dspipe.stages.quality.recall import find_hosts
from dspipe.stages.quality.recall.find_hosts import HostCounts

ROWS = st.lists(st.tuples(st.sampled_from("abcd"), st.integers(0, 9), st.integers(0, 9)), max_size=6)


@settings(max_examples=20, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(st.lists(ROWS, max_size=4))
def test_shards_add_up(monkeypatch: pytest.MonkeyPatch, shards: list[list[tuple[str, int, int]]]) -> None:
    monkeypatch.setattr(find_hosts, "_MOST_WAITING", 3)
    counts, pages, recalled = HostCounts(), Counter[str](), Counter[str]()
    for rows in shards:
        counts.add(pa.table([list(column) for column in zip(*rows, strict=True)] if rows else [[]] * 3,
                            schema=find_hosts._NO_HOSTS))  # fmt: skip
        for host, n, there in rows:
            pages[host] += n
            recalled[host] += there
    assert counts.table().to_pylist() == [
        {"host": host, "pages": pages[host], "recalled": recalled[host]} for host in sorted(pages)
    ]
