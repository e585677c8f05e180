"""What a run cost, and its bad records."""

from typing import Any

from dspipe.page.work import work_of
from dspipe.pipeline.inspection.shard_work import ShardWork
from dspipe.pipeline.run.run_file import RunFile
from dspipe.pipeline.run.summary import QUARANTINED, PhaseSummary


def phase(name: str, over: str, seconds: float, notes: dict[str, Any] | None = None) -> PhaseSummary:
    return PhaseSummary(name, over, [], 2, 0, seconds, 10, {}, [], [], notes or {}, None)


def test_stages_shards_and_errors() -> None:
    group = {"stage": "read", "source": "s", "file": "f", "error": "no JSON", "records": 3}
    notes = {QUARANTINED: [group, {**group, "file": "g", "records": 5}, {**group, "stage": "pii", "records": 1}]}
    phases = [
        phase("documents", "inputs", 4.0, notes),
        phase("minhash.a", "shards", 3.0),
        phase("minhash.b", "once", 3),
    ]
    shards = [ShardWork(n, f"shard {n}", 1, 10**6, seconds, {}) for n, seconds in enumerate([1.0, 5.0, 2.0])]
    work = work_of(RunFile("x", True, 1, {}, phases, [], {}), 12_000_000, shards)
    assert [(stage.name, stage.share, stage.mb_per_second) for stage in work.stages] == [
        ("minhash", 0.6, 2.0),
        ("documents", 0.4, 3.0),
    ]
    assert [part.mb_per_second for part in work.stages[0].phases] == [4.0, None]
    assert [one.name for one in work.slowest] == ["shard 1", "shard 2", "shard 0"]
    assert [(one.error, one.records, one.files) for one in work.bad] == [
        ("no JSON", 8, ["g", "f"]),
        ("stage pii: no JSON", 1, ["f"]),
    ]
