"""`run.json` there and back, and what is said of one that isn't whole."""

import json
from pathlib import Path
from typing import Any

import pytest
import yaml

from dspipe.pipeline.config.problems import InvalidConfigError
from dspipe.pipeline.errors import RunNotFoundError
from dspipe.pipeline.run.run_file import RunFile, configured_stages, read_run
from dspipe.pipeline.storage.store import Store
from tests.engine import run_inline
from tests.pipeline.run.test_run import config, corpus


@pytest.fixture
def run(tmp_path: Path) -> Path:
    corpus(tmp_path / "in")
    run_inline(config(tmp_path))
    return tmp_path / "out"


def test_a_run_is_read_as_it_was_written(run: Path) -> None:
    store, found = read_run(str(run))
    assert RunFile.read(store) == found
    assert json.loads((run / "run.json").read_text()) == json.loads(json.dumps(found.as_json()))
    assert [len(phase.manifests) for phase in found.phases] == [phase.tasks for phase in found.phases]
    assert all((run / name).exists() for phase in found.phases for name in phase.manifests)
    assert all((run / file).exists() for files in found.artifacts.values() for file in files)
    assert list(found.artifacts) == ["report"]
    assert (found.name, found.finished, found.shards, list(found.to_come)) == ("test", True, 3, [])
    assert found.read_counts() == (8, 0)
    assert [entry.stage for entry in found.funnel()] == ["lengths", "unique"]
    kept = found.kept()
    assert kept is not None and kept.documents == 4
    assert [stage.name for stage in configured_stages(store, import_own=True).known] == ["lengths", "unique"]


def test_looking_at_a_run_imports_nothing_that_its_config_names(run: Path) -> None:
    config = yaml.safe_load((run / "config.yaml").read_text())
    config["stages"] += [{"nobody.knows.this": {}}, {"exact_dedup": {}}]
    config["sources"][0]["format"] = "nobody.knows.that"
    (run / "config.yaml").write_text(yaml.safe_dump(config))
    store, _ = read_run(str(run))
    found = configured_stages(store, import_own=False)
    assert [stage.name for stage in found.known] == ["exact_dedup"]
    assert found.left_out == ("tests.toys.lengths", "tests.toys.unique", "nobody.knows.this")
    with pytest.raises(InvalidConfigError, match=r"stages\.nobody\.knows\.this: isn't a stage here"):
        configured_stages(store, import_own=True)


def test_a_module_of_the_runs_own_that_fails(run: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "own_run").mkdir()
    (tmp_path / "own_run" / "broken.py").write_text("x = nope\n")
    monkeypatch.syspath_prepend(str(tmp_path))
    config = yaml.safe_load((run / "config.yaml").read_text())
    (run / "config.yaml").write_text(yaml.safe_dump({**config, "stages": [{"own_run.broken": {}}]}))
    with pytest.raises(InvalidConfigError, match=r"own_run\.broken: isn't a stage here: .*broken\.py:1: NameError"):
        configured_stages(Store(str(run)), import_own=True)


@pytest.mark.parametrize("content", [b"", b"\0\xff", b"stages: 7", b"[", b"name: x"])
def test_a_config_that_is_not_whole(run: Path, content: bytes) -> None:
    (run / "config.yaml").write_bytes(content)
    with pytest.raises(InvalidConfigError, match=r"config\.yaml: is cut or was changed"):
        configured_stages(Store(str(run)), import_own=False)
    (run / "config.yaml").unlink()
    with pytest.raises(InvalidConfigError, match=r"config\.yaml: is gone"):
        configured_stages(Store(str(run)), import_own=False)


def test_a_run_that_has_only_begun() -> None:
    begun = RunFile("x", False, 3, {}, [], ["documents"], {})
    assert begun.text_pass() is None
    assert begun.read_counts() == (0, 0)
    assert begun.kept() is None
    assert begun.funnel() == []


@pytest.mark.parametrize("content", ["", "{", "\0" * 100])
def test_a_file_that_is_cut_or_was_changed(run: Path, content: str) -> None:
    (run / "run.json").write_text(content)
    with pytest.raises(RunNotFoundError, match=r"run\.json is cut or was changed"):
        read_run(str(run))


@pytest.mark.parametrize("content", ["[]", "{}", '{"name": "x"}', "null"])
def test_a_file_that_is_not_whole(run: Path, content: str) -> None:
    (run / "run.json").write_text(content)
    with pytest.raises(RunNotFoundError, match=r"run\.json isn't whole, or another version of dspipe wrote it"):
        read_run(str(run))


def test_a_folder_without_a_run(tmp_path: Path) -> None:
    for folder in (tmp_path, tmp_path / "nothing"):
        with pytest.raises(RunNotFoundError, match=r"holds no run \(there is no run\.json\)"):
            read_run(str(folder))


def test_a_later_version_may_say_more(run: Path) -> None:
    values: dict[str, Any] = json.loads((run / "run.json").read_text())
    (run / "run.json").write_text(json.dumps({**values, "unheard of": 1}))
    with pytest.raises(RunNotFoundError, match="another version"):
        read_run(str(run))


def test_settings_that_are_none_are_told_in_a_line_each(run: Path) -> None:
    config = yaml.safe_load((run / "config.yaml").read_text())
    stages = [{"where": {"keep": 5, "more": 1}}]
    (run / "config.yaml").write_text(yaml.safe_dump({**config, "stages": stages}))
    with pytest.raises(InvalidConfigError) as raised:
        configured_stages(Store(str(run)), import_own=False)
    lines = str(raised.value).splitlines()
    assert [line.partition("config.yaml: ")[2].partition(":")[0] for line in lines] == [
        "stages.where.keep",
        "stages.where.more",
    ]
    assert "pydantic" not in str(raised.value)
