from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from dspipe.kernels.arrow import text_buffers
from dspipe.kernels.dedup.importance import count_features
from dspipe.kernels.dedup.units import characters
from dspipe.stages.remix.features import count_shard
from tests.stages.remix.shards import make_columns, make_inputs
from tests.tasks import make_task, read_made, run_function


def test_features_of_the_kept_documents(tmp_path: Path) -> None:
    task = make_task(tmp_path, make_inputs())
    run_function(count_shard, task, {"buckets": 64})
    found = np.frombuffer(read_made(task, "features")[0], "<i8")
    table = pa.Table.from_batches(make_columns())
    kept = table.filter(pc.is_null(table.column("reason"))).column("text").combine_chunks()
    expected = np.zeros(64, np.int64)
    count_features(*text_buffers(kept), characters(), expected)
    assert found.tolist() == expected.tolist()
    assert found.sum() == 34 * 5  # each has three words and two pairs of them
