import json
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from dspipe.pipeline.errors import ConfigError
from dspipe.stages.pack.settings import RowSettings
from dspipe.stages.pack.write_in_order import write_input_shard
from dspipe.stages.remix.mixture_plan import PhaseOrder
from tests.stages.pack.drawn_shards import END, make_document, make_inputs
from tests.tasks import make_task, read_emitted, read_made, run_function

DOCUMENTS = [
    make_document("a", [1, 2, 3], copies=2),
    make_document("gone", [9, 9], copies=0),
    make_document("b", [4, 5]),
    make_document("empty", []),
    make_document("c", [6]),
]
STREAM = [1, 2, 3, END, 1, 2, 3, END, 4, 5, END, 6, END]


def settings(**given: Any) -> dict[str, Any]:
    rows = RowSettings.model_validate({"length": 4, "shuffle": False, **given})
    return {"remixed": True, "rows": rows.model_dump(mode="json")}


@pytest.mark.parametrize("memory", [1 << 26, 64])
def test_documents_stay_in_the_order_of_their_shard(tmp_path: Path, memory: int) -> None:
    """Whatever the memory: with little of it a row at a time, each from a pass of its own."""
    task = make_task(tmp_path, make_inputs(DOCUMENTS), emits=True, memory=memory)
    run_function(write_input_shard, task, settings())
    assert np.frombuffer(read_made(task, "shards")[0], "<u2").tolist() == STREAM[:12]
    assert [record["tokens"] for record in read_emitted(task, 0)] == [STREAM[12:]]
    counted = {"documents": 4, "document_tokens": 6, "copies": 4, "tokens": 9, "empty": 1}
    assert json.loads(read_made(task, "drawn")[0]) == counted


def test_a_shard_of_which_nothing_is_drawn(tmp_path: Path) -> None:
    task = make_task(tmp_path, make_inputs([make_document("a", [1], copies=0)]), emits=True)
    run_function(write_input_shard, task, settings())
    assert read_made(task, "shards") == [] and read_emitted(task, 0) == []
    assert json.loads(read_made(task, "summaries")[0])["contents"] is None


def test_phases_of_a_mixture_are_an_order_themselves(tmp_path: Path) -> None:
    inputs = make_inputs(DOCUMENTS)
    inputs.artifacts = {**inputs.artifacts, "mixture_phases": [PhaseOrder((5, 5)).to_json()]}
    with pytest.raises(ConfigError, match="phases of a mixture need shuffle: true") as caught:
        run_function(write_input_shard, make_task(tmp_path, inputs, emits=True), settings())
    assert caught.value.key == ("shuffle",)
