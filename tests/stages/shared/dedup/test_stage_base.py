from pathlib import Path

import numpy as np
import pytest
import yaml

from dspipe.pipeline.config.problems import InvalidConfigError
from dspipe.pipeline.inspection.explain import explain
from dspipe.pipeline.run.run_file import read_run
from dspipe.stages.shared.dedup.stage_base import DedupConfig
from tests.engine import rows_of
from tests.stages.dedup_corpus import run_dump, words


def test_paths_of_earlier_runs_read_the_same_from_anywhere(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    documents = [{"id": "a", "text": "one two three four five six seven"}]
    run_dump(tmp_path, "d0", documents, "minhash")
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("HOME", str(tmp_path))
    for number, path in enumerate(("d0/run", "~/d0/run", f"file://{tmp_path}/d0/run")):
        result = run_dump(tmp_path, f"d{number + 1}", documents, "minhash", against=[path])
        assert [row["reason"] for row in rows_of(result, ["reason"])] == ["minhash.in_earlier_run"]
    assert DedupConfig(against=["d0/run", "s3://bucket/d0"]).against == [str(tmp_path / "d0/run"), "s3://bucket/d0"]


def test_two_runs_of_one_name_are_refused(tmp_path: Path) -> None:
    run_dump(tmp_path, "d0", [{"id": "a", "text": "b"}], "minhash")
    run = tmp_path / "d0" / "run"
    with pytest.raises(InvalidConfigError, match="two of the runs have the name 'd0'"):
        run_dump(tmp_path, "d1", [{"id": "a", "text": "b"}], "minhash", against=[str(run), str(run)])


def test_explain_names_the_earlier_copy(tmp_path: Path) -> None:
    text = " ".join(words(np.random.default_rng(3), 60))
    run_dump(tmp_path, "d0", [{"id": "other", "text": "of its own"}, {"id": "first", "text": text}], "minhash")
    run = tmp_path / "d0" / "run"
    result = run_dump(tmp_path, "d1", [{"id": "second", "text": text + "!"}], "minhash", against=[str(run)])
    (story,) = explain(*read_run(result.store.root), "second")
    told = story.chapters["minhash.earlier"]
    assert [told[f"minhash.earlier.{name}"] for name in ("run", "document", "id")] == ["d0", 1, "first"]
    assert yaml.safe_load((run / "config.yaml").read_text())["name"] == "d0"


def test_explain_names_the_kept_copy(tmp_path: Path) -> None:
    documents = [{"id": "first", "text": "a b c", "url": "http://a"}, {"id": "second", "text": "a b c"}]
    documents.append({"id": "third", "text": "other", "url": "https://a"})
    result = run_dump(tmp_path, "d0", documents, "exact_dedup", by=["url", "text"])
    store, run = read_run(result.store.root)

    def told(id: str) -> list[tuple[str, str, str | None]]:
        (story,) = explain(store, run, id)
        return [(copy.round, copy.id, copy.reason) for copy in story.kept_copies]

    assert told("first") == []
    assert told("second") == [("exact_dedup", "first", None)]
    assert told("third") == [("exact_dedup.url", "first", None)]
