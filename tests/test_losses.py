"""What damage cost is weighed by the records lost, named at the end of a run, and fails it where it is too much."""

import gzip
import json
import random
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from dspipe.pipeline.errors import RunFailedError
from dspipe.pipeline.report.left_out import left_out_line
from dspipe.pipeline.report.stats import print_stats
from dspipe.pipeline.run.run import RunResult
from dspipe.pipeline.run.run_file import read_run
from tests.engine import rows_of, run_inline


def lines(count: int, first: int = 0) -> bytes:
    texts = (random.Random(first + i).randbytes(60).hex() for i in range(count))
    return "".join(json.dumps({"text": text}) + "\n" for text in texts).encode()


def config(tmp_path: Path, format: str, path: str, **engine: Any) -> dict[str, Any]:
    return {
        "output": str(tmp_path / "out"),
        "engine": {"kind": "inline", **engine},
        "sources": [{"name": "s", "format": format, "path": path, "root": str(tmp_path / "in")}],
        "stages": [{"tests.toys.lengths": {}}],
    }


def write(tmp_path: Path, name: str, data: bytes) -> None:
    (tmp_path / "in").mkdir(exist_ok=True)
    (tmp_path / "in" / name).write_bytes(data)


def last_line(result: RunResult) -> str:
    return left_out_line(read_run(result.store.root)[1], "OUT") or ""


def test_the_lost_rest_of_a_file_counts_for_its_documents(tmp_path: Path) -> None:
    packed = bytearray(gzip.compress(lines(4000)))
    packed[len(packed) // 4 :] = random.Random(1).randbytes(len(packed) - len(packed) // 4)
    write(tmp_path, "a.jsonl.gz", bytes(packed))
    write(tmp_path, "b.jsonl", lines(1000, 5000))
    with pytest.raises(RunFailedError, match="max_quarantined"):
        run_inline(config(tmp_path, "jsonl", "*"))
    result = run_inline(config(tmp_path, "jsonl", "*", max_quarantined=1.0))
    counters = result.phases[0].counters
    assert 2500 < counters["quarantined"] < 3500
    assert counters["read"] == counters["quarantined"] + len(rows_of(result, ["text"]))
    assert counters["quarantined by estimate"] == pytest.approx(counters["quarantined"], abs=5)
    (file,) = Path(result.store.path("documents")).glob("*.quarantine.jsonl")
    entry = json.loads(file.read_text().splitlines()[-1])
    assert (entry["file"], entry["estimated"]) == ("a.jsonl.gz", True)
    assert entry["records"] == counters["quarantined by estimate"]
    assert "estimated" in last_line(result)
    assert "files that are not whole: a.jsonl.gz" in last_line(result)


def test_a_row_group_counts_for_its_rows(tmp_path: Path) -> None:
    (tmp_path / "in").mkdir()
    path = tmp_path / "in" / "a.parquet"
    pq.write_table(pa.table({"text": [f"text {i} " * 9 for i in range(2000)]}), path, row_group_size=500)
    offset = pq.ParquetFile(path).metadata.row_group(2).column(0).dictionary_page_offset
    data = bytearray(path.read_bytes())
    data[offset : offset + 40] = b"\xff" * 40
    path.write_bytes(data)
    with pytest.raises(RunFailedError, match="500 of 2,000 records are bad"):
        run_inline(config(tmp_path, "parquet", "a.parquet"))
    result = run_inline(config(tmp_path, "parquet", "a.parquet", max_quarantined=0.3))
    assert len(rows_of(result, ["text"])) == 1500
    assert "quarantined by estimate" not in result.phases[0].counters


def test_a_damaged_footer_costs_its_file_and_the_run_names_it(tmp_path: Path) -> None:
    (tmp_path / "in").mkdir()
    for name in ("a", "b"):
        pq.write_table(pa.table({"text": [f"{name} text {i}" for i in range(20)]}), tmp_path / "in" / f"{name}.parquet")
    data = bytearray((tmp_path / "in" / "a.parquet").read_bytes())
    length = int.from_bytes(data[-8:-4], "little")
    data[-8 - length : -8 - length // 2] = b"\xff" * (length - length // 2)
    write(tmp_path, "a.parquet", bytes(data))
    result = run_inline(config(tmp_path, "parquet", "*.parquet"))
    assert len(rows_of(result, ["text"])) == 20
    assert "files that are not whole: a.parquet" in last_line(result)
    (alarm,) = read_run(result.store.root)[1].phases[0].notes["alarms"]
    assert alarm["error"].startswith("nothing was read: not a Parquet file")


def test_what_is_no_document_and_what_is_no_input_is_said(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    from rich.console import Console

    write(tmp_path, "a.jsonl", lines(3))
    write(tmp_path, "README.md", b"words\n")
    write(tmp_path, "_SUCCESS", b"")
    write(tmp_path, "c.jsonl", b"")
    result = run_inline(config(tmp_path, "jsonl", ""))
    line = last_line(result)
    assert "files: 1 hidden or temporary, 1 not named like jsonl" in line
    assert "files that are not whole" not in line
    assert "without a document: c.jsonl" in line
    assert "dspipe stats OUT" in line
    print_stats(read_run(result.store.root)[1], Console(width=200))
    assert "not named like jsonl" in capsys.readouterr().out


def test_a_run_that_leaves_nothing_out_says_nothing(tmp_path: Path) -> None:
    write(tmp_path, "a.jsonl", lines(3))
    assert last_line(run_inline(config(tmp_path, "jsonl", "a.jsonl"))) == ""


def test_a_run_of_nothing_but_bad_records_is_no_success(tmp_path: Path) -> None:
    (tmp_path / "a.jsonl").write_text('{"content": "the text stands in another field"}\n' * 6)
    source = {"name": "s", "format": "jsonl", "path": str(tmp_path / "a.jsonl")}
    values = {"output": str(tmp_path / "out"), "sources": [source], "stages": [{"tests.toys.lengths": {}}]}
    with pytest.raises(RunFailedError, match="6 of 6 records are bad"):
        run_inline(values)
    run_inline(values, engine={"kind": "inline", "max_quarantined": 1})
