import json
from pathlib import Path

import pytest

from dspipe.pipeline.errors import ConfigError
from dspipe.stages.remix import domain_counts, dsir
from dspipe.stages.remix.count import count_bytes, count_tokens
from dspipe.stages.remix.epochs import BINS
from tests.stages.remix.shards import make_inputs, settings
from tests.tasks import make_task, read_made, run_function


def test_kept_documents_and_their_tokens_by_domain(tmp_path: Path) -> None:
    task = make_task(tmp_path, make_inputs())
    run_function(count_tokens, task, settings())
    counted = json.loads(read_made(task, "domains")[0])
    assert counted["bins"] == BINS
    # of 20 each, 0, 14, 28 and 7, 21, 35 were dropped
    assert {name: entry["documents"] for name, entry in counted["domains"].items()} == {"code": 17, "web": 17}
    assert {name: sum(entry["bins"].values()) for name, entry in counted["domains"].items()} == {
        "code": 340,
        "web": 170,
    }


def test_bytes_for_the_forecast(tmp_path: Path) -> None:
    task = make_task(tmp_path, make_inputs())
    run_function(count_bytes, task, settings("text_bytes"))
    counted = json.loads(read_made(task, "domain_bytes")[0])
    assert {name: sum(entry["bins"].values()) for name, entry in counted["domains"].items()} == {
        "code": 850,
        "web": 1700,
    }


def test_positions_by_importance_have_finer_bins(tmp_path: Path) -> None:
    inputs = make_inputs()
    inputs.columns = [
        batch.append_column("remix.position", batch.column("tokens").cast("double")) for batch in inputs.columns
    ]
    inputs.columns = [
        batch.set_column(batch.schema.get_field_index("remix.position"), "remix.position", [0.25] * batch.num_rows)
        for batch in inputs.columns
    ]
    task = make_task(tmp_path, inputs)
    run_function(count_tokens, task, {**settings(), "by_importance": True})
    counted = json.loads(read_made(task, "domains")[0])
    assert counted["bins"] == dsir.BINS
    assert counted["domains"]["web"]["bins"] == {str(dsir.BINS // 4): 170}


def test_values_that_are_no_domains(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(domain_counts, "MAX_BINS", BINS)
    with pytest.raises(ConfigError, match="'domain' has more than 1 values; group them") as caught:
        run_function(count_tokens, make_task(tmp_path, make_inputs()), settings())
    assert caught.value.key == ("by",)
