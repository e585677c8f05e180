"""The stage `embed`: its column, and models of words in files."""

import json
import struct
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from pydantic import ValidationError

from dspipe.pipeline.config.problems import InvalidConfigError
from dspipe.pipeline.document import document_batch
from dspipe.stages.embed.model_file import whole_words
from dspipe.stages.embed.stage import EmbedConfig, EmbedStage
from dspipe.testing import check_stage
from tests.engine import planned

VOCABULARY = ["[UNK]", "cat", "##s", "Cat", "dog", "学", "the", "##学", "习"]


def write_model(folder: Path, tokens: dict[str, int] | None = None, **tensors: np.ndarray[Any, Any]) -> Path:
    """A model of static vectors as Model2Vec writes it."""
    folder.mkdir(parents=True, exist_ok=True)
    tokens = {token: n for n, token in enumerate(VOCABULARY)} if tokens is None else tokens
    (folder / "tokenizer.json").write_text(json.dumps({"model": {"type": "WordPiece", "vocab": tokens}}))
    names = {"float32": "F32", "float16": "F16", "int64": "I64", "float64": "F64"}
    found: dict[str, Any] = {}
    data = b""
    for name, array in tensors.items():
        place = [len(data), len(data) + array.nbytes]
        found[name] = {"dtype": names[array.dtype.name], "shape": list(array.shape), "data_offsets": place}
        data += array.tobytes()
    text = json.dumps({"__metadata__": {"format": "pt"}, **found}).encode()
    (folder / "model.safetensors").write_bytes(struct.pack("<Q", len(text)) + text + data)
    return folder


def table(rows: int = len(VOCABULARY), places: int = 16) -> np.ndarray[Any, np.dtype[np.float32]]:
    return np.random.default_rng(1).normal(size=(rows, places)).astype(np.float32)


def vectors(texts: list[str], **settings: Any) -> list[list[int] | None]:
    stage = EmbedStage("embed", EmbedConfig.model_validate(settings))
    stage.check()
    column = stage.measure(document_batch(texts)).column("embed").to_pylist()
    return [None if value is None else np.frombuffer(value, np.int8).tolist() for value in column]


def as_stored(vector: np.ndarray[Any, Any]) -> list[int]:
    return np.floor(vector / np.abs(vector).max() * 127 + 0.5).astype(int).tolist()  # type: ignore[no-any-return]


def test_hashed_vectors_and_texts_without_words() -> None:
    found = vectors(["some words", "", " - ", "some words", "深度学习"])
    assert found[1] is None and found[2] is None and found[0] == found[3]
    assert found[0] is not None and len(found[0]) == 256 and found[4] != found[0]
    assert vectors(["some words"], projection=1) != found[:1]
    assert vectors(["some words"], pairs=0) != found[:1]
    alone = vectors(["some words"], dimensions=192)[0]
    assert alone is not None and len(alone) == 192


def test_a_models_words(tmp_path: Path) -> None:
    rows = table()
    model = str(write_model(tmp_path / "m", embeddings=rows))
    found = vectors(["Cat, dog dog!", "学习", "cats unknown", "the"], model=model)
    # the lower-case token goes first, pieces of words are none, characters are found alone
    expected = [rows[1] + 2 * rows[4], rows[5] + rows[8], None, rows[6]]
    assert found == [None if row is None else as_stored(row) for row in expected]


def test_weights_mapping_and_half_precision(tmp_path: Path) -> None:
    rows = table(3).astype(np.float16)
    weights, mapping = np.linspace(0.1, 2, 9), np.array([0, 1, 2, 0, 1, 2, 0, 1, 2], np.int64)
    model = write_model(tmp_path / "m", embeddings=rows, weights=weights, mapping=mapping)
    expected = weights[1] * rows[1].astype(np.float32) + weights[6] * rows[0].astype(np.float32)
    (found,) = vectors(["the cat"], model=str(model))
    assert found is not None and np.abs(np.array(found) - as_stored(expected)).max() <= 1


@pytest.mark.parametrize("mark", ["▁", "Ġ"])
def test_vocabularies_that_mark_beginnings(mark: str) -> None:
    tokens = {f"{mark}Cat": 3, f"{mark}cat": 0, "s": 1, "学": 2, f"{mark}": 4, "ing": 5}
    assert [word for word, _ in whole_words(tokens)] == ["cat", "", "学", "Cat"]
    assert dict(whole_words({"cat": 1, "##s": 2})) == {"cat": 1}


def test_files_of_another_kind_are_told_before_any_work(tmp_path: Path) -> None:
    def said(model: Path | str, **settings: Any) -> str:
        (tmp_path / "in.jsonl").write_text('{"text": "x"}\n')
        source = {"name": "s", "format": "jsonl", "path": str(tmp_path / "in.jsonl")}
        stages = [{"embed": {"model": str(model), **settings}}]
        with pytest.raises(InvalidConfigError) as error:
            planned({"output": str(tmp_path / "out"), "sources": [source], "stages": stages})
        return str(error.value)

    good = write_model(tmp_path / "good", embeddings=table())
    assert "no folder nothing" in said("nothing")
    assert "the model has 16 dimensions" in said(good, dimensions=32)
    other = write_model(tmp_path / "bert", encoder_layer=table())
    assert "holds no table of static vectors" in said(other) and "it has encoder_layer" in said(other)
    assert "don't belong together" in said(write_model(tmp_path / "few", embeddings=table(4)))
    assert "from 16 to 1024" in said(write_model(tmp_path / "narrow", embeddings=table(places=4)))
    cut = write_model(tmp_path / "cut", embeddings=table())
    (cut / "model.safetensors").write_bytes((cut / "model.safetensors").read_bytes()[:-5])
    assert "is cut short" in said(cut)
    for content in (b"", b"\x05\0\0\0\0\0\0\0{}abc", b"\xff" * 40, b"\x02\0\0\0\0\0\0\0[]", b"\x02\0\0\0\0\0\0\0{}"):
        (cut / "model.safetensors").write_bytes(content)
        assert "no safetensors file" in said(cut), content
    (good / "tokenizer.json").write_text('{"model": 3}')
    assert "no tokenizer with a vocabulary" in said(good)
    (good / "tokenizer.json").unlink()
    assert "there is no tokenizer.json" in said(good)


def test_settings_that_mean_nothing_are_refused() -> None:
    with pytest.raises(ValidationError, match="pairs: for vectors without a model"):
        EmbedConfig.model_validate({"model": "m", "pairs": 1})


def test_the_contract_with_a_model(tmp_path: Path) -> None:
    check_stage(
        EmbedStage, {"model": str(write_model(tmp_path / "m", {"rivers": 0, "word": 1, "河": 2}, embeddings=table()))}
    )
