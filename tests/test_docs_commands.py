"""Every command in the documentation's blocks of `sh` is run, over files and runs that are as small as may be.

A new block is run as it stands: what it names has to be in `tests/documented/world.py`. What can't be run here stands
below with its reason, or with the test that runs it.
"""

import ast
import re
import shutil
from collections.abc import Iterator, Sequence
from pathlib import Path

import pyarrow.parquet as pq
import pytest
from typer.testing import CliRunner

import dspipe
from dspipe.cli import app
from tests.documented.shell import commands_in, make_programs
from tests.documented.world import run_world, write_world
from tests.test_docs import DOCS, fenced

ROOT = Path(__file__).parent.parent
ONE_WAY = "classifiers.md"
"""a page whose commands each need what those before them leave: tests/test_classifiers.py runs them"""
PAGES = [ROOT / "README.md", *sorted(page for page in (ROOT / "docs").glob("*.md") if page.name != ONE_WAY)]
BLOCK = re.compile(r"^```sh\n(.*?)^```$", re.MULTILINE | re.DOTALL)

OTHER_PROGRAMS = {
    "docker": "Docker",
    "kubectl": "a cluster of Kubernetes",
    "pip": "a network",
    "python": "a script of the reader's, or a benchmark",
    "python3": "an environment of its own",
    "ray": "a cluster: tests/pipeline/run/executors/test_on_ray.py::test_a_job_is_submitted_stopped_and_gone_on_with",
    "sbatch": "Slurm: tests/docker/test_docker.py"
    "::test_the_script_for_slurm_starts_a_cluster_on_every_node_and_ends_it",
}
"""programs that aren't run, and what they would need, or which test runs them"""

NOT_RUN = {
    "run configs/cc.yaml --set engine.address=auto": "tests/pipeline/run/executors/test_on_ray.py"
    "::test_a_cluster_that_loses_a_node_gives_the_same_bytes_and_one_without_its_head_ends",
    "run configs/cc.yaml --set engine=local": "tests/pipeline/run/executors/test_local.py"
    "::test_local_workers_give_the_same_bytes",
    "serve": "tests/serve/test_application.py::test_the_page_of_one_run_alone",
    "recall": "tests/cli/test_recall.py::test_it_waits_and_goes_on",
    "mixture sample": "tests/stages/remix/test_cli.py::test_from_a_config_to_weights",
    "mixture run": "tests/examples/test_find_mixture.py"
    "::test_a_model_of_the_proposed_mixture_is_better_than_those_of_others",
    "mixture fit": "tests/stages/remix/test_cli.py::test_from_a_config_to_weights",
    "classifier train --documents runs/web --from-hosts": "tests/stages/quality/commands/test_train.py"
    "::test_topics_of_lists_of_hosts",
    "classifier train --documents runs/web --from-columns": "tests/stages/quality/commands/test_train.py"
    "::test_a_column_of_a_run_is_the_label",
}
"""beginnings of dspipe's own commands that need more than the small world has, and the tests that run them"""

ELSEWHERE = {
    "s3://bucket/": "",
    "/data/their_text_document.bin": "theirs/theirs.bin",
    "/models/": "",
    "/data/": "data/",
    "/shared/": "",
    "/scratch/": "runs/",
}
"""where things are here that the documentation has in places that this machine lacks"""


def blocks() -> Iterator[object]:
    for page in PAGES:
        text = page.read_text("utf-8")
        for match in BLOCK.finditer(text):
            # placeholders in capitals make no commands: README's overview
            if not re.search(r"^dspipe \w+ +[A-Z]+\b", match[1], re.MULTILINE):
                line = text.count("\n", 0, match.start()) + 1
                yield pytest.param(match[1], id=f"{page.relative_to(ROOT)}:{line}")


@pytest.fixture(scope="module")
def world(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Path]:
    folder = tmp_path_factory.mktemp("world")
    make_programs(folder / "programs", ["dspipe", *OTHER_PROGRAMS])
    (folder / ".venv").mkdir()
    (folder / ".venv" / "bin").symlink_to(folder / "programs")
    with pytest.MonkeyPatch.context() as patch:
        patch.chdir(folder)
        write_world(folder)
        run_world(folder)
        yield folder


@pytest.mark.parametrize("block", blocks())
def test_its_commands_run(world: Path, block: str) -> None:
    shutil.rmtree("data", ignore_errors=True)  # where two pages run different configs
    for name, *arguments in commands_in(block, world / "programs", world):
        if name == "dspipe" and not any(begins_with(arguments, beginning) for beginning in NOT_RUN):
            here = [_here(argument) for argument in arguments]
            done = CliRunner().invoke(app, here)
            assert done.exit_code == 0, f"dspipe {' '.join(here)}\n{done.output}\n{done.exception!r}"


def _here(argument: str) -> str:
    for there, here in ELSEWHERE.items():
        argument = argument.replace(there, here)
    return argument


def begins_with(arguments: Sequence[str], beginning: str) -> bool:
    """Whether a command begins so."""
    return " ".join(arguments[: len(beginning.split())]) == beginning


def test_what_is_not_run_is_there_and_so_are_the_tests_that_run_it() -> None:
    texts = [page.read_text("utf-8") for page in PAGES]
    commands = " ".join(" ".join("".join(BLOCK.findall(text)).replace("\\\n", " ").split()) for text in texts)
    for beginning in NOT_RUN:
        assert f"dspipe {beginning}" in commands, beginning
    for reason in [*NOT_RUN.values(), *OTHER_PROGRAMS.values()]:
        for name, test in re.findall(r"(tests/[\w/]+\.py)::(\w+)", reason):
            nodes = ast.walk(ast.parse((ROOT / name).read_text("utf-8")))
            assert test in {node.name for node in nodes if isinstance(node, ast.FunctionDef)}, reason
    for program in OTHER_PROGRAMS:
        assert re.search(rf"(^|[ (/]){program} ", commands), program


def test_a_new_dump_is_held_against_the_earlier_one(world: Path) -> None:
    for name in ("dump-2024-10", "dump-2024-18", "grows"):
        if not (world / "runs" / name).exists():
            dspipe.run(f"{name}.yaml")
    funnel = dspipe.open_run("runs/dump-2024-18").funnel
    dropped = {reason: n.documents for stage in funnel for reason, n in stage.dropped.items()}
    earlier = _kept("dump-2024-10")
    again = {id for id in earlier if int(id.removeprefix("b")) >= 10}
    # the second dump has the last ten documents of the first one, those with a word more among them
    assert dropped["exact_dedup.in_earlier_run"] and dropped["minhash.in_earlier_run"]
    assert dropped["exact_dedup.in_earlier_run"] + dropped["minhash.in_earlier_run"] == len(again)
    assert not earlier & _kept("dump-2024-18")


def _kept(run: str) -> set[str]:
    dspipe.open_run(f"runs/{run}").export(f"kept/{run}", columns=["id"])
    return set(pq.read_table(f"kept/{run}/data").column("id").to_pylist())


PYTHON = fenced(DOCS / "trainers.md", "python")


@pytest.mark.parametrize("code", PYTHON, ids=range(len(PYTHON)))
def test_a_trainers_code_runs(world: Path, code: str) -> None:
    assert world == Path.cwd()
    for package in ("torch", "streaming"):
        if re.search(rf"^from {package} |torch_loader", code, re.MULTILINE):
            pytest.importorskip(package)
    exec(compile(code, "docs/trainers.md", "exec"), {})
