"""A short part of the fuzzing of readers and config, and that it finds what it is for."""

import ctypes
import os
import subprocess
import sys
from pathlib import Path

import pytest

from dspipe.kernels.jit import INTERPRETED
from tests.chaos import fuzz
from tests.chaos.fuzz import Fuzzer
from tests.chaos.seeds import READERS


@pytest.mark.skipif(INTERPRETED, reason="readers have few kernels, and tests of their own")
def test_damaged_files_are_read_or_quarantined() -> None:
    """In a process of its own: one that runs tests has threads, and is not to be forked."""
    command = [sys.executable, "-m", "tests.chaos.fuzz", "--cases", "150", "--minutes", "0.2", "--seed", "3"]
    done = subprocess.run(command, capture_output=True, text=True)
    assert done.returncode == 0, done.stdout + done.stderr
    assert [line.split()[0] for line in done.stdout.splitlines()[1:]] == list(READERS)


def test_a_case_is_the_same_file_again() -> None:
    cases = [Fuzzer("jsonl", 7).data(case) for case in range(20)]
    assert cases == [Fuzzer("jsonl", 7).data(case) for case in range(20)]
    assert len(set(cases)) > 15
    assert cases != [Fuzzer("jsonl", 8).data(case) for case in range(20)]


def test_what_a_reader_does_not_survive_is_found(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(fuzz, "LIMIT_S", 2.0)
    seen: list[int] = []

    def read(path: Path) -> None:
        seen.append(len(seen))  # each child begins with what this process has: nothing
        if seen[-1] == 3:
            raise ZeroDivisionError("one")

    found = Fuzzer("jsonl", 1, read).run(0, 6, 60, tmp_path / "kept").findings
    assert [(finding.case, finding.what) for finding in found] == [
        (3, f"raised ZeroDivisionError at test_fuzz.py:{read.__code__.co_firstlineno + 3}: one")
    ]
    assert len(list((tmp_path / "kept").iterdir())) == 1
    for deed, what in (
        (lambda path: ctypes.string_at(0), "SIGSEGV"),
        (lambda path: os._exit(7), "exit code 7"),
        (lambda path: bytearray(3 << 30), "MemoryError"),
        (lambda path: sum(iter(int, 1)), "not done after 2 s"),
    ):
        (finding,) = Fuzzer("jsonl", 1, deed).run(5, 1, 60).findings
        assert what in finding.what and finding.case == 5


def test_the_time_ends_it() -> None:
    outcome = Fuzzer("jsonl", 1, lambda path: None).run(0, 1 << 40, seconds=0.3)
    assert 0 < outcome.cases < 1 << 20
    assert outcome.seconds < 30
