"""A remote file reads like a local one, whatever is asked of it and however often answers break off."""

import io

import pytest
from hypothesis import given
from hypothesis import strategies as st

from dspipe.pipeline.storage import remote_file
from dspipe.pipeline.storage.objects import AnyObjects, PatientObjects, Piece
from dspipe.pipeline.storage.patience import Patience
from dspipe.pipeline.storage.remote_file import RemoteFile, open_remote


class Breaking(AnyObjects):
    """One file whose answers break off after `most` bytes; it remembers what was asked for."""

    def __init__(self, data: bytes, most: int) -> None:
        self._data, self._most = data, most
        self.asked: list[tuple[int, int | None]] = []

    def get(self, path: str, start: int = 0, end: int | None = None) -> Piece:
        self.asked.append((start, end))
        if start < 0:
            start = max(0, len(self._data) + start)
        return Piece(self._data[start:end][: self._most], len(self._data), "tag")


def remote(data: bytes, most: int = 1 << 30) -> tuple[PatientObjects, Breaking]:
    objects = Breaking(data, most)
    return PatientObjects(objects, "test", Patience(1, answered=True)), objects


actions = st.lists(
    st.one_of(
        st.tuples(st.just("read"), st.integers(-1, 40)),
        st.tuples(st.just("seek"), st.integers(0, 120)),
        st.tuples(st.just("from end"), st.integers(-20, 5)),
    ),
    max_size=12,
)


@given(st.binary(max_size=100), st.integers(1, 30), st.integers(0, 50), st.integers(0, 50), actions)
def test_it_reads_like_any_file(data: bytes, most: int, tail: int, ahead: int, actions: list[tuple[str, int]]) -> None:
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(remote_file, "_TAIL", tail + 1)
        patch.setattr(remote_file, "_FIRST_AHEAD", 3)
        patch.setattr(remote_file, "AHEAD", 24)
        objects, _ = remote(data, most)
        ours, theirs = RemoteFile(objects, "x", ahead), io.BytesIO(data)
        for action, number in actions:
            if action == "read":
                assert ours.read(number) == theirs.read(number)
            elif action == "seek":
                assert ours.seek(number) == theirs.seek(number)
            elif number + len(data) >= 0:
                assert ours.seek(number, 2) == theirs.seek(number, 2)
            assert ours.tell() == theirs.tell()


def test_it_asks_for_what_it_needs() -> None:
    data = bytes(range(256)) * (80 << 10)  # 20 MiB
    objects, asked = remote(data)
    file = RemoteFile(objects, "x")
    file.seek(1000)
    assert file.read(10) == data[1000:1010]
    file.seek(5 << 20)
    assert file.read(10) == data[5 << 20 : (5 << 20) + 10]
    assert asked.asked == [(1000, 1010), (5 << 20, (5 << 20) + 10)]
    objects, asked = remote(data)
    with open_remote(objects, "x") as whole:
        assert whole.read() == data
    assert len(asked.asked) == 2  # 16 MiB and the rest


def test_a_seek_before_the_start_is_refused() -> None:
    objects, _ = remote(b"abc")
    with pytest.raises(ValueError, match="negative"):
        RemoteFile(objects, "x").seek(-1)
