"""Input shards for the tests of remix's phases."""

from typing import Any

import pyarrow as pa

from dspipe.pipeline.tasks.origins import origins_of
from dspipe.stages.remix.settings import Grouping
from tests.tasks import Inputs

TEXTS = {"web": "the moon", "code": "x = 1"}


def make_columns(documents: int = 40, group: int = 15, dropped: int = 7) -> list[pa.RecordBatch]:
    """Documents 0, 1, ...: even ones of domain web with 10 tokens, odd ones of code with 20; every 7th is dropped."""
    numbers = list(range(documents))
    columns = {
        "origin": pa.array(origins_of("made", pa.array([f"line {n}" for n in numbers]))),
        "domain": pa.array([["web", "code"][n % 2] for n in numbers]),
        "text": pa.array([f"{TEXTS[['web', 'code'][n % 2]]} {n}" for n in numbers], pa.large_string()),
        "tokens": pa.array([[10, 20][n % 2] for n in numbers], pa.int64()),
        "text_bytes": pa.array([[100, 50][n % 2] for n in numbers], pa.int64()),
        "reason": pa.array(["x.dropped" if n % dropped == 0 else None for n in numbers], pa.string()),
    }
    table = pa.table(columns)
    return [batch for start in range(0, documents, group) for batch in table.slice(start, group).to_batches()]


def make_inputs(**artifacts: list[bytes]) -> Inputs:
    """The inputs of a task over this shard."""
    return Inputs(columns=make_columns(), artifacts=artifacts)


def settings(unit: Any = "tokens") -> dict[str, Any]:
    """The settings of a phase over shards, by domain."""
    return Grouping(by="domain", groups=None, unit=unit, by_importance=False).model_dump(mode="json")
