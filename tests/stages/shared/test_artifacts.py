from collections.abc import Sequence
from pathlib import Path

import pytest

from dspipe.pipeline.storage.store import Store
from dspipe.stages.shared import artifacts
from dspipe.stages.shared.artifacts import read_artifacts, read_json_artifacts
from tests.tasks import Inputs, make_task


def test_contents_come_with_their_makers_in_order(tmp_path: Path) -> None:
    task = make_task(tmp_path, Inputs(artifacts={"counts": [b"[1]", b"", b"[3, 4]"], "none": []}))
    assert list(read_artifacts(task, "counts")) == [(0, b"[1]"), (1, b""), (2, b"[3, 4]")]
    assert list(read_artifacts(task, "none")) == []


def test_json_values(tmp_path: Path) -> None:
    task = make_task(tmp_path, Inputs(artifacts={"counts": [b"[1]", b'{"a": 2}']}))
    assert list(read_json_artifacts(task, "counts")) == [(0, [1]), (1, {"a": 2})]


@pytest.mark.parametrize(("read_bytes", "requests"), [(1, 40), (100, 10), (1000, 1), (1010, 1)])
def test_many_files_are_asked_for_together(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, read_bytes: int, requests: int
) -> None:
    contents = [bytes([number]) * 25 for number in range(40)]
    task = make_task(tmp_path, Inputs(artifacts={"parts": contents}))
    monkeypatch.setattr(artifacts, "READ_BYTES", read_bytes)
    asked: list[int] = []
    read_ranges = Store.read_ranges

    def count(store: Store, ranges: Sequence[tuple[str, int, int]]) -> list[bytes]:
        asked.append(len(ranges))
        return read_ranges(store, ranges)

    monkeypatch.setattr(Store, "read_ranges", count)
    assert [content for _, content in read_artifacts(task, "parts")] == contents
    assert len(asked) == requests and sum(asked) == 40
