import sys
from pathlib import Path

import fsspec
import pytest

from dspipe.pipeline.config.problems import InvalidConfigError
from dspipe.pipeline.errors import StorageError
from dspipe.stages.tokenizer.given import copy_tokenizer, read_file
from tests.engine import artifact_files, run_inline
from tests.stages.pack.runs import make_config, make_documents
from tests.tasks import Inputs, make_task, read_made, run_function
from tests.toys.tokenizer import tokenizer_json


def test_the_files_beside_it_are_copied_too(tmp_path: Path) -> None:
    (tmp_path / "my.json").write_bytes(b"{}")
    (tmp_path / "special_tokens_map.json").write_bytes(b'{"bos_token": "<s>"}')
    task = make_task(tmp_path / "run", Inputs())
    run_function(copy_tokenizer, task, {"path": str(tmp_path / "my.json"), "sha256": ""})
    assert read_made(task, "tokenizer") == [b"{}"]
    assert read_made(task, "special_tokens_map") == [b'{"bos_token": "<s>"}']
    assert read_made(task, "tokenizer_config") == []


@pytest.mark.parametrize(
    ("path", "message"),
    [
        ("nothing.json", "cannot read .*nothing.json: no such file"),
        (".", "it is a directory"),
        ("nothing://a/tokenizer.json", "cannot open nothing://a/tokenizer.json"),
        ("gs://bucket/tokenizer.json", r"gs:// needs `pip install 'dspipe\[gcs\]'`"),
        ("memory://nowhere/tokenizer.json", "cannot read memory://nowhere/tokenizer.json: no such file"),
    ],
)
def test_what_cannot_be_read_is_said(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, path: str, message: str) -> None:
    if path.startswith("gs://"):
        monkeypatch.setitem(sys.modules, "gcsfs", None)  # as where it isn't installed
    with pytest.raises(StorageError, match=message):
        read_file(path if "://" in path else str(tmp_path / path))


def test_a_storage_that_cannot_be_opened_is_a_mistake_of_the_config(tmp_path: Path) -> None:
    config = make_config(tmp_path, make_documents(5))
    config["stages"] = [{"tokenizer": {"path": "nothing://bucket/tokenizer.json"}}]
    with pytest.raises(InvalidConfigError, match=r"stages\.tokenizer\.path: .*cannot open nothing://bucket"):
        run_inline(config)


def test_a_tokenizer_on_another_storage(tmp_path: Path) -> None:
    memory = fsspec.filesystem("memory")
    memory.pipe("/given/tokenizer.json", tokenizer_json(wide=False))
    try:
        config = make_config(tmp_path, make_documents(5))
        config["stages"] = [{"tokenizer": {"path": "memory://given/tokenizer.json"}}]
        result = run_inline(config)
        assert artifact_files(result, "tokenizer")[0].read_bytes() == tokenizer_json(wide=False)
    finally:
        memory.rm("/given", recursive=True)
