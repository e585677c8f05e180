"""The configs that the project ships."""

import subprocess
import sys
from pathlib import Path

import pytest

from dspipe.pipeline.config.run_config import check, load_config
from dspipe.pipeline.plan.plan import make_plan
from dspipe.pipeline.report.verify import verify_files
from dspipe.pipeline.run.run_file import read_run
from tests.shared import shared

CONFIGS = sorted((Path(__file__).parent.parent / "configs").glob("*.yaml"))


def dspipe(*arguments: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run([sys.executable, "-m", "dspipe", *arguments], capture_output=True, text=True)


@pytest.mark.parametrize("path", CONFIGS, ids=lambda path: path.name)
def test_a_config_is_valid(path: Path) -> None:
    config = load_config(path)
    check(config)
    phases = [phase.name for phase in make_plan(config, tolerate_unreachable=True).phases]
    assert phases[0] == "documents"
    assert phases[-3:] == ["pack.index", "name_index.send", "name_index.sort"]


def test_the_plan_of_common_crawl_needs_no_network() -> None:
    done = dspipe("plan", "configs/cc.yaml")
    assert done.returncode == 0, done.stderr
    assert "could not be listed now" in done.stdout
    assert "minhash.verdicts" in done.stdout


def test_common_crawls_config_runs_on_web_archives(tmp_path: Path) -> None:
    web = shared("web/real-warc").parent
    paths = ", ".join(str(web / name) for name in ("zh-news-pages.warc.gz", "real-warc/*.warc.gz", "broken/*"))
    source = f"[{{name: web, format: warc, dump: 2024-10, path: [{paths}]}}]"
    train = "{train: {vocab: 2000, special: 15, pad_to: 2048, sample_bytes: 1e6}}"
    edits = {
        "engine": "local",
        "output": str(tmp_path / "out"),
        "sources": source,
        "stages.tokenizer": train,
    }
    done = dspipe("run", "configs/cc.yaml", *[x for key, value in edits.items() for x in ("--set", f"{key}={value}")])
    assert done.returncode == 0, done.stderr
    _, run = read_run(str(tmp_path / "out"))
    assert run.read_counts()[1] > 0
    kept = run.kept()
    assert kept is not None and kept.documents > 30
    assert verify_files(str(tmp_path / "out")).problems == []
