"""What runs again after an edit, counted in tasks: of a phase's code, of a setting.

A phase that gives the same bytes as before is where an edit of code ends: what reads them has the key that it had.
"""

from pathlib import Path
from typing import Any

import pytest

from tests.engine import run_inline, tasks_run
from tests.pipeline.plan.test_fingerprint import Edit, edit
from tests.stages.dedup_corpus import corpus, deduplicating

__all__ = ["edit"]

MODULES: dict[str, list[str]] = {
    "minhash.stage": [],
    "minhash.banding": [],
    "minhash.candidates": ["bands", "candidates"],
    "minhash.compare": ["pairs", "compare"],
    "minhash.edges": ["pairs", "compare"],
    "minhash.labels": ["components"],
    "minhash.members": ["members"],
    "minhash.keepers": ["keepers"],
    "minhash.exact_members": [],
    "minhash.exact_keepers": [],
    "minhash.index": ["kept"],
    "minhash.against": [],
    "minhash.components_by_partition": [],
    "shared.dedup.stage_base": [],
    "shared.dedup.keep_policy": ["members", "keepers"],
    "shared.dedup.send_verdicts": ["keepers"],
    "shared.dedup.verdicts": ["verdicts"],
    "shared.dedup.report": ["report"],
    "shared.dedup.index_writer": ["index"],
    "minhash.windows": ["bands", "candidates", "pairs", "compare"],
}


@pytest.fixture
def config(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> dict[str, Any]:
    """A run that has ended."""
    monkeypatch.setattr("dspipe.stages.minhash.stage.partitions_for", lambda corpus, size: 2)
    config = deduplicating(tmp_path, corpus(3, shards=2, families=12), "minhash", index=True)
    run_inline(config)
    return config


def run_again(config: dict[str, Any], **minhash: Any) -> list[str]:
    """The phases with tasks that were run, in order."""
    ran = tasks_run(run_inline({**config, "stages": [{"minhash": {"index": True, **minhash}}]}))
    return [phase.removeprefix("minhash.") for phase in ran]


def test_an_edit_of_a_module_runs_its_phases_and_never_the_text_pass(config: dict[str, Any], edit: Edit) -> None:
    for module, expected in MODULES.items():
        edit(f"dspipe.stages.{module}")
        assert run_again(config) == expected, module
        edit("none")
        run_again(config)
    edit("dspipe.stages.minhash.signatures")
    assert run_again(config)[0] == "documents"


@pytest.mark.parametrize(
    ("minhash", "expected"),
    [
        ({}, []),
        ({"alarm_share": 0.1}, ["report"]),
        ({"keep": ["longest"]}, ["members", "keepers", "verdicts", "report", "kept", "index"]),
        ({"keep": ["newest"]}, ["members", "keepers", "verdicts", "report", "kept", "index"]),
        ({"margin": 0.3}, ["compare", "components", "members", "keepers", "verdicts", "report", "kept", "index"]),
        ({"threshold": 0.95, "bands": 14, "rows": 8},
         ["compare", "components", "members", "keepers", "verdicts", "report", "kept", "index"]),
        ({"index": False}, []),
    ],
)  # fmt: skip
def test_a_setting_that_decides_reads_no_text(
    config: dict[str, Any], minhash: dict[str, Any], expected: list[str]
) -> None:
    assert run_again(config, **minhash) == expected


def test_the_smallest_cluster_reads_no_text(config: dict[str, Any]) -> None:
    run_again(config, scope="per_dump", min_cluster=2)
    ran = run_again(config, scope="per_dump", min_cluster=5)
    assert "keepers" in ran and not {"documents", "bands", "candidates", "pairs", "compare", "members"} & set(ran)
