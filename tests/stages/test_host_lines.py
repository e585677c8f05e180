"""Lines that repeat across a host's pages: which go, and that a run says the same however it is cut."""

import json
import tracemalloc
from collections import Counter
from collections.abc import Iterator
from pathlib import Path
from typing import Any, cast

import numpy as np
import pyarrow as pa

from dspipe.pipeline.stage import StageSettings
from dspipe.pipeline.tasks.task import Task
from dspipe.stages import host_lines
from tests.engine import rows_of, run_inline


def write_pages(folder: Path, shards: int) -> list[dict[str, Any]]:
    """Pages of three hosts over some files: 12 with a menu, 12 with one of two footers, 3 with the same text."""
    pages = []
    for i in range(12):
        text = f"Home | About | Contact\nWhat page {i} says.\n\n***\n  Home | About | Contact "
        pages.append({"id": f"a{i}", "url": f"http://A.example/{i}", "text": text})
        footer = "Footer of few" if i % 6 == 0 else "Footer of many"
        pages.append({"id": f"b{i}", "url": f"https://b.example:8080/{i}?x", "text": f"Page {i} here.\n***\n{footer}"})
    pages += [{"id": f"c{i}", "url": f"http://c.example/{i}", "text": "Home | About | Contact\nx"} for i in range(3)]
    pages += [{"id": f"n{i}", "text": "Home | About | Contact"} for i in range(9)]
    pages.append({"id": "empty", "url": "http://a.example/e", "text": ""})
    for shard in range(shards):
        lines = [json.dumps(page) + "\n" for i, page in enumerate(pages) if i % shards == shard]
        (folder / f"{shard}.jsonl").write_text("".join(lines))
    return pages


def run(folder: Path, output: Path, stages: list[Any], **engine: Any) -> dict[str, dict[str, Any]]:
    config = {
        "engine": {"kind": "inline", **engine},
        "output": str(output),
        "sources": [{"name": "s", "format": "jsonl", "path": str(folder / "*.jsonl")}],
        "stages": stages,
    }
    result = run_inline(config)
    rows = rows_of(result, ["id", "text", "text_bytes", "host_lines.removed"])
    return {row["id"]: row for row in rows}


def test_lines_of_most_pages_go_from_all_of_them(tmp_path: Path) -> None:
    for shards in (1, 4):
        folder = tmp_path / str(shards)
        folder.mkdir()
        pages = write_pages(folder, shards)
        rows = run(folder, folder / "run", [{"host_lines": {}}])
        for i in range(12):
            assert rows[f"a{i}"]["text"] == f"What page {i} says.\n\n***"
            assert rows[f"a{i}"]["host_lines.removed"] == 2
            footer = "\nFooter of few" if i % 6 == 0 else ""
            assert rows[f"b{i}"]["text"] == f"Page {i} here.\n***{footer}"
        for page in pages[24:]:
            assert rows[page["id"]]["text"] == page["text"]
        assert all(row["text_bytes"] == len(row["text"].encode()) for row in rows.values())


def test_small_memory_and_batches_change_nothing(tmp_path: Path) -> None:
    write_pages(tmp_path, 2)
    stages = [{"host_lines": {"min_pages": 2, "share": 0.1}}]
    rows = run(tmp_path, tmp_path / "one", stages)
    assert sum(row["host_lines.removed"] for row in rows.values()) > 30
    assert run(tmp_path, tmp_path / "two", stages, memory=2000, batch_rows=3) == rows


def test_the_limits_can_be_set(tmp_path: Path) -> None:
    write_pages(tmp_path, 2)
    rows = run(tmp_path, tmp_path / "one", [{"host_lines": {"min_pages": 2, "share": 0.1}}])
    assert rows["b0"]["text"] == "Page 0 here.\n***"
    assert rows["c0"]["text"] == ""
    rows = run(tmp_path, tmp_path / "two", [{"host_lines": {"min_pages": 13}}])
    assert Counter(row["host_lines.removed"] for row in rows.values()) == {0: len(rows)}


def test_pages_that_were_dropped_before_do_not_count(tmp_path: Path) -> None:
    write_pages(tmp_path, 3)
    # of host c three like pages are left as one
    stages = [{"exact_dedup": {}}, {"host_lines": {"min_pages": 2, "share": 0.1}}]
    rows = run(tmp_path, tmp_path / "run", stages)
    assert {rows[f"c{i}"]["text"] for i in range(3)} == {"Home | About | Contact\nx"}


