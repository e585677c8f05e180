"""The same run by worker processes and on a Ray cluster of several nodes, one added and one lost on the way.

    python -m benchmarks.ray_nodes

The nodes are processes of this machine, each a raylet of one core with workers of its own below a head without any; a
node is lost by killing its processes. Made documents go through deduplication, a tokenizer and packing. Compared are
the packed shards, byte by byte; CPU seconds are those of the driver and of all processes below it, Ray's own among
them, as they are seen four times a second.
"""

import hashlib
import json
import os
import subprocess
import sys
import tempfile
import threading
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

from benchmarks.common import Measure, Result, contest, count, parser_without_input, report

COLUMNS = ("wall_s", "cpu_s", "driver_s", "tasks", "failed_starts", "nodes", "driver_ms_per_task", "packed")
_TICKS = os.sysconf("SC_CLK_TCK")


class ProcessTree:
    """CPU seconds of all processes below this one, those that have ended among them."""

    def __init__(self) -> None:
        self._seconds: dict[tuple[int, str], float] = {}
        self._ended = threading.Event()
        self._thread = threading.Thread(target=self._watch, daemon=True)

    def __enter__(self) -> "ProcessTree":
        self._thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._ended.set()
        self._thread.join()

    def cpu_s(self) -> float:
        """What was seen so far."""
        return sum(self._seconds.values())

    def _watch(self) -> None:
        while not self._ended.wait(0.25):
            self._look()

    def _look(self) -> None:
        parents: dict[int, int] = {}
        used: dict[int, tuple[str, float]] = {}
        for entry in Path("/proc").iterdir():
            if entry.name.isdigit():
                try:
                    fields = (entry / "stat").read_text().rpartition(")")[2].split()
                except OSError:  # it has ended
                    continue
                parents[int(entry.name)] = int(fields[1])
                used[int(entry.name)] = fields[19], (int(fields[11]) + int(fields[12])) / _TICKS
        for process in parents:
            above = process
            while above in parents and above != os.getpid():
                above = parents[above]
            if above == os.getpid() and process != above:
                began, seconds = used[process]
                self._seconds[process, began] = seconds


def run(measure: Measure, paths: list[str], directory: str, name: str, shards: int, engine: dict[str, Any]) -> Result:
    """Run on an engine; of kind ray: on a cluster that this makes. `name`: of the output."""
    output = Path(directory) / name
    with ProcessTree() as tree:
        if engine["kind"] == "ray":
            return _on_nodes(output, shards, engine, tree)
        return {**_measured(output, engine, lambda: None, tree), "nodes": "2 processes"}


def _on_nodes(output: Path, shards: int, engine: dict[str, Any], tree: ProcessTree) -> Result:
    from ray.cluster_utils import Cluster

    from dspipe.pipeline.run.executors import ray_cluster

    ray_cluster._ANSWERS_S = 120  # the machine may be busy
    cluster = Cluster(initialize_head=True, head_node_args={"num_cpus": 0, "include_dashboard": False})
    nodes = [cluster.add_node(num_cpus=1) for _ in range(2)]
    cluster.wait_for_nodes()

    added: list[subprocess.Popen[bytes]] = []

    def come_and_go() -> None:
        _wait_for_texts(output, shards // 8)
        join = ["start", f"--address={cluster.address}", "--num-cpus=1", "--block"]
        command = [sys.executable, "-m", "ray.scripts.scripts", *join]
        added.append(subprocess.Popen(command, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL))
        _wait_for_texts(output, shards // 2)
        cluster.remove_node(nodes[0], allow_graceful=False)

    try:
        found = _measured(output, {**engine, "address": cluster.address}, come_and_go, tree)
    finally:
        for node in added:
            node.terminate()
            node.wait()
        cluster.shutdown()
    return {**found, "nodes": "2, one added, one lost"}


def _wait_for_texts(output: Path, done: int) -> None:
    while len(list(output.glob("documents/*.manifest.json"))) < done:
        time.sleep(0.05)


def _measured(output: Path, engine: dict[str, Any], beside: Callable[[], None], tree: ProcessTree) -> Result:
    from benchmarks.cluster_rates import STAGES
    from benchmarks.engine import Silent, configured
    from dspipe.pipeline.plan.plan import make_plan
    from dspipe.pipeline.run.account import RunAccount
    from dspipe.pipeline.run.executors import make_executor
    from dspipe.pipeline.run.run import run_plan

    source = {"name": "made", "format": "jsonl", "path": f"{output.parent}/in/*.jsonl"}
    values = {"output": str(output), "engine": engine, "sources": [source], "stages": STAGES}
    plan = make_plan(configured(values))
    account = RunAccount(plan, Silent())
    start, cpu, own = time.monotonic(), tree.cpu_s(), time.process_time()
    executor = make_executor(plan.config.engine)
    doer = threading.Thread(target=beside, daemon=True)
    doer.start()
    try:
        result = run_plan(plan, executor, account)
    finally:
        executor.close()
    wall, driver = time.monotonic() - start, time.process_time() - own
    doer.join()
    below = tree.cpu_s() - cpu
    failed = sum(sum(phase.failures.values()) for phase in account.progress().phases)
    digest = hashlib.sha256()
    for path in sorted((output / "shards").iterdir()):
        digest.update(path.name.encode() + path.read_bytes())
    return {
        "wall_s": wall,
        "cpu_s": driver + below,
        "driver_s": driver,
        "tasks": result.tasks_run,
        "driver_ms_per_task": 1000 * driver / result.tasks_run,
        "failed_starts": failed,
        "packed": digest.hexdigest()[:12],
    }


def main() -> None:
    """Run by both engines."""
    from benchmarks.cluster_rates import write_shard

    options = parser_without_input(__doc__.splitlines()[0], "20 MB a thousand documents")
    options.add_argument("--documents", type=count, default=24_000)
    options.add_argument("--shards", type=count, default=48)
    given = options.parse_args()
    with tempfile.TemporaryDirectory(dir=given.directory) as directory:
        (Path(directory) / "in").mkdir()
        for number in range(given.shards):
            write_shard(Path(directory) / "in" / f"{number:05d}.jsonl", number, given.documents // given.shards)
        found: Result = {}
        for name, kind, workers in (("compiled", "local", 2), ("local", "local", 2), ("ray", "ray", None)):
            engine = {"kind": kind, "workers": workers, "memory": 512 << 20}
            settings: dict[str, Any] = {"directory": directory, "name": name, "shards": given.shards, "engine": engine}
            found[name] = contest("benchmarks.ray_nodes:run", given, sys.executable, **settings)
        del found["compiled"]  # it also compiled the kernels
    if given.json:
        print(json.dumps(found))
        return
    report(given, found, COLUMNS, f"{given.documents:,} documents of 4 kB in {given.shards} shards")
    same = len({row["packed"] for row in found.values()}) == 1
    print("the packed shards are the same bytes" if same else "THE PACKED SHARDS DIFFER")


if __name__ == "__main__":
    main()
