"""Sums for the statistics of a round: those of shards merged are those of all documents."""

import json
from typing import Any

import numpy as np
import pyarrow as pa
import pytest

from dspipe.stages.shared.dedup import tables
from dspipe.stages.shared.dedup.tables import Tables


def shard(number: int, rows: list[tuple[str | None, str | None, int | None, int | None, int | None]]) -> Tables:
    """Sums of rows of (url, earlier reason, keeper, cluster, cluster size)."""
    batch = pa.record_batch(
        {
            "id": [f"{number}-{row}" for row in range(len(rows))],
            "url": pa.array([url for url, *_ in rows], pa.string()),
            "source": ["s"] * len(rows),
            "dump": pa.array([None if number == 9 else f"d{number}"] * len(rows), pa.string()),
            "reason": pa.array([reason for _, reason, *_ in rows], pa.string()),
        }
    )
    verdicts = pa.table(
        {
            "keeper": pa.array([keeper for _, _, keeper, _, _ in rows], pa.uint64()),
            "cluster": pa.array([cluster for _, _, _, cluster, _ in rows], pa.uint64()),
            "cluster_size": pa.array([size for *_, size in rows], pa.uint32()),
        }
    )
    made = Tables()
    made.add(batch, np.arange(len(rows), dtype=np.uint64) | np.uint64(number << 32), verdicts)
    return made


FIRST, SECOND = 1 << 32, 2 << 32
PARTS = [
    shard(
        1,
        [
            ("http://u:p@A.example:8080/x", None, None, FIRST, 3),
            ("https://b.example?q", None, FIRST, FIRST, 3),
            ("no address", "other.reason", None, None, None),
            (None, None, None, None, None),
        ],
    ),
    shard(2, [("http://a.example/", None, FIRST, FIRST, 3), ("http://[::1]:80/", None, None, SECOND | 1, 9)]),
    shard(9, [("http://a.example/", None, None, None, None)]),
]


def merged() -> Tables:
    whole = Tables()
    for part in PARTS:
        whole.merge(json.loads(part.as_json()))
    return whole


def test_what_entered_and_was_dropped() -> None:
    whole = merged()
    assert whole.entered["source"] == {"s": 6}  # what had been dropped before is not counted
    assert whole.dropped["source"] == {"s": 2}
    assert whole.entered["dump"] == {"d1": 3, "d2": 2}
    assert whole.dropped["dump"] == {"d1": 1, "d2": 1}
    assert whole.entered["host"] == {"a.example": 3, "b.example": 1, "[::1]": 1}
    assert {host: n for host, n in whole.dropped["host"].items() if n} == {"a.example": 1, "b.example": 1}


def test_a_cluster_is_counted_where_its_oldest_document_is() -> None:
    whole = merged()
    assert whole.sizes == {2: 1, 8: 1}  # by powers of two: clusters of 3 and 9
    assert whole.largest == [
        {"documents": 9, "id": "2-1", "url": "http://[::1]:80/"},
        {"documents": 3, "id": "1-0", "url": "http://u:p@A.example:8080/x"},
    ]


def test_only_the_largest_are_named(monkeypatch: Any) -> None:
    monkeypatch.setattr(tables, "LARGEST", 1)
    monkeypatch.setattr(tables, "SHARD_HOSTS", 1)
    assert [entry["documents"] for entry in merged().largest] == [9]
    assert json.loads(PARTS[0].as_json())["entered"]["host"] == {"a.example": 1}


def test_the_round_before_dropped_some_already() -> None:
    later = Tables()
    later.merge(json.loads(PARTS[1].as_json()))
    later.merge_earlier(json.loads(PARTS[0].as_json()))
    assert later.entered["dump"] == {"d2": 2, "d1": 1}
    assert later.dropped["dump"] == {"d2": 1, "d1": 1}
    assert later.sizes == {8: 1}


@pytest.mark.parametrize(
    ("url", "host"),
    [
        ("https://Example.COM/a?b#c", "example.com"),
        ("http://user:word@example.com:8080", "example.com"),
        ("http://[2001:db8::1]:80/", "[2001:db8::1]"),
        ("ftp://example.org?x", "example.org"),
        ("mailto:someone@example.org", None),
        ("/relative/path", None),
        ("http://", None),
        (None, None),
    ],
)
def test_documents_are_counted_by_host(url: str | None, host: str | None) -> None:
    batch = pa.RecordBatch.from_pydict(
        {"id": ["a"], "url": pa.array([url], pa.string()), "source": ["s"], "dump": pa.array([None], pa.string())}
        | {"reason": pa.array([None], pa.string())}
    )
    verdicts = pa.table({name: pa.nulls(1, pa.uint64()) for name in ("keeper", "cluster", "cluster_size")})
    tables = Tables()
    tables.add(batch, np.zeros(1, np.uint64), verdicts)
    assert tables.entered["host"] == ({} if host is None else {host: 1})
