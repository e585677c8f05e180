"""What runs again after an edit of a phase's code or a setting, counted in tasks."""

from pathlib import Path

import pytest

from tests.engine import run_inline, tasks_run
from tests.pipeline.plan.test_fingerprint import Edit, edit
from tests.stages.dedup_corpus import deduplicating

__all__ = ["edit"]

MODULES: dict[str, list[str]] = {
    "exact_dedup.stage": [],
    "exact_dedup.groups": ["url.send", "url.group", "send", "group"],
    "exact_dedup.index": ["url.keep", "keep"],
    "exact_dedup.against": [],
    "shared.dedup.verdicts": ["url.verdicts", "verdicts"],
    "shared.dedup.report": ["url.report", "report"],
    "shared.dedup.index_writer": ["url.index", "index"],
}


def test_edits(tmp_path: Path, edit: Edit, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("dspipe.stages.exact_dedup.stage.partitions_for", lambda corpus, size: 2)
    texts = ["a", "b", "a", "c", "b", "a a"]
    shards = {f"d{n}": [{"text": text, "url": f"http://{text[0]}{n}"} for text in texts[n:]] for n in range(2)}
    config = deduplicating(tmp_path, shards, "exact_dedup")

    def run_again(**settings: object) -> list[str]:
        stage = {"exact_dedup": {"by": ["url", "text"], "index": True, **settings}}
        ran = tasks_run(run_inline({**config, "stages": [stage]}))
        return [phase.removeprefix("exact_dedup.") for phase in ran]

    run_again()
    for module, expected in MODULES.items():
        edit(f"dspipe.stages.{module}")
        assert run_again() == expected, module
        edit("none")
        run_again()
    assert run_again(alarm_share=0.5) == ["url.report", "report"]
    assert {"url.send", "send"} <= set(run_again(keep=["newest"]))
    run_again(scope="per_dump", min_cluster=2)
    ran = run_again(scope="per_dump", min_cluster=4)
    assert "group" in ran and not {"documents", "url.send", "send"} & set(ran)
    edit("dspipe.stages.exact_dedup.hashes")
    assert run_again()[0] == "documents"
