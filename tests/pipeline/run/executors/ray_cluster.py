"""A Ray cluster of three nodes in processes of this machine, one of which is lost during a run. Run by a test."""

import json
import sys
import threading
import time
from pathlib import Path
from typing import Any

from ray.cluster_utils import Cluster

from tests.engine import run_inline


def main(values: dict[str, Any], output: Path) -> None:
    cluster = Cluster(initialize_head=True, head_node_args={"num_cpus": 0, "include_dashboard": False})
    nodes = [cluster.add_node(num_cpus=1) for _ in range(2)]
    cluster.wait_for_nodes()

    def lose_a_node() -> None:
        while not list(output.rglob("*.manifest.json")):
            time.sleep(0.01)
        cluster.remove_node(nodes[0], allow_graceful=False)

    loser = threading.Thread(target=lose_a_node, daemon=True)
    loser.start()
    run_inline(values, engine={"kind": "ray", "address": cluster.address}, output=str(output))
    loser.join()
    import ray

    ray.init(address=cluster.address, log_to_driver=False, ignore_reinit_error=True)
    deadline = time.monotonic() + 60  # the cluster takes its time to call a node dead
    while sum(node["Alive"] for node in ray.nodes()) > 2 and time.monotonic() < deadline:
        time.sleep(0.2)
    alive = [node for node in ray.nodes() if node["Alive"]]
    print(json.dumps({"alive": len(alive), "without_cores": sum(not node["Resources"].get("CPU") for node in alive)}))
    ray.shutdown()
    cluster.shutdown()


if __name__ == "__main__":
    main(json.loads(sys.argv[1]), Path(sys.argv[2]))
