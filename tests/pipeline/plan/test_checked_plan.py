"""What can be known before the work is looked at as a whole: the first files, and what parts mean for each other."""

from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from dspipe.api import plan
from dspipe.pipeline.config.problems import InvalidConfigError


def values(folder: Path, *stages: Any, **source: Any) -> dict[str, Any]:
    (folder / "in.jsonl").write_text('{"text": "a", "domain": "books"}\n')
    given = {"name": "s", "format": "jsonl", "path": str(folder / "in.jsonl"), **source}
    return {"name": "x", "output": str(folder / "out"), "sources": [given], "stages": list(stages)}


def problems(config: dict[str, Any]) -> list[str]:
    with pytest.raises(InvalidConfigError) as caught:
        plan(config)
    return [str(problem) for problem in caught.value.problems]


def test_domains_that_documents_say_are_known(tmp_path: Path) -> None:
    assert plan(values(tmp_path, {"lines": {"domains": ["books", "web"]}})).remarks == ()


def test_a_domain_that_documents_may_say_is_remarked_on(tmp_path: Path) -> None:
    (remark,) = plan(values(tmp_path, {"lines": {"domains": ["law"]}})).remarks
    assert remark == "lines: no source is known to have the domain law; documents may say it"
    (problem,) = problems(values(tmp_path, {"lines": {"domains": ["law"]}}, fields={"domain": []}))
    assert problem.endswith("no source has the domain law; there are web")


def test_a_stage_that_waits_for_a_column_made_behind_it_is_remarked_on(tmp_path: Path) -> None:
    pq.write_table(pa.table({"id": ["a"], "edu": [1.0]}), tmp_path / "scores.parquet")
    where = {"where": {"keep": "edu > 2"}}
    annotate = {"annotate": {"path": str(tmp_path / "scores.parquet"), "columns": {"edu": "edu"}}}
    (remark,) = plan(values(tmp_path, where, annotate)).remarks
    assert remark.startswith("where: judges by edu, which annotate makes behind it")
    assert plan(values(tmp_path, annotate, where)).remarks == ()


def test_a_stage_for_languages_that_nothing_finds_is_remarked_on(tmp_path: Path) -> None:
    (tmp_path / "en").write_text("bad\n")
    bad_words = {"bad_words": {"list": {"en": str(tmp_path / "en")}}}
    for stages in ([bad_words], [bad_words, "language"]):
        (remark,) = plan(values(tmp_path, *stages)).remarks
        assert remark.startswith("bad_words: no stage before it finds the language of documents; those whose source")
    assert plan(values(tmp_path, "language", bad_words)).remarks == ()


def test_messages_of_first_files_give_their_paths(tmp_path: Path) -> None:
    (problem,) = problems(values(tmp_path, "exact_dedup", fields={"text": "txt"}))
    assert f"records of {tmp_path / 'in.jsonl'} has the field 'txt'" in problem


def test_a_name_says_enough_where_the_file_is_far_away(tmp_path: Path) -> None:
    listed = tmp_path / "wet.paths"
    listed.write_text("https://example.invalid/a.warc.wet.gz\n")
    (problem,) = problems(values(tmp_path, "extract", format="warc", path=str(listed)))
    assert "a.warc.wet.gz is no WARC file" in problem and "format: wet" in problem
    listed.write_text("https://example.invalid/a.warc.gz\n")
    (problem,) = problems(values(tmp_path, "unicode", format="wet", path=str(listed)))
    assert "a.warc.gz is no WET file" in problem


def test_damage_is_left_to_reading(tmp_path: Path) -> None:
    for content in (b"\x1f\x8b\x08cut", b"", b'{"text": 3}\nnot JSON\n', b'{"text": "a'):
        config = values(tmp_path, "unicode")
        (tmp_path / "in.jsonl").write_bytes(content)
        assert len(plan(config).shards) == 1


def test_what_is_far_too_little_memory(tmp_path: Path) -> None:
    config = values(tmp_path, "unicode")
    assert "did you mean 100MB or 100GiB?" in problems({**config, "engine": {"memory": 100}})[0]
    assert problems({**config, "engine": {"memory": "1MB"}})[0].endswith("16 MiB the least")
