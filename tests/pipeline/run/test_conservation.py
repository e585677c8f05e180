"""No document is lost between two phases: what came in is what the one before has kept."""

from collections.abc import Sequence
from dataclasses import replace
from types import SimpleNamespace
from typing import Any, cast

import pytest

from dspipe.pipeline.errors import ConservationError, RunFailedError
from dspipe.pipeline.funnel import Counts, Funnel
from dspipe.pipeline.plan.plan import Plan, Shard
from dspipe.pipeline.plan.planned_phase import Over, PlannedPhase
from dspipe.pipeline.run.conservation import check_conservation
from dspipe.pipeline.run.summary import PhaseSummary
from dspipe.pipeline.tasks.spec import Manifest


def phase(name: str, over: Over = "shards", written: Sequence[str] = ()) -> PlannedPhase:
    return PlannedPhase(name, over, "", (name,), "", {}, {}, written=tuple(written))


def summary(name: str, *funnel: Funnel, **counters: int) -> PhaseSummary:
    return PhaseSummary(name, "shards", [name], 1, 0, 0.0, 0, counters, list(funnel), [], {}, None)


def funnel(stage: str, entered: tuple[int, int], kept: tuple[int, int]) -> Funnel:
    dropped = {f"{stage}.bad": Counts(entered[0] - kept[0], entered[1] - kept[1])}
    return Funnel(stage, Counts(*entered), Counts(*kept), dropped)


def plan(*phases: PlannedPhase, max_quarantined: float = 0.05, shards: Sequence[Shard] = ()) -> Plan:
    engine = SimpleNamespace(max_quarantined=max_quarantined)
    sources = [SimpleNamespace(config=SimpleNamespace(name=name)) for name in ("s", "t")]
    config: Any = SimpleNamespace(engine=engine, output="out", sources=sources)
    return Plan(config, tuple(shards), phases)


READ, JUDGE, LATER = phase("documents", "inputs"), phase("judge"), phase("later")
DOCUMENTS = summary("documents", read=10, quarantined=1)
JUDGED = summary("judge", funnel("lengths", (9, 90), (6, 66)))


def check(of: PlannedPhase, found: PhaseSummary, before: list[PhaseSummary], manifests: Sequence[Any] = ()) -> None:
    shards = [Shard(0, ()) for _ in manifests]
    phases = plan(READ, JUDGE, LATER, shards=shards)
    check_conservation(of, cast(list[Manifest], list(manifests)), found, before, phases)


def test_the_text_pass_accounts_for_every_record() -> None:
    good = {"task": "00000", "groups": [4, 5], "counters": {"read": 10, "quarantined": 1}, "notes": {}, "files": []}
    check(READ, DOCUMENTS, [], [good])
    with pytest.raises(ConservationError, match="documents 00001: 11 documents were read, 9 came out and 1 were quar"):
        check(READ, DOCUMENTS, [], [good, {**good, "task": "00001", "counters": {"read": 11, "quarantined": 1}}])


def test_what_came_in_is_what_was_kept() -> None:
    check(JUDGE, JUDGED, [DOCUMENTS])
    check(LATER, summary("later", funnel("unique", (6, 66), (2, 20))), [DOCUMENTS, JUDGED])
    with pytest.raises(ConservationError, match=r"judge: 9 documents \(80 bytes\) were kept before it, 8 \(80 bytes\)"):
        check(JUDGE, summary("judge", funnel("lengths", (8, 80), (6, 66))), [DOCUMENTS])
    with pytest.raises(ConservationError, match=r"later: 6 documents \(66 bytes\) were kept before it, 7 \(66 bytes\)"):
        check(LATER, summary("later", funnel("unique", (7, 66), (2, 20))), [DOCUMENTS, JUDGED])
    # phases that decide nothing lie between without harm
    check(LATER, summary("later", funnel("unique", (6, 66), (2, 20))), [DOCUMENTS, JUDGED, summary("emit")])


