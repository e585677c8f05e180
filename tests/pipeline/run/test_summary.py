"""A phase in sum: what its tasks' manifests say, added up."""

import json
from typing import Any

from dspipe.pipeline.funnel import Counts, Funnel
from dspipe.pipeline.plan.planned_phase import JUDGING, PlannedPhase
from dspipe.pipeline.run.summary import ALARMS, QUARANTINED, PhaseSummary, summarize


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
    assert PhaseSummary.from_json(json.loads(json.dumps(found.as_json())), found.manifests) == found


def judged(shard: int, domain: str, dropped: int, kept: int, bad: int = 0) -> dict[str, Any]:
    reasons = {"gopher.too_few_words": Counts(dropped), "gopher.too_many_words": Counts(1)}
    entry = Funnel("heuristics", Counts(dropped + kept + 1), Counts(kept), reasons, {domain: Counts(kept)})
    entry.dropped_by_domain = {domain: reasons}
    error = {"stage": "heuristics", "file": "a", "place": "a line 1", "error": "odd", "records": bad}
    return {
        **manifest(shard, quarantined=bad),
        "funnel": [entry.as_json()],
        "notes": {"quarantine": {"failed": bad, "groups": [error]}} if bad else {},
        "files": [{"kind": "quarantine", "file": f"judge/{shard}.quarantine.jsonl", "bytes": 1}] if bad else [],
    }


def test_a_rule_that_drops_most_of_a_domain_is_told() -> None:
    judging = PlannedPhase("judge", "shards", "", ("heuristics",), JUDGING, {}, {})
    manifests = [judged(0, "web", 4, 95), judged(1, "code", 600, 100), judged(2, "code", 0, 12), judged(3, "few", 4, 0)]
    notes = summarize(judging, manifests, 0, None, ["s", "s", "t", "t"]).notes
    assert notes[ALARMS] == [
        {"domain": "code", "rule": "gopher.too_few_words", "documents": 600, "of": 714, "share": 600 / 714}
    ]
    unique = PlannedPhase("unique.verdicts", "shards", "", ("unique",), "", {}, {})
    assert ALARMS not in summarize(unique, manifests, 0, None, ["s", "s", "t", "t"]).notes


def test_sources_have_their_own_sums() -> None:
    phase = PlannedPhase("judge", "shards", "", ("heuristics",), JUDGING, {}, {})
    manifests = [judged(0, "web", 4, 95), judged(1, "web", 2, 7, bad=3), judged(2, "web", 1, 1)]
    found = summarize(phase, manifests, 0, None, ["s", "t", "s"])
    assert list(found.sources) == ["s", "t"]
    assert found.sources["s"].funnel[0].kept.documents == 96
    assert found.sources["t"].counters == {"quarantined": 3}
    (bad,) = found.notes[QUARANTINED]
    assert (bad["source"], bad["records"], bad["quarantine"]) == ("t", 3, "judge/1.quarantine.jsonl")
    assert PhaseSummary.from_json(json.loads(json.dumps(found.as_json())), found.manifests) == found


def test_notes_are_of_phases_of_one_task() -> None:
    phase = PlannedPhase("unique.report", "once", "", ("unique",), "", {}, {})
    found = summarize(phase, [manifest(7)], reused=0, inputs=None)
    assert found.notes == {"task": 7}
    assert found.inputs is None
    assert not found.by_shard
