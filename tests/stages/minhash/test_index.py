from pathlib import Path

import pytest
import yaml

from dspipe.pipeline.config.problems import InvalidConfigError
from tests.engine import rows_of, run_inline, tasks_run
from tests.stages.dedup_corpus import corpus, run_dump


def test_an_index_added_later_repeats_nothing(tmp_path: Path) -> None:
    documents = corpus(9, shards=2)["d0"]
    result = run_dump(tmp_path, "d0", documents, "minhash", index=False)
    config = yaml.safe_load((tmp_path / "d0" / "run" / "config.yaml").read_text())
    with pytest.raises(InvalidConfigError, match="left no index of minhash: set `index: true`"):
        run_dump(tmp_path, "d1", documents, "minhash", against=[str(tmp_path / "d0" / "run")])
    config["stages"][0]["minhash"]["index"] = True
    again = run_inline(config)
    assert tasks_run(again).keys() == {"minhash.kept", "minhash.index"}
    columns = ["id", "reason", "minhash.keeper", "minhash.cluster"]
    assert rows_of(again, columns) == rows_of(result, columns)
