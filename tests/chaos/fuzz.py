"""Fuzzing of every reader and of the config: damaged files by the thousand, each a document's trouble at most.

    python -m tests.chaos.fuzz --reader warc --cases 100000
    python -m tests.chaos.fuzz --minutes 5                                      # each reader, 5 minutes each
    python -m tests.chaos.fuzz --reader warc --seed 1 --first 4711 --cases 1    # that case again

A case is a seed file (tests/chaos/seeds.py) damaged at random (tests/chaos/mutate.py), read to its end. Cases run in a
child process, some hundreds in each: one that ends its process, takes longer than `LIMIT_S`, asks for more than
`LIMIT_BYTES` or raises what a reader may not raise is a finding, is written to `--keep`, and the next case goes on in a
new child. Exit code 1 where something was found.
"""

import argparse
import faulthandler
import mmap
import os
import resource
import signal
import struct
import sys
import tempfile
import time
import traceback
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path
from random import Random

import pyarrow as pa

from dspipe.pipeline.config.discovery import source_class, stage_class, stage_names
from dspipe.pipeline.config.problems import InvalidConfigError
from dspipe.pipeline.config.run_config import check, load_config
from dspipe.testing import LocalReading
from tests.chaos.mutate import PACKERS, mutate
from tests.chaos.seeds import READERS, seeds
from tests.stages.sources.read_shard import read_all

LIMIT_S = 20.0
"""of processor time for a case, and ten times as long by the clock: on a busy machine it says little"""
LIMIT_BYTES = 2 << 30
CASES_IN_A_CHILD = 500
_FORMATS = {"csv": "examples.csv_source"}
_SUFFIXES = {"parquet": ("",), "config": ("",), "warc": ("", ".gz", ".zst"), "wet": ("", ".gz")}

Read = Callable[[Path], object]
"""reads a damaged file; may raise nothing but what a user would be told"""


@dataclass(frozen=True)
class Finding:
    """A case that a reader didn't survive."""

    reader: str
    case: int
    what: str


@dataclass
class Outcome:
    """How a reader did."""

    reader: str
    cases: int = 0
    seconds: float = 0.0
    findings: list[Finding] = field(default_factory=list)


