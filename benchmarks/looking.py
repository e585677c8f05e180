"""Looking at a run of millions of documents: seconds and memory of each command, and of the pages of `dspipe serve`.

    python -m benchmarks.looking --documents 1e6
    python -m benchmarks.looking --documents 1e7 --directory /data/looking     # runs that are there are looked at again

Two runs over generated documents (benchmarks/looking_corpus.py), with gopher.min_words 30 and 50, are made unless they
are there; making them isn't counted. Then each command runs in a process of its own, as a user's does, its start
included; the median of `--repeat` runs. The pages are asked for over HTTP, first and again.
"""

import json
import os
import re
import statistics
import subprocess
import sys
import tempfile
import time
import urllib.request
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pyarrow.parquet as pq

from benchmarks.common import Result, count, parser_without_input
from benchmarks.looking_corpus import SHARD, make_run

_MOVED = 40
_SETTING = "stages.heuristics.gopher.min_words"
_PAGES: dict[str, str] = {
    "list of runs": "/",
    "run": "/run/a/",
    "thresholds": "/run/a/thresholds",
    "histogram of a threshold": f"/run/a/histogram.json?setting={_SETTING}",
    "a threshold moved": f"/run/a/whatif.json?setting={_SETTING}&value={_MOVED}",
    "moved once more": f"/run/a/whatif.json?setting={_SETTING}&value={_MOVED + 1}",
    "documents": "/run/a/documents",
    "documents, a condition": "/run/a/documents?where=heuristics.words+%3E+300&order=shuffled",
    "a document": "/run/a/document?at={shard}.77",
    "a document by id": "/run/a/document?find=doc-{number}",
    "packed shards": "/run/a/shards",
    "a packed row": "/run/a/row?number=7",
}
"""what is asked of `dspipe serve`, in this order: `again` is the same address a second time"""


def commands(directory: Path, documents: int, page: Path) -> dict[str, list[str]]:
    """What is asked, by name."""
    first, second = str(directory / "a"), str(directory / "b")
    number = documents * 2 // 3
    return {
        "status": ["status", first],
        "stats": ["stats", first],
        "explain by id": ["explain", first, f"doc-{number}"],
        "explain by URL": ["explain", first, url_of(directory, number)],
        "explain, not there": ["explain", first, f"doc-{number}x"],
        "sample --near": ["sample", first, "--near", _SETTING, "-n", "20"],
        "sample --by": ["sample", first, "--by", "domain,language", "-n", "2"],
        "sample --where": ["sample", first, "--where", "language = 'zh' and heuristics.words > 100", "-n", "20"],
        "whatif": ["whatif", first, "--set", f"{_SETTING}={_MOVED}"],
        "diff": ["diff", first, second],
        "stats --html": ["stats", first, "--html", str(page)],
    }


def url_of(directory: Path, number: int) -> str:
    """The address of a document of the corpus."""
    shard, row = divmod(number, SHARD)
    (file,) = (directory / "corpus").glob(f"*/{shard:05d}.parquet")
    return str(pq.read_table(file, columns=["url"])["url"][row])


def timed(arguments: list[str], repeat: int, allowed: tuple[int, ...] = (0,)) -> Result:
    """Median seconds of a command, of its processors, and its largest memory. Raises RuntimeError where it fails."""
    walls, cpus, peaks = [], [], []
    for _ in range(repeat):
        start = time.perf_counter()
        with tempfile.TemporaryFile() as said:
            process = subprocess.Popen(
                [sys.executable, "-m", "dspipe", *arguments], stdout=subprocess.DEVNULL, stderr=said
            )
            _, status, used = os.wait4(process.pid, 0)
            process.returncode = os.waitstatus_to_exitcode(status)
            said.seek(0)
            if process.returncode not in allowed:
                raise RuntimeError(f"dspipe {' '.join(arguments)}: {said.read().decode(errors='replace')[-2000:]}")
        walls.append(time.perf_counter() - start)
        cpus.append(used.ru_utime + used.ru_stime)
        peaks.append(used.ru_maxrss / 1024)
    return {"s": statistics.median(walls), "cpu_s": statistics.median(cpus), "peak_mb": max(peaks)}


@contextmanager
def served(directory: Path) -> Iterator[tuple[str, int]]:
    """A server over the runs: its address and process."""
    process = subprocess.Popen(
        [sys.executable, "-m", "dspipe", "serve", str(directory), "--port", "0"],
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
    )
    try:
        assert process.stdout is not None
        for line in process.stdout:
            if found := re.search(r"http://[^\s/]+", line):
                yield found.group(), process.pid
                return
        raise RuntimeError("dspipe serve ended without an address")
    finally:
        process.terminate()
        process.wait(20)


def opened(address: str, path: str) -> Result:
    """Seconds to get a page the first time and again, and its size."""
    seconds = []
    for _ in range(2):
        start = time.perf_counter()
        with urllib.request.urlopen(address + path, timeout=600) as answer:
            size = len(answer.read())
        seconds.append(time.perf_counter() - start)
    return {"s": seconds[0], "again_s": seconds[1], "mb": size / 1e6}


def peak_mb(process: int) -> float:
    """The largest memory that a process has had."""
    found = re.search(r"VmHWM:\s+(\d+) kB", Path(f"/proc/{process}/status").read_text())
    return int(found.group(1)) / 1024 if found else 0.0


def main() -> None:
    """Make the runs, ask everything, print a table."""
    options = parser_without_input(__doc__.splitlines()[0], "2 kB a document")
    options.add_argument("--documents", type=count, default=10**6)
    options.add_argument("--repeat", type=int, default=3, help="runs of each command, whose median counts")
    options.set_defaults(directory=None)  # runs of a folder that is named stay
    given = options.parse_args()
    with tempfile.TemporaryDirectory() as scratch:
        directory = Path(given.directory or scratch)
        for name, words in (("a", 30), ("b", 50)):
            if not (directory / name / "run.json").exists():
                make_run(directory, given.documents, name, words)
        page = Path(scratch) / "page.html"
        result: Result = {}
        for name, arguments in commands(directory, given.documents, page).items():
            allowed = (2,) if "not there" in name else (0,)
            result[name] = timed(arguments, given.repeat, allowed)
        result["stats --html"]["page_mb"] = page.stat().st_size / 1e6
        result |= pages(directory, given.documents)
    print(json.dumps(result) if given.json else table(result))


def pages(directory: Path, documents: int) -> dict[str, Any]:
    """The pages of `dspipe serve`."""
    with served(directory) as (address, process):
        found: dict[str, Any] = {}
        for name, path in _PAGES.items():
            place = path.format(number=documents // 2, shard=documents // SHARD // 2)
            found[f"serve: {name}"] = opened(address, place)
        found["serve: all"] = {"peak_mb": peak_mb(process)}
    return found


def table(result: Result) -> str:
    """One line a command."""
    lines = [f"{'':24}{'s':>8}{'again':>8}{'CPU s':>8}{'peak MB':>9}{'MB':>7}"]
    for name, row in result.items():
        values = [row.get(key) for key in ("s", "again_s", "cpu_s", "peak_mb")] + [row.get("mb", row.get("page_mb"))]
        shown = ["" if value is None else f"{value:,.2f}" if value < 100 else f"{value:,.0f}" for value in values]
        lines.append(f"{name:24}{shown[0]:>8}{shown[1]:>8}{shown[2]:>8}{shown[3]:>9}{shown[4]:>7}")
    return "\n".join(lines)


if __name__ == "__main__":
    main()
