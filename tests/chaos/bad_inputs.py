"""Hostile inputs through whole runs: none may take more than `engine.memory`, longer than its deadline, or end the run.

    python -m tests.chaos.bad_inputs                        # all, of a sixteenth of the size
    python -m tests.chaos.bad_inputs --scale 1 --only html  # whole: files that unpack to 1 GiB, pages of 64 MB

Each is read by one worker, with a good file beside it; prints the worker's peak of resident memory, interpreter,
libraries and all, the run's time and what became of the input. Exit code 1 where the peak is above `engine.memory` (the
operating system's own limit leaves the interpreter out, `pipeline.tasks.limits`), the run fails, or the good file's
documents are lost.
"""

import argparse
import gzip
import json
import sys
import tempfile
import threading
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq
import yaml
import zstandard

from dspipe.pipeline.run.run_file import read_run
from tests.chaos.lab import Driver, start_driver

MEMORY = 2 << 30
DEADLINE_S = 30
_PIECE = 1 << 20

Make = Callable[[Path, float], None]


def _write(path: Path, pieces: Iterator[bytes], packed: str = "") -> None:
    """A file of these bytes, packed with gzip or zstd."""
    with path.open("wb") as file:
        if packed == "gz":
            with gzip.GzipFile(fileobj=file, mode="wb", compresslevel=1) as packing:
                for piece in pieces:
                    packing.write(piece)
        elif packed == "zst":
            with zstandard.ZstdCompressor(1).stream_writer(file, closefd=False) as writer:
                for piece in pieces:
                    writer.write(piece)
        else:
            for piece in pieces:
                file.write(piece)


