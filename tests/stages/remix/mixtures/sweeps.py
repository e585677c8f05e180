"""A run whose domains are to be mixed, and a folder of mixtures of it."""

from pathlib import Path
from typing import Any

import yaml

from dspipe.pipeline.config.run_config import parse_file
from dspipe.stages.remix.mixtures.sample import Written, write_mixtures
from tests.engine import run_inline, write_config
from tests.stages.pack.runs import make_config, make_documents


def configured_run(folder: Path, **remix: Any) -> Path:
    """The config of a run that was run: domains web, books and code, 40, 40 and 20 % of 300 documents."""
    values = make_config(folder, make_documents(300), remix=remix, length=64)
    values = {"name": "mixed", "seed": 1, "engine": {"kind": "inline", "index": False}, **values}
    run_inline(values)
    return write_config(folder / "config.yaml", values)


def sampled(config: Path, folder: Path, count: int = 6, tokens: float | None = 4000) -> Written:
    return write_mixtures(parse_file(config), count, folder, (0.5, 5), tokens, 0)


def values_of(folder: Path, number: int) -> dict[str, Any]:
    values: dict[str, Any] = yaml.safe_load((folder / f"mix-{number:03}.yaml").read_text())
    return values
