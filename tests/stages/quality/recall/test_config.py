from pathlib import Path
from typing import Any

import pytest

from dspipe.pipeline.config.problems import InvalidConfigError
from dspipe.stages.quality.recall.config import load_recall_config

GOOD = "run: runs/web\noutput: runs/recall\nseed: seeds.jsonl\nkeep_tokens: 40B\n"


def loaded(tmp_path: Path, text: str) -> Any:
    (tmp_path / "recall.yaml").write_text(text)
    return load_recall_config(tmp_path / "recall.yaml")[0]


def test_a_config(tmp_path: Path) -> None:
    config = loaded(tmp_path, GOOD + "model: {dim: 100}\n")
    assert config.keep_tokens == 40_000_000_000 and config.model.dim == 100 and config.seeds == ["seeds.jsonl"]


def test_the_config_in_the_documentation(tmp_path: Path) -> None:
    page = (Path(__file__).parents[4] / "docs" / "recall.md").read_text("utf-8")
    assert loaded(tmp_path, page.split("```")[1]).rounds == 4


@pytest.mark.parametrize(
    ("more", "message"),
    [
        ("host_shair: 0.2\n", "recall.yaml:5: host_shair: unknown key; did you mean host_share"),
        ("model: {dims: 3}\n", "recall.yaml:5: model.dims: unknown key; did you mean dim"),
        ("host_share: 3\n", "recall.yaml:5: host_share: "),
        ("at_least: 0.5\n", "either `at_least`, a score, or `keep_tokens`"),
        ("hosts_listed: 5000\n", "nobody annotates so many"),
        ("run: other\n", "recall.yaml:5: not valid YAML: the key run stands here twice"),
    ],
)
def test_mistakes_are_shown_with_their_line(tmp_path: Path, more: str, message: str) -> None:
    with pytest.raises(InvalidConfigError) as caught:
        loaded(tmp_path, GOOD + more)
    assert message in str(caught.value)


def test_no_file(tmp_path: Path) -> None:
    with pytest.raises(InvalidConfigError, match="no such file"):
        load_recall_config(tmp_path / "none.yaml")
