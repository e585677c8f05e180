"""A phase in sum: what its tasks' manifests say, added up."""

import json
from typing import Any

from dspipe.pipeline.funnel import Counts, Funnel
from dspipe.pipeline.plan.planned_phase import PlannedPhase
from dspipe.pipeline.run.summary import PhaseSummary, summarize


def manifest(number: int, **counters: int) -> dict[str, Any]:
    funnel = Funnel("unique", Counts(5, 50), Counts(4, 40), {"unique.repeated": Counts(1, 10)}, {"web": Counts(4, 40)})
    return {
        "file": f"unique/{number:05d}.manifest.json",
        "files": [{"bytes": 100 + number}, {"bytes": 1}],
        "counters": counters,
        "funnel": [funnel.as_json()],
        "notes": {"task": number},
        "seconds": 0.25,
    }


def test_sums_over_tasks() -> None:
    phase = PlannedPhase("unique.verdicts", "shards", "", ("unique",), "", {}, {})
    manifests = [manifest(0, b=2), manifest(1, b=1, a=7), manifest(2)]
    found = summarize(phase, manifests, reused=1, inputs="unique/inputs.json")
    assert (found.tasks, found.reused, found.seconds, found.bytes_written) == (3, 1, 0.75, 306)
    assert list(found.counters.items()) == [("a", 7), ("b", 3)]
    (funnel,) = found.funnel
    assert (funnel.entered, funnel.kept) == (Counts(15, 150), Counts(12, 120))
    assert funnel.dropped == {"unique.repeated": Counts(3, 30)}
    assert found.manifests == [f"unique/{number:05d}.manifest.json" for number in range(3)]
    assert found.inputs == "unique/inputs.json"
    assert found.notes == {}  # of many tasks, none speaks for the phase
    assert found.by_shard
    assert PhaseSummary.from_json(json.loads(json.dumps(found.as_json()))) == found


def test_notes_are_of_phases_of_one_task() -> None:
    phase = PlannedPhase("unique.report", "once", "", ("unique",), "", {}, {})
    found = summarize(phase, [manifest(7)], reused=0, inputs=None)
    assert found.notes == {"task": 7}
    assert found.inputs is None
    assert not found.by_shard
