"""A config tried on the first records of every source, in this process and in a folder that is removed again."""

import contextlib
import copy
import io
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any

from dspipe.pipeline.config.problems import InvalidConfigError, Locator
from dspipe.pipeline.config.run_config import RunConfig, validate
from dspipe.pipeline.errors import ConfigError, ConservationError, RunFailedError, StorageError
from dspipe.pipeline.plan.plan import make_plan
from dspipe.pipeline.run.compile_kernels import compile_missing
from dspipe.pipeline.run.executors import make_executor
from dspipe.pipeline.run.progress import LogProgress
from dspipe.pipeline.run.run import run_plan
from dspipe.pipeline.run.run_file import RUN_FILE, RunFile, read_run
from dspipe.pipeline.run.scheduler import Scheduler
from dspipe.pipeline.storage.store import Store

_FORMAT = "dspipe.pipeline.sampled_source"
_PLACE = ("name", "path", "root", "limit", "domain", "dump", "language")


@dataclass(frozen=True)
class Sample:
    """A run over a sample, as far as it came."""

    store: Store
    run: RunFile | None
    """None: the text pass has not ended"""
    sources: tuple[str, ...]
    """the source of each shard"""
    failure: str | None
    """why it did not come to its end"""


@contextmanager
def run_sample(config: RunConfig, records: int) -> Iterator[Sample]:
    """Run a config on the first `records` records of every source. The results are there within the block."""
    with tempfile.TemporaryDirectory(prefix="dspipe-sample-") as folder:
        values = _sampled(config, records, folder)
        failure, sources = None, tuple[str, ...]()
        try:
            plan = make_plan(validate(values, Locator("the sample", {}, {})))
            sources = tuple(config.sources[shard.source].config.name for shard in plan.shards)
            executor = make_executor(plan.config.engine)
            with contextlib.redirect_stderr(io.StringIO()):
                # on a new machine it takes 130 times as long as measuring 30 pages, and would count as their time
                compile_missing(plan, Scheduler(executor, 0, lambda *_: None))
                run_plan(plan, executor, LogProgress())
        except (InvalidConfigError, ConfigError, ConservationError, RunFailedError, StorageError) as error:
            failure = str(error)
        store = Store(folder)
        yield Sample(store, read_run(folder)[1] if store.exists(RUN_FILE) else None, sources, failure)


def _sampled(config: RunConfig, records: int, folder: str) -> dict[str, Any]:
    values = copy.deepcopy(config.raw)
    values["output"] = folder
    engine = config.engine
    values["engine"] = {
        "kind": "inline",
        "memory": engine.memory,
        "deadline": engine.deadline,
        "max_quarantined": 1,  # what is bad is to be shown
    }
    values["sources"] = [
        {**{key: source[key] for key in _PLACE if key in source}, "format": _FORMAT, "of": source, "records": records}
        for source in values["sources"]
    ]
    return values
