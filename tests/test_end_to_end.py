"""Whole runs through every kind of stage, over this project's own files."""

import hashlib
import json
from pathlib import Path
from random import Random
from typing import Any

import pytest

from dspipe.pipeline.inspection.explain import explain
from dspipe.pipeline.report.verify import verify_files
from dspipe.pipeline.run.run_file import read_run
from tests.engine import rows_of, run_inline, tasks_run

PROJECT = Path(__file__).parent.parent
WORDS = sorted({word for word in (PROJECT / "README.md").read_text("utf-8").split() if word.isalpha()})


def notes(folder: Path) -> Path:
    """Documents with known fates: 40 of their own, 10 copies, 10 near-copies, 10 that are too short."""
    random = Random(5)
    texts = [" ".join(random.choices(WORDS, k=150)) + " and that is the end of it." for _ in range(40)]
    copies = [text.replace(" ", "  ") if row % 2 else text for row, text in enumerate(texts[:10])]
    near = [text.replace(" the end", " by all means the very end") for text in texts[10:20]]
    short = ["too short to be of use"] * 10
    folder.mkdir(exist_ok=True)
    for shard, part in enumerate((texts[:25], texts[25:] + copies, near + short)):
        lines = [json.dumps({"id": f"note-{shard}-{row}", "text": text}) for row, text in enumerate(part)]
        (folder / f"{shard}.jsonl").write_text("".join(f"{line}\n" for line in lines), "utf-8")
    return folder / "*.jsonl"


def whole_run(folder: Path) -> dict[str, Any]:
    return {
        "output": str(folder / "out"),
        "seed": 3,
        "sources": [
            {"name": "notes", "format": "jsonl", "path": str(notes(folder / "notes")), "domain": "notes"},
            {
                "name": "project",
                "format": "files",
                "root": str(PROJECT),
                "path": ["pipeline/**/*.py", "stages/**/*.py"],
                "domain": "code",
                "shard_files": 8,
            },
        ],
        "stages": [
            {"language": {}},
            {"heuristics": {"rules": ["gopher"], "gopher": MILD, "domains": ["notes"]}},
            {"exact_dedup": {}},
            {"minhash": {"threshold": 0.8, "keep": ["longest"]}},
            {"remix": {"multipliers": {"notes": 2}, "max_epochs": 3}},
            {"tokenizer": {"train": {"vocab": 600, "special": 15, "pad_to": 640, "sample_bytes": 1e6}}},
            {"pack": {"length": 256, "shard_bytes": 65536}},
        ],
    }


# the notes are words by chance: only their length is judged
MILD = {"min_words": 50, "max_mean_word_length": 20}


def shard_hashes(output: Path) -> dict[str, str]:
    """sha256 of the packed shards and the tokenizer."""
    index = json.loads((output / "index.json").read_text())
    shards = {path.name: path for path in output.glob("shards/*.bin")} | {
        path.name: path for path in output.glob("shards/*.idx")
    }
    assert shards, f"no shards; index.json has {list(index)}"
    shards["tokenizer.json"] = output / "tokenizer.json"
    return {name: hashlib.sha256(path.read_bytes()).hexdigest() for name, path in sorted(shards.items())}


@pytest.fixture(scope="module")
def reference(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("reference")
    run_inline(whole_run(folder))
    return folder / "out"


def test_every_document_is_accounted_for(reference: Path) -> None:
    _, run = read_run(str(reference))
    assert run.finished
    funnel = run.funnel()
    assert [entry.stage for entry in funnel] == ["heuristics", "exact_dedup", "minhash", "remix"]
    reasons = {name: counts.documents for entry in funnel for name, counts in entry.dropped.items()}
    assert reasons["gopher.too_few_words"] == 10
    assert reasons["exact_dedup.duplicate"] == 10
    assert reasons["minhash.near_duplicate"] >= 10
    read, _ = run.read_counts()
    dropped = sum(entry.all_dropped().documents for entry in funnel)
    assert read == funnel[-1].kept.documents + dropped
    assert funnel[-1].kept.tokens > 0
    assert verify_files(str(reference)).problems == []


@pytest.mark.parametrize("workers", [1, 2, 5])
def test_local_workers_give_the_same_shards(reference: Path, tmp_path: Path, workers: int) -> None:
    run_inline(whole_run(tmp_path), engine={"kind": "local", "workers": workers})
    assert shard_hashes(tmp_path / "out") == shard_hashes(reference)


@pytest.mark.usefixtures("ray_session")
def test_ray_gives_the_same_shards(reference: Path, tmp_path: Path) -> None:
    run_inline(whole_run(tmp_path), engine="ray")
    assert shard_hashes(tmp_path / "out") == shard_hashes(reference)


def test_another_seed_shuffles_otherwise(reference: Path, tmp_path: Path) -> None:
    run_inline(whole_run(tmp_path), seed=4)
    assert shard_hashes(tmp_path / "out") != shard_hashes(reference)


def test_a_threshold_leaves_the_text_pass_alone(tmp_path: Path) -> None:
    values = whole_run(tmp_path)
    before = {row["id"]: row["reason"] for row in rows_of(run_inline(values), ["id", "reason"])}
    values["stages"][1]["heuristics"]["gopher"] = {**MILD, "min_words": 161}
    again = run_inline(values)
    ran = tasks_run(again)
    assert "documents" not in ran
    assert "judge" in ran
    after = {row["id"]: row["reason"] for row in rows_of(again, ["id", "reason"])}
    assert before.keys() == after.keys()
    assert before != after


def test_a_documents_tokens_are_found(reference: Path) -> None:
    store, run = read_run(str(reference))
    (story,) = explain(store, run, "note-0-0")
    pieces = [line for line in story.chapters["pack"].values() if "tokens in row" in line]
    assert sum(int(line.split()[0]) for line in pieces) >= 2 * story.chapters["tokenizer.encode"]["tokens"]
