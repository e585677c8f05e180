"""The run and the seeds that the tests share; nobody changes them."""

from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest

from dspipe.pipeline.config.problems import Locator
from dspipe.stages.quality.recall.config import RecallConfig
from dspipe.stages.quality.recall.rounds import Outcome, Take, go_on
from dspipe.stages.quality.recall.state import Round
from tests.stages.quality.recall.world import make_run, settings, write_seeds


@dataclass(frozen=True)
class World:
    """A finished run and seeds."""

    run: str
    seeds: str

    def go_on(self, output: Path, take: Take | None = None, **more: Any) -> Outcome:
        """A recall from it, as far as it goes."""
        values = settings(self.run, self.seeds, output, **more)
        return go_on(RecallConfig.model_validate(values), Locator("recall.yaml", {}, {}), Quiet(), take)


class Quiet:
    """Shows nothing."""

    def step(self, title: str, done: float, total: float) -> None: ...

    def round(self, done: Round) -> None: ...


@pytest.fixture(scope="session")
def world(tmp_path_factory: pytest.TempPathFactory) -> World:
    folder: Path = tmp_path_factory.mktemp("recall")
    return World(make_run(folder), write_seeds(folder / "seeds.json.lines"))
