"""What a program does with dspipe: run a config, plan it, look at a run."""

import copy
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from dspipe.pipeline.config.problems import Locator
from dspipe.pipeline.config.run_config import RunConfig, check, load_config, validate
from dspipe.pipeline.funnel import Funnel
from dspipe.pipeline.plan.plan import Plan, make_plan
from dspipe.pipeline.run.run_file import RunFile, read_run
from dspipe.pipeline.storage.store import Store

if TYPE_CHECKING:
    from dspipe.pipeline.report.explain import Story
    from dspipe.pipeline.report.verify import Verification
    from dspipe.pipeline.run.run import Progress
    from dspipe.stages.pack.reading.reader import PackedDataset

Config = str | Path | Mapping[str, Any]
"""the path of a YAML file, or its values"""


@dataclass(frozen=True)
class Run:
    """A run at `root`, as far as it was when it was opened. `file` has its phases, counters and notes."""

    root: str
    store: Store
    file: RunFile

    @property
    def name(self) -> str:
        """The run's name in its config."""
        return self.file.name

    @property
    def finished(self) -> bool:
        """Whether it has come to its end."""
        return self.file.finished

    @property
    def funnel(self) -> list[Funnel]:
        """Each stage's documents, bytes and tokens in and out, and what was dropped by reason."""
        return self.file.funnel()

    def explain(self, document: str, import_own: bool = False) -> "list[Story]":
        """What each phase and stage says of the documents with this id or URL. `import_own`: stages of the run's own,
        too, whose modules are imported for it. Raises DocumentNotFoundError."""
        from dspipe.pipeline.report.explain import explain

        return explain(self.store, self.file, document, import_own)

    def verify(self, import_own: bool = False) -> "Verification":
        """Every file against its manifest, packed rows against the plan and the documents. `import_own`: stages of the
        run's own, too, whose modules are imported for it."""
        from dspipe.pipeline.report.verify import verify_run

        return verify_run(self.root, import_own)

    def packed(self, **settings: Any) -> "PackedDataset":
        """Its packed rows, with the settings of `PackedDataset`."""
        from dspipe.stages.pack.reading.reader import PackedDataset

        return PackedDataset(self.root, **settings)


def plan(config: Config, edits: Sequence[str] = ()) -> Plan:
    """The phases and shards of a config, without reading data. `edits` are as `--set`: `stages.minhash.bands=20`.

    Raises InvalidConfigError with every mistake in the config.
    """
    return make_plan(_loaded(config, edits))


def run(config: Config, edits: Sequence[str] = (), progress: "Progress | None" = None) -> Run:
    """Run a config, or go on where an earlier run of it stopped; `progress` hears how it gets on. Default: as in the
    command line, on standard error.

    Raises InvalidConfigError, StorageError, RunFailedError or ConservationError; resumable after any of them.
    """
    from dspipe.pipeline.run.executors import make_executor
    from dspipe.pipeline.run.progress import make_progress
    from dspipe.pipeline.run.run import run_plan

    loaded = _loaded(config, edits)
    planned = make_plan(loaded)
    executor = make_executor(loaded.engine)
    try:
        if progress is not None:
            run_plan(planned, executor, progress)
        else:
            with make_progress() as shown:
                run_plan(planned, executor, shown)
    finally:
        executor.close()
    return open_run(loaded.output)


def open_run(root: str | Path) -> Run:
    """The run with this output directory or address. Raises RunNotFoundError."""
    store, file = read_run(str(root))
    return Run(str(root), store, file)


def _loaded(config: Config, edits: Sequence[str]) -> RunConfig:
    if isinstance(config, str | Path):
        loaded = load_config(config, edits)
    else:
        from dspipe.pipeline.config.edits import apply_edit

        values, where = copy.deepcopy(dict(config)), Locator("config", {}, {})
        for edit in edits:
            apply_edit(edit, values, where)
        loaded = validate(values, where)
    check(loaded)
    return loaded
