"""Compiling kernels before the work: a task per stage, so that workers don't all compile the same ones side by side.

numba compiles a kernel when it is first called and keeps it on disk. On a new machine all workers of the first phase
would wait for the same compilations, and later phases for theirs; here each stage is compiled once, by one worker. What
was compiled is remembered on the machine, so that a run that goes on doesn't wait for it again.
"""

import os
import platform
import sys
from collections.abc import Callable, Sequence
from contextlib import suppress
from importlib.metadata import version
from pathlib import Path
from typing import Any

from dspipe.kernels.jit import cache_folder
from dspipe.pipeline.config.discovery import make_stage, settings_of
from dspipe.pipeline.document import example_batch
from dspipe.pipeline.keys import key_of
from dspipe.pipeline.plan.compile_stages import measure_step
from dspipe.pipeline.plan.fingerprint import code_fingerprint
from dspipe.pipeline.plan.plan import Plan
from dspipe.pipeline.plan.text_passes import measuring
from dspipe.pipeline.run.scheduler import Scheduler
from dspipe.pipeline.tasks.measure import MeasureStep
from dspipe.pipeline.tasks.spec import TaskSpec
from dspipe.pipeline.tasks.task import Task

PHASE = "compile"
TITLE = "Compile each stage's kernels for this machine, once"


def compile_missing(plan: Plan, scheduler: Scheduler, on_begin: Callable[[int], None] = lambda tasks: None) -> None:
    """Compile what this machine hasn't yet. `on_begin` hears how many tasks that takes, if any."""
    specs = [spec for spec in compile_specs(plan) if not compiled_before(spec)]
    if specs:
        on_begin(len(specs))
        done = scheduler.run(specs)
        remember_compiled([spec for spec in specs if not done[spec.key]["notes"]])


def compile_specs(plan: Plan) -> list[TaskSpec]:
    """A task per stage. They write nothing."""
    config, engine = plan.config, plan.config.engine
    steps = {index: measure_step(config, index)[0] for index, _ in measuring(config)}
    return [
        TaskSpec(
            key=key_of(
                {
                    **payload,
                    "code": code_fingerprint(type(stage).__module__),
                    "on": [
                        platform.node(),
                        sys.prefix,
                        sys.version,
                        version("numba"),
                        os.environ.get("NUMBA_CACHE_DIR"),
                        str(Path(__file__).parent),  # numba keeps what it compiled by the folders of the sources
                    ],
                }
            ),
            phase=PHASE,
            label=stage.name,
            runner="dspipe.pipeline.run.compile_kernels:run",
            payload=payload,
            root=config.output,
            seed=config.seed,
            memory=engine.memory,
            batch_rows=engine.batch_rows,
            batch_bytes=engine.batch_bytes,
            shards=0,
            number=0,
            over="once",
            probe=[0, 0],
        )
        for index, (stage, module) in enumerate(zip(config.stages, config.modules, strict=True))
        for payload in [{"stage": module, "config": settings_of(stage), "step": steps.get(index)}]
    ]


def compiled_before(spec: TaskSpec) -> bool:
    """Whether this machine has compiled what the task compiles. Compiling twice is slow and no mistake."""
    with suppress(OSError):
        return _mark(spec).exists()
    return False


def remember_compiled(specs: Sequence[TaskSpec]) -> None:
    """Remember the tasks, so that `compiled_before` knows them."""
    with suppress(OSError):
        for spec in specs:
            _mark(spec).parent.mkdir(exist_ok=True)
            _mark(spec).touch()


def _mark(spec: TaskSpec) -> Path:
    return cache_folder() / "compiled" / spec.key


def run(task: Task, payload: dict[str, Any]) -> None:
    """The runner. What goes wrong here goes wrong in the work again, where it has a document or a file to name."""
    try:
        if payload["step"] is not None:
            MeasureStep(payload["step"], task.seed).measure(example_batch())
        make_stage(payload["stage"], payload["config"], task.seed).compile_kernels()
    except Exception as error:
        task.note("not compiled", f"{type(error).__name__}: {error}")
