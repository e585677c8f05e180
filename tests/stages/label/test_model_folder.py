"""Folders that no model can be loaded from are told before any work."""

import json
import struct
from pathlib import Path
from typing import Any

import pytest

from dspipe.pipeline.errors import ConfigError
from dspipe.stages.label.model_folder import read_folder
from tests.stages.label.tiny_models import write_tokenizer

CONFIG: dict[str, Any] = {"model_type": "bert", "id2label": {"1": "b", "0": "a"}, "max_position_embeddings": 512}


def write_weights(path: Path, **shapes: list[int]) -> None:
    """A file in the form of safetensors."""
    header: dict[str, Any] = {"__metadata__": {"format": "pt"}}
    end = 0
    for name, shape in shapes.items():
        size = 4
        for length in shape:
            size *= length
        header[name] = {"dtype": "F32", "shape": shape, "data_offsets": [end, end + size]}
        end += size
    said = json.dumps(header).encode()
    path.write_bytes(struct.pack("<Q", len(said)) + said + b"\0" * end)


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    write_tokenizer(tmp_path)
    (tmp_path / "config.json").write_text(json.dumps(CONFIG))
    write_weights(tmp_path / "model.safetensors", weight=[2, 3])
    return tmp_path


def test_what_a_folder_says(folder: Path) -> None:
    found = read_folder(str(folder))
    assert (found.labels, found.outputs, found.most_tokens, found.pad_id) == (("a", "b"), 2, 64, 0)
    assert found.tensor_shapes() == {"weight": (2, 3)}
    assert not found.many_apply


@pytest.mark.parametrize(
    ("config", "labels"),
    [({}, ("LABEL_0", "LABEL_1")), ({"num_labels": 1}, ()), ({"id2label": {"0": "LABEL_0"}}, ())],
)
def test_labels_that_nobody_has_named(folder: Path, config: dict[str, Any], labels: tuple[str, ...]) -> None:
    (folder / "config.json").write_text(json.dumps(config))
    found = read_folder(str(folder))
    assert (found.labels, found.outputs) == (labels, len(labels) or 1)


def test_positions_behind_the_paddings(folder: Path) -> None:
    (folder / "tokenizer_config.json").unlink()
    assert read_folder(str(folder)).most_tokens == 512
    roberta = {"model_type": "xlm-roberta", "max_position_embeddings": 514, "pad_token_id": 1}
    (folder / "config.json").write_text(json.dumps(roberta))
    assert read_folder(str(folder)).most_tokens == 512


def test_weights_in_several_files(folder: Path) -> None:
    (folder / "model.safetensors").rename(folder / "model-1.safetensors")
    index = {"weight_map": {"weight": "model-1.safetensors", "bias": "model-2.safetensors"}}
    (folder / "model.safetensors.index.json").write_text(json.dumps(index))
    with pytest.raises(ConfigError, match=r"names model-2\.safetensors: missing"):
        read_folder(str(folder))
    write_weights(folder / "model-2.safetensors", bias=[2])
    assert read_folder(str(folder)).tensor_shapes() == {"weight": (2, 3), "bias": (2,)}


def test_what_is_missing_is_named(folder: Path) -> None:
    def said() -> str:
        with pytest.raises(ConfigError) as error:
            read_folder(str(folder)).tensor_shapes()
        return str(error.value)

    weights = folder / "model.safetensors"
    weights.write_bytes(weights.read_bytes()[:-1])
    assert "cut short" in said()
    weights.write_bytes(b"x" * 100)
    assert "not weights in the form of safetensors" in said()
    weights.rename(folder / "pytorch_model.bin")
    assert "no weights (model.safetensors); its pytorch_model.bin is a pickle" in said()
    weights.touch()
    (folder / "tokenizer.json").unlink()
    assert "has no tokenizer.json" in said()
    (folder / "config.json").write_text("[]")
    assert "not a JSON object" in said()
    (folder / "config.json").unlink()
    assert "has no config.json, which says which network it is" in said()
    with pytest.raises(ConfigError, match="is not there; engine: transformers takes a folder"):
        read_folder(str(folder / "none"))
