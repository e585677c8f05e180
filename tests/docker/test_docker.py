"""The files in docker/: manifests by their schemas, and that the image copies all that is installed.

Its steps themselves take minutes and a network: docker/check.sh does them, without Docker."""

import os
import re
import runpy
import shlex
import subprocess
from pathlib import Path
from typing import Any

import pytest
import yaml
from pydantic import BaseModel

from dspipe.pipeline.config.problems import Locator
from dspipe.pipeline.config.run_config import check, load_config, validate
from tests.docker.manifests import Compose, RayCluster, RayClusterSpec, RayJob

ROOT = Path(__file__).parent.parent.parent
DOCKER = ROOT / "docker"


def read(name: str) -> Any:
    values = yaml.safe_load((DOCKER / name).read_text("utf-8"))
    return {key: value for key, value in values.items() if not key.startswith("x-")}


@pytest.mark.parametrize(
    ("name", "model"), [("compose.yaml", Compose), ("kuberay.yaml", RayCluster), ("rayjob.yaml", RayJob)]
)
def test_a_file_is_of_its_schema(name: str, model: type[BaseModel]) -> None:
    model.model_validate(read(name))
    for edit in ({"unheard-of": 1}, {"services": {}, "kind": "Pod"}):
        with pytest.raises(ValueError, match="validation error"):
            model.model_validate({**read(name), **edit})


def clusters() -> list[RayClusterSpec]:
    return [
        RayCluster.model_validate(read("kuberay.yaml")).spec,
        RayJob.model_validate(read("rayjob.yaml")).spec.rayClusterSpec,
    ]


def test_nothing_runs_on_the_head_and_workers_scale() -> None:
    for cluster in clusters():
        assert cluster.headGroupSpec.rayStartParams == {"num-cpus": "0"}
        assert cluster.enableInTreeAutoscaling
        for group in cluster.workerGroupSpecs:
            assert group.minReplicas <= group.replicas <= group.maxReplicas
            (container,) = group.template.spec.containers
            assert container.resources.requests["memory"] == container.resources.limits["memory"]
    compose = Compose.model_validate(read("compose.yaml"))
    assert "--num-cpus=0" in compose.services["ray-head"].entrypoint
    assert all(name in compose.services for service in compose.services.values() for name in service.depends_on)


def test_both_manifests_are_of_one_cluster() -> None:
    cluster, job = clusters()
    assert cluster.headGroupSpec == job.headGroupSpec
    assert [group.template for group in cluster.workerGroupSpecs] == [group.template for group in job.workerGroupSpecs]


def test_the_commands_in_them_are_commands() -> None:
    job = shlex.split(RayJob.model_validate(read("rayjob.yaml")).spec.entrypoint)
    said = (
        (DOCKER / "compose.yaml").read_text("utf-8").replace("\\\n#", "").split("ray-head dspipe ")[1].splitlines()[0]
    )
    for name, command, path, *edits in (job, ["dspipe", *shlex.split(said)]):
        assert (name, command) == ("dspipe", "run")
        check(load_config(ROOT / path, [edit for edit in edits if edit != "--set"]))


def test_what_compiles_the_kernels_has_a_valid_config(tmp_path: Path) -> None:
    warm = runpy.run_path(str(DOCKER / "warm.py"))
    warm["write_documents"](tmp_path / "in.jsonl")
    for mode in ("split", "best_fit"):
        values = {**warm["config"](tmp_path), "stages": warm["stages"]({"repeated_spans": {}}, mode)}
        check(validate({**values, "output": str(tmp_path / "out")}, Locator("warm", {}, {})))


def test_the_image_holds_all_that_is_installed() -> None:
    text = (DOCKER / "Dockerfile").read_text("utf-8")
    copied = {
        name for names in re.findall(r"^COPY --chown=\S+ (.*) \S+$", text, re.MULTILINE) for name in names.split()
    }
    linked = {link.readlink().name for link in (ROOT / "src" / "dspipe").iterdir() if link.is_symlink()}
    assert (
        copied
        >= {"src", "pyproject.toml", "README.md", "LICENSE", "docker/install.sh", "docker/warm.py", "configs"} | linked
    )
    assert all((ROOT / name).exists() for name in copied)
    assert text.index("USER dspipe") < text.index("RUN docker/install.sh")  # without rights


