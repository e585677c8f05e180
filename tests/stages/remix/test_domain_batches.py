"""Documents as remix sees them: their domains, positions and sizes."""

from collections.abc import Sequence
from types import SimpleNamespace
from typing import Any

import pyarrow as pa

from dspipe.stages.remix.domain_batches import read_domains
from dspipe.stages.remix.settings import Grouping

COLUMNS: dict[str, pa.Array] = {
    "origin": pa.array([11, 12, 13, 14], pa.uint64()),
    "url": pa.array(["http://A.example/1", "http://b.example/2", None, "http://c.example/"]),
    "domain": pa.array(["web", None, "code", "web"]),
    "tokens": pa.array([5, 7, 9, 11], pa.int64()),
    "text_bytes": pa.array([50, 70, 90, 110], pa.int64()),
    "reason": pa.array([None, None, "x.dropped", None], pa.string()),
    "remix.position": pa.array([0.1, 0.2, 0.3, 0.4]),
}


def read(by: str = "domain", seed: int = 1, groups: Any = None, importance: bool = False, unit: Any = "tokens") -> Any:
    def rows(columns: Sequence[str]) -> list[pa.RecordBatch]:
        return [pa.record_batch({name: COLUMNS[name] for name in columns})]

    task: Any = SimpleNamespace(rows=rows)
    grouping = Grouping(by=by, groups=groups, unit=unit, by_importance=importance)
    (batch,) = read_domains(task, grouping, seed)
    return batch


def domains(batch: Any) -> list[str]:
    return [batch.names[code] for code in batch.codes]


def test_domains_are_values_of_a_column() -> None:
    batch = read()
    assert domains(batch) == ["web", "unknown", "code", "web"]
    assert batch.names == ["code", "unknown", "web"]
    assert batch.tokens.tolist() == [5, 7, 9, 11]
    assert batch.kept.tolist() == [True, True, False, True]
    assert read(unit="text_bytes").tokens.tolist() == [50, 70, 90, 110]


def test_hosts_and_groups() -> None:
    assert domains(read("host")) == ["a.example", "b.example", "unknown", "c.example"]
    grouped = read("host", groups={"good": ["a.example", "b.example"], "lost": ["unknown"]})
    assert domains(grouped) == ["good", "good", "lost", "other"]


def test_positions_are_of_seed_and_origin_or_of_importance() -> None:
    assert read().positions.tolist() == read("host").positions.tolist()
    assert len(set(read().positions.tolist())) == 4
    assert not (read().positions == read(seed=2).positions).any()
    assert read(importance=True).positions.tolist() == [0.1, 0.2, 0.3, 0.4]
