from pathlib import Path

import numpy as np
import pyarrow as pa
import pytest

from dspipe.kernels.arrow import text_buffers
from dspipe.kernels.dedup.importance import count_features
from dspipe.kernels.dedup.units import characters
from dspipe.stages.remix.dsir import SCALE
from dspipe.stages.remix.settings import LOG_WEIGHT, POSITION
from dspipe.stages.remix.weigh import weigh_documents
from tests.stages.remix.shards import make_inputs
from tests.tasks import make_task, read_written, run_function

SCHEMA = pa.schema([(POSITION, pa.float64()), (LOG_WEIGHT, pa.float64())])


def ratios_of(word: str, weight: float, buckets: int = 1 << 12) -> bytes:
    """Log ratios that are `weight` for a word and 0 for all else."""
    counts = np.zeros(buckets, np.int64)
    count_features(*text_buffers(pa.array([word], pa.large_string())), characters(), counts)
    return (counts * round(weight * SCALE)).astype("<i8").tobytes()


def test_documents_that_look_like_the_target_come_first(tmp_path: Path) -> None:
    task = make_task(tmp_path, make_inputs(ratios=[ratios_of("moon", 12)]), SCHEMA)
    run_function(weigh_documents, task)
    found = read_written(task)
    weights, positions = (np.array(found.column(name)) for name in (LOG_WEIGHT, POSITION))
    assert weights[0::2] == pytest.approx([12.0] * 20)  # the documents of the web, "the moon"
    assert weights[1::2] == pytest.approx([0.0] * 20)
    assert positions[0::2].max() < positions[1::2].min()
    assert ((positions >= 0) & (positions < 1)).all()


def test_without_a_weight_the_seed_decides(tmp_path: Path) -> None:
    found = []
    for folder, seed in (("a", 1), ("b", 1), ("c", 2)):
        task = make_task(tmp_path / folder, make_inputs(ratios=[ratios_of("moon", 0)]), SCHEMA)
        run_function(weigh_documents, task, seed=seed)
        found.append(read_written(task).column(POSITION).to_pylist())
    assert found[0] == found[1] != found[2]
    assert len(set(found[0])) == 40
