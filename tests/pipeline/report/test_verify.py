"""Checksums: what was changed, cut or removed is found."""

from pathlib import Path
from typing import Any

from dspipe.pipeline.report.verify import verify_files
from tests.engine import run_inline


def test_verify_finds_what_was_changed_cut_or_removed(toy: dict[str, Any]) -> None:
    run_inline(toy)
    assert verify_files(toy["output"]).problems == []
    files = sorted(Path(toy["output"]).glob("*/*.parquet"))
    data = bytearray(files[0].read_bytes())
    data[len(data) // 2] ^= 1
    files[0].write_bytes(data)
    files[1].write_bytes(files[1].read_bytes()[:-1])
    files[2].unlink()
    problems = verify_files(toy["output"]).problems
    assert len(problems) == 3
    assert any("its checksum differs" in line for line in problems)
    assert any("its manifest says" in line for line in problems)
    assert any("the file is gone" in line for line in problems)


def test_a_removed_file_is_made_again(toy: dict[str, Any]) -> None:
    run_inline(toy)
    next(Path(toy["output"]).glob("judge/*.parquet")).unlink()
    assert run_inline(toy).tasks_run == 1
    assert verify_files(toy["output"]).problems == []


def test_manifests_that_cannot_be_read_are_problems_and_the_others_are_checked(toy: dict[str, Any]) -> None:
    run_inline(toy)
    checked = verify_files(toy["output"]).checked["files"]
    (damaged, _) = sorted(Path(toy["output"]).glob("documents/*.manifest.json"))
    damaged.write_text("{")
    found = verify_files(toy["output"])
    assert [problem.partition(": ")[0] for problem in found.problems] == [f"documents/{damaged.name}"]
    assert "is cut or was changed" in found.problems[0]
    assert 0 < found.checked["files"] < checked
    assert run_inline(toy).tasks_run == 1
    assert verify_files(toy["output"]).problems == []
