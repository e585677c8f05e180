"""What every benchmark shares: its input, one fresh process a contestant, medians, one table, one JSON object.

A contestant is a module-level function `contestant(measure, paths, **settings) -> dict`: it loads its texts, warms
up, and calls `measure(function)` for the part that counts. It runs in a process of its own, so that peak memory and
CPU seconds are its own; a peer's process may be another Python (`--peer-python`), which needs the peer alone.
"""

import argparse
import gzip
import importlib
import json
import resource
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterable, Iterator, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    import pyarrow as pa

Result = dict[str, Any]


class Measure:
    """Times a function: the median CPU seconds (this process with all its threads, and its children) of some runs."""

    def __init__(self, repeat: int) -> None:
        self.repeat = repeat
        self.cpu_s = 0.0
        self.wall_s = 0.0

    def __call__(self, function: Callable[[], Any]) -> Any:
        """Run and time `function`; its last answer is returned, `cpu_s` and `wall_s` are kept here."""
        cpu, wall, answer = [], [], None
        for _ in range(self.repeat):
            cpu_start, wall_start = _cpu_seconds(), time.perf_counter()
            answer = function()
            cpu.append(_cpu_seconds() - cpu_start)
            wall.append(time.perf_counter() - wall_start)
        self.cpu_s, self.wall_s = statistics.median(cpu), statistics.median(wall)
        return answer


def _cpu_seconds() -> float:
    used = [resource.getrusage(who) for who in (resource.RUSAGE_SELF, resource.RUSAGE_CHILDREN)]
    return sum(usage.ru_utime + usage.ru_stime for usage in used)


def bare_parser(description: str) -> argparse.ArgumentParser:
    """The option that every benchmark has."""
    options = argparse.ArgumentParser(description=description)
    options.add_argument("--json", action="store_true", help="one JSON object on standard output")
    return options


def count(text: str) -> int:
    """A number as it may stand on the command line: 1000000 or 1e6."""
    return int(float(text))


def parser_without_input(description: str, room: str) -> argparse.ArgumentParser:
    """The options of benchmarks that make their documents themselves, in a folder with room for so much."""
    options = bare_parser(description)
    options.add_argument("--directory", default=tempfile.gettempdir(), help=f"room for {room}")
    options.set_defaults(input=[], repeat=1)
    return options


def parser(description: str) -> argparse.ArgumentParser:
    """The options of benchmarks that read documents."""
    options = bare_parser(description)
    options.add_argument("--input", nargs="+", required=True, metavar="FILE", help=".jsonl[.gz|.zst], .warc[.gz], text")
    options.add_argument("--repeat", type=int, default=3, help="runs whose median counts")
    options.add_argument("--mb", type=float, default=0, help="take at most this many MB of text (0: all)")
    options.add_argument("--peer-python", default=sys.executable, help="the Python that has the peers installed")
    return options


def read_documents(paths: Sequence[str | Path], mb: float = 0) -> Iterator[dict[str, Any]]:
    """Documents of the input files as dictionaries with at least `text` (and `id`, `url` where known)."""
    budget = mb * 1e6 or float("inf")
    for path in map(Path, paths):
        for document in _documents_of(path):
            budget -= len(document["text"].encode("utf-8", "replace"))
            if budget < 0:
                return
            yield document


def read_texts(paths: Sequence[str | Path], mb: float = 0) -> list[str]:
    """The texts of the input files, at most `mb` MB of them."""
    return [document["text"] for document in read_documents(paths, mb)]


def text_batches(texts: list[str], rows: int = 1000) -> "list[pa.RecordBatch]":
    """Texts as batches of so many, with the column `text` alone."""
    import pyarrow as pa

    whole = pa.record_batch({"text": pa.array(texts, pa.large_string())})
    return [whole.slice(first, rows) for first in range(0, len(texts), rows)]


def megabytes(texts: Iterable[str]) -> float:
    """MB of texts, as UTF-8."""
    return sum(len(text.encode("utf-8", "replace")) for text in texts) / 1e6


def _documents_of(path: Path) -> Iterator[dict[str, Any]]:
    if ".warc" in path.name:
        from fastwarc.warc import ArchiveIterator, WarcRecordType
        from resiliparse.extract.html2text import extract_plain_text

        with path.open("rb") as stream:
            for record in ArchiveIterator(stream, record_types=WarcRecordType.response, parse_http=True):
                html = record.reader.read().decode("utf-8", "replace")
                text = extract_plain_text(html, main_content=True)
                url = record.headers.get("WARC-Target-URI")
                yield {"id": record.record_id, "url": url, "text": text}
    elif ".jsonl" in path.name:
        for line in _open_text(path):
            yield json.loads(line)
    else:
        yield {"id": str(path), "text": path.read_text("utf-8", "replace")}


def _open_text(path: Path) -> Iterator[str]:
    if path.suffix == ".zst":
        import zstandard

        with zstandard.open(path, "rt", encoding="utf-8") as lines:
            yield from lines
    elif path.suffix == ".gz":
        with gzip.open(path, "rt", encoding="utf-8") as lines:
            yield from lines
    else:
        with path.open(encoding="utf-8") as lines:
            yield from lines


def contest(contestant: str, options: argparse.Namespace, python: str | None = None, **settings: Any) -> Result:
    """Run `module:function` in a fresh process. Its result, with `cpu_s`, `peak_mb`, or `{"absent": why}`."""
    request = {"contestant": contestant, "paths": options.input, "repeat": options.repeat, "settings": settings}
    run = subprocess.run(
        [python or sys.executable, "-m", "benchmarks.common"],
        input=json.dumps(request),
        stdout=subprocess.PIPE,
        text=True,
        cwd=Path(__file__).parent.parent,
    )
    if run.returncode:
        raise SystemExit(f"{contestant} failed with exit code {run.returncode}; its message is above")
    answer: Result = json.loads(run.stdout.splitlines()[-1])
    return answer


def report(options: argparse.Namespace, result: Result, columns: Sequence[str], title: str) -> None:
    """Print a table with a row per contestant, or the whole result as one JSON object."""
    if options.json:
        print(json.dumps(result))
        return
    from rich.console import Console
    from rich.table import Table

    table = Table("", *columns, title=title, title_justify="left")
    for name, row in result.items():
        if isinstance(row, dict):
            absent = row.get("absent")
            table.add_row(name, *([f"absent: {absent}"] if absent else [_cell(row.get(column)) for column in columns]))
    console = Console(width=None if sys.stdout.isatty() else 140)
    console.print(table)
    for name, value in result.items():
        if not isinstance(value, dict):
            console.print(f"{name}: {_cell(value)}")


def _cell(value: Any) -> str:
    if isinstance(value, dict):
        return "\n".join(f"{name} {_cell(inner)}" for name, inner in value.items())
    return "" if value is None else f"{value:,.4g}" if isinstance(value, float) else str(value)


def _main() -> None:
    request = json.load(sys.stdin)
    answers = sys.stdout
    sys.stdout = sys.stderr
    module, function = request["contestant"].split(":")
    measure = Measure(request["repeat"])
    try:
        contestant = getattr(importlib.import_module(module), function)
        result = contestant(measure, request["paths"], **request["settings"])
    except ImportError as error:
        result = {"absent": str(error)}
    else:
        # Linux counts in KiB, macOS in bytes
        unit = 1 if sys.platform == "darwin" else 1024
        result.setdefault("cpu_s", measure.cpu_s)
        result["peak_mb"] = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * unit / 1e6
    print(json.dumps(result), file=answers)


if __name__ == "__main__":
    _main()