def test_bytes_change_only_in_a_phase_that_rewrites_texts() -> None:
    shorter = summary("later", funnel("unique", (6, 60), (2, 20)))
    with pytest.raises(ConservationError, match="66 bytes"):
        check(LATER, shorter, [DOCUMENTS, JUDGED])
    cut = summary("cut", Funnel("cut", Counts(6, 66), Counts(6, 60), rewritten=-6))
    check(LATER, cut, [DOCUMENTS, JUDGED])
    check(LATER, shorter, [DOCUMENTS, JUDGED, cut])
    with pytest.raises(ConservationError, match="stage cut"):
        check(LATER, summary("cut", Funnel("cut", Counts(6, 66), Counts(6, 60))), [DOCUMENTS, JUDGED])
    with pytest.raises(ConservationError, match="6 documents"):
        check(LATER, summary("later", funnel("unique", (5, 60), (2, 20))), [DOCUMENTS, JUDGED, cut])


def test_a_funnel_that_does_not_add_up() -> None:
    wrong = replace(funnel("lengths", (9, 90), (6, 66)), kept=Counts(6, 67))
    with pytest.raises(ConservationError, match="judge, stage lengths"):
        check(JUDGE, summary("judge", wrong), [DOCUMENTS])


def read(shard: int, records: int, bad: int) -> Manifest:
    """The text pass of a shard, of whose records so many couldn't be read."""
    error = {"stage": "read", "file": f"{shard}.jsonl", "place": "line 7", "error": "no field 'text'", "records": bad}
    counters = {"read": records, "quarantined": bad}
    notes = {"quarantine": {"failed": 0, "groups": [error]}} if bad else {}
    return {"task": f"{shard:05d}", "groups": [records - bad], "counters": counters, "notes": notes, "files": []}


def check_read(manifests: list[Manifest], sources: Sequence[int] = (), max_quarantined: float = 0.05) -> None:
    shards = [Shard(source, ()) for source in sources or [0] * len(manifests)]
    sums = [sum(manifest["counters"][name] for manifest in manifests) for name in ("read", "quarantined")]
    found = summary("documents", read=sums[0], quarantined=sums[1])
    check_conservation(READ, manifests, found, [], plan(READ, max_quarantined=max_quarantined, shards=shards))


@pytest.mark.parametrize(("bad", "fails"), [(100, False), (101, True)])
def test_a_handful_of_bad_records_is_no_sign_of_anything(bad: int, fails: bool) -> None:
    manifests = [read(0, 1000, bad)]
    if not fails:
        check_read(manifests)
        return
    message = (
        r"101 of 1,000 records are bad, more than engine.max_quarantined=0.05 allows: 101 no field 'text' \(such as "
    )
    with pytest.raises(RunFailedError, match=message) as caught:
        check_read(manifests)
    assert "out/documents/*.quarantine.jsonl" in str(caught.value)
    assert "--set engine.max_quarantined=0.11" in str(caught.value)
    assert not caught.value.resumes
    check_read(manifests, max_quarantined=0.11)


def test_a_bad_source_is_not_hidden_by_the_others() -> None:
    good = read(0, 10_000, 0)
    with pytest.raises(RunFailedError, match="3 of 3 records of the source t are bad"):
        check_read([good, read(1, 2, 2), read(2, 1, 1)], [0, 1, 1])
    check_read([good, read(1, 2, 2), read(2, 1, 0)], [0, 1, 1])
    with pytest.raises(RunFailedError, match="120 of 400 records of the source t are bad"):
        check_read([good, read(1, 400, 120)], [0, 1])


def test_what_a_phase_of_verdicts_fails_on_counts_as_well() -> None:
    failed = {"counters": {"quarantined": 9}, "funnel": [funnel("lengths", (9, 90), (0, 0)).as_json()], "notes": {}}
    verdicts = summary("judge", funnel("lengths", (9, 90), (0, 0)), quarantined=9)
    before = summary("documents", read=10, quarantined=1)
    with pytest.raises(RunFailedError, match=r"9 of 9 records are bad.*out/judge/"):
        manifests = [cast(Manifest, {**failed, "files": []})]
        check_conservation(JUDGE, manifests, verdicts, [before], plan(READ, JUDGE, shards=[Shard(0, ())]))
