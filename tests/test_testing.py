"""The conformance tests: stages and formats of this project pass, and each way to break the contract is found."""

import gzip
import json
from pathlib import Path
from typing import Any

import pytest

from dspipe.pipeline.config.discovery import source_class, stage_class, stage_names
from dspipe.testing import check_source, check_stage
from tests.toys.careless import Careless

STAGES: dict[str, dict[str, Any]] = {
    "extract": {},
    "unicode": {},
    "lines": {},
    "pii": {},
    "urls": {"words": ["casino"]},
    "language": {"keep": {"en": 0.3, "zh": 0.3}},
    "heuristics": {},
    "code": {"parse": ["python"]},
    "embed": {"dimensions": 64},
    "where": {"keep": {"short": "text_bytes > 10", "no_url": "url is not null"}},
}


GLOBAL_STAGES: dict[str, dict[str, Any]] = {
    "exact_dedup": {"by": ["url", "text"], "index": True},
    "minhash": {"keep": ["longest"], "index": True},
    "repeated_spans": {"min_bytes": 20},
    "host_lines": {"min_pages": 2},
    "hosts": {"drop": "pages > 1 and dropped.minhash > 0.9", "max_pages": 1},
    "ensemble": {"of": ["text_bytes"], "within": ["language"], "buckets": 4, "keep_from": 2},
    "repeated_lines": {},
    "repositories": {},
}


@pytest.mark.parametrize("name", GLOBAL_STAGES)
def test_global_stages_keep_the_contract(name: str) -> None:
    check_stage(stage_class(name), GLOBAL_STAGES[name])


TRAIN: dict[str, Any] = {"train": {"vocab": 300, "special": 3, "pad_to": 320, "sample_bytes": 100_000}}


@pytest.mark.parametrize(
    ("name", "settings", "before"),
    [
        ("quality", {"model": "lid.176.ftz", "label": "en", "at_least": 0.1, "drop_lowest": 0.3}, []),
        ("label", {"model": "lid.176.ftz", "at_least": 0.3, "otherwise": "unsure"}, []),
        ("remix", {"by": "domain", "multipliers": {"web": 0.5}}, []),
        ("cluster", {"clusters": 3, "duplicates_above": 0.9}, [{"embed": {}}]),
        ("tokenizer", TRAIN, []),
        ("pack", {"length": 32}, [{"tokenizer": TRAIN}]),
    ],
)
def test_stages_that_need_models_or_tokens_keep_the_contract(
    name: str, settings: dict[str, Any], before: list[dict[str, Any]]
) -> None:
    check_stage(stage_class(name), settings, before=before)


def test_decontaminate_keeps_the_contract(tmp_path: Path) -> None:
    questions = tmp_path / "bench.jsonl"
    questions.write_text(json.dumps({"question": "The first document is about rivers. It has two paragraphs."}) + "\n")
    settings = {"against": [str(questions)], "ngram": 5, "shortest": 5, "common_documents": 9}
    check_stage(stage_class("decontaminate"), settings)


def test_bad_words_keeps_the_contract(tmp_path: Path) -> None:
    (tmp_path / "en").write_text("document\nriver banks\n")
    check_stage(stage_class("bad_words"), {"list": str(tmp_path / "{language}"), "at_most": 1})


def test_annotate_keeps_the_contract(tmp_path: Path) -> None:
    ids = [f"{shard}-{row}" for shard in range(3) for row in range(0, 9, 2)]
    lines = [json.dumps({"id": id, "score": len(id) + row, "kind": "k"}) for row, id in enumerate([*ids, *ids[:3]])]
    (tmp_path / "scores.jsonl").write_text("\n".join(lines))
    columns = {"edu": "score", "kind": {"field": "kind", "type": "string"}}
    check_stage(stage_class("annotate"), {"path": str(tmp_path), "format": "jsonl", "columns": columns})


def test_perplexity_keeps_the_contract(tmp_path: Path) -> None:
    pytest.importorskip("kenlm")
    from tests.stages.perplexity.test_stage import write_model

    check_stage(stage_class("perplexity"), {"models": {"en": str(write_model(tmp_path / "en.arpa"))}, "keep": ["head"]})


def test_every_stage_is_checked_here() -> None:
    others = {
        "annotate",
        "bad_words",
        "cluster",
        "label",
        "quality",
        "remix",
        "tokenizer",
        "pack",
        "decontaminate",
        "perplexity",
    }
    assert others | STAGES.keys() | GLOBAL_STAGES.keys() == set(stage_names())


@pytest.mark.parametrize("name", STAGES)
def test_map_stages_keep_the_contract(name: str) -> None:
    check_stage(stage_class(name), STAGES[name])


@pytest.mark.parametrize(
    ("how", "message"),
    [
        ("other name", "measured_columns declares careless.length, but measure didn't make it"),
        ("other type", "but measure made it as int32"),
        ("reads a threshold", "reads the setting 'minimum'"),
        ("neighbours", "row 0 measured alone"),
        ("no columns", "judge_columns names no columns"),
        ("too few verdicts", "10 verdicts for 11 rows"),
    ],
)
def test_a_careless_stage_is_found(how: str, message: str) -> None:
    with pytest.raises(AssertionError, match=message):
        check_stage(Careless, {"how": how})
    check_stage(Careless, {"how": ""})


@pytest.fixture
def samples(tmp_path: Path) -> dict[str, list[Path]]:
    """A whole file of each format."""
    import pyarrow as pa
    import pyarrow.parquet as pq

    rows = [{"id": f"a{n}", "text": f"document {n} of a few", "url": f"https://x.example/{n}"} for n in range(5)]
    (tmp_path / "a.jsonl").write_text("".join(json.dumps(row) + "\n" for row in rows))
    (tmp_path / "b.jsonl.gz").write_bytes(gzip.compress(json.dumps({"text": "another"}).encode()))
    pq.write_table(pa.Table.from_pylist(rows), tmp_path / "a.parquet")
    (tmp_path / "notes.txt").write_text("Some notes.\n")
    return {
        "jsonl": [tmp_path / "a.jsonl", tmp_path / "b.jsonl.gz"],
        "parquet": [tmp_path / "a.parquet"],
        "files": [tmp_path / "notes.txt"],
    }


@pytest.mark.parametrize("format", ["jsonl", "parquet", "files"])
def test_formats_keep_the_contract(samples: dict[str, list[Path]], format: str) -> None:
    check_source(source_class(format), {}, samples[format])
