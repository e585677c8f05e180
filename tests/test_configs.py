"""The configs that the project ships."""

import shlex
import subprocess
import sys
from pathlib import Path

import pytest

from dspipe.pipeline.config.run_config import check, load_config
from dspipe.pipeline.inspection.document_table import DocumentTable
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


def test_the_quickstart_shows_what_the_product_is_for(tmp_path: Path) -> None:
    output = tmp_path / "run"
    done = dspipe("run", "configs/quickstart.yaml", "--set", f"output={output}")
    assert done.returncode == 0, done.stderr
    store, run = read_run(str(output))
    funnel = run.funnel()
    domains = {domain: counts.bytes for domain, counts in funnel[-1].domains.items()}
    assert domains.keys() == {"web", "novels", "speeches", "classics", "descriptions", "licences", "code"}
    assert max(domains.values()) < 0.5 * sum(domains.values()), "one domain is nearly all of it"
    dropped = {reason: counts.documents for stage in funnel for reason, counts in stage.dropped.items()}
    assert min(dropped["exact_dedup.duplicate"], dropped["minhash.near_duplicate"]) > 30
    kept = [rows.batch for rows in DocumentTable(store, run).read(["language", "reason"])]
    languages = {row["language"] for batch in kept for row in batch.to_pylist() if row["reason"] is None}
    assert len(languages - {None}) > 20
    epochs = {domain["domain"]: domain["epochs"] for domain in store.read_json("mixture.json")["domains"]}
    assert epochs["web"] > 1 > epochs["code"], "the mixture does nothing"

    *_, page, following, sample, explain, serve = (line.strip() for line in done.stdout.rstrip().splitlines())
    assert (page, following) == (f"Page: {(output / 'page.html').as_uri()}", "Next:")
    assert "novels" in (output / "page.html").read_text("utf-8")
    assert serve.startswith(f"dspipe serve {output} ")
    for line in (sample, explain.replace(" ID ", " https://declarations.example/cmn_hans.html ")):
        command = line.partition("  ")[0]
        assert dspipe(*shlex.split(command)[1:]).returncode == 0, command


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