class GiantHost:
    """A partition's task: a host of BATCHES batches of 2,000 pages, with lines of its pages' own, lines that half of
    them have and a menu, as `send_lines` sends them; records are made as they are read."""

    BATCHES, OWN_LINES = 160, 10_000

    def __init__(self, memory: int) -> None:
        self.memory, self.emitted = memory, [np.empty((2, 0), np.uint64)]
        self.received_bytes = sum(batch.nbytes for _, batch in self.received())

    def received(self, also: str | None = None) -> Iterator[tuple[int, pa.RecordBatch]]:
        for number in range(self.BATCHES):
            rng = np.random.default_rng(number)
            common = np.arange(1, 1000 + number % 2, dtype=np.uint64) << np.uint64(40)
            line = np.concatenate([[np.uint64(0)], rng.integers(1, 1 << 63, self.OWN_LINES, np.uint64), common])
            pages = np.where(np.arange(len(line)) > self.OWN_LINES, 1500, 1)
            pages[0] = 2000
            host, rows = np.full(len(line), 7, np.uint64), np.full(len(line), 2000 * number, np.uint32)
            columns = {"host": host, "line": line, "row": rows, "pages": pages.astype(np.uint32)}
            yield number // 4, pa.RecordBatch.from_pydict(columns)

    def emit(self, shards: Any, batch: pa.RecordBatch) -> None:
        rows = batch["row"].to_numpy().astype(np.uint64) | (shards.astype(np.uint64) << np.uint64(32))
        self.emitted.append(np.stack([rows, batch["line"].to_numpy()]))

    def count(self, key: str, n: int) -> None:
        pass


def test_a_giant_host_is_counted_in_little_memory() -> None:
    def counted(memory: int) -> tuple[Any, int]:
        """What is sent back, in order, and the peak of numpy's and Arrow's memory without that."""
        task = GiantHost(memory)
        pool, before = pa.proxy_memory_pool(pa.default_memory_pool()), pa.default_memory_pool()
        pa.set_memory_pool(pool)
        tracemalloc.start()
        try:
            settings = {"min_pages": 5, "share": 0.5}
            host_lines.count_lines(cast("Task", task), StageSettings("host_lines", 0, settings))
            peak = tracemalloc.get_traced_memory()[1] + pool.max_memory()
        finally:
            tracemalloc.stop()
            pa.set_memory_pool(before)
        records = np.concatenate(task.emitted, axis=1)
        return records[:, np.lexsort(records)], peak - records.nbytes

    received = GiantHost(1).received_bytes
    whole, at_once = counted(1 << 32)
    memory = received // 5
    parts, in_slices = counted(memory)
    assert np.array_equal(parts, whole)
    # the thousandth line is in every second batch, on 37 % of all pages
    assert whole.shape[1] == 999 * GiantHost.BATCHES and len(np.unique(whole[1])) == 999
    assert in_slices < memory and at_once > 4 * received


def test_code_is_left_alone(tmp_path: Path) -> None:
    page = "<title>{0}</title><nav><a href=/>Home</a></nav><main><h1>Page {0}</h1><p>{1}<p>Written by the team."
    code = "<pre>try:\n    work_{0}()\nexcept OSError:\n    raise</pre>"
    with (tmp_path / "pages.warc").open("wb") as archive:
        for i in range(8):
            words = (
                f"What is told about number {i} differs from page to page, and goes on for more than a few words. " * 3
            )
            html = (page.format(i, words) + code.format(i)).encode()
            http = b"HTTP/1.1 200 OK\r\nContent-Type: text/html\r\n\r\n" + html
            head = f"WARC/1.0\r\nWARC-Type: response\r\nWARC-Target-URI: http://a.example/{i}\r\n"
            head += f"WARC-Record-ID: <urn:a:{i}>\r\nWARC-Date: 2024-01-01T00:00:00Z\r\n"
            head += "Content-Type: application/http;msgtype=response\r\n"
            archive.write(head.encode() + b"Content-Length: %d\r\n\r\n" % len(http) + http + b"\r\n\r\n")
    source = {"name": "s", "format": "warc", "path": str(tmp_path / "pages.warc")}
    config = {"engine": {"kind": "inline"}, "output": str(tmp_path / "run"), "sources": [source]}
    result = run_inline(config | {"stages": [{"extract": {}}, {"host_lines": {}}]})
    rows = rows_of(result, ["url", "text", "extract.code", "host_lines.removed"])
    assert len(rows) == 8
    for row in rows:
        number = row["url"].rpartition("/")[2]
        assert row["text"].endswith(f"try:\n    work_{number}()\nexcept OSError:\n    raise")
        assert "Written by the team" not in row["text"]
        assert len(row["extract.code"]) == 4 and row["host_lines.removed"] == 1
