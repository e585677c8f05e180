"""The driver's time, memory and requests by number of shards, and what runs after a shard is added.

    python -m benchmarks.scale --shards 1e3 1e4 1e5
    python -m benchmarks.scale --shards 1e3 --real 5000

With `--shards` the planner and the driver are the real ones, and an executor answers at once that a task is done; it
writes what the driver looks at. The output is a folder that is asked like an object store. Each size is run, and then
run again with nothing left to do, in processes of their own. Times are the driver's CPU seconds without the executor's.

With `--real` as many shards of a few short documents are really worked on, in this process, on the same file system;
then one shard is added. Counted are the requests of driver and tasks, and the tasks that are run again.
"""

import json
import sys
import tempfile
import time
from collections import Counter
from pathlib import Path
from typing import Any

from benchmarks.common import Measure, Result, contest, count, parser_without_input, report

STAGES: list[dict[str, Any]] = [
    {"exact_dedup": {}},
    {"minhash": {}},
    {"remix": {}},
    {"tokenizer": {"train": {}}},
    {"pack": {}},
]
DRIVER = ("tasks", "plan_s", "run_s", "ms_per_task", "peak_mb", "requests_per_task", "files_per_task", "run_json_mb")
REAL = ("tasks", "tasks_run", "cpu_s", "ms_per_task", "peak_mb", "files_per_task", "GET", "HEAD", "PUT", "LIST")


def driver(measure: Measure, paths: list[str], shards: int, directory: str) -> Result:
    """Plan and run `shards` shards of Common Crawl's texts with the executor that answers at once."""
    from benchmarks.engine import Silent, configured
    from benchmarks.scale_stand_ins import PROTOCOL, CountedFileSystem, InstantExecutor
    from dspipe.pipeline.plan.plan import make_plan
    from dspipe.pipeline.run.run import run_plan

    listed = Path(directory) / "wet.paths"
    listed.write_text("".join(f"crawl/{number:06d}.warc.wet.gz\n" for number in range(shards)))
    source = {"name": "made", "format": "wet", "path": str(listed), "root": "s3://nowhere/"}
    CountedFileSystem.use(Path(directory) / "store.sqlite")
    config = configured({"output": f"{PROTOCOL}://out", "sources": [source], "stages": STAGES})
    start = time.process_time()
    plan = make_plan(config)
    planned = time.process_time()
    executor = InstantExecutor(plan)
    result = measure(lambda: run_plan(plan, executor, Silent()))
    spent = measure.cpu_s - executor.cpu_s
    tasks = sum(phase.tasks for phase in result.phases)
    requests = CountedFileSystem.requests
    CountedFileSystem.database.execute("commit")
    return {
        "tasks": tasks,
        "tasks_run": result.tasks_run,
        "phases": len(result.phases),
        "plan_s": planned - start,
        "run_s": spent,
        "ms_per_task": 1000 * spent / tasks,
        "requests_per_task": sum(requests.values()) / tasks,
        "files_per_task": CountedFileSystem.files() / tasks,
        "run_json_mb": result.store.size("run.json") / 1e6,
        **requests,
    }


def real(measure: Measure, paths: list[str], shards: int, directory: str) -> Result:
    """Run `shards` small shards, or go on with those that are there."""
    from benchmarks.engine import run_config
    from benchmarks.scale_stand_ins import PROTOCOL, CountedFileSystem

    folder = Path(directory)
    (folder / "in").mkdir(exist_ok=True)
    for number in range(shards):
        _write_shard(folder / "in" / f"{number:06d}.jsonl", number)
    source = {"name": "made", "format": "jsonl", "path": "*.jsonl", "root": f"{folder}/in/"}
    tokenizer = folder / "tokenizer" / "tokenizer.json"
    if not tokenizer.exists():
        training = [{"tokenizer": {"train": {"vocab": 300, "special": 15}}}]
        first = {**source, "limit": 1}
        run_config({"output": str(tokenizer.parent), "sources": [first], "stages": training})
    stages = [stage if "tokenizer" not in stage else {"tokenizer": {"path": str(tokenizer)}} for stage in STAGES]
    CountedFileSystem.use(folder / "store.sqlite")
    result = measure(lambda: run_config({"output": f"{PROTOCOL}://real", "sources": [source], "stages": stages}))
    tasks = sum(phase.tasks for phase in result.phases)
    CountedFileSystem.database.execute("commit")
    requests: Counter[str] = CountedFileSystem.requests
    ran = {phase.name: phase.tasks - phase.reused for phase in result.phases if phase.tasks > phase.reused}
    return {
        "tasks": tasks,
        "tasks_run": result.tasks_run,
        "ms_per_task": 1000 * measure.cpu_s / tasks,
        "files_per_task": CountedFileSystem.files() / tasks,
        **{kind: requests[kind] / tasks for kind in ("GET", "HEAD", "PUT", "LIST", "DELETE")},
        "phases_run": ran,
    }


def _write_shard(path: Path, number: int) -> None:
    """Three documents: one that a shard in a hundred has, one that the next shard has but for a word, and another."""
    import numpy as np

    if path.exists():
        return
    rng = np.random.default_rng([3, number // 2])
    near = " ".join(f"w{word}" for word in rng.integers(0, 1 << 20, 40)) + (" last" if number % 2 else "")
    own = " ".join(f"w{word}" for word in np.random.default_rng([4, number]).integers(0, 1 << 20, 40))
    texts = [f"the same in shards {number % 100} of each hundred", near, own]
    path.write_text("".join(json.dumps({"text": text}) + "\n" for text in texts))


def main() -> None:
    """Run every size."""
    options = parser_without_input(__doc__.splitlines()[0], "30 kB a shard")
    options.add_argument("--shards", nargs="+", type=count, default=[1000])
    options.add_argument("--real", type=count, default=0, metavar="SHARDS")
    given = options.parse_args()
    drivers: Result = {}
    for shards in given.shards:
        with tempfile.TemporaryDirectory(dir=given.directory) as directory:
            for what in ("run", "nothing left"):
                settings: dict[str, Any] = {"shards": shards, "directory": directory}
                drivers[f"{shards:,}: {what}"] = contest("benchmarks.scale:driver", given, sys.executable, **settings)
    worked: Result = {}
    if given.real:
        with tempfile.TemporaryDirectory(dir=given.directory) as directory:
            for what, shards in (("run", given.real), ("nothing left", given.real), ("one more", given.real + 1)):
                settings = {"shards": shards, "directory": directory}
                worked[f"{shards:,}: {what}"] = contest("benchmarks.scale:real", given, sys.executable, **settings)
    if given.json:
        print(json.dumps({"driver": drivers, "real": worked}))
        return
    report(given, drivers, DRIVER, "The driver by number of shards, tasks that take no time")
    if worked:
        report(given, worked, REAL, "Shards of three documents: all work; requests are per task")
        *_, last = worked.values()
        print("run after a shard was added:", ", ".join(f"{name} {n:,}" for name, n in last["phases_run"].items()))


if __name__ == "__main__":
    main()
