"""The page that a worker and its parent share."""

import os

from dspipe.pipeline.run.executors.board import Board
from dspipe.pipeline.tasks.place import Place


def test_what_one_writes_the_other_reads() -> None:
    ours = Board()
    theirs = Board(os.dup(ours.file))
    assert ours.place() is None
    theirs.write("language", 4096, 8192)
    assert ours.place() == Place("language", 4096, 8192)
    theirs.write("ü" * 100, 0, 1)
    place = ours.place()
    assert place is not None
    assert place.stage == "ü" * 32
    theirs.close()
    assert ours.place() == place  # the other process may be dead
    ours.clear()
    assert ours.place() is None
    ours.close()


def test_another_one_does_not_wipe_it() -> None:
    ours = Board()
    ours.write("language", 0, 7)
    Board(os.dup(ours.file)).close()
    assert ours.place() == Place("language", 0, 7)
    ours.close()
