"""Artifacts of many tasks are read in order, many at a time."""

import hashlib
from types import SimpleNamespace
from typing import Any

import pytest

from dspipe.pipeline.storage.store import Store
from dspipe.pipeline.tasks.task import ArtifactFile
from dspipe.stages.shared import artifacts
from dspipe.stages.shared.artifacts import read_artifacts, read_json_artifacts


@pytest.mark.parametrize("room", [1, 30, 1 << 20])
def test_all_in_order_and_few_requests(tmp_path: Any, monkeypatch: pytest.MonkeyPatch, room: int) -> None:
    monkeypatch.setattr(artifacts, "READ_BYTES", room)
    store = Store(str(tmp_path))
    files = []
    for sender in range(9):
        content = b'{"n": %d}' % (10**sender)
        store.write_bytes(f"{sender}.json", content)
        checksum = hashlib.sha256(content).hexdigest()
        files.append(ArtifactFile(store, sender, f"{sender}.json", len(content), checksum))
    asked: list[int] = []
    read_ranges = store.read_ranges

    def counted(ranges: Any) -> Any:
        asked.append(sum(length for _, _, length in ranges))
        return read_ranges(ranges)

    monkeypatch.setattr(store, "read_ranges", counted)
    task: Any = SimpleNamespace(store=store, artifact=lambda name: files)
    assert list(read_json_artifacts(task, "x")) == [(sender, {"n": 10**sender}) for sender in range(9)]
    assert len(asked) == (9 if room == 1 else 1 if room > 1000 else len(asked))
    assert all(size <= max(room, 20) for size in asked)
    empty: Any = SimpleNamespace(store=store, artifact=lambda name: [])
    assert list(read_artifacts(empty, "x")) == []
