"""`dspipe stats` decides by what is there: a run, or packed shards."""

import json
from pathlib import Path

import pytest
from typer.testing import CliRunner, Result

from dspipe.cli import app
from dspipe.cli.shard_stats import holds_run
from tests.stages.pack.statistics.foreign import write_megatron, write_tokenizer


def stats(*arguments: str) -> Result:
    return CliRunner().invoke(app, ["stats", *arguments])


@pytest.fixture
def shard(tmp_path: Path) -> Path:
    return write_megatron(tmp_path / "a", [[0, 1, 26], [2, 26]], "uint16")


def test_shards_and_a_tokenizer(shard: Path, tmp_path: Path) -> None:
    done = stats(str(shard))
    assert (done.exit_code, "Commonest tokens" in done.stdout) == (0, True)
    (tmp_path / "other").mkdir()
    write_tokenizer(tmp_path / "other" / "tokenizer.json")
    done = stats(str(tmp_path), "--json", "--tokenizer", str(tmp_path / "other"))
    value = json.loads(done.stdout)
    assert (value["tokens"], value["special"]["vocabulary"], value["commonest"][0]["text"]) == (5, 29, "'</s>'")


def test_neither_a_run_nor_shards_names_both(tmp_path: Path) -> None:
    done = stats(str(tmp_path))
    assert done.exit_code == 2
    assert "neither a run (run.json) nor packed shards" in done.stderr.replace("\n", " ")


def test_shards_of_a_storage_elsewhere_are_to_be_copied() -> None:
    done = stats("memory://shards")
    assert (done.exit_code, "copy them first" in done.stderr.replace("\n", " ")) == (2, True)


def test_what_only_runs_have_is_refused(shard: Path, tmp_path: Path) -> None:
    done = stats(str(shard), "--by", "domain")
    assert (done.exit_code, "--html and --by are of runs" in done.stderr.replace("\n", " ")) == (2, True)


def test_what_is_taken_for_a_run(shard: Path, tmp_path: Path) -> None:
    assert not holds_run(str(tmp_path))
    assert holds_run(str(tmp_path / "nothing"))
    (tmp_path / "config.yaml").touch()  # a run whose run.json is gone
    assert holds_run(str(tmp_path))
