"""Which runs there are, and that nothing else is."""

import os
from pathlib import Path

import pytest

from dspipe.pipeline.errors import RunNotFoundError
from dspipe.serve.runs_folder import RunsFolder


def make_run(folder: Path, mark: str = "run.json") -> Path:
    folder.mkdir(parents=True)
    (folder / mark).write_text("{}")
    return folder


def test_runs_right_below_a_folder(tmp_path: Path) -> None:
    make_run(tmp_path / "b")
    make_run(tmp_path / "a", "config.yaml")
    make_run(tmp_path / "c" / "too deep")
    (tmp_path / "d").mkdir()
    (tmp_path / "file").write_text("")
    found = RunsFolder(str(tmp_path))
    assert found.runs() == {"a": f"{tmp_path}/a", "b": f"{tmp_path}/b"}
    make_run(tmp_path / "new")
    assert "new" in found.runs()


def test_a_run_itself(tmp_path: Path) -> None:
    run = make_run(tmp_path / "one")
    assert RunsFolder(str(run)).runs() == {"one": str(run)}
    assert RunsFolder(f"{run}/").runs() == {"one": str(run)}


def test_links_are_followed_within_the_folder_only(tmp_path: Path) -> None:
    inside, outside = tmp_path / "runs", make_run(tmp_path / "elsewhere" / "secret")
    make_run(inside / "a")
    (inside / "to a").symlink_to(inside / "a")
    (inside / "out").symlink_to(outside)
    (inside / "up").symlink_to(tmp_path)
    (inside / "loop").symlink_to(inside / "loop")
    assert set(RunsFolder(str(inside)).runs()) == {"a", "to a"}


@pytest.mark.parametrize("key", ["..", ".", "", "a/../a", "../runs/a", "/etc", "a\0", "A"])
def test_a_key_is_no_path(tmp_path: Path, key: str) -> None:
    make_run(tmp_path / "runs" / "a")
    with pytest.raises(RunNotFoundError, match="no run"):
        RunsFolder(str(tmp_path / "runs")).root_of(key)


def test_names_that_no_address_can_hold(tmp_path: Path) -> None:
    odd = os.fsdecode(b"x\xff\x1b")
    make_run(tmp_path / odd)
    assert RunsFolder(str(tmp_path)).runs() == {"x\\udcff\\x1b": f"{tmp_path}/{odd}"}


def test_no_folder(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")
    for name in ("file", "not there"):
        with pytest.raises(RunNotFoundError, match="is no folder"):
            RunsFolder(str(tmp_path / name))
    with pytest.raises(RunNotFoundError):
        RunsFolder("nosuch://x")
