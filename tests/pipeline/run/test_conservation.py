"""No document is lost between two phases: what came in is what the one before has kept."""

from collections.abc import Sequence
from dataclasses import replace
from types import SimpleNamespace
from typing import Any, cast

import pytest

from dspipe.pipeline.errors import ConservationError, RunFailedError
from dspipe.pipeline.funnel import Counts, Funnel
from dspipe.pipeline.plan.plan import Plan
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


def plan(*phases: PlannedPhase, max_quarantined: float = 0.05) -> Plan:
    engine = SimpleNamespace(max_quarantined=max_quarantined)
    config: Any = SimpleNamespace(engine=engine, output="out")
    return Plan(config, (), phases)


READ, JUDGE, LATER = phase("documents", "inputs"), phase("judge"), phase("later")
DOCUMENTS = summary("documents", read=10, quarantined=1)
JUDGED = summary("judge", funnel("lengths", (9, 90), (6, 66)))


def check(of: PlannedPhase, found: PhaseSummary, before: list[PhaseSummary], manifests: Sequence[Any] = ()) -> None:
    check_conservation(of, cast(list[Manifest], list(manifests)), found, before, plan(READ, JUDGE, LATER))


def test_the_text_pass_accounts_for_every_record() -> None:
    good = {"task": "00000", "groups": [4, 5], "counters": {"read": 10, "quarantined": 1}}
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


@pytest.mark.parametrize(("bad", "fails"), [(100, False), (101, True)])
def test_a_handful_of_bad_records_is_no_sign_of_anything(bad: int, fails: bool) -> None:
    found = summary("documents", read=1000, quarantined=bad)
    if not fails:
        check(READ, found, [])
        return
    message = r"101 of 1,000 records are bad, more than engine.max_quarantined=0.05 allows; .* in out/documents"
    with pytest.raises(RunFailedError, match=message):
        check(READ, found, [])
    check_conservation(READ, [], found, [], plan(READ, max_quarantined=0.2))
