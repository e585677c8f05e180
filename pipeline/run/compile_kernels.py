"""Compiling kernels before the work: a task per stage, so that workers don't all compile the same ones side by side.

numba compiles a kernel when it is first called and keeps it on disk. On a new machine all workers of the first phase
would wait for the same compilations, and later phases for theirs; here each stage is compiled once, by one worker.
"""

from typing import Any

from dspipe.pipeline.config.discovery import make_stage, settings_of
from dspipe.pipeline.plan.plan import Plan
from dspipe.pipeline.stage import Stage
from dspipe.pipeline.tasks.task import Task, TaskSpec
from dspipe.pipeline.tasks.text_pass import example_batch

PHASE = "compile"


def warm_specs(plan: Plan) -> list[TaskSpec]:
    """A task per stage. They write nothing."""
    engine = plan.config.engine
    return [
        TaskSpec(
            key=module,
            phase=PHASE,
            label=stage.name,
            runner="dspipe.pipeline.run.compile_kernels:run",
            payload={"stage": module, "config": settings_of(stage)},
            root=plan.config.output,
            seed=plan.config.seed,
            memory=engine.memory,
            batch_rows=engine.batch_rows,
            batch_bytes=engine.batch_bytes,
            shards=0,
            number=0,
            probe=[0, 0],
        )
        for stage, module in zip(plan.config.stages, plan.config.modules, strict=True)
    ]


def run(task: Task, payload: dict[str, Any]) -> None:
    """The runner. What goes wrong here goes wrong in the work again, where it has a document or a file to name."""
    stage = make_stage(payload["stage"], payload["config"], task.seed)
    try:
        if type(stage).measure is not Stage.measure:
            stage.measure(example_batch())
        stage.warm()
    except Exception as error:
        task.note("not compiled", f"{type(error).__name__}: {error}")
