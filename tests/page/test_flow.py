"""The funnel as a flow."""

from dspipe.page.flow import flow_of
from dspipe.pipeline.funnel import Counts, Funnel
from dspipe.pipeline.run.run_file import RunFile
from dspipe.pipeline.run.summary import PhaseSummary


def run_of(*funnel: Funnel) -> RunFile:
    read = PhaseSummary("documents", "inputs", [], 1, 0, 1.0, 1, {"read": 101, "quarantined": 1}, [], [], {}, None)
    judge = PhaseSummary("judge", "shards", ["a"], 1, 0, 1.0, 1, {}, list(funnel), [], {}, None)
    return RunFile("x", True, 1, {}, [read, judge] if funnel else [read], [], {})


def test_what_is_not_counted_yet_is_estimated() -> None:
    reasons = {f"a.{n}": Counts(n, 10 * n) for n in range(1, 6)}
    first = Funnel("a", Counts(100, 1000), Counts(85, 850), reasons)
    second = Funnel("b", Counts(85, 850, 170), Counts(80, 800, 160), {"b.why": Counts(5, 50, 10)})
    flow = flow_of(run_of(first, second))
    assert flow is not None
    assert (flow.read, flow.quarantined) == (Counts(100, 1000, 200), 1)
    assert [name for name, _ in flow.stages[0].branches] == ["a.5", "a.4", "a.3", "2 other reasons"]
    for stage, before in zip(flow.stages, (flow.read, flow.stages[0].kept), strict=True):
        total = stage.kept
        for _, counts in stage.branches:
            total = total.plus(counts)
        assert total == before
    assert "5.00 bytes a token" in flow.tokens


def test_nothing_is_decided_yet() -> None:
    assert flow_of(run_of()) is None
    flow = flow_of(run_of(Funnel("a", Counts(1, 5), Counts(1, 5))))
    assert flow is not None and flow.tokens == ""
