"""What a program does with dspipe: run a config, plan it, look at a run."""

import copy
from collections.abc import Mapping, Sequence
from contextlib import ExitStack
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal

from dspipe.pipeline.config.edits import apply_edit
from dspipe.pipeline.config.problems import Locator
from dspipe.pipeline.config.run_config import Parts, parse_file, parse_values
from dspipe.pipeline.funnel import Funnel
from dspipe.pipeline.plan.checked_plan import make_checked_plan
from dspipe.pipeline.plan.plan import Plan
from dspipe.pipeline.run.run_file import PAGE_FILE, RunFile, read_run, read_run_config
from dspipe.pipeline.storage.store import Store

if TYPE_CHECKING:
    from dspipe.pipeline.estimate.rates import Rates
    from dspipe.pipeline.inspection.diff.difference import Difference
    from dspipe.pipeline.inspection.explain import Story
    from dspipe.pipeline.inspection.export.export import Exported
    from dspipe.pipeline.inspection.sample import DocumentSample
    from dspipe.pipeline.inspection.what_if_answer import Answer
    from dspipe.pipeline.report.verify import Verification
    from dspipe.pipeline.run.account import Progress
    from dspipe.pipeline.run.retry_quarantine import QuarantineRetry
    from dspipe.stages.pack.reading.reader import PackedDataset

Config = str | Path | Mapping[str, Any]
"""the path of a YAML file, or its values"""


@dataclass(frozen=True)
class Run:
    """A run at `root`, as far as it was when it was opened. `file` has its phases, counters and notes."""

    root: str
    store: Store
    file: RunFile
    tasks_run: int = 0
    """tasks that the call of `run` which gave this has run; the others were done before"""

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
        from dspipe.pipeline.inspection.explain import explain

        return explain(self.store, self.file, document, import_own)

    def sample(self, each: int = 20, import_own: bool = False, **wanted: Any) -> "DocumentSample":
        """Documents of the run: `each` of every stratum, and on each side of a threshold. `wanted` are the other fields
        of `pipeline.inspection.sample.Wanted`: dropped_by, kept, where, near, by, seed.

        Raises SampleError, ConditionError or NoThresholdError for what isn't there."""
        from dspipe.pipeline.inspection.document_table import DocumentTable
        from dspipe.pipeline.inspection.sample import Wanted, sample
        from dspipe.pipeline.run.run_file import configured_stages

        stages = configured_stages(self.store, import_own).known
        return sample(DocumentTable(self.store, self.file), Wanted(each, **wanted), stages)

    def whatif(self, edits: Sequence[str], samples: int = 5, seed: int = 0, import_own: bool = False) -> "Answer":
        """What `--set` edits would keep and drop, from the run's columns, with so many samples each way. For many edits
        of one run, `pipeline.inspection.what_if.WhatIf` loads it once. Raises InvalidConfigError; NeedsRunError where
        only a run can tell."""
        from dspipe.pipeline.inspection.document_table import DocumentTable
        from dspipe.pipeline.inspection.what_if import WhatIf

        return WhatIf(DocumentTable(self.store, self.file), import_own).ask(edits, samples, seed)

    def diff(self, other: "Run", samples: int = 3, seed: int = 0, texts: bool = False) -> "Difference":
        """Which documents another run judged differently: flows from this run's verdicts (a) to the other's (b), with
        so many samples of each. `texts`: read and compare texts, too, where files differ."""
        from dspipe.pipeline.inspection.diff.diff import diff_runs
        from dspipe.pipeline.inspection.document_table import DocumentTable

        a, b = (DocumentTable(run.store, run.file) for run in (self, other))
        return diff_runs(a, b, samples, seed, texts)

    def export(
        self,
        output: str | Path,
        format: Literal["parquet", "jsonl"] = "parquet",
        columns: Sequence[str] | None = None,
        where: str | None = None,
        kept: bool = True,
        copies: bool = False,
        file_bytes: int = 1 << 30,
    ) -> "Exported":
        """Write its documents as files for other tools, or go on with an export that was interrupted.

        columns     default: all but hashes and signatures
        where       only documents for which a condition is true: "language = 'zh' and quality > 0.9"
        kept        only those that were kept; else all, with the column `reason`
        copies      each document as often as it was drawn, not once
        file_bytes  a shard's next file begins when one has reached this, before it is compressed

        Raises ExportError, StorageError, DamagedFileError.
        """
        from dspipe.pipeline.inspection.document_table import DocumentTable
        from dspipe.pipeline.inspection.export.export import export_run
        from dspipe.pipeline.inspection.export.options import ExportOptions

        names = None if columns is None else tuple(columns)
        options = ExportOptions(format, names, where, kept, copies, file_bytes)
        return export_run(DocumentTable(self.store, self.file), str(output), options)

    def html(self, seed: int = 0, import_own: bool = False) -> str:
        """The run as one HTML page that needs nothing else. `seed` draws its samples; `import_own`: stages of the run's
        own say what they know, too, whose modules are imported for it."""
        from dspipe.page.render import html_page

        return html_page(self.store, self.file, seed, import_own)

    def verify(self, import_own: bool = False) -> "Verification":
        """Every file against its manifest, packed rows against the plan and the documents. `import_own`: stages of the
        run's own, too, whose modules are imported for it."""
        from dspipe.pipeline.report.verify import verify_run

        return verify_run(self.root, import_own)

    def packed(self, **settings: Any) -> "PackedDataset":
        """Its packed rows, with the settings of `PackedDataset`."""
        from dspipe.stages.pack.reading.reader import PackedDataset

        return PackedDataset(self.root, **settings)


