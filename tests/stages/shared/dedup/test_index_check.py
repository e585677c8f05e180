"""Indexes whose keys cannot be compared with this run's are refused before any work."""

from pathlib import Path
from typing import Any

import pyarrow as pa
import pytest

from dspipe.pipeline.config.problems import InvalidConfigError
from tests.engine import run_inline
from tests.stages.dedup_corpus import run_dump, write_corpus


@pytest.mark.parametrize(
    ("other", "settings", "message"),
    [
        ({}, {"shingle": 6}, "was made with shingle 5, this run has 6"),
        ({}, {"bands": 7, "rows": 16}, "was made with bands 14, this run has 7"),
        ({}, {"bands": 14, "rows": 7, "permutations": 112}, "was made with rows 8, this run has 7"),
        ({}, {"permutations": 128}, "was made with permutations 112, this run has 128"),
        ({}, {"scope": "per_dump"}, "the scope is global"),
    ],
)
def test_an_index_made_with_other_settings_is_refused(
    tmp_path: Path, other: dict[str, Any], settings: dict[str, Any], message: str
) -> None:
    documents = [{"id": "a", "text": "one two three"}]
    run_dump(tmp_path, "d0", documents, "minhash", **other)
    with pytest.raises(InvalidConfigError, match=message):
        run_dump(tmp_path, "d1", documents, "minhash", against=[str(tmp_path / "d0" / "run")], **settings)


@pytest.mark.parametrize("stage", ["minhash", "exact_dedup"])
def test_an_index_of_texts_that_were_rewritten_otherwise_is_refused(tmp_path: Path, stage: str) -> None:
    def run(name: str, before: list[dict[str, Any]], **settings: Any) -> Any:
        (tmp_path / name).mkdir(exist_ok=True)
        sources = write_corpus(tmp_path / name, {name: [{"id": "a", "text": "one two three four five six seven"}]})
        stages = [*before, {stage: {"index": True, **settings}}, {"lines": {}}]
        return run_inline({"name": name, "output": str(tmp_path / name / "run"), "sources": sources, "stages": stages})

    against = [str(tmp_path / "d0" / "run")]
    run("d0", [{"unicode": {}}])
    run("same", [{"unicode": {"normalization": "NFC"}}], against=against)
    with pytest.raises(InvalidConfigError, match=r"was made with unicode\.normalization NFC, this run has NFKC"):
        run("d1", [{"unicode": {"normalization": "NFKC"}}], against=against)
    with pytest.raises(InvalidConfigError, match="rewritten by other stages before it: unicode; in this run: none"):
        run("d1", [], against=against)
    with pytest.raises(InvalidConfigError, match="unicode; in this run: unicode, pii"):
        run("d1", [{"unicode": {}}, {"pii": {}}], against=against)


def test_an_index_of_other_code_is_refused(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    documents = [{"id": "a", "text": "one two three"}]
    for stage in ("minhash", "exact_dedup"):
        run_dump(tmp_path, f"0-{stage}", documents, stage)
    monkeypatch.setattr(
        "dspipe.stages.shared.dedup.index_check.sample_texts", lambda: pa.array(["x"], pa.large_string())
    )
    for stage in ("minhash", "exact_dedup"):
        with pytest.raises(InvalidConfigError, match="code that gives other keys"):
            run_dump(tmp_path, f"1-{stage}", documents, stage, against=[str(tmp_path / f"0-{stage}" / "run")])