def _many(piece: bytes, size: float) -> Iterator[bytes]:
    """The piece again and again, `size` bytes of it."""
    block = piece * max(1, _PIECE // len(piece))
    for _ in range(max(1, int(size) // len(block))):
        yield block


def _zeros(packed: str) -> Make:
    return lambda path, scale: _write(path, _many(b"\0", scale * (1 << 30)), packed)


def _record(block: Iterator[bytes], length: int, fields: bytes = b"") -> Iterator[bytes]:
    yield b"WARC/1.0\r\nWARC-Type: response\r\nWARC-Target-URI: http://a.example/\r\n" + fields
    yield b"Content-Type: application/http; msgtype=response\r\nContent-Length: %d\r\n\r\n" % length
    yield from block
    yield b"\r\n\r\n"


def _zeros_in_a_record(path: Path, scale: float) -> None:
    size = int(scale * 2**30)
    _write(path, _record(_many(b"\0", size), size), "gz")


def _page(html: Callable[[float], bytes], http: bytes = b"") -> Make:
    """An archive of one page; `http`: more lines of the HTTP header."""

    def make(path: Path, scale: float) -> None:
        block = b"HTTP/1.1 200 OK\r\nContent-Type: text/html\r\n" + http + b"\r\n" + html(scale)
        _write(path, _record(iter([block]), len(block)), "gz")

    return make


def _coded(pack: Callable[[bytes], bytes], coding: bytes) -> Make:
    return _page(lambda scale: pack(bytes(int(scale * (1 << 30)))), b"Content-Encoding: " + coding + b"\r\n")


def _repeat(piece: bytes, size: float) -> Callable[[float], bytes]:
    return lambda scale: b"<html><body>" + piece * int(scale * size / len(piece))


def _formatting(scale: float) -> bytes:
    """Elements that the parser opens again in each paragraph (WHATWG, 13.2.4.3): quadratic."""
    return b"<html><body>" + b"".join(b"<b id=%d><p>" % n for n in range(int(40_000 * scale))) + b"x"


def _attributes(scale: float) -> bytes:
    return b"<p " + b" ".join(b'a%d="v"' % n for n in range(int(3_000_000 * scale))) + b">text</p>"


def _chunks(scale: float) -> bytes:
    return b"1\r\nx\r\n" * int(10_000_000 * scale) + b"0\r\n\r\n"


def _long_header(path: Path, scale: float) -> None:
    _write(path, _record(iter([b"x"]), 1, b"X: " + b"y" * int(125e6 * scale) + b"\r\n"), "gz")


def _window(path: Path, scale: float) -> None:
    settings = zstandard.ZstdCompressionParameters(window_log=31 if scale >= 1 else 30, write_content_size=False)
    with path.open("wb") as file, zstandard.ZstdCompressor(compression_params=settings).stream_writer(file) as writer:
        writer.write(b'{"text": "a short one"}\n')


def _json(line: Callable[[float], bytes]) -> Make:
    return lambda path, scale: _write(path, iter([line(scale), b'\n{"text": "the line behind it"}\n']), "gz")


def _keys(scale: float) -> Iterator[bytes]:
    return (b'"k%d": 1' % n for n in range(int(3.5e6 * scale)))


def _dictionary(path: Path, scale: float) -> None:
    """Rows of 4 GB in all, one text that is stored once."""
    rows, word = max(2, int(100 / scale)), "w " * int(20_000_000 * scale)
    pq.write_table(pa.table({"text": pa.DictionaryArray.from_arrays(pa.array([0] * rows), [word])}), path)


def _rows(rows: int) -> Make:
    def make(path: Path, scale: float) -> None:
        text = "words " * int(scale * 500e6 / 6 / rows)
        pq.write_table(pa.table({"text": pa.array([text] * rows, pa.large_string())}), path, row_group_size=rows)

    return make


def _long_texts(path: Path, scale: float) -> None:
    """Texts in one page, of which nothing says how long they are before they are decoded."""
    text = "words " * int(scale * 150e6)
    pq.write_table(pa.table({"text": pa.array([text] * 2, pa.large_string())}), path, use_dictionary=False)


INPUTS: dict[str, tuple[str, Make]] = {
    "zeros.jsonl.gz": ("jsonl", _zeros("gz")),
    "zeros.jsonl.zst": ("jsonl", _zeros("zst")),
    "zeros.warc.gz": ("warc", _zeros_in_a_record),
    "newlines.jsonl.gz": ("jsonl", lambda path, scale: _write(path, _many(b"\n", scale * 2**30), "gz")),
    "window.jsonl.zst": ("jsonl", _window),
    "coded-gzip.warc.gz": ("warc", _coded(lambda data: gzip.compress(data, 1), b"gzip")),
    "coded-zstd.warc.gz": ("warc", _coded(zstandard.ZstdCompressor(1).compress, b"zstd")),
    "coded-twice.warc.gz": ("warc", _coded(lambda data: gzip.compress(gzip.compress(data, 1), 1), b"gzip, gzip")),
    "codings.warc.gz": ("warc", _page(lambda scale: b"x", b"Content-Encoding: " + b"gzip, " * 200_000 + b"gzip\r\n")),
    "length.warc": ("warc", lambda path, scale: _write(path, _record(iter([b"HTTP/1.1 200 OK\r\n\r\n"]), 10**13))),
    "warc-header.warc.gz": ("warc", _long_header),
    "http-header.warc.gz": ("warc", _page(lambda scale: b"X: y\r\n" * int(9e6 * scale) + b"\r\n<p>text</p>")),
    "chunks.warc.gz": ("warc", _page(_chunks, b"Transfer-Encoding: chunked\r\n")),
    "html-formatting.warc.gz": ("warc", _page(_formatting)),
    "html-attributes.warc.gz": ("warc", _page(_attributes)),
    "html-paragraphs.warc.gz": ("warc", _page(_repeat(b"<p>a", 60e6))),
    "html-breaks.warc.gz": ("warc", _page(_repeat(b"<br>x", 60e6))),
    "html-attributes-each.warc.gz": ("warc", _page(_repeat(b"<p a b c>", 60e6))),
    "html-divs.warc.gz": ("warc", _page(_repeat(b"<div>", 5e6))),
    "html-lists.warc.gz": ("warc", _page(_repeat(b"<ul><li>", 8e6))),
    "html-tables.warc.gz": ("warc", _page(_repeat(b"<table><tr><td>", 8e6))),
    "html-svg.warc.gz": ("warc", _page(_repeat(b"<svg>", 5e6))),
    "html-entities.warc.gz": ("warc", _page(_repeat(b"&amp;", 60e6))),
    "html-plain.warc.gz": ("warc", _page(_repeat(b"plain words of text. ", 60e6))),
    "line.jsonl.gz": ("jsonl", _json(lambda scale: b'{"text": "' + b"a b " * int(50e6 * scale) + b'"}')),
    "keys.jsonl.gz": ("jsonl", _json(lambda scale: b"{%s}" % b", ".join(_keys(scale)))),
    "arrays.jsonl.gz": ("jsonl", _json(lambda scale: b'{"text": "t", "x": [%s[]]}' % (b"[]," * int(20e6 * scale)))),
    "nested.jsonl.gz": ("jsonl", _json(lambda scale: b"[" * int(60e6 * scale))),
    "dictionary.parquet": ("parquet", _dictionary),
    "rows.parquet": ("parquet", _rows(100_000)),
    "row.parquet": ("parquet", _rows(1)),
    "texts.parquet": ("parquet", _long_texts),
}  # fmt: skip
GOOD = 5


@dataclass
class Result:
    """What an input did."""

    name: str
    stored_bytes: int
    peak_bytes: int
    seconds: float
    outcome: str
    wrong: str = ""

    def line(self) -> str:
        """A row of the table."""
        stored, peak = f"{self.stored_bytes / 1e6:.1f} MB", f"{self.peak_bytes / 1e6:,.0f} MB"
        return f"{self.name:28} {stored:>10} {peak:>9} {self.seconds:6.1f} s  {self.wrong or self.outcome}"


def try_input(name: str, folder: Path, scale: float) -> Result:
    """Run the file of this name, made at this scale, beside a good one."""
    format, make = INPUTS[name]
    folder.mkdir(parents=True)
    make(folder / name, scale)
    good = "".join(json.dumps({"text": f"a good document, number {n}"}) + "\n" for n in range(GOOD))
    (folder / "good.jsonl").write_text(good)
    stages = [{"extract": {}}, {"unicode": {}}, {"heuristics": {"domains": ["none"]}}, {"exact_dedup": {}}]
    values = {
        "name": "bad", "output": str(folder / "out"), "stages": stages,
        "engine": {"kind": "local", "workers": 1, "memory": MEMORY, "deadline": DEADLINE_S, "max_quarantined": 1},
        "sources": [{"name": "a", "format": format, "path": str(folder / name)},
                    {"name": "b", "format": "jsonl", "path": str(folder / "good.jsonl")}],
    }  # fmt: skip
    (folder / "run.yaml").write_text(yaml.safe_dump(values))
    begun = time.monotonic()
    driver = start_driver(folder / "run.yaml", folder / "log")
    watch = _Watch(driver)
    code = driver.wait(900)
    result = Result(name, (folder / name).stat().st_size, watch.end(), time.monotonic() - begun, "")
    if code != 0:
        result.wrong = f"the run ended with {code}: {driver.said()[-300:]}"
        return result
    read, bad = read_run(str(folder / "out"))[1].read_counts()
    errors = [json.loads(line)["error"] for file in folder.glob("out/*/*.quarantine.jsonl") for line in file.open()]
    result.outcome = f"{read - bad - GOOD} read, {bad} quarantined" + (f": {errors[0][:90]}" if errors else "")
    if read - bad < GOOD:
        result.wrong = f"{GOOD - read + bad} good documents are lost"
    elif result.peak_bytes > MEMORY:
        result.wrong = f"more than engine.memory; {result.outcome}"
    return result


class _Watch(threading.Thread):
    """The highest resident memory of a driver's workers."""

    def __init__(self, driver: Driver) -> None:
        super().__init__(daemon=True)
        self._driver, self._peak, self._ended = driver, 0, threading.Event()
        self.start()

    def run(self) -> None:
        while not self._ended.wait(0.05):
            for pid in self._driver.workers():
                self._peak = max(self._peak, _peak(pid))

    def end(self) -> int:
        """Stop; the peak in bytes."""
        self._ended.set()
        self.join()
        return self._peak


def _peak(pid: int) -> int:
    try:
        lines = Path(f"/proc/{pid}/status").read_text().splitlines()
    except OSError:
        return 0
    return sum(int(line.split()[1]) << 10 for line in lines if line.startswith("VmHWM:"))


def main() -> None:
    """The command line."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--scale", type=float, default=1 / 16, help="1: whole")
    parser.add_argument("--only", default="", help="those whose names begin so")
    given = parser.parse_args()
    wrong = 0
    print(f"{'input':28} {'stored':>10} {'peak':>9} {'time':>8}  outcome")
    for name in INPUTS:
        if name.startswith(given.only):
            with tempfile.TemporaryDirectory(prefix="dspipe-bad-") as folder:
                result = try_input(name, Path(folder) / "x", given.scale)
            print(("WRONG " if result.wrong else "") + result.line(), flush=True)
            wrong += bool(result.wrong)
    sys.exit(wrong > 0)


if __name__ == "__main__":
    main()
