"""The conformance tests: stages and formats of this project pass, and each way to break the contract is found."""

import gzip
import json
from pathlib import Path
from typing import Any

import pytest

from dspipe.pipeline.config.discovery import source_class, stage_class
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
}


GLOBAL_STAGES: dict[str, dict[str, Any]] = {
    "exact_dedup": {"by": ["url", "text"], "index": True},
    "minhash": {"keep": ["longest"], "index": True},
    "repeated_spans": {"min_bytes": 20},
    "host_lines": {"min_pages": 2},
    "repeated_lines": {},
}


@pytest.mark.parametrize("name", GLOBAL_STAGES)
def test_global_stages_keep_the_contract(name: str) -> None:
    check_stage(stage_class(name), GLOBAL_STAGES[name])


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
