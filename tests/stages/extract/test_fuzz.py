"""The fuzzer of the engine: it finds what it is for, and some cases of made-up pages find nothing."""

import os
import signal
import time

import pytest

from tests.stages.extract.fuzz import Fuzzer
from tests.stages.extract.test_translations import PAGE, TRANSLATIONS


@pytest.fixture(scope="module")
def fuzzer() -> Fuzzer:
    return Fuzzer([PAGE.format(language=name, **parts).encode() for name, parts in TRANSLATIONS.items()], 0)


def test_cases_of_made_up_pages(fuzzer: Fuzzer) -> None:
    assert fuzzer.run(0, 100, 60) == (100, [])


def test_a_case_is_the_same_again(fuzzer: Fuzzer) -> None:
    assert fuzzer.page(7) == fuzzer.page(7) != fuzzer.page(8)


@pytest.mark.parametrize(
    ("fault", "told"),
    [("raises", "raised ValueError"), ("ends", "SIGSEGV"), ("exhausts", "raised MemoryError"), ("hangs", "SIGPROF")],
)
def test_faults_are_found(fuzzer: Fuzzer, monkeypatch: pytest.MonkeyPatch, fault: str, told: str) -> None:
    def read(case: int) -> None:
        if case == 3 and fault == "raises":
            raise ValueError("on purpose")
        if case == 3 and fault == "ends":
            os.kill(os.getpid(), signal.SIGSEGV)
        if case == 3 and fault == "exhausts":
            bytearray(3 << 30)
        while case == 3 and fault == "hangs":
            time.process_time()

    monkeypatch.setattr(fuzzer, "read", read)
    monkeypatch.setattr("tests.stages.extract.fuzz.LIMIT_S", 0.2)
    count, findings = fuzzer.run(0, 6, 60)
    assert count == 6
    assert [case for case, _ in findings] == [3]
    assert told in findings[0][1]
