"""What `dspipe run` ends with: in one line, all that was left out and where to look."""

from typing import Any

from dspipe.pipeline.report.left_out import left_out_line
from dspipe.pipeline.run.run_file import RunFile
from dspipe.pipeline.run.summary import ALARMS, PhaseSummary


def run(counters: dict[str, int], left_out: Any = None, notes: Any = None) -> RunFile:
    text_pass = PhaseSummary("documents", "inputs", ["documents"], 1, 0, 1.0, 1, counters, [], [], notes or {}, None)
    return RunFile("x", True, 1, left_out or {}, [text_pass], [], {})


def test_nothing_left_out_is_no_line() -> None:
    assert left_out_line(run({"read": 9}), "out") is None
    assert left_out_line(RunFile("x", False, 1, {}, [], ["documents"], {}), "out") is None


def test_all_kinds_in_one_line() -> None:
    counters = {"read": 9, "quarantined": 1200, "quarantined by estimate": 1000}
    counters |= {"skipped.request": 5, "skipped.image": 7}
    files = {"a": {"hidden": 2}, "b": {"hidden": 1, "not named like warc": 1}}
    losses = [{"file": f"f{n}.warc.gz", "records": n} for n in range(5)]
    assert left_out_line(run(counters, files, {ALARMS: losses}), "out") == (
        "Left out: 1,200 bad records (1,000 of them estimated); records that are no documents: 7 image, 5 request; "
        "files: 3 hidden, 1 not named like warc; files that are not whole: f1.warc.gz, f2.warc.gz, f3.warc.gz, ...; "
        "files without a document: f0.warc.gz. "
        "See dspipe stats out, out/documents/*.quarantine.jsonl, dspipe plan"
    )


def test_many_kinds_are_summed_up() -> None:
    line = left_out_line(run({f"skipped.kind{n:02}": n + 1 for n in range(12)}), "out")
    assert line is not None
    assert line.startswith("Left out: records that are no documents: 12 kind11, 11 kind10, ")
    assert line.endswith(f", 5 kind04, {1 + 2 + 3 + 4} others. See dspipe stats out")
