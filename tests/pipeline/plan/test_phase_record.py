"""The record of a phase: what it holds, when it is trusted, and that it spares asking for the manifests."""

import json
from pathlib import Path
from typing import Any

import pytest

from dspipe.pipeline.plan.phase_record import RECORD, PhaseRecord, read_names
from dspipe.pipeline.run.run_file import read_run
from dspipe.pipeline.storage.store import Store
from dspipe.pipeline.tasks.spec import Manifest, encoded, sealed
from tests.engine import run_inline
from tests.pipeline.run.test_run import config, corpus


def manifest(number: int) -> Manifest:
    files = [{"kind": "artifact", "name": "made", "file": f"p/{number}.made", "bytes": 1}]
    return sealed(
        {"file": f"p/{number:05d}-abc.manifest.json", "key": f"{number}", "files": files, "notes": {"é": "\n"}}
    )


def recorded(store: Store, phase: str = "p") -> PhaseRecord:
    return PhaseRecord(store, phase, store.sizes(phase))


@pytest.mark.parametrize("tasks", [1, 2500])
def test_what_is_written_is_read(tmp_path: Path, tasks: int) -> None:
    store, manifests = Store(str(tmp_path)), [manifest(number) for number in range(tasks)]
    files = recorded(store).write(manifests)
    found = recorded(store)
    assert found.manifests == {one["file"]: (len(encoded(one)), one) for one in manifests}
    made = {"made": [f"p/{number}.made" for number in range(tasks)]}
    assert read_names(store, files[1:]) == [([one["file"] for one in manifests], made)]
    # the same again is not written again
    before = {file: (tmp_path / file).stat().st_mtime_ns for file in files}
    assert found.write(manifests) == files
    assert {file: (tmp_path / file).stat().st_mtime_ns for file in files} == before
    found.remove()
    assert recorded(store).manifests == {} and [f"p/{path.name}" for path in (tmp_path / "p").iterdir()] == files[1:]


@pytest.mark.parametrize("content", [b"", b"x" * 40, None])
def test_one_that_was_changed_is_made_anew(tmp_path: Path, content: bytes | None) -> None:
    store, manifests = Store(str(tmp_path)), [manifest(number) for number in range(9)]
    record, names = recorded(store).write(manifests)
    before = (tmp_path / record).read_bytes()
    for file in (record, names):
        (tmp_path / file).write_bytes((tmp_path / file).read_bytes()[:-1] if content is None else content)
    assert recorded(store).manifests == {}
    assert recorded(store).write(manifests) == [record, names]
    assert (tmp_path / record).read_bytes() == before
    assert len(read_names(store, [names])[0][0]) == 9


def count_manifests_read(monkeypatch: pytest.MonkeyPatch) -> list[str]:
    """The names of manifests that stores are asked for from now on."""
    asked: list[str] = []
    read = Store.read_json_many

    def counting(self: Store, names: Any) -> list[Any]:
        asked.extend(name for name in names if name.endswith(".manifest.json"))
        return read(self, names)

    monkeypatch.setattr(Store, "read_json_many", counting)
    return asked


def test_a_run_with_nothing_left_asks_for_no_manifest(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    corpus(tmp_path / "in")
    run_inline(config(tmp_path))
    asked = count_manifests_read(monkeypatch)
    assert run_inline(config(tmp_path)).tasks_run == 0
    assert asked == []
    for path in (tmp_path / "out").rglob(f"{RECORD}*"):
        path.unlink()
    assert run_inline(config(tmp_path)).tasks_run == 0
    assert len(asked) > 9


def test_a_manifest_of_another_size_is_no_longer_what_the_record_says(tmp_path: Path) -> None:
    corpus(tmp_path / "in")
    run_inline(config(tmp_path))
    (first, *_) = sorted((tmp_path / "out" / "documents").glob("*.manifest.json"))
    first.write_text(first.read_text()[:-1])
    assert run_inline(config(tmp_path)).tasks_run == 1
    assert json.loads(first.read_text())["phase"] == "documents"


def test_a_phase_whose_tasks_run_has_no_record_meanwhile(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    corpus(tmp_path / "in")
    run_inline(config(tmp_path))
    (tmp_path / "in" / "9.jsonl").write_text('{"id": "new", "text": "a new one"}\n')
    monkeypatch.setattr("dspipe.pipeline.run.run.Scheduler.run", lambda *_: 1 / 0)
    with pytest.raises(ZeroDivisionError):
        run_inline(config(tmp_path))
    assert list((tmp_path / "out" / "documents").glob(f"{RECORD}*.zst")) == []
    assert list((tmp_path / "out" / "judge").glob(f"{RECORD}*.zst"))
    # who looks at the run meanwhile sees the last one
    assert [len(phase.manifests) for phase in read_run(str(tmp_path / "out"))[1].phases][:2] == [3, 3]