class Fuzzer:
    """Cases of one reader by a seed: the same numbers give the same files."""

    def __init__(self, reader: str, seed: int, read: Read | None = None) -> None:
        self.reader, self.seed = reader, seed
        self._read = read or _reader(reader)
        self._seeds = seeds(reader)

    def data(self, case: int) -> tuple[bytes, str]:
        """The file of a case, and how its name ends."""
        draw = Random(f"{self.reader} {self.seed} {case}")
        data = draw.choice(self._seeds)
        suffix = draw.choice(_SUFFIXES.get(self.reader, tuple(PACKERS)))
        if suffix and draw.random() < 0.3:  # damage to the packed bytes
            return mutate(PACKERS[suffix](data), self._seeds, draw), suffix
        return PACKERS[suffix](mutate(data, self._seeds, draw)), suffix

    def run(self, first: int, cases: int, seconds: float, keep: Path | None = None) -> Outcome:
        """Cases from `first` on, until there have been so many or the time is up."""
        outcome, begun = Outcome(self.reader), time.monotonic()
        case, end = first, first + cases
        with tempfile.TemporaryDirectory(prefix="dspipe-fuzz-") as folder:
            while case < end and time.monotonic() - begun < seconds:
                upto = min(end, case + CASES_IN_A_CHILD)
                reached, what = self._in_a_child(case, upto, Path(folder), begun + seconds)
                if what is not None:
                    outcome.findings.append(Finding(self.reader, reached, what))
                    if keep is not None:
                        data, suffix = self.data(reached)
                        keep.mkdir(parents=True, exist_ok=True)
                        (keep / f"{self.reader}-{self.seed}-{reached}{suffix}").write_bytes(data)
                    reached += 1
                outcome.cases += reached - case
                case = reached
        outcome.seconds = time.monotonic() - begun
        return outcome

    def _in_a_child(self, first: int, end: int, folder: Path, deadline: float) -> tuple[int, str | None]:
        """The case that a child came to, and what went wrong there; None: nothing did."""
        at = mmap.mmap(-1, 8)
        at[:] = struct.pack("<q", first)
        told_end, tell_end = os.pipe()
        child = os.fork()
        if child == 0:
            os.close(told_end)
            self._child(first, end, folder, deadline, at, tell_end)
        os.close(tell_end)
        last, since, used = first, time.monotonic(), 0.0
        while True:
            ended, status = os.waitpid(child, os.WNOHANG)
            (now,) = struct.unpack("<q", at[:])
            if ended:
                break
            if now != last:
                last, since, used = now, time.monotonic(), _processor_seconds(child)
            elif _processor_seconds(child) - used > LIMIT_S or time.monotonic() - since > 10 * LIMIT_S:
                os.kill(child, signal.SIGKILL)
                os.waitpid(child, 0)
                os.close(told_end)
                return now, f"not done after {LIMIT_S:.0f} s"
            time.sleep(0.01)
        with os.fdopen(told_end, "rb") as pipe:
            told = pipe.read().decode()
        if os.WIFSIGNALED(status):
            return now, f"ended its process with {signal.Signals(os.WTERMSIG(status)).name}"
        if os.WEXITSTATUS(status):
            return now, told or f"ended its process with exit code {os.WEXITSTATUS(status)}"
        return now, None

    def _child(self, first: int, end: int, folder: Path, deadline: float, at: mmap.mmap, tell: int) -> None:
        try:
            used = int(Path("/proc/self/statm").read_text().split()[0]) * os.sysconf("SC_PAGE_SIZE")
            resource.setrlimit(resource.RLIMIT_AS, (used + LIMIT_BYTES, resource.RLIM_INFINITY))
            resource.setrlimit(resource.RLIMIT_CORE, (0, 0))
            faulthandler.disable()  # a crash is told by its signal
            pa.set_memory_pool(pa.system_memory_pool())  # others reserve gigabytes of addresses at once
            quiet = os.open(os.devnull, os.O_WRONLY)
            os.dup2(quiet, 1)
            os.dup2(quiet, 2)
            for case in range(first, end):
                at[:] = struct.pack("<q", case)
                data, suffix = self.data(case)
                path = folder / f"case{suffix}"
                path.write_bytes(data)
                self._read(path)
                if time.monotonic() > deadline:
                    end = case + 1
                    break
            at[:] = struct.pack("<q", end)
            os._exit(0)
        except BaseException as error:
            last = traceback.extract_tb(error.__traceback__)[-1]
            place = f"{Path(last.filename).name}:{last.lineno}"
            os.write(tell, f"raised {type(error).__name__} at {place}: {error}"[:300].encode("utf-8", "replace"))
            os._exit(1)


def _processor_seconds(pid: int) -> float:
    fields = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()
    return (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")


def _reader(name: str) -> Read:
    if name == "config":
        for stage in stage_names():  # imported once, not in every child
            stage_class(stage)
        return _read_config
    kind = source_class(_FORMATS.get(name, name))
    limits = {"name": "s", "format": name, "path": "x", "max_document_bytes": 1 << 20}
    source = kind(kind.Config.model_validate(limits))

    def read(path: Path) -> None:
        read_all(source, [path], LocalReading(memory=64 << 20))

    return read


def _read_config(path: Path) -> None:
    try:
        loaded = load_config(path)
        if path.stat().st_size % 8 == 0:  # looks at files and models, which takes its time
            check(loaded)
    except InvalidConfigError as error:
        str(error).encode("utf-8", "backslashreplace")


def main() -> None:
    """The command line."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--reader", action="append", choices=READERS, help="default: all; may be repeated")
    parser.add_argument("--cases", type=int, default=1 << 60, help="of each reader, at most")
    parser.add_argument("--minutes", type=float, help="for each reader, at most")
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--first", type=int, default=0, help="number of the first case")
    parser.add_argument("--keep", type=Path, help="write the files of findings into this folder")
    given = parser.parse_args()
    if given.minutes is None and given.cases == 1 << 60:
        parser.error("--cases or --minutes says when to end")
    seconds = float("inf") if given.minutes is None else given.minutes * 60
    found = 0
    print(f"{'reader':10} {'cases':>10} {'cases/s':>8} {'findings':>8}")
    for reader in given.reader or READERS:
        outcome = Fuzzer(reader, given.seed).run(given.first, given.cases, seconds, given.keep)
        rate = outcome.cases / max(outcome.seconds, 1e-9)
        print(f"{reader:10} {outcome.cases:10,} {rate:8,.0f} {len(outcome.findings):8,}", flush=True)
        for finding in outcome.findings[:20]:
            print(f"    case {finding.case:,}: {finding.what}", flush=True)
        found += len(outcome.findings)
    sys.exit(1 if found else 0)


if __name__ == "__main__":
    main()
