"""The search for a record that ends workers: which records are probed, and when one is found."""

from dspipe.pipeline.run.executors.interface import Failure
from dspipe.pipeline.run.search import Search
from dspipe.pipeline.tasks.place import Place
from dspipe.pipeline.tasks.spec import TaskSpec

SPEC = TaskSpec("k", "documents", "00000", "", {}, "", 0, 0, 4096, 1, 1, 0, over="inputs")


def died(first: int, end: int, from_outside: bool = False) -> Failure:
    place = Place("extract", first, end)
    return Failure("crash", f"it was ended, {place}", place=place, peak_bytes=9, from_outside=from_outside)


def test_a_batch_is_probed_in_pieces_and_then_by_record() -> None:
    search = Search(SPEC, Place("unicode", 8192, 12288), died(8192, 12288))
    assert search.probe().probe == [8192, 12288, 64]
    assert search.found() is None
    closer = search.narrowed(died(8256, 8320))
    assert closer is not None
    assert closer.probe().probe == [8256, 8320, 1]
    found = closer.narrowed(died(8300, 8301))
    assert found is not None
    assert found.found() == {"record": 8300, "stage": "extract", "error": "it was ended", "peak_bytes": 9}


def test_a_signal_from_outside_must_come_twice() -> None:
    once = Search(SPEC, Place("unicode", 0, 9), died(0, 9, True)).narrowed(died(5, 6, True))
    assert once is not None
    assert once.found() is None
    assert once.probe().probe == [5, 6, 1]
    twice = once.narrowed(died(5, 6, True))
    assert twice is not None
    assert twice.found() is not None


def test_an_end_on_no_record_says_nothing() -> None:
    assert Search(SPEC, Place("unicode", 0, 9), died(0, 9)).narrowed(Failure("crash", "it was ended")) is None
