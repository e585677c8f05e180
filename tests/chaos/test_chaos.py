"""A short part of the chaos runs, and that they would tell other bytes."""

from pathlib import Path

import pytest

from dspipe.kernels.jit import INTERPRETED
from tests.chaos.__main__ import Tally, run_chaos
from tests.chaos.faults import Outcome
from tests.chaos.lab import Lab, digest


@pytest.mark.skipif(INTERPRETED, reason="minutes uncompiled")
def test_a_disturbed_run_gives_the_same_bytes(tmp_path: Path) -> None:
    lab = Lab(tmp_path / "lab", short=True)
    try:
        tallies = run_chaos(lab, ["kill-driver", "damage", "kill-at"], seed=5, first=0, rounds=1, seconds=300)
    finally:
        lab.close()
    outcomes = [outcome for tally in tallies for outcome in tally.outcomes]
    assert [outcome.wrong for outcome in outcomes] == ["", "", ""]
    assert lab.expected.keys() >= {"index.json", "tokenizer.json"}
    assert any(name.endswith(".bin") for name in lab.expected)
    assert not lab.same(lab.folder / "in")


def test_bytes_are_compared_without_the_keys_of_tasks() -> None:
    def run(key: str, rows: bytes) -> dict[str, bytes]:
        index = b'{"file": "pack.rows/00000-%s.bin"}' % key.encode()
        other = {"documents/00000-x.parquet": key.encode(), f"pack.rows/00000-{key}.manifest.json": b"seconds"}
        other[f"pack.rows/done-{key}.jsonl.zst"] = key.encode()
        return {"index.json": index, f"pack.rows/00000-{key}.bin": rows, **other}

    expected = digest(run("0123456789ab", b"rows"))
    assert expected.keys() == {"index.json", "pack.rows/00000-KEY.bin"}
    assert digest(run("ba9876543210", b"rows")) == expected
    assert digest(run("0123456789ab", b"rowz")) != expected
    assert digest({**run("0123456789ab", b"rows"), "pack.tail/00000-0123456789ab.bin": b""}) != expected


def test_the_table_counts_what_was_survived() -> None:
    tally = Tally("kill-driver", [Outcome(2), Outcome(3, resumes=1), Outcome(4, wrong="other bytes")], 9.0)
    assert tally.line().split() == ["kill-driver", "3", "9", "5", "1", "3.0", "s"]
    assert Tally("ray-node", skipped="needs ray").line().split(maxsplit=1) == ["ray-node", "skipped: needs ray"]
