"""A Ray cluster of three nodes in processes of this machine, one of which is lost during a run, and the head during
another. Run by a test."""

import json
import os
import signal
import sys
import threading
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

from ray.cluster_utils import Cluster

from dspipe.pipeline.errors import RunFailedError
from dspipe.pipeline.run.executors import ray_cluster
from tests.engine import run_inline


def main(values: dict[str, Any], output: Path) -> None:
    ray_cluster._ANSWERS_S = 120  # the machine may be busy
    cluster = Cluster(initialize_head=True, head_node_args={"num_cpus": 0, "include_dashboard": False})
    nodes = [cluster.add_node(num_cpus=1) for _ in range(2)]
    cluster.wait_for_nodes()
    run_and(values, output, cluster, lambda: cluster.remove_node(nodes[0], allow_graceful=False))
    import ray

    ray.init(address=cluster.address, log_to_driver=False, ignore_reinit_error=True)
    deadline = time.monotonic() + 60  # the cluster takes its time to call a node dead
    while sum(node["Alive"] for node in ray.nodes()) > 2 and time.monotonic() < deadline:
        time.sleep(0.2)
    alive = [node for node in ray.nodes() if node["Alive"]]
    ray.shutdown()
    ray_cluster._HEAD_AWAY_S = 4
    message = ""
    try:
        run_and(values, output.with_name("headless"), cluster, lambda: kill_head(cluster))
    except RunFailedError as error:
        message = str(error).replace(cluster.address, "ADDRESS")
    without_cores = sum(not node["Resources"].get("CPU") for node in alive)
    print(json.dumps({"alive": len(alive), "without_cores": without_cores, "message": message}), flush=True)
    for node in cluster.worker_nodes:
        node.kill_all_processes(check_alive=False, allow_graceful=False)
    os._exit(0)  # Ray would wait for the head


def run_and(values: dict[str, Any], output: Path, cluster: Cluster, deed: Callable[[], None]) -> None:
    """Run a config on the cluster, and do something when its first task is done."""

    def wait_and_do() -> None:
        while not list(output.rglob("*.manifest.json")):
            time.sleep(0.01)
        deed()

    doer = threading.Thread(target=wait_and_do, daemon=True)
    doer.start()
    run_inline(values, engine={"kind": "ray", "address": cluster.address}, output=str(output))
    doer.join()


def kill_head(cluster: Cluster) -> None:
    for processes in cluster.head_node.all_processes.values():
        for info in processes:
            os.kill(info.process.pid, signal.SIGKILL)


if __name__ == "__main__":
    main(json.loads(sys.argv[1]), Path(sys.argv[2]))
