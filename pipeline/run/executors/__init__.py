"""Where tasks run. Three executors behind one interface; all give the same bytes."""

from dspipe.pipeline.config.run_config import EngineConfig
from dspipe.pipeline.run.executors.interface import Executor


def make_executor(engine: EngineConfig) -> Executor:
    """The executor that a config asks for."""
    if engine.kind == "inline":
        from dspipe.pipeline.run.executors.inline import InlineExecutor

        return InlineExecutor()
    if engine.kind == "ray":
        from dspipe.pipeline.run.executors.on_ray import RayExecutor

        return RayExecutor(engine.address, engine.workers, engine.memory)
    from dspipe.pipeline.run.executors.local import LocalExecutor

    return LocalExecutor(engine.workers)
