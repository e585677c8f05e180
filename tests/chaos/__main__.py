"""Chaos runs: a small real config under faults drawn at random; its packed bytes must be the undisturbed run's.

    python -m tests.chaos --minutes 10                          # all kinds in turn, drawn by --seed
    python -m tests.chaos --rounds 3 --kind storage --kind poison
    python -m tests.chaos --seed 7 --kind damage --first 4 --rounds 1     # that one again

Kinds: kill-driver, kill-workers, stop-workers, kill-at (chosen places), damage (stored files), disk-full, poison,
two-drivers, storage and two-drivers-s3 (an S3 server behind a proxy that fails), ray-node. Those that this machine
can't make are skipped. Exit code 1 where bytes differ, a run has no end, or something else is wrong.
"""

import argparse
import importlib.util
import sys
import tempfile
import time
import traceback
from dataclasses import dataclass, field
from pathlib import Path
from random import Random

from tests.chaos.faults import FAULTS, NotHereError, Outcome
from tests.chaos.lab import Lab

_NEEDS = {"storage": ("moto", "s3fs"), "two-drivers-s3": ("moto", "s3fs"), "ray-node": ("ray",)}


@dataclass
class Tally:
    """All runs of one kind of trouble."""

    kind: str
    outcomes: list[Outcome] = field(default_factory=list)
    seconds_lost: float = 0.0
    skipped: str = ""

    def line(self) -> str:
        """A row of the table."""
        if self.skipped:
            return f"{self.kind:15} skipped: {self.skipped}"
        good = [outcome for outcome in self.outcomes if not outcome.wrong]
        unaided = sum(not outcome.resumes for outcome in good)
        injected, survived = (sum(outcome.injected for outcome in found) for found in (self.outcomes, good))
        lost = self.seconds_lost / max(1, len(self.outcomes))
        return f"{self.kind:15} {len(self.outcomes):5} {injected:7,} {survived:8,} {unaided:8} {lost:9.1f} s"


HEADER = f"{'kind':15} {'runs':>5} {'faults':>7} {'survived':>8} {'unaided':>8} {'lost a run':>11}"


def run_chaos(lab: Lab, kinds: list[str], seed: int, first: int, rounds: int, seconds: float) -> list[Tally]:
    """Rounds of all kinds, each round one run of each, until there were so many or the time is up."""
    tallies, begun = [Tally(kind) for kind in kinds], time.monotonic()
    for number in range(first, first + rounds):
        for tally in tallies:
            if time.monotonic() - begun > seconds:
                return tallies
            if not tally.skipped:
                _one(lab, tally, Random(f"{seed} {tally.kind} {number}"), number)
    return tallies


def _one(lab: Lab, tally: Tally, draw: Random, number: int) -> None:
    missing = [name for name in _NEEDS.get(tally.kind, ()) if importlib.util.find_spec(name) is None]
    if missing:
        tally.skipped = f"needs {', '.join(missing)}"
        return
    begun = time.monotonic()
    try:
        outcome = FAULTS[tally.kind](lab, draw)
    except NotHereError as error:
        tally.skipped = str(error)
        return
    except Exception:
        outcome = Outcome(0, 0, traceback.format_exc())
    lab.close()
    tally.outcomes.append(outcome)
    tally.seconds_lost += max(0.0, time.monotonic() - begun - lab.seconds)
    word = f"WRONG: {outcome.wrong}" if outcome.wrong else f"same bytes, {outcome.resumes} resumes"
    print(f"{tally.kind} {number}: {outcome.injected} faults, {word} {outcome.note}".rstrip(), flush=True)


def main() -> None:
    """The command line."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--minutes", type=float, help="begin nothing new after so many")
    parser.add_argument("--rounds", type=int, default=1 << 30, help="runs of each kind, at most")
    parser.add_argument("--first", type=int, default=0, help="number of the first round")
    parser.add_argument("--kind", action="append", choices=FAULTS, help="default: all; may be repeated")
    given = parser.parse_args()
    if given.minutes is None and given.rounds == 1 << 30:
        parser.error("--minutes or --rounds says when to end")
    seconds = float("inf") if given.minutes is None else given.minutes * 60
    with tempfile.TemporaryDirectory(prefix="dspipe-chaos-") as folder:
        lab = Lab(Path(folder) / "lab")
        print(f"the undisturbed run takes {lab.seconds:.1f} s", flush=True)
        try:
            tallies = run_chaos(lab, given.kind or list(FAULTS), given.seed, given.first, given.rounds, seconds)
        finally:
            lab.close()
    print("\n".join(["", HEADER, *(tally.line() for tally in tallies)]))
    sys.exit(any(outcome.wrong for tally in tallies for outcome in tally.outcomes))


if __name__ == "__main__":
    main()
