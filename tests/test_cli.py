"""The command line: exit codes, messages, and how soon it answers."""

import json
import resource
import subprocess
import sys
from pathlib import Path

import pytest

from tests.engine import write_config
from tests.pipeline.run.test_run import config, corpus


def dspipe(*arguments: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run([sys.executable, "-m", "dspipe", *arguments], capture_output=True, text=True)


@pytest.fixture
def file(tmp_path: Path) -> Path:
    corpus(tmp_path / "in")
    return write_config(tmp_path / "run.yaml", {"name": "cli", "engine": "inline", **config(tmp_path)})


def test_help_answers_at_once() -> None:
    """Under half a second; CPU time, since a busy machine's clock says little."""
    assert dspipe("--help").returncode == 0
    before = resource.getrusage(resource.RUSAGE_CHILDREN)
    done = dspipe("--help")
    after = resource.getrusage(resource.RUSAGE_CHILDREN)
    assert "Common Crawl shards to packed token shards" in done.stdout
    assert (after.ru_utime + after.ru_stime) - (before.ru_utime + before.ru_stime) < 0.5


def test_help_imports_nothing_heavy() -> None:
    code = "import sys, dspipe.cli; print([m for m in ('numba', 'pyarrow', 'numpy', 'ray') if m in sys.modules])"
    assert subprocess.run([sys.executable, "-c", code], capture_output=True, text=True).stdout.strip() == "[]"


def test_a_run_and_looks_at_it(file: Path, tmp_path: Path) -> None:
    done = dspipe("run", str(file))
    assert done.returncode == 0, done.stderr
    assert ["unique.repeated", "2"] in [line.split()[:2] for line in done.stdout.splitlines()]
    assert "documents: 3 tasks" in done.stderr
    assert "\x1b[" not in done.stdout + done.stderr
    out = str(tmp_path / "out")
    assert "3 tasks, all done before" in dspipe("run", str(file)).stderr
    assert "done" in dspipe("plan", str(file)).stdout
    assert json.loads(dspipe("stats", out, "--json").stdout)["name"] == "cli"
    assert dspipe("stats", out, "--html", str(tmp_path / "page.html")).returncode == 0
    assert "unique.repeated" in (tmp_path / "page.html").read_text()
    assert "gamma three" in dspipe("explain", out, "1-1").stdout
    other = dspipe("whatif", out, "--import-own", "--set", "stages.tests.toys.lengths.minimum=10")
    assert "beta two" in other.stdout and "lengths.too_short" in other.stdout
    done = dspipe("whatif", out, "--set", "stages.tests.toys.lengths.minimum=10")
    assert done.returncode == 2 and "ask with --import-own" in done.stderr
    assert "Every document has the same verdict in both runs." in dspipe("diff", out, out).stdout
    assert dspipe("verify", out).returncode == 0


def test_what_the_user_got_wrong_is_exit_code_2(file: Path, tmp_path: Path) -> None:
    for arguments, message in (
        (["run", str(file), "--set", "stages.tests.toys.lengths.minimun=3"], "unknown key; did you mean minimum?"),
        (
            ["plan", str(file), "--set", "sources.toy.path=nothing/*.jsonl"],
            "nothing/*.jsonl: no such file or directory",
        ),
        (["run", str(tmp_path / "none.yaml")], "no such file"),
        (["run", str(file), "--set", "output=/proc/nothing"], "cannot write to /proc/nothing"),
        (["stats", str(tmp_path)], "holds neither a run (run.json) nor packed shards"),
        (["whatif", str(tmp_path), "--set", "seed=1"], "holds no run"),
        (["whatif", str(tmp_path)], "what is to be another way?"),
        (["diff", str(tmp_path), str(tmp_path)], "holds no run"),
        (["run"], "Missing argument"),
    ):
        done = dspipe(*arguments)
        assert done.returncode == 2, (arguments, done.stderr)
        assert message in done.stderr
        assert "Traceback" not in done.stderr


def test_a_failed_run_is_exit_code_1(file: Path, tmp_path: Path) -> None:
    done = dspipe("run", str(file), "--set", "stages.tests.toys.unique.lose=true")
    assert done.returncode == 1
    assert "documents went in" in done.stderr
    assert "the first one missing is" in done.stderr
    out = tmp_path / "out"
    dspipe("run", str(file))
    judge = next(out.glob("judge/*.parquet"))
    judge.write_bytes(b"changed")
    done = dspipe("verify", str(out))
    assert done.returncode == 1
    assert judge.name in done.stderr


def test_the_schema_is_one() -> None:
    schema = json.loads(dspipe("schema").stdout)
    assert {"name", "output", "sources", "stages", "engine", "seed", "page"} == set(schema["properties"])
    stages = schema["properties"]["stages"]["items"]["anyOf"][-1]["enum"]
    assert {"language", "heuristics", "exact_dedup", "minhash", "remix", "tokenizer", "pack"} <= set(stages)


def test_damaged_runs_are_one_message(file: Path, tmp_path: Path) -> None:
    assert dspipe("run", str(file)).returncode == 0
    out = tmp_path / "out"
    (manifest, *_) = sorted(out.glob("documents/*.manifest.json"))
    for damaged, commands in (
        (manifest, [["explain", str(out), "0-0"], ["verify", str(out)]]),
        (out / "run.json", [["explain", str(out), "0-0"], ["verify", str(out)], ["stats", str(out)]]),
    ):
        damaged.write_text("{")
        for command in commands:
            done = dspipe(*command)
            assert done.returncode in (1, 2), command
            assert damaged.name in done.stderr and "anew" in done.stderr
            assert "Traceback" not in done.stderr


def test_bad_records_are_named_and_tried_again(tmp_path: Path) -> None:
    corpus(tmp_path / "in", [["do MEASURE this"]])
    (tmp_path / "trouble").touch()
    stages = [{"tests.toys.flaky": {"trouble": str(tmp_path / "trouble")}}]
    values = {"name": "cli", "engine": "inline", **config(tmp_path), "stages": stages}
    file, out = write_config(tmp_path / "run.yaml", values), str(tmp_path / "out")
    done = dspipe("run", str(file))
    assert done.returncode == 1
    assert "1 of 1 records are bad" in done.stderr
    assert "stage flaky: ValueError: it can't be measured now (such as " in done.stderr
    assert "the same command goes on" not in done.stderr
    (tmp_path / "trouble").unlink()
    done = dspipe("retry-quarantine", out)
    assert done.returncode == 0, done.stderr
    assert "1 tasks with 1 bad records were done again; 0 are still bad" in done.stdout
    assert "no bad records to try again" in dspipe("retry-quarantine", out, "--config", str(file)).stdout
    (tmp_path / "out" / "config.yaml").write_text("path: https://***@host/x")
    assert "give the config itself with --config" in dspipe("retry-quarantine", out).stderr
    (tmp_path / "out" / "config.yaml").write_text("stages: [")
    assert f"{out}/config.yaml: is cut or was changed" in dspipe("retry-quarantine", out).stderr
    done = dspipe("retry-quarantine", str(tmp_path))
    assert (done.returncode, "holds no run" in done.stderr) == (2, True)
