"""Records that failed for a while are tried again, and the result is as if they had never failed."""

import json
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from dspipe.pipeline.run.executors.inline import InlineExecutor
from dspipe.pipeline.run.progress import LogProgress
from dspipe.pipeline.run.retry_quarantine import QuarantineRetry
from dspipe.pipeline.run.run import RunResult, run_plan
from tests.engine import planned, rows_of, run_inline, tasks_run
from tests.pipeline.run.executors.runs import hashes
from tests.pipeline.run.test_run import config, corpus
from tests.toys.flaky import Flaky

SHARDS = [
    ["alpha one", "beta two", "gamma three"],
    ["alpha one", "do MEASURE this", "delta four", "and MEASURE RAISE"],
    ["epsilon five", "zeta", "beta two"],
    ["thirteen long", "eta seven"],
]


@pytest.fixture
def values(tmp_path: Path) -> dict[str, Any]:
    corpus(tmp_path / "in", SHARDS)
    (tmp_path / "trouble").touch()
    found = config(tmp_path)
    flaky = {"tests.toys.flaky": {"trouble": str(tmp_path / "trouble")}}
    return {**found, "stages": [flaky, *found["stages"]], "engine": {"kind": "inline", "batch_rows": 2}}


def retried(values: dict[str, Any], retry: QuarantineRetry) -> RunResult:
    return run_plan(planned(values), InlineExecutor(), LogProgress(), retry)


def bad(values: dict[str, Any]) -> set[tuple[str, str]]:
    files = Path(values["output"]).rglob("*.quarantine.jsonl")
    entries = [json.loads(line) for file in files for line in file.read_text().splitlines()]
    return {(entry["id"], entry["stage"]) for entry in entries}


def test_the_result_is_as_if_they_had_never_failed(values: dict[str, Any], tmp_path: Path) -> None:
    run_inline(values)
    assert bad(values) == {("1-1", "flaky"), ("1-3", "flaky"), ("3-0", "flaky")}
    assert tasks_run(run_inline(values)) == {}  # a run by itself doesn't try them again
    (tmp_path / "trouble").unlink()
    retry = QuarantineRetry()
    again = retried(values, retry)
    # of four shards the one that couldn't be measured, and the one that couldn't be judged
    assert {name: n for name, n in tasks_run(again).items() if name in ("documents", "judge")} == {
        "documents": 1,
        "judge": 2,
    }
    assert tasks_run(again)["unique.emit"] == 2
    assert bad(values) == {("1-3", "lengths")}
    assert retry.said() == "2 tasks with 3 bad records were done again; 1 are still bad"
    assert [row["id"] for row in rows_of(again, ["id"])][3:6] == ["1-0", "1-1", "1-2"]
    fresh = {**values, "output": str(tmp_path / "fresh")}
    run_inline(fresh)
    assert hashes(values["output"]) == hashes(fresh["output"])
    assert tasks_run(run_inline(values)) == {}


def test_only_what_failed_is_measured_again(
    values: dict[str, Any], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    run_inline(values)
    (tmp_path / "trouble").unlink()
    measured: list[str] = []
    whole = Flaky.measure

    def measure(self: Flaky, batch: pa.RecordBatch) -> pa.RecordBatch:
        measured.extend(batch.column("text").to_pylist())
        return whole(self, batch)

    monkeypatch.setattr(Flaky, "measure", measure)
    retried(values, QuarantineRetry())
    assert measured == ["do MEASURE this", "and MEASURE RAISE"]
    fresh = {**values, "output": str(tmp_path / "fresh")}
    run_inline(fresh)
    assert hashes(values["output"]) == hashes(fresh["output"])


def test_texts_that_were_dropped_early_stay_beside_those_that_are_now(values: dict[str, Any], tmp_path: Path) -> None:
    corpus(tmp_path / "in", [["no", "alpha one", "do MEASURE this", "MEASURE"], ["beta two"]])
    flaky, _, *others = values["stages"]
    values = {**values, "stages": [flaky, {"tests.toys.lengths": {"early": True, "minimum": 10}}, *others]}
    run_inline(values)
    (tmp_path / "trouble").unlink()
    retried(values, QuarantineRetry())
    fresh = {**values, "output": str(tmp_path / "fresh")}
    run_inline(fresh)
    assert hashes(values["output"]) == hashes(fresh["output"])
    kept, expected = (
        sorted(path.read_text() for path in Path(run["output"]).glob("documents/*.early.jsonl"))
        for run in (values, fresh)
    )
    assert kept == expected
    assert [json.loads(line)["text"] for file in kept for line in file.splitlines()].count("MEASURE") == 1
    assert sum(len(file.splitlines()) for file in kept) == 7


def test_rows_that_were_changed_meanwhile_are_made_anew(
    values: dict[str, Any], tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    run_inline(values)
    (tmp_path / "trouble").unlink()
    files = sorted(Path(values["output"]).glob("documents/*.parquet"))
    (failed,) = [path for path in files if pq.read_table(path)["text"].to_pylist() == ["alpha one", "delta four"]]
    content = failed.read_bytes()
    failed.write_bytes(content[:40] + bytes([content[40] ^ 1]) + content[41:])
    retried(values, QuarantineRetry())
    assert "is made again" in capsys.readouterr().err
    fresh = {**values, "output": str(tmp_path / "fresh")}
    run_inline(fresh)
    assert hashes(values["output"]) == hashes(fresh["output"])


def test_what_stays_bad_stays_quarantined(values: dict[str, Any]) -> None:
    run_inline(values)
    before, whole = bad(values), hashes(values["output"])
    retry = QuarantineRetry()
    assert tasks_run(retried(values, retry)) == {"documents": 1, "judge": 1}
    assert (bad(values), hashes(values["output"])) == (before, whole)
    assert (retry.tasks, retry.before, retry.after) == (2, 3, 3)


def test_records_that_could_not_be_read_are_left_alone_by_default(values: dict[str, Any], tmp_path: Path) -> None:
    (tmp_path / "trouble").unlink()
    lines = "".join(json.dumps({"text": f"text {n}"}) + "\n" for n in range(3)) + "no JSON\n"
    (tmp_path / "in" / "1.jsonl").write_text(lines)
    run_inline(values)
    retry = QuarantineRetry()
    assert tasks_run(retried(values, retry)) == {}
    assert retry.said() == "no bad records to try again but such that couldn't be read"
    retry = QuarantineRetry(everything=True)
    assert tasks_run(retried(values, retry)) == {"documents": 1}
    assert retry.said() == "1 tasks with 1 bad records were done again; 1 are still bad"


def test_an_interrupted_retry_leaves_work_and_no_half_of_it(
    values: dict[str, Any], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    run_inline(values)
    (tmp_path / "trouble").unlink()

    def interrupted(self: InlineExecutor) -> Any:
        raise KeyboardInterrupt

    with monkeypatch.context() as patched:
        patched.setattr(InlineExecutor, "wait", interrupted)
        with pytest.raises(KeyboardInterrupt):
            retried(values, QuarantineRetry())
    run_inline(values)
    assert ("1-3", "lengths") in bad(values)
    retried(values, QuarantineRetry())
    fresh = {**values, "output": str(tmp_path / "fresh")}
    run_inline(fresh)
    assert hashes(values["output"]) == hashes(fresh["output"])
