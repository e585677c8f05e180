"""Bad records: what is kept of them, what is summed up, and how many a task may have."""

import base64
import json
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from dspipe.pipeline.errors import MachineError
from dspipe.pipeline.tasks.quarantine import (
    FEW,
    RECORD_BYTES,
    SHARD_BYTES,
    Quarantine,
    QuarantineFile,
    named_errors,
    place_of,
    quarantined_groups,
)
from dspipe.pipeline.tasks.task import Task
from tests.tasks import Inputs, make_task


def committed(folder: Path, quarantine: Quarantine) -> tuple[Task, dict[str, Any]]:
    """The task, and what its manifest would hold."""
    task = make_task(folder, Inputs())
    quarantine.commit(task)
    return task, {"notes": task.notes, "files": task._files}


def test_records_are_kept_with_their_bytes(tmp_path: Path) -> None:
    quarantine = Quarantine()
    quarantine.add("lengths", "a.jsonl line 7", "too odd", id="7", url="http://a/", record="你好".encode())
    quarantine.add("read", "b.warc.gz byte 0+12", "not HTTP", record=b"\xff\xfe\x00")
    quarantine.add("read", "somewhere", "gone")
    task, manifest = committed(tmp_path, quarantine)
    first, second, third = map(json.loads, task.store.read_bytes(QuarantineFile.of(manifest).file or "").splitlines())
    assert first == {
        "stage": "lengths",
        "id": "7",
        "url": "http://a/",
        "file": "a.jsonl",
        "place": "a.jsonl line 7",
        "error": "too odd",
        "bytes": 6,
        "text": "你好",
    }
    assert (second["file"], base64.b64decode(second["base64"]), second["bytes"]) == ("b.warc.gz", b"\xff\xfe\x00", 3)
    assert third["file"] is None
    assert "text" not in third
    assert QuarantineFile.of(manifest).failed == 1


@pytest.mark.parametrize(
    ("file", "place", "whole"),
    [
        ("a.jsonl", "line 7", "a.jsonl line 7"),
        ("a.jsonl", "a.jsonl line 7", "a.jsonl line 7"),
        ("a b.warc.gz", "byte 0+12", "a b.warc.gz byte 0+12"),
        (None, "somewhere", "somewhere"),
    ],
)
def test_a_place_is_told_with_its_file(file: str | None, place: str, whole: str) -> None:
    assert place_of(Quarantine().add("read", place, "odd", file=file)) == whole


def test_nothing_bad_leaves_no_trace(tmp_path: Path) -> None:
    _, manifest = committed(tmp_path, Quarantine())
    assert manifest == {"notes": {}, "files": []}
    assert QuarantineFile.of(manifest) == QuarantineFile()


@given(st.text(min_size=1).map(str.encode) | st.binary(min_size=1), st.integers(0, 3))
def test_of_a_long_record_the_first_bytes_are_kept(start: bytes, shift: int) -> None:
    data = b"a" * shift + start * (1 + 2 * RECORD_BYTES // len(start))
    entry = Quarantine().add("x", "p", "e", record=data)
    assert entry["bytes"] == len(data)
    kept = base64.b64decode(entry["base64"]) if "base64" in entry else entry["text"].encode()
    assert data.startswith(kept)
    assert RECORD_BYTES - 3 <= len(kept) <= RECORD_BYTES


def test_a_task_keeps_a_bounded_number_of_bytes() -> None:
    quarantine = Quarantine()
    for number in range(2 * SHARD_BYTES // RECORD_BYTES):
        quarantine.add("x", f"line {number}", "e", record=bytes(2 * RECORD_BYTES))
    assert sum(len(entry["text"]) for entry in quarantine.entries) == SHARD_BYTES


def test_errors_that_differ_in_numbers_are_one_kind(tmp_path: Path) -> None:
    quarantine = Quarantine()
    for number in range(200):
        quarantine.add("read", f"a.jsonl line {number}", f"the line has {number} bytes")
    for number in range(70):
        quarantine.add("lengths", f"b{number}.jsonl line 1", "too odd")
    quarantine.add("read", "a.jsonl line 900", "cut off")["records"] = 90
    _, manifest = committed(tmp_path, quarantine)
    groups = QuarantineFile.of(manifest).groups
    assert groups[0] == {
        "records": 200,
        "stage": "read",
        "file": "a.jsonl",
        "place": "a.jsonl line 0",
        "error": "the line has 0 bytes",
    }
    assert (groups[1]["error"], groups[1]["records"]) == ("cut off", 90)
    assert groups[-1] == {"file": "and 22 more", "records": 22}
    assert len(groups) == 51
    merged = quarantined_groups([manifest, {"notes": {}, "files": []}], ["s", "t"])
    assert (merged[0]["source"], merged[0]["quarantine"]) == ("s", "test.phase/00000-000000000000.quarantine.jsonl")
    assert sum(group["records"] for group in merged) == 200 + 70 + 90
    assert named_errors(merged, most=2) == (
        "200 the line has 0 bytes (such as a.jsonl line 0); 90 cut off (such as a.jsonl line 900); 1 other kinds"
    )


def check_share(folder: Path, failed: int, documents: int, limit: float) -> None:
    quarantine, task = Quarantine(), make_task(folder, Inputs())
    task.spec = replace(task.spec, max_quarantined=limit)
    quarantine.add("read", "a.jsonl line 1", "not JSON")
    for number in range(failed):
        quarantine.add("language", f"a.jsonl line {number + 2}", "it fails")
    quarantine.check_share(task, documents)


def test_a_shard_of_which_most_is_bad_is_no_shard_of_bad_documents(tmp_path: Path) -> None:
    check_share(tmp_path, 50, 100, 0.5)
    check_share(tmp_path, 50, 50, 1.0)
    check_share(tmp_path, FEW, FEW, 0.0)
    message = r"51 of 100 documents failed.*max_quarantined_of_shard=0.5.*a.jsonl line 2: stage language: it fails"
    with pytest.raises(MachineError, match=message):
        check_share(tmp_path, 51, 100, 0.5)
