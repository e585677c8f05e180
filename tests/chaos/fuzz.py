"""Fuzzing of every reader and of the config: damaged files by the thousand, each a document's trouble at most.

    python -m tests.chaos.fuzz --reader warc --cases 100000
    python -m tests.chaos.fuzz --minutes 5                                      # each reader, 5 minutes each
    python -m tests.chaos.fuzz --reader warc --seed 1 --first 4711 --cases 1    # that case again

A case is a seed file (tests/chaos/seeds.py) damaged at random (tests/chaos/mutate.py), read to its end. Cases run in a
child process, some hundreds in each: one that ends its process, takes longer than `LIMIT_S`, asks for too much memory
or raises what a reader may not raise is a finding, is written to `--keep`, and the next case goes on in a new child
(tests/chaos/in_a_child.py). Exit code 1 where something was found.
"""

import argparse
import sys
import tempfile
import time
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from random import Random

from dspipe.pipeline.config.discovery import source_class, stage_class, stage_names
from dspipe.pipeline.config.problems import InvalidConfigError
from dspipe.pipeline.config.run_config import check, load_config
from dspipe.testing import LocalReading
from tests.chaos.in_a_child import run_cases
from tests.chaos.mutate import PACKERS, mutate
from tests.chaos.seeds import READERS, seeds
from tests.stages.sources.read_shard import read_all

LIMIT_S = 20.0
"""of processor time for a case, and ten times as long by the clock"""
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


@dataclass(frozen=True)
class Outcome:
    """How a reader did."""

    reader: str
    cases: int
    seconds: float
    findings: list[Finding]


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
        begun = time.monotonic()
        with tempfile.TemporaryDirectory(prefix="dspipe-fuzz-") as folder:

            def read(case: int) -> None:
                data, suffix = self.data(case)
                path = Path(folder) / f"case{suffix}"
                path.write_bytes(data)
                self._read(path)

            count, found = run_cases(read, first, cases, seconds, LIMIT_S, CASES_IN_A_CHILD)
        if keep is not None:
            keep.mkdir(parents=True, exist_ok=True)
            for case, _ in found:
                data, suffix = self.data(case)
                (keep / f"{self.reader}-{self.seed}-{case}{suffix}").write_bytes(data)
        findings = [Finding(self.reader, case, what) for case, what in found]
        return Outcome(self.reader, count, time.monotonic() - begun, findings)


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
