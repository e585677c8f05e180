"""Running a config in this process, for benchmarks of whole stages."""

from typing import Any

from dspipe.pipeline.config.problems import Locator
from dspipe.pipeline.config.run_config import RunConfig, check, validate
from dspipe.pipeline.plan.plan import make_plan
from dspipe.pipeline.run.executors import make_executor
from dspipe.pipeline.run.run import RunResult, run_plan


class Silent:
    """Shows no progress."""

    def phase(self, name: str, tasks: int) -> None:
        pass

    def tasks(self, phase: str, done: int, bytes: int) -> None:
        pass

    def moved(self, phase: str, documents: int, bytes: int, share: float) -> None:
        pass

    def ended(self, phase: str) -> None:
        pass

    def alive(self) -> None:
        pass

    def phase_ended(self, summary: Any) -> None:
        pass

    def notice(self, text: str) -> None:
        pass


def configured(values: dict[str, Any]) -> RunConfig:
    """A config from its values, checked; `name` and `engine: inline` are given where they aren't."""
    config = validate({"name": "benchmark", "engine": "inline", **values}, Locator("benchmark.yaml", {}, {}))
    check(config)
    return config


def run_config(values: dict[str, Any], progress: Silent | None = None) -> RunResult:
    """Run a config from its values; `progress` hears how it gets on."""
    plan = make_plan(configured(values))
    executor = make_executor(plan.config.engine)
    try:
        return run_plan(plan, executor, progress or Silent())
    finally:
        executor.close()