def plan(config: Config, edits: Sequence[str] = (), tolerate_unreachable: bool = False) -> Plan:
    """The phases and shards of a config, without reading data. `edits` are as `--set`: `stages.minhash.bands=20`.

    Raises InvalidConfigError with every mistake in the config; a storage that can't be asked now is one too, unless it
    is to be tolerated.
    """
    return make_checked_plan(_parts(config, edits), tolerate_unreachable)


def run(
    config: Config,
    edits: Sequence[str] = (),
    progress: "Progress | None" = None,
    replace_earlier: bool = False,
    retry: "QuarantineRetry | None" = None,
    metrics: str | None = None,
) -> Run:
    """Run a config, or go on where an earlier run of it stopped.

    progress          hears how it gets on; default: as in the command line, on standard error
    retry             which records in the quarantine are tried again; default: none
    replace_earlier   remove what earlier configs have packed there once the new shards are whole
    metrics           `PORT` or `HOST:PORT` to answer Prometheus on while it goes on; a port alone is on loopback

    Raises InvalidConfigError, ConfigError, StorageError, RunFailedError or ConservationError; resumable after any.
    """
    from dspipe.pipeline.run.account import RunAccount
    from dspipe.pipeline.run.executors import make_executor
    from dspipe.pipeline.run.metrics import serving
    from dspipe.pipeline.run.progress import make_progress
    from dspipe.pipeline.run.run import run_plan
    from dspipe.pipeline.run.whole import page_is_newest

    planned = replace(plan(config, edits), replace=replace_earlier)
    with ExitStack() as stack:
        own = make_progress()
        account = RunAccount(planned, progress if progress is not None else own)
        if metrics is not None:
            stack.enter_context(serving(metrics, account.progress))
        executor = make_executor(planned.config.engine)
        stack.callback(executor.close)
        if progress is None:
            stack.enter_context(own)
        result = run_plan(planned, executor, account, retry)
    done = replace(open_run(planned.config.output), tasks_run=result.tasks_run)
    if planned.config.page and not page_is_newest(done.store, unsure=False):
        done.store.write_bytes(PAGE_FILE, done.html(import_own=True).encode())
    return done


def open_run(root: str | Path) -> Run:
    """The run with this output directory or address. Raises RunNotFoundError."""
    store, file = read_run(str(root))
    return Run(str(root), store, file)


def rates(root: str | Path) -> "Rates":
    """What a document, or a byte, took in a finished run: `pipeline.estimate.estimate` says by it what another one will
    take. Raises RunNotFoundError, UnfitRatesError, and InvalidConfigError where its config or inputs are gone
    or changed."""
    from dspipe.pipeline.estimate.rates import rates_of_run

    found = open_run(root)
    values, _ = read_run_config(found.store)
    return rates_of_run(found.file, plan(values), f"the run {found.name} at {found.root}")


def _parts(config: Config, edits: Sequence[str]) -> Parts:
    if isinstance(config, str | Path):
        return parse_file(config, edits)
    values, where = copy.deepcopy(dict(config)), Locator("config", {}, {})
    for edit in edits:
        apply_edit(edit, values, where)
    return parse_values(values, where)
