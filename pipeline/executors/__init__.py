"""Where tasks run. Three executors behind one interface; all give the same bytes."""

from pipeline.config import EngineConfig
from pipeline.executors.interface import Executor


def make_executor(engine: EngineConfig) -> Executor:
    """The executor that a config asks for."""
    if engine.kind == "inline":
        from pipeline.executors.inline import InlineExecutor

        return InlineExecutor()
    if engine.kind == "ray":
        from pipeline.executors.on_ray import RayExecutor

        return RayExecutor(engine.address, engine.workers, engine.memory)
    from pipeline.executors.local import LocalExecutor

    return LocalExecutor(engine.workers)
