"""`run.json`: what is known of a run, for everything that looks at one afterwards."""

import tempfile
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from dspipe.pipeline.config.run_config import load_config
from dspipe.pipeline.errors import DamagedFileError, RunNotFoundError, StorageError
from dspipe.pipeline.funnel import Counts, Funnel
from dspipe.pipeline.run.summary import PhaseSummary, SourcePart
from dspipe.pipeline.stage import Stage
from dspipe.pipeline.storage.failures import UnavailableError
from dspipe.pipeline.storage.store import Store

RUN_FILE = "run.json"


@dataclass(frozen=True)
class RunFile:
    """A run as far as it is: the phases that have ended, and the names of those to come."""

    name: str
    finished: bool
    shards: int
    left_out: dict[str, dict[str, int]]
    """files of each source that were left out, by kind"""
    phases: Sequence[PhaseSummary]
    to_come: Sequence[str]
    artifacts: dict[str, list[str]]
    """files by the artifact's name"""

    def text_pass(self) -> PhaseSummary | None:
        """The first phase, in which documents are read; None before it has ended."""
        return self.phases[0] if self.phases else None

    def funnel(self) -> list[Funnel]:
        """The stages' parts of the funnel, in the order of the verdicts."""
        return [entry for phase in self.phases for entry in phase.funnel]

    def read_counts(self) -> tuple[int, int]:
        """Records read, and those of them that are in the quarantine."""
        first = self.text_pass()
        counters = first.counters if first else {}
        return counters.get("read", 0), counters.get("quarantined", 0)

    def read_by_source(self) -> dict[str, SourcePart]:
        """What was read of each source."""
        first = self.text_pass()
        return first.sources if first else {}

    def funnel_by_source(self) -> dict[str, list[Funnel]]:
        """Each source's part of the funnel, in the order of the verdicts."""
        parts: dict[str, list[Funnel]] = {name: [] for name in self.read_by_source()}
        for phase in self.phases:
            for name, part in phase.sources.items():
                parts.setdefault(name, []).extend(part.funnel)
        return parts

    def funnel_by_domain(self) -> dict[str, list[Funnel]]:
        """Each domain's part of the funnel, in the order of the verdicts."""
        parts: dict[str, list[Funnel]] = {}
        for entry in self.funnel():
            for name, part in entry.of_domains().items():
                parts.setdefault(name, []).append(part)
        return parts

    def kept(self) -> Counts | None:
        """What the last stage has kept; None while nothing is decided."""
        funnel = self.funnel()
        return funnel[-1].kept if funnel else None

    def as_json(self) -> dict[str, Any]:
        """JSON values."""
        return {**vars(self), "phases": [phase.as_json() for phase in self.phases]}

    @staticmethod
    def from_json(value: dict[str, Any]) -> "RunFile":
        """The reverse of `as_json`."""
        return RunFile(**{**value, "phases": [PhaseSummary.from_json(phase) for phase in value["phases"]]})


def read_run(root: str) -> tuple[Store, RunFile]:
    """A run's store and what its `run.json` says. Raises RunNotFoundError."""
    try:
        store = Store(root)
        there = store.exists(RUN_FILE)
    except (StorageError, UnavailableError) as error:
        raise RunNotFoundError(str(error)) from None
    if not there:
        raise RunNotFoundError(f"{root} holds no run (there is no {RUN_FILE}); give the `output` directory of a config")
    try:
        return store, RunFile.from_json(store.read_json(RUN_FILE))
    except (DamagedFileError, ValueError, KeyError, TypeError) as error:
        raise RunNotFoundError(
            f"{root}/{RUN_FILE} isn't whole, or another version of dspipe wrote it ({type(error).__name__}: {error}); "
            f"`dspipe run` with the run's config makes it anew"
        ) from None


def configured_stages(store: Store) -> tuple[Stage[Any], ...]:
    """The stages of a run by the config that it ran. Imports the modules that this config names. Raises
    InvalidConfigError."""
    with tempfile.TemporaryDirectory() as folder:
        config = Path(folder) / "config.yaml"
        config.write_bytes(store.read_bytes("config.yaml"))
        return load_config(config).stages