@pytest.mark.parametrize("name", ["install.sh", "check.sh"])
def test_scripts_can_be_run(name: str) -> None:
    assert os.access(DOCKER / name, os.X_OK)
    first = (DOCKER / name).read_text("utf-8").splitlines()[0].removeprefix("#!")
    assert subprocess.run([first, "-n", str(DOCKER / name)], capture_output=True, text=True).stderr == ""


STAND_INS = {
    # the names of the nodes, or a job that was preempted
    "scontrol": 'echo "scontrol $*" >> "$LOG"; '
    '[[ $2 == job ]] && echo "JobId=41 PreemptTime=$PREEMPTED Restarts=0" || printf "one\\ntwo\\nthree\\n"',
    # as where a machine calls itself by 127.0.1.1
    "getent": 'printf "127.0.1.1 STREAM one\\n10.0.0.1 STREAM\\n10.0.0.1 DGRAM\\n"',
    # its options, then what it starts on that node
    "srun": 'while [[ $1 == --* ]]; do [[ $1 == --nodelist=* ]] && export NODE=${1#*=}; shift; done; exec "$@"',
    "ray": 'trap "echo $NODE ended >> $LOG; exit" TERM; echo "${NODE:-} ray $*" >> "$LOG"; '
    "[[ -n $RAY_AUTH_TOKEN && $RAY_AUTH_MODE == token ]] || exit 1; "
    "[[ $* == *--block* ]] || exit 0; while :; do sleep 0.05; done",
    # as long as Ray's starts take
    "dspipe": 'while (($(grep -c " ray start" "$LOG") < 4)); do sleep 0.05; done; echo "$NODE dspipe $*" >> "$LOG"; '
    'if [[ $SIGNAL ]]; then kill -$SIGNAL "$(cat "$LOG.pid")"; sleep 0.2; fi; exit $ENDS',
}
"""stand-ins for Slurm's programs and Ray's, which say how they were called"""


def run_script(folder: Path, ends: int = 0, preempted: str = "None", signal: str = "") -> tuple[int, list[str]]:
    """What docker/ray.sbatch exits with, and the lines of what it called."""
    for name, body in STAND_INS.items():
        (folder / name).write_text(f"#!/bin/bash\n{body}\n")
        (folder / name).chmod(0o755)
    log = folder / "log"
    environment = {
        **os.environ, "PATH": f"{folder}:{os.environ['PATH']}", "LOG": str(log), "SLURM_JOB_ID": "41",
        "SLURM_JOB_NODELIST": "x", "SLURM_CPUS_ON_NODE": "16", "ENDS": str(ends), "PREEMPTED": preempted,
        "SIGNAL": signal,
    }  # fmt: skip
    command = ["bash", str(DOCKER / "ray.sbatch"), "cc.yaml", "--set", "output=/scratch/a b"]
    with subprocess.Popen(command, env=environment) as script:
        (folder / "log.pid").write_text(str(script.pid))
        script.wait(timeout=120)
    return script.returncode, log.read_text().splitlines()


def test_the_script_for_slurm_starts_a_cluster_on_every_node_and_ends_it(tmp_path: Path) -> None:
    ended, lines = run_script(tmp_path)
    assert ended == 0
    assert " ray health-check --address 10.0.0.1:20041" in lines
    nodes = [f"{node} ray start --block --address=10.0.0.1:20041 --num-cpus=16" for node in ("one", "three", "two")]
    head = "one ray start --block --head --port=20041 --num-cpus=0 --include-dashboard=false"
    assert sorted(line for line in lines if " ray start" in line) == sorted([head, *nodes])
    driver = (
        "one dspipe run cc.yaml --set output=/scratch/a b --set engine.kind=ray --set engine.address=10.0.0.1:20041"
    )
    assert driver in lines
    assert sorted(lines[lines.index(driver) + 1 :]) == ["one ended", "one ended", "three ended", "two ended"]


@pytest.mark.parametrize(
    ("how", "requeued"),
    [
        ({"ends": 130, "preempted": "2026-11-28T04:45:12"}, True),
        ({"ends": 130}, False),
        ({"preempted": "2026-11-28T04:45:12"}, False),
        ({"signal": "USR1", "ends": 130}, True),
    ],
)
def test_a_job_that_must_make_room_goes_back_into_the_queue(
    tmp_path: Path, how: dict[str, Any], requeued: bool
) -> None:
    ended, lines = run_script(tmp_path, **how)
    assert ended == how.get("ends", 0)
    assert lines.count("scontrol requeue 41") == requeued
