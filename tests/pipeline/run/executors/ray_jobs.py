"""A run as a Ray job that is stopped, and one that goes on with it. Run by a test."""

import json
import os
import sys
import time
from pathlib import Path

from ray.cluster_utils import Cluster
from ray.job_submission import JobSubmissionClient


def main(config: str, output: Path) -> None:
    head = {"num_cpus": 0, "include_dashboard": True, "dashboard_port": 0}
    cluster = Cluster(initialize_head=True, head_node_args=head)
    cluster.add_node(num_cpus=2)
    cluster.wait_for_nodes()
    client = JobSubmissionClient(f"http://{cluster.head_node.webui_url}")
    command = f"{sys.executable} -m dspipe run {config}"
    environment = {"env_vars": {"PYTHONPATH": os.pathsep.join(path for path in sys.path if path)}}

    def manifests() -> int:
        return len(list(output.rglob("*.manifest.json")))

    first = client.submit_job(entrypoint=command, submission_id="first", runtime_env=environment)
    while not manifests():
        time.sleep(0.05)
    client.stop_job(first)
    states = [wait(client, first)]
    done_before = manifests()
    second = client.submit_job(entrypoint=command, submission_id="second", runtime_env=environment)
    states.append(wait(client, second))
    log = client.get_job_logs(second)
    print(json.dumps({"states": states, "done_before": done_before, "tasks": manifests(), "log": log}), flush=True)
    cluster.shutdown()


def wait(client: JobSubmissionClient, job: str) -> str:
    while not client.get_job_status(job).is_terminal():
        time.sleep(0.1)
    return str(client.get_job_status(job).value)


if __name__ == "__main__":
    main(sys.argv[1], Path(sys.argv[2]))
