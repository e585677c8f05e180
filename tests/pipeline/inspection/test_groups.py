"""Groups against a count in plain Python."""

from collections import Counter

import pyarrow as pa
import pytest

from dspipe.pipeline.inspection import groups
from dspipe.pipeline.inspection.groups import UNKNOWN, Group, Groups

NAMES = ["a", "b", None, "a", "a", "b", "c"]
REASONS = [None, "why", None, "why", None, None, "why"]


def batch() -> pa.RecordBatch:
    return pa.RecordBatch.from_pydict(
        {
            "domain": pa.array(NAMES, pa.string()),
            "reason": pa.array(REASONS, pa.string()),
            "text_bytes": pa.array([1, 2, 4, 8, 16, 32, None], pa.int64()),
            "tokens": pa.array([1, 0, 1, 0, 3, 5, 0], pa.int64()),
        }
    )


def test_sums_by_name() -> None:
    collector = Groups("domain", batch().schema.names)
    collector.add(batch().slice(0, 3))
    collector.add(batch().slice(3))
    found = collector.found()
    assert [(group.name, group.documents) for group in found.groups] == [("a", 3), ("b", 2), (UNKNOWN, 1), ("c", 1)]
    assert found.groups[0] == Group("a", 3, 25, 2, 17, 4) and found.groups[0].dropped == 1
    assert found.groups[1] == Group("b", 2, 34, 1, 32, 5)
    assert (found.names, found.cut) == (4, False)
    assert found.as_json(most=1)["groups"] == [
        {"name": "a", "documents": 3, "bytes": 25, "kept": 2, "kept_bytes": 17, "kept_tokens": 4}
    ]


def test_without_verdicts_everything_is_kept_so_far() -> None:
    collector = Groups("domain", ["domain"])
    collector.add(batch().select(["domain"]))
    assert [group.dropped for group in collector.found().groups] == [0, 0, 0, 0]


def test_of_too_many_names_the_frequent_ones_stay(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(groups, "MOST_NAMES", 30)
    names = [name for n in range(40) for name in (*(f"often {k}" for k in range(20)), f"once {n}", f"rare {n}")]
    collector = Groups("host", [], "url", names_of=lambda urls: urls)
    for start in range(0, len(names), 100):
        collector.add(pa.RecordBatch.from_pydict({"url": pa.array(names[start : start + 100])}))
    found = collector.found()
    assert found.cut
    counts = Counter(names)
    often = [group for group in found.groups if group.name.startswith("often")]
    assert len(often) == 20 and all(group.documents == counts[group.name] for group in often)
