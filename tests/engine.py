"""Running configs in tests."""

import copy
from pathlib import Path
from typing import Any

import yaml

from dspipe.pipeline.config.problems import Locator
from dspipe.pipeline.config.run_config import RunConfig, check, validate
from dspipe.pipeline.plan.plan import Plan, make_plan
from dspipe.pipeline.run.executors import make_executor
from dspipe.pipeline.run.progress import LogProgress
from dspipe.pipeline.run.run import RunResult, run_plan
from dspipe.pipeline.run.run_file import RunFile
from dspipe.pipeline.storage.store import Store


def configured(config: dict[str, Any]) -> RunConfig:
    """A validated and checked config from its values; `engine` is inline unless given, without an index of names."""
    values = {"name": "test", "seed": 1, "engine": "inline", **copy.deepcopy(config)}
    engine = {"kind": values["engine"]} if isinstance(values["engine"], str) else values["engine"]
    values["engine"] = {"index": False, **engine}
    loaded = validate(values, Locator("test.yaml", {}, {}))
    check(loaded)
    return loaded


def planned(config: dict[str, Any]) -> Plan:
    """The plan of a config."""
    return make_plan(configured(config))


def run_inline(config: dict[str, Any], **kwargs: Any) -> RunResult:
    """Run a config, in this process unless its engine says otherwise. `kwargs` override top-level keys."""
    plan = planned({**config, **kwargs})
    executor = make_executor(plan.config.engine)
    try:
        return run_plan(plan, executor, LogProgress())
    finally:
        executor.close()


def tasks_run(result: RunResult) -> dict[str, int]:
    """How many tasks of each phase were run this time."""
    return {phase.name: phase.tasks - phase.reused for phase in result.phases if phase.tasks > phase.reused}


def rows_of(result: RunResult, columns: list[str]) -> list[dict[str, Any]]:
    """All rows of a run with the newest of each column, in order of shards."""
    import pyarrow as pa
    import pyarrow.parquet as pq

    store = result.store
    shards: list[dict[str, pa.ChunkedArray]] = []
    for phase in result.phases:
        manifests = [store.read_json(name) for name in phase.manifests]
        if phase.name == "documents":
            shards = [{} for _ in manifests]
        if len(manifests) != len(shards):
            continue
        for shard, manifest in zip(shards, manifests, strict=True):
            for name, (file, _) in manifest["columns"].items():
                if name in columns:
                    shard[name] = pq.read_table(store.path(file), columns=[name]).column(name)
    return [row for shard in shards for row in pa.table({name: shard[name] for name in columns}).to_pylist()]


def artifact_files(result: RunResult, name: str) -> list[Path]:
    """The files of an artifact of a run."""
    return [Path(result.store.path(file)) for file in RunFile.read(result.store).artifacts[name]]


def write_config(path: Path, values: dict[str, Any]) -> Path:
    """A config file."""
    path.write_text(yaml.safe_dump(values, sort_keys=False), "utf-8")
    return path


__all__ = ["Store", "artifact_files", "configured", "planned", "rows_of", "run_inline", "tasks_run", "write_config"]
